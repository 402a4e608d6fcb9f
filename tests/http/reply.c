/* reply.c - takes an answer apart. What a client might forgive is an error
 * here: the server is the one that must be exact (RFC 9112 section 2.2). */
#include "table.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char token_bytes[] =
    "!#$%&'*+-.^_`|~0123456789"
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

static long
malformed(struct reply *r, const char *wrong)
{
    r->wrong = wrong;
    return -1;
}

const char *
reply_field(const struct reply *r, const char *name)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcasecmp(r->fields[i].name, name) == 0) return r->fields[i].value;
    return NULL;
}

/* HTTP/1.1 200 OK */
static bool
status_line(struct reply *r, const char *line)
{
    if (strncmp(line, "HTTP/1.1 ", 9) != 0) return false;
    if (strspn(line + 9, "0123456789") != 3 || line[12] != ' ') return false;
    r->status = atoi(line + 9);
    return r->status >= 100 && r->status < 600;
}

/* Name: value. One SP behind the colon, none at the end; no control bytes. */
static const char *
field_line(struct reply *r, char *line)
{
    size_t name = strspn(line, token_bytes);
    char *value = line + name + 2;

    if (name == 0 || line[name] != ':') return "a field line without a name";
    if (line[name + 1] != ' ') return "no space behind the colon";
    for (const char *p = value; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return "a control byte in a field";
    if (*value != '\0' && value[strlen(value) - 1] == ' ')
        return "a space at the end of a field";
    if (r->count == REPLY_FIELDS) return "more fields than this reads";
    line[name] = '\0';
    if (reply_field(r, line) != NULL) return "a field comes twice";
    r->fields[r->count].name = line;
    r->fields[r->count++].value = value;
    return NULL;
}

/* The fields that frame the answer. */
static const char *
framing(struct reply *r)
{
    const char *length = reply_field(r, "Content-Length");
    const char *coding = reply_field(r, "Transfer-Encoding");
    const char *connection = reply_field(r, "Connection");

    r->chunked = coding != NULL;
    r->close = connection != NULL && strcasecmp(connection, "close") == 0;
    r->length = length == NULL ? -1 : strtol(length, NULL, 10);
    if (coding != NULL && strcmp(coding, "chunked") != 0)
        return "a Transfer-Encoding other than chunked";
    if (length != NULL && coding != NULL)
        return "Content-Length and Transfer-Encoding";
    if (length == NULL) return NULL;
    if (*length == '\0' || strspn(length, "0123456789") != strlen(length))
        return "a Content-Length that is no number";
    return NULL;
}

/* Cut the copy of the head, which ends with an empty line, into its lines. */
static const char *
head_lines(struct reply *r)
{
    const char *wrong = NULL;
    char *line = r->head, *next;

    for (; wrong == NULL && (next = strstr(line, "\r\n")) != line;
         line = next) {
        *next = '\0';
        next += 2;
        if (strpbrk(line, "\r\n") != NULL) return "a CR or LF alone";
        if (line != r->head)
            wrong = field_line(r, line);
        else if (!status_line(r, line))
            wrong = "a malformed status line";
    }
    return wrong != NULL ? wrong : framing(r);
}

/* The size of a chunk: hexadecimal digits and CR LF; we send no extensions. The
 * answer is the length of the line; 0: not whole; -1: malformed. */
static long
chunk_size(const char *buf, size_t len, size_t *size)
{
    size_t n = 0;

    *size = 0;
    while (n < len && strchr("0123456789abcdefABCDEF", buf[n]) && buf[n] != 0) {
        char digit[2] = {buf[n++], '\0'};
        if (n > 8) return -1;
        *size = *size << 4 | strtoul(digit, NULL, 16);
    }
    if (n == len) return 0;
    if (n == 0 || buf[n] != '\r') return -1;
    if (n + 1 == len) return 0;
    return buf[n + 1] == '\n' ? (long)n + 2 : -1;
}

/* The same for a whole body in chunks, which is added to r->body. */
static long
chunks(struct reply *r, const char *buf, size_t len)
{
    size_t used = 0, size = 1;

    while (size > 0) {
        long n = chunk_size(buf + used, len - used, &size);
        if (n < 0) return malformed(r, "a malformed chunk size");
        if (n == 0 || len - used - (size_t)n < size + 2) return 0;
        used += (size_t)n;
        bytes_add(&r->body, buf + used, size);
        used += size + 2;
        if (memcmp(buf + used - 2, "\r\n", 2) != 0)
            return malformed(r, "no CR LF behind a chunk");
    }
    return (long)used;
}

/* The body, which begins at buf. The answer is as reply_take's, but 0 may also
 * mean that there is none. *whole tells. */
static long
body_take(struct reply *r, const char *buf, size_t len, bool head, bool *whole)
{
    bool none = r->status < 200 || r->status == 204 || r->status == 304 || head;
    long used = 0;

    *whole = true;
    if (none) return 0;
    if (r->chunked) {
        used = chunks(r, buf, len);
        *whole = used != 0;
        return used;
    }
    if (r->length < 0) return malformed(r, "its length is not told");
    *whole = len >= (size_t)r->length;
    if (*whole) bytes_add(&r->body, buf, (size_t)r->length);
    return r->length;
}

/* Where the head ends; 0: it is not whole. */
static size_t
head_length(const char *buf, size_t len)
{
    for (size_t i = 4; i <= len; i++)
        if (memcmp(buf + i - 4, "\r\n\r\n", 4) == 0) return i;
    return 0;
}

long
reply_take(struct reply *r, const char *buf, size_t len, bool head)
{
    size_t n = head_length(buf, len < REPLY_HEAD ? len : REPLY_HEAD - 1);
    bool whole;
    long body;

    if (n == 0 && len >= REPLY_HEAD) return malformed(r, "an endless head");
    if (n == 0) return 0;
    if (memchr(buf, '\0', n) != NULL) return malformed(r, "a NUL in the head");
    r->count = r->body.len = 0;
    memcpy(r->head, buf, n);
    r->head[n] = '\0';
    r->wrong = head_lines(r);
    if (r->wrong != NULL) return -1;
    bytes_add(&r->body, "", 0); /* it is never NULL */
    body = body_take(r, buf + n, len - n, head, &whole);
    if (body < 0) return -1;
    return whole ? (long)n + body : 0;
}
