/* answer.c - see answer.h. */
#include "answer.h"
#include "http_date.h"

#include <assert.h>
#include <string.h>

/* RFC 9110 section 15. */
static const char *
reason(int status)
{
    switch (status) {
    case 200: return "200 OK";
    case 206: return "206 Partial Content";
    case 301: return "301 Moved Permanently";
    case 304: return "304 Not Modified";
    case 400: return "400 Bad Request";
    case 403: return "403 Forbidden";
    case 404: return "404 Not Found";
    case 405: return "405 Method Not Allowed";
    case 408: return "408 Request Timeout";
    case 412: return "412 Precondition Failed";
    case 413: return "413 Content Too Large";
    case 414: return "414 URI Too Long";
    case 416: return "416 Range Not Satisfiable";
    case 417: return "417 Expectation Failed";
    case 421: return "421 Misdirected Request";
    case 431: return "431 Request Header Fields Too Large";
    case 500: return "500 Internal Server Error";
    case 501: return "501 Not Implemented";
    case 503: return "503 Service Unavailable";
    case 505: return "505 HTTP Version Not Supported";
    default: assert(0 && "a status without a name"); return "";
    }
}

/* Each put_ function writes at `at` and answers where it ended. */
static char *
put(char *at, const char *text)
{
    size_t n = strlen(text);
    memcpy(at, text, n);
    return at + n;
}

static char *
put_number(char *at, int64_t number)
{
    char digits[24], *first = digits + sizeof digits;
    *--first = '\0';
    do
        *--first = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    return put(at, first);
}

static char *
put_field(char *at, const char *name, const char *value)
{
    return put(put(put(put(at, name), ": "), value), "\r\n");
}

/* Made once a second, in each thread. */
static char *
put_date(char *at, int64_t wallclock)
{
    static _Thread_local char text[HTTP_DATE_SIZE];
    static _Thread_local time_t made = -1;
    time_t now = (time_t)(wallclock / 1000000000);
    if (now != made) http_date_write(now, text);
    made = now;
    return put_field(at, "Date", text);
}

static char *
put_rare_fields(char *at, const struct answer *a)
{
    char modified[HTTP_DATE_SIZE];
    if (a->allow != NULL) at = put_field(at, "Allow", a->allow);
    if (a->status == 503) at = put_field(at, "Retry-After", "1");
    if (a->part != NULL) at = put_field(at, "Content-Range", a->part);
    if (a->etag != NULL) {
        http_date_write(a->modified, modified);
        at = put_field(at, "ETag", a->etag);
        at = put_field(at, "Last-Modified", modified);
        at = put_field(at, "Accept-Ranges", "bytes");
    }
    if (a->location.len > 0) {
        at = put(at, "Location: ");
        memcpy(at, a->location.at, a->location.len);
        at = put(at + a->location.len, "\r\n");
    }
    return at;
}

/* What tells how long the body is. A 304 has none, and says nothing of it. */
static char *
put_content(char *at, const struct answer *a, int64_t length)
{
    if (a->status == 304) return at;
    at = put_field(at, "Content-Type", a->type ? a->type : "text/plain");
    if (length < 0) return put_field(at, "Transfer-Encoding", "chunked");
    return put(put_number(put(at, "Content-Length: "), length), "\r\n");
}

/* Is the body a line of text that says what the status is? */
static bool
explains(const struct answer *a)
{
    if (a->status == 200 || a->status == 206 || a->status == 304) return false;
    return a->body == NULL;
}

static char *
put_head(char *at, const struct answer *a, const char *line, int64_t length)
{
    at = put(put(put(at, "HTTP/1.1 "), line), "\r\n");
    at = put_date(at, a->wallclock);
    at = put_content(at, a, length);
    at = put_rare_fields(at, a);
    at = put_field(at, "Connection", a->keep_alive ? "keep-alive" : "close");
    return put(at, "\r\n");
}

static bool
same_head(const struct answer *a, const struct answer *b)
{
    return a->type == b->type && a->length == b->length &&
           a->keep_alive == b->keep_alive &&
           a->wallclock / 1000000000 == b->wallclock / 1000000000;
}

/* Most answers begin as the one before did. */
static char *
put_plain_head(char *at, const struct answer *a, const char *line)
{
    static _Thread_local struct answer of;
    static _Thread_local char head[ANSWER_HEAD_MAX];
    static _Thread_local size_t size;
    if (size == 0 || !same_head(a, &of)) {
        size = (size_t)(put_head(head, a, line, a->length) - head);
        of = *a;
    }
    memcpy(at, head, size);
    return at + size;
}

size_t
answer_write(const struct answer *a, char *out)
{
    const char *line = reason(a->status);
    bool explain = explains(a);
    bool plain = a->status == 200 && a->etag == NULL;
    int64_t length = explain ? (int64_t)strlen(line) + 1 : a->length;
    char *at =
        plain ? put_plain_head(out, a, line) : put_head(out, a, line, length);
    assert(at - out <= ANSWER_HEAD_MAX);
    if (a->head_only) return (size_t)(at - out);
    if (explain) at = put(put(at, line), "\n");
    if (a->body == NULL) return (size_t)(at - out);
    memcpy(at, a->body, (size_t)a->length);
    return (size_t)(at - out) + (size_t)a->length;
}
