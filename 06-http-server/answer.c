/* answer.c - see answer.h. */
#include "answer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* RFC 9110 section 15. */
static const char *
reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 414: return "URI Too Long";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    case 505: return "HTTP Version Not Supported";
    default: assert(0 && "a status without a name"); return "";
    }
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7), made once a second.
 * For one thread. */
static const char *
date(int64_t wallclock)
{
    static char text[32];
    static time_t made = -1;
    time_t now = (time_t)(wallclock / 1000000000);
    struct tm tm;
    if (now == made) return text;
    made = now;
    gmtime_r(&now, &tm);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    return text;
}

size_t
answer_write(const struct answer *a, char *out)
{
    char line[64];
    const void *body = a->body;
    size_t length = a->length;
    if (body == NULL) {
        length = (size_t)snprintf(
            line, sizeof line, "%d %s\n", a->status, reason(a->status));
        body = line;
    }
    int n = snprintf(out, ANSWER_HEAD_MAX,
        "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %s\r\n"
        "Content-Length: %zu\r\n%s%s%sConnection: %s\r\n\r\n",
        a->status, reason(a->status), date(a->wallclock),
        a->type != NULL ? a->type : "text/plain", length,
        a->allow != NULL ? "Allow: " : "", a->allow != NULL ? a->allow : "",
        a->allow != NULL ? "\r\n" : "", a->keep_alive ? "keep-alive" : "close");
    size_t head = (size_t)n;
    assert(n > 0 && head + (size_t)sizeof line <= ANSWER_HEAD_MAX);
    if (a->head_only) return head;
    memcpy(out + head, body, length);
    return head + length;
}
