/* hear.c - is what has come right? See model.h.
 *
 *     HEAD ---> BODY --------------------------> (the next HEAD)
 *       |                                          ^
 *       +-----> SIZE -> DATA -> DATA_CR -> DATA_LF |
 *               ^ |0                        |      |
 *               | +--> LAST_CR -> LAST_LF --|------+
 *               +---------------------------+
 *
 * What a client might forgive is an error here. */
#include "plan.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum stage {
    HEAD, /* zero: see talk.c */
    BODY,
    SIZE,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    LAST_CR,
    LAST_LF,
};

/* The fields of one head. */
enum field {
    DATE,
    CONNECTION,
    TYPE,
    LENGTH,
    CODING,
    ALLOW,
    RETRY,
    TAG,
    MODIFIED,
    LOCATION,
    FIELDS,
};

static const char *const field_names[FIELDS] = {
    [DATE] = "Date",
    [CONNECTION] = "Connection",
    [TYPE] = "Content-Type",
    [LENGTH] = "Content-Length",
    [CODING] = "Transfer-Encoding",
    [ALLOW] = "Allow",
    [RETRY] = "Retry-After",
    [TAG] = "ETag",
    [MODIFIED] = "Last-Modified",
    [LOCATION] = "Location",
};

const char *
status_line(int status)
{
    static const char *const lines[] = {"200 OK\n", "301 Moved Permanently\n",
        "304 Not Modified\n", "400 Bad Request\n", "403 Forbidden\n",
        "404 Not Found\n", "405 Method Not Allowed\n", "408 Request Timeout\n",
        "412 Precondition Failed\n", "413 Content Too Large\n",
        "414 URI Too Long\n", "417 Expectation Failed\n",
        "421 Misdirected Request\n", "431 Request Header Fields Too Large\n",
        "500 Internal Server Error\n", "501 Not Implemented\n",
        "503 Service Unavailable\n", "505 HTTP Version Not Supported\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (atoi(lines[i]) == status) return lines[i];
    return NULL;
}

/* ---- The head ----------------------------------------------------------- */

/* Cut the head into its fields. It is a string of lines that end with CR LF. */
static bool
read_field(struct talk *t, char *line, const char *fields[FIELDS])
{
    char *colon = strchr(line, ':');
    if (colon == NULL || colon == line || colon[1] != ' ' || colon[2] == '\0')
        return talk_wrong(t, "a malformed field '%.60s'", line);
    for (const char *c = line; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || (c < colon && *c == ' '))
            return talk_wrong(t, "a bad byte in field '%.60s'", line);
    *colon = '\0';
    for (int i = 0; i < FIELDS; i++) {
        if (strcasecmp(line, field_names[i]) != 0) continue;
        if (fields[i] != NULL) return talk_wrong(t, "two fields %s", line);
        fields[i] = colon + 2;
    }
    return true;
}

static bool
read_fields(struct talk *t, char *line, const char *fields[FIELDS])
{
    while (*line != '\0') {
        char *end = strstr(line, "\r\n");
        assert(end != NULL);
        *end = '\0';
        if (!read_field(t, line, fields)) return false;
        line = end + 2;
    }
    return true;
}

/* Nothing, or exactly this. */
static bool
expect_field(struct talk *t, const char *fields[FIELDS], enum field field,
    const char *value)
{
    const char *is = fields[field];
    if (value == NULL && is == NULL) return true;
    if (value != NULL && is != NULL && strcmp(value, is) == 0) return true;
    return talk_wrong(t, "%s is %.80s, not %.80s", field_names[field],
        is == NULL ? "missing" : is, value == NULL ? "missing" : value);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT": 0 is any digit, a and A are any letters. */
static bool
looks_like_date(const char *text)
{
    static const char shape[] = "Aaa, 00 Aaa 0000 00:00:00 GMT";
    if (text == NULL || strlen(text) != sizeof shape - 1) return false;
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        char c = text[i], like = c;
        if (c >= '0' && c <= '9') like = '0';
        if (c >= 'a' && c <= 'z') like = 'a';
        if (c >= 'A' && c <= 'Z') like = 'A';
        if (i < sizeof shape - 4 ? like != shape[i] : c != shape[i])
            return false;
    }
    return true;
}

/* How long the body is, and what it is. */
static bool
check_content(struct talk *t, const char *fields[FIELDS])
{
    struct talk_answer *now = &t->now;
    char length[24];
    bool none = now->status == 304;
    (void)snprintf(
        length, sizeof length, "%llu", (unsigned long long)now->length);
    if (now->any_body && fields[LENGTH] != NULL) {
        now->length = strtoull(fields[LENGTH], NULL, 10);
        (void)snprintf(length, sizeof length, "%.20s", fields[LENGTH]);
    }
    return expect_field(t, fields, TYPE, none ? NULL : now->type) &&
           expect_field(t, fields, CODING, now->chunked ? "chunked" : NULL) &&
           expect_field(
               t, fields, LENGTH, now->chunked || none ? NULL : length);
}

static bool
check_tag(struct talk *t, const char *fields[FIELDS])
{
    char tag[PLAN_TAG], date[PLAN_DATE];
    const struct model_file *f = t->now.tagged;
    if (f != NULL) plan_tag(f, tag);
    if (f != NULL) plan_date(f->modified, date);
    return expect_field(t, fields, TAG, f != NULL ? tag : NULL) &&
           expect_field(t, fields, MODIFIED, f != NULL ? date : NULL);
}

static bool
check_fields(struct talk *t, const char *fields[FIELDS])
{
    const struct talk_answer *now = &t->now;
    bool full = now->status == 503;
    if (!looks_like_date(fields[DATE]))
        return talk_wrong(t, "a bad Date, or none");
    if (full != (fields[RETRY] != NULL))
        return talk_wrong(t, "%s Retry-After", full ? "no" : "an odd");
    const char *connection = now->close ? "close" : "keep-alive";
    return expect_field(t, fields, CONNECTION, connection) &&
           expect_field(t, fields, ALLOW, now->allow) &&
           expect_field(t, fields, LOCATION, now->location) &&
           check_content(t, fields) && check_tag(t, fields);
}

/* ---- Which answer is it? ------------------------------------------------ */

/* The answer with this status, and no more to say. */
static struct talk_answer
refusal(const struct talk_answer *a, int status, bool close)
{
    return (struct talk_answer){
        .status = status, .head_only = a->head_only, .close = close};
}

/* Another one than was planned, because of what happened around it. */
static bool
is_excused(struct talk *t, const struct talk_answer *a, int status, bool close)
{
    bool late = status == 408 && t->allowed & TALK_MAY_408;
    bool full = status == 503 && t->allowed & TALK_MAY_503;
    bool first = t->answered == 0 && !t->continued;
    bool fault = a->file && (status == 500 || status == 503);
    if (close && (late || (full && first))) {
        t->now = refusal(a, status, true);
        t->now.head_only = false;
        t->now.body_optional = late && a->head_only;
        return true;
    }
    if (!fault || !(t->allowed & TALK_MAY_FAIL) || t->sent < a->decided)
        return false;
    if (a->close && !close) return talk_wrong(t, "%d without close", status);
    t->now = refusal(a, status, close);
    return true;
}

/* May it begin? An echo does so before its request is complete. */
static bool
is_early(const struct talk *t, const struct talk_answer *a)
{
    if (a->echo && a->length > 0) return t->sent <= a->head_end;
    return t->sent < a->decided;
}

/* What goes without saying: a refusal tells its status in a line of text. */
static void
settle(struct talk_answer *now)
{
    if (now->status == 200 || now->status == 304) return;
    now->text = status_line(now->status);
    now->length = strlen(now->text);
    now->type = "text/plain";
    now->chunked = now->any_body = false;
    now->tagged = NULL;
}

/* The echo of a body that goes wrong later has begun. */
static struct talk_answer
echo_begun(const struct talk_answer *a)
{
    struct talk_answer now = *a;
    now.status = 200;
    now.chunked = true;
    now.close = false;
    now.type = "application/octet-stream";
    return now;
}

static bool
choose(struct talk *t, int status, bool close)
{
    static const struct talk_answer none;
    bool due = t->answered < t->answer_count;
    const struct talk_answer *a = due ? &t->answers[t->answered] : &none;
    if (status == 0 || status_line(status) == NULL)
        return talk_wrong(t, "a malformed status line '%.40s'", t->head);
    if (is_excused(t, a, status, close)) return true;
    if (t->verdict == TALK_WRONG) return false;
    if (!due) return talk_wrong(t, "%d, and nothing was asked", status);
    if (is_early(t, a))
        return talk_wrong(t, "%d after %llu bytes, before its request has come",
            status, (unsigned long long)t->sent);
    t->now = a->broken && status == 200 ? echo_begun(a) : *a;
    if (close && t->allowed & TALK_MAY_END) t->now.close = true;
    if (status == t->now.status) return true;
    return talk_wrong(t, "status %d, not %d", status, t->now.status);
}

/* ---- Answers ------------------------------------------------------------ */

static bool
answer_done(struct talk *t)
{
    t->stage = HEAD;
    t->closed = t->now.close;
    t->continued = false;
    t->answered++;
    return true;
}

/* "HTTP/1.1 404 Not Found" is the status 404; 0: it is malformed. */
static int
read_status(const char *line)
{
    if (strncmp(line, "HTTP/1.1 ", 9) != 0) return 0;
    const char *known = status_line(atoi(line + 9));
    size_t len = known != NULL ? strlen(known) - 1 : 0;
    if (len == 0 || strncmp(line + 9, known, len) != 0) return 0;
    return strncmp(line + 9 + len, "\r\n", 2) == 0 ? atoi(known) : 0;
}

/* A word before the answer, if the client has asked for one. */
static bool
heard_continue(struct talk *t)
{
    const struct talk_answer *a = &t->answers[t->answered];
    if (t->answered == t->answer_count || !a->go_on || t->continued)
        return talk_wrong(t, "a 100 Continue that nobody waits for");
    if (t->sent < a->head_end) return talk_wrong(t, "100 Continue too early");
    t->continued = true;
    return true;
}

/* What comes now? Without a body, the answer is complete. */
static bool
begin_body(struct talk *t)
{
    const struct talk_answer *now = &t->now;
    t->got = 0;
    t->digits = 0;
    t->stage = now->chunked ? SIZE : BODY;
    if (now->head_only || now->status == 304) return answer_done(t);
    return now->chunked || now->length > 0 ? true : answer_done(t);
}

/* t->head is a whole head. */
static bool
heard_head(struct talk *t)
{
    const char *fields[FIELDS] = {NULL};
    char *line = strstr(t->head, "\r\n") + 2;
    size_t len = t->head_len;
    if (memchr(t->head, '\0', len) != NULL)
        return talk_wrong(t, "a NUL in the head");
    t->head_len = 0;
    if (strcmp(t->head, "HTTP/1.1 100 Continue\r\n\r\n") == 0)
        return heard_continue(t);
    int status = read_status(t->head);
    t->head[len - 2] = '\0'; /* the empty line */
    bool close = strstr(line, "Connection: close\r\n") != NULL;
    if (!choose(t, status, close)) return false;
    settle(&t->now);
    return read_fields(t, line, fields) && check_fields(t, fields) &&
           begin_body(t);
}

/* Up to the end of the head. */
static size_t
hear_head(struct talk *t, const char *bytes, size_t count)
{
    size_t n = 0;
    if (t->closed) talk_wrong(t, "more, behind the last one");
    while (n < count && t->verdict != TALK_WRONG) {
        if (t->head_len == TALK_HEAD) {
            talk_wrong(t, "an endless head");
            break;
        }
        t->head[t->head_len++] = bytes[n++];
        t->head[t->head_len] = '\0';
        if (t->head_len >= 4 &&
            memcmp(t->head + t->head_len - 4, "\r\n\r\n", 4) == 0) {
            (void)heard_head(t);
            return n;
        }
    }
    return n;
}

/* ---- Bodies ------------------------------------------------------------- */

/* /stats is visible text. */
static bool
is_text(const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if ((bytes[i] < ' ' || bytes[i] > '~') && bytes[i] != '\n')
            return false;
    return true;
}

/* The next bytes of the body: as many of them as are compared at once. */
static size_t
hear_data(struct talk *t, const char *bytes, size_t count)
{
    const struct talk_answer *now = &t->now;
    uint64_t left = now->length - t->got;
    size_t n = left < count ? (size_t)left : count;
    const char *is = now->text;
    if (n == 0)
        talk_wrong(t, "more than the %llu bytes of the body",
            (unsigned long long)now->length);
    if (n == 0) return 0;
    is = is != NULL ? is + t->got : pattern_at(now->at + t->got, &n);
    if (now->any_body ? !is_text(bytes, n) : memcmp(is, bytes, n) != 0)
        talk_wrong(t, "wrong bytes behind byte %llu of the body",
            (unsigned long long)t->got);
    t->got += n;
    if (now->echo && now->status == 200 && now->head_end + t->got > t->sent)
        talk_wrong(t, "an echo of what was not sent");
    return n;
}

static size_t
hear_body(struct talk *t, const char *bytes, size_t count)
{
    size_t n = hear_data(t, bytes, count);
    if (t->verdict != TALK_WRONG && t->got == t->now.length)
        (void)answer_done(t);
    return n;
}

static size_t
hear_chunk(struct talk *t, const char *bytes, size_t count)
{
    size_t n = t->chunk < count ? (size_t)t->chunk : count;
    n = hear_data(t, bytes, n);
    t->chunk -= n;
    if (t->chunk == 0) t->stage = DATA_CR;
    return n;
}

/* A digit of the chunk's length, or its end. */
static void
hear_size(struct talk *t, char byte)
{
    static const char digits[] = "0123456789abcdef";
    const char *digit = byte != '\0' ? strchr(digits, byte) : NULL;
    if (byte == '\r' && t->digits > 0) {
        t->stage = SIZE_LF;
        return;
    }
    bool zero = t->digits > 0 && t->chunk == 0; /* legal, but not its way */
    if (t->digits++ == 0) t->chunk = 0;
    if (digit == NULL || t->digits > 8 || zero)
        talk_wrong(t, "a malformed length of a chunk");
    else
        t->chunk = t->chunk * 16 + (uint64_t)(digit - digits);
}

/* The body is complete: is the request? */
static void
hear_last(struct talk *t)
{
    const struct talk_answer *now = &t->now;
    if (now->broken || t->got != now->length || t->sent < now->decided)
        talk_wrong(t, "the body ends after %llu bytes of %llu",
            (unsigned long long)t->got, (unsigned long long)now->length);
    else
        (void)answer_done(t);
}

/* One byte of what is around the chunks. */
static void
hear_frame(struct talk *t, char byte)
{
    static const struct {
        char byte;
        enum stage then;
    } steps[] = {[SIZE_LF] = {'\n', DATA},
        [DATA_CR] = {'\r', DATA_LF},
        [DATA_LF] = {'\n', SIZE},
        [LAST_CR] = {'\r', LAST_LF},
        [LAST_LF] = {'\n', HEAD}};
    if (byte != steps[t->stage].byte) {
        talk_wrong(t, "a chunk does not end with CR LF");
        return;
    }
    bool last = t->stage == LAST_LF;
    if (t->stage == SIZE_LF && t->chunk == 0)
        t->stage = LAST_CR;
    else
        t->stage = (int)steps[t->stage].then;
    t->digits = 0;
    if (last) hear_last(t);
}

/* Take some of the bytes, at least one. */
static size_t
hear(struct talk *t, const char *bytes, size_t count)
{
    switch ((enum stage)t->stage) {
    case HEAD: return hear_head(t, bytes, count);
    case BODY: return hear_body(t, bytes, count);
    case DATA: return hear_chunk(t, bytes, count);
    case SIZE: hear_size(t, *bytes); return 1;
    default: hear_frame(t, *bytes); return 1;
    }
}

bool
talk_received(struct talk *t, const char *bytes, size_t count)
{
    assert(!t->ended);
    t->received += count;
    while (count > 0 && t->verdict != TALK_WRONG) {
        size_t n = hear(t, bytes, count);
        bytes += n;
        count -= n;
    }
    return t->verdict != TALK_WRONG;
}
