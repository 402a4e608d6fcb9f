/* http.c - the request parser: a state machine that can stop at any byte.
 *
 * Each state is a step_ function. It reads on from request->next and answers
 * STEP_DONE when its element is complete and request->state is the next one,
 * STEP_MORE when the bytes ran out, or -status. request->mark is where the
 * element began. The first wrong byte decides, in the order of arrival; so the
 * result cannot depend on how the bytes were split.
 *
 * Section numbers without a name are those of RFC 9112. */

#include "http.h"
#include "http_target.h"
#include "http_text.h"

#include <assert.h>
#include <string.h>

enum { STEP_MORE = 0, STEP_DONE = 1 };

enum state {
    STATE_START, /* zero, for http_request_init */
    STATE_EMPTY_LF,
    STATE_METHOD,
    STATE_TARGET,
    STATE_VERSION,
    STATE_FIELD,
    STATE_NAME,
    STATE_BLANK,
    STATE_VALUE,
    STATE_VALUE_LF,
    STATE_END_LF,
    STATE_COMPLETE,
    STATE_REFUSED,
};

/* A request line that is too long must be 414 or 501, which say what is wrong,
 * before it is 431. */
_Static_assert(
    2 * HTTP_EMPTY_LINES_MAX + HTTP_METHOD_MAX + 1 + HTTP_TARGET_MAX <
        HTTP_HEAD_MAX,
    "the head has room for the longest request line");

/* ---- Slices ------------------------------------------------------------- */

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool
http_slice_equals(struct http_slice slice, const char *text)
{
    size_t len = strlen(text);
    return slice.len == len && (len == 0 || !memcmp(slice.at, text, len));
}

bool
http_slice_is(struct http_slice slice, const char *text)
{
    if (slice.len != strlen(text)) return false;
    for (size_t i = 0; i < slice.len; i++)
        if (lower(slice.at[i]) != lower(text[i])) return false;
    return true;
}

static struct http_slice
slice_trim(struct http_slice s)
{
    while (s.len > 0 && char_is(s.at[0], CHAR_BLANK))
        s = slice_skip(s, 1);
    while (s.len > 0 && char_is(s.at[s.len - 1], CHAR_BLANK))
        s.len--;
    return s;
}

/* Cut the next element off a list with commas (RFC 9110 5.6.1). It may be
 * empty. False: there was none left. */
static bool
list_next(struct http_slice *rest, struct http_slice *element)
{
    if (rest->at == NULL) return false;
    const char *comma = memchr(rest->at, ',', rest->len);
    size_t n = comma != NULL ? (size_t)(comma - rest->at) : rest->len;
    *element = slice_trim((struct http_slice){rest->at, n});
    *rest = comma != NULL ? slice_skip(*rest, n + 1) : (struct http_slice){0};
    return true;
}

/* ---- Fields that say where the message ends, and what comes after ------- */

/* Exactly one in HTTP/1.1, never two, never malformed (3.2). An empty one says
 * that the URI has no host. If the target named one, Host does not count. */
static int
field_host(struct http_request *r, struct http_slice value)
{
    if (r->has_host) return -400;
    if (value.len > 0 && !http_authority_valid(value, false)) return -400;
    r->has_host = true;
    if (r->host.at == NULL) r->host = value;
    return 0;
}

/* Digits only: no sign, no list (6.3). RFC 9110 8.6 allows two equal lengths;
 * refusing them is simpler, and safe. Nor may chunked come before. */
static int
field_content_length(struct http_request *r, struct http_slice value)
{
    int64_t length = 0;
    if (r->has_length || r->chunked || value.len == 0) return -400;
    for (size_t i = 0; i < value.len; i++) {
        int digit = digit_value(value.at[i]);
        if (digit < 0 || length > (INT64_MAX - digit) / 10) return -400;
        length = length * 10 + digit;
    }
    r->has_length = true;
    r->content_length = length;
    return 0;
}

/* Why a coding other than plain "chunked" is refused: not a name, or chunked
 * with parameters, of which it has none (7.1); else we do not know it. */
static int
coding_refuse(struct http_slice coding)
{
    coding.len = slice_span(coding, CHAR_TOKEN);
    if (coding.len == 0 || http_slice_is(coding, "chunked")) return -400;
    return -501;
}

/* Only "chunked", last and once (6.1, 6.3); neither with Content-Length nor in
 * HTTP/1.0. Empty elements might be ignored (RFC 9110 5.6.1.2), but somebody
 * before us might have read the list differently. */
static int
field_transfer_encoding(struct http_request *r, struct http_slice value)
{
    struct http_slice coding;
    if (r->minor == 0 || r->has_length) return -400;
    while (list_next(&value, &coding)) {
        if (r->chunked) return -400;
        if (!http_slice_is(coding, "chunked")) return coding_refuse(coding);
        r->chunked = true;
    }
    return 0;
}

/* RFC 9110 7.6.1. Options that we do not know are none of our business. */
static int
field_connection(struct http_request *r, struct http_slice value)
{
    struct http_slice option;
    while (list_next(&value, &option)) {
        if (http_slice_is(option, "close")) r->said_close = true;
        if (http_slice_is(option, "keep-alive")) r->said_keep_alive = true;
    }
    return 0;
}

/* RFC 9110 10.1.1. */
static int
field_expect(struct http_request *r, struct http_slice value)
{
    struct http_slice expectation;
    while (list_next(&value, &expectation)) {
        if (expectation.len == 0) continue;
        if (!http_slice_is(expectation, "100-continue")) return -417;
        r->expect_continue = true;
    }
    return 0;
}

/* RFC 9110 13.1: what it says is judged when the file is known. */
static int
field_condition(struct http_request *r, struct http_slice value)
{
    (void)value;
    r->conditional = true;
    return 0;
}

/* Look at a new field: 0, or -status if the request cannot be served. */
static int
field_check(struct http_request *r, const struct http_field *field)
{
    static const struct {
        size_t len; /* of the name; it alone tells most fields apart */
        const char *name;
        int (*check)(struct http_request *, struct http_slice);
    } known[] = {
        {4, "host", field_host},
        {6, "expect", field_expect},
        {8, "if-match", field_condition},
        {10, "connection", field_connection},
        {13, "if-none-match", field_condition},
        {14, "content-length", field_content_length},
        {17, "transfer-encoding", field_transfer_encoding},
        {17, "if-modified-since", field_condition},
        {19, "if-unmodified-since", field_condition},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (field->name.len == known[i].len &&
            http_slice_is(field->name, known[i].name))
            return known[i].check(r, field->value);
    return 0;
}

/* What only the end of the head can tell. HTTP/1.0 has no "100 Continue", and
 * without a body nobody waits for one (RFC 9110 10.1.1). */
static int
head_check(struct http_request *r)
{
    bool modern = r->minor > 0;
    bool body = r->chunked || r->content_length > 0;
    if (modern && !r->has_host) return -400;
    r->keep_alive = !r->said_close && (modern || r->said_keep_alive);
    r->expect_continue = r->expect_continue && modern && body;
    return 0;
}

/* Only what points into the request: "/" may be a constant. */
static void
slice_move(struct http_slice *s, const struct http_request *r, ptrdiff_t by)
{
    uintptr_t at = (uintptr_t)s->at;
    if (at >= (uintptr_t)r->start && at <= (uintptr_t)r->next) s->at += by;
}

void
http_request_move(struct http_request *request, const char *to)
{
    struct http_request *r = request;
    ptrdiff_t by = to - r->start;
    assert(r->state == STATE_COMPLETE);
    slice_move(&r->method_name, r, by);
    slice_move(&r->target, r, by);
    slice_move(&r->path, r, by);
    slice_move(&r->query, r, by);
    slice_move(&r->host, r, by);
    for (size_t i = 0; i < r->field_count; i++) {
        slice_move(&r->fields[i].name, r, by);
        slice_move(&r->fields[i].value, r, by);
    }
    r->start += by;
    r->next += by;
}

const struct http_field *
http_field_find(const struct http_request *request, const char *name,
    const struct http_field *after)
{
    size_t i = after != NULL ? (size_t)(after - request->fields) + 1 : 0;
    for (; i < request->field_count; i++)
        if (http_slice_is(request->fields[i].name, name))
            return &request->fields[i];
    return NULL;
}

/* ---- The steps ---------------------------------------------------------- */

static enum http_method
method_find(struct http_slice name)
{
    static const char *const names[] = {
        [HTTP_GET] = "GET",
        [HTTP_HEAD] = "HEAD",
        [HTTP_POST] = "POST",
        [HTTP_OPTIONS] = "OPTIONS",
        [HTTP_CONNECT] = "CONNECT",
    };
    for (size_t i = HTTP_GET; i < sizeof names / sizeof *names; i++)
        if (http_slice_equals(name, names[i])) return (enum http_method)i;
    return HTTP_OTHER;
}

/* Move over bytes of one class. False: they ran out. */
static bool
scan(struct http_request *r, const char *end, unsigned class)
{
    const char *p = r->next;
    while (p < end && char_is(*p, class))
        p++;
    r->next = p;
    return p < end;
}

/* What was scanned since the mark. */
static struct http_slice
scanned(const struct http_request *r)
{
    return (struct http_slice){r->mark, (size_t)(r->next - r->mark)};
}

/* Go over `skip` bytes; there a new element begins. */
static int
enter(struct http_request *r, enum state state, size_t skip)
{
    r->next += skip;
    r->mark = r->next;
    r->state = (int)state;
    return STEP_DONE;
}

/* A line ends with CR LF; neither may stand alone (2.2). */
static int
step_lf(struct http_request *r, const char *end, enum state then)
{
    if (r->next == end) return STEP_MORE;
    return *r->next == '\n' ? enter(r, then, 1) : -400;
}

/* Some old clients send an empty line after a body (2.2). */
static int
step_start(struct http_request *r, const char *end)
{
    if (r->next == end) return STEP_MORE;
    if (*r->next != '\r') return enter(r, STATE_METHOD, 0);
    if (r->empty_lines++ == HTTP_EMPTY_LINES_MAX) return -400;
    return enter(r, STATE_EMPTY_LF, 1);
}

static int
step_method(struct http_request *r, const char *end)
{
    bool more = scan(r, end, CHAR_TOKEN);
    struct http_slice name = scanned(r);
    if (name.len > HTTP_METHOD_MAX) return -501;
    if (!more) return STEP_MORE;
    if (name.len == 0 || *r->next != ' ') return -400;
    r->method_name = name;
    r->method = method_find(name);
    return enter(r, STATE_TARGET, 1);
}

static int
step_target(struct http_request *r, const char *end)
{
    bool more = scan(r, end, CHAR_TARGET);
    struct http_slice target = scanned(r);
    if (target.len > HTTP_TARGET_MAX) return -414;
    if (!more) return STEP_MORE;
    if (*r->next != ' ') return -400;
    r->target = target;
    int rc = http_target_check(r);
    return rc < 0 ? rc : enter(r, STATE_VERSION, 1);
}

/* 2.3: exactly this shape, "0" for any digit; it includes the end of the
 * line. */
static int
step_version(struct http_request *r, const char *end)
{
    static const char shape[] = "HTTP/0.0\r\n";
    for (; r->next < end; r->next++) {
        char want = shape[r->next - r->mark];
        if (want == '\0') break;
        if (want != (digit_value(*r->next) < 0 ? *r->next : '0')) return -400;
    }
    if (shape[r->next - r->mark] != '\0') return STEP_MORE;
    if (r->mark[5] != '1') return -505;
    r->minor = digit_value(r->mark[7]);
    return enter(r, STATE_FIELD, 0);
}

/* At the beginning of a line: one more field, or the empty line. */
static int
step_field(struct http_request *r, const char *end)
{
    if (r->next == end) return STEP_MORE;
    if (*r->next == '\r') return enter(r, STATE_END_LF, 1);
    if (r->field_count == HTTP_FIELDS_MAX) return -431;
    return enter(r, STATE_NAME, 0);
}

/* No blank before the colon (5.1), nor before the name: that would be the old
 * way to continue the line before, which a server refuses (5.2). */
static int
step_name(struct http_request *r, const char *end)
{
    if (!scan(r, end, CHAR_TOKEN)) return STEP_MORE;
    struct http_slice name = scanned(r);
    if (name.len == 0 || *r->next != ':') return -400;
    r->fields[r->field_count].name = name;
    return enter(r, STATE_BLANK, 1);
}

static int
step_blank(struct http_request *r, const char *end)
{
    bool more = scan(r, end, CHAR_BLANK);
    return more ? enter(r, STATE_VALUE, 0) : STEP_MORE;
}

static int
step_value(struct http_request *r, const char *end)
{
    if (!scan(r, end, CHAR_VALUE)) return STEP_MORE;
    if (*r->next != '\r') return -400;
    r->fields[r->field_count].value = slice_trim(scanned(r));
    return enter(r, STATE_VALUE_LF, 1);
}

static int
step_value_lf(struct http_request *r, const char *end)
{
    int rc = step_lf(r, end, STATE_FIELD);
    if (rc != STEP_DONE) return rc;
    rc = field_check(r, &r->fields[r->field_count++]);
    return rc < 0 ? rc : STEP_DONE;
}

static int
step_end(struct http_request *r, const char *end)
{
    int rc = step_lf(r, end, STATE_COMPLETE);
    if (rc != STEP_DONE) return rc;
    rc = head_check(r);
    return rc < 0 ? rc : STEP_DONE;
}

static int
step(struct http_request *r, const char *end)
{
    switch ((enum state)r->state) {
    case STATE_START: return step_start(r, end);
    case STATE_EMPTY_LF: return step_lf(r, end, STATE_START);
    case STATE_METHOD: return step_method(r, end);
    case STATE_TARGET: return step_target(r, end);
    case STATE_VERSION: return step_version(r, end);
    case STATE_FIELD: return step_field(r, end);
    case STATE_NAME: return step_name(r, end);
    case STATE_BLANK: return step_blank(r, end);
    case STATE_VALUE: return step_value(r, end);
    case STATE_VALUE_LF: return step_value_lf(r, end);
    case STATE_END_LF: return step_end(r, end);
    case STATE_COMPLETE:
    case STATE_REFUSED: break;
    }
    assert(0 && "parse was called again without http_request_init");
    return -400;
}

void
http_request_init(struct http_request *request)
{
    memset(request, 0, offsetof(struct http_request, fields));
}

int
http_request_parse(struct http_request *request, const char *buf, size_t len)
{
    size_t seen = len < HTTP_HEAD_MAX ? len : HTTP_HEAD_MAX;
    int rc = STEP_DONE;
    if (request->start == NULL)
        request->start = request->mark = request->next = buf;
    assert(request->start == buf);
    assert(request->next <= buf + seen);
    while (rc == STEP_DONE && request->state != STATE_COMPLETE)
        rc = step(request, buf + seen);
    if (rc == STEP_MORE && seen == HTTP_HEAD_MAX) rc = -431;
    if (rc < 0) request->state = STATE_REFUSED;
    return rc == STEP_DONE ? (int)(request->next - buf) : rc;
}
