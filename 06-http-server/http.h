/* http.h - understand an HTTP/1.1 request (RFC 9112, RFC 9110).
 *
 * A pure parser: it does no I/O, allocates nothing and copies nothing. It cuts
 * the caller's buffer into slices. One struct http_request (about 2 KiB) per
 * connection is enough, used again for each request:
 *
 *     http_request_init(&request);
 *     for (;;) {
 *         ... receive more bytes to the end of buf, len counts them ...
 *         int n = http_request_parse(&request, buf, len);
 *         if (n < 0) ... answer status -n and close the connection ...
 *         if (n > 0) break; ... the body or the next request is at buf + n ...
 *     }
 *
 * - However the bytes are split, the result is the same. Each byte is scanned
 *   once, so a client that sends them one at a time costs no more.
 * - A wrong byte is refused when it arrives, not at the end of the head.
 * - Where two parsers could disagree about the end of a message, the request is
 *   refused: that disagreement is request smuggling (RFC 9112 11.2).
 *
 * Not here: the body in chunks (chunked.h), and what a field such as Range or
 * If-None-Match means (the server). */

#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Limits. Sizes are bytes. */
enum {
    HTTP_HEAD_MAX = 8192,     /* all up to the body; more is 431 */
    HTTP_FIELDS_MAX = 64,     /* field lines; more is 431 */
    HTTP_TARGET_MAX = 8000,   /* RFC 9112 3 asks for 8000; more is 414 */
    HTTP_METHOD_MAX = 32,     /* longer than any known; more is 501 */
    HTTP_EMPTY_LINES_MAX = 4, /* before the request line; more is 400 */
};

/* A piece of somebody else's memory, not ended by a NUL. */
struct http_slice {
    const char *at;
    size_t len;
};

/* One field line. The value has no blanks around it; it may be empty. */
struct http_field {
    struct http_slice name, value;
};

/* The methods that this server tells apart. They are case-sensitive: "get" is
 * HTTP_OTHER (RFC 9110 9.1). */
enum http_method {
    HTTP_OTHER, /* a valid token; http_request.method_name has it */
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_OPTIONS,
    HTTP_CONNECT,
};

/* One request. The caller owns it, on the stack or in its connection; nothing
 * has to be freed. Valid once http_request_parse has answered a count, and
 * until the buffer changes: all slices point into it, but for the path "/" of
 * "http://host", which is a constant. After a refusal it holds what was read
 * until then: method_name and target are empty unless they were complete. */
struct http_request {
    enum http_method method;
    struct http_slice method_name;
    struct http_slice target; /* as sent, in one of four forms (9112 3.2) */
    struct http_slice path;   /* still %-encoded. Starts with "/", or is "*"
                               * (OPTIONS only), or is empty (CONNECT only) */
    struct http_slice query;  /* after the "?"; query.at is NULL without one */
    struct http_slice host;   /* with the port: from the target if it names
                               * one, else from Host. May be empty */
    int minor;                /* of HTTP/1.minor; 2 to 9 mean what 1 does */
    bool keep_alive;          /* false: close after the answer (9112 9.3) */
    bool expect_continue;     /* send "100 Continue" before you read the body,
                               * or a final answer instead (9110 10.1.1) */
    bool conditional;         /* has an If- field: see precondition.h */
    bool chunked;             /* a body follows, as in chunked.h */
    int64_t content_length;   /* if not chunked: bytes of the body, or 0 */
    size_t field_count;

    /* The parser's own; do not touch. */
    int state;
    int empty_lines;
    bool has_host, has_length, said_close, said_keep_alive;
    const char *start, *mark, *next; /* request, current element, next byte */

    struct http_field fields[HTTP_FIELDS_MAX]; /* the first field_count */
};

/* Make ready for a new request. Costs little: the fields are not cleared. */
void http_request_init(struct http_request *request);

/* Read on. buf holds the len bytes of this request that have come so far, with
 * whatever may follow them. From one call to the next, until the answer is not
 * 0, buf must stay where it is and may only grow at its end.
 *
 * Answers how many bytes the head is long (at most HTTP_HEAD_MAX, empty lines
 * before it included), or 0 for "incomplete, call again with more" (then len is
 * below HTTP_HEAD_MAX: a buffer of that size is never too small), or -status:
 *   -400  malformed, or the end of the message is in doubt
 *   -414  target too long          -417  Expect other than "100-continue"
 *   -421  https target; here no connection is secured (RFC 9110 7.4)
 *   -431  too many or too long fields
 *   -501  transfer coding other than chunked, or method too long
 *   -505  not HTTP/1.x
 * After a refusal nobody knows where the next request begins: answer, close. */
int http_request_parse(
    struct http_request *request, const char *buf, size_t len);

/* After http_request_parse has answered a count: the head has been moved, in
 * one buffer, and begins at `to` now. All slices point there from here on. */
void http_request_move(struct http_request *request, const char *to);

/* The first field of that name, any case (RFC 9110 5.1), after the field
 * `after`, or of all if that is NULL. NULL: there is none (any more). Lines
 * that repeat a name are one list, so a list may need more than one call. */
const struct http_field *http_field_find(const struct http_request *request,
    const char *name, const struct http_field *after);

/* Is the slice this text? The second is for what ignores the case of ASCII
 * letters: field names, connection options, codings. */
bool http_slice_equals(struct http_slice slice, const char *text);
bool http_slice_is(struct http_slice slice, const char *text);

/* Decode each %XX of a path (RFC 3986 2.1) into out, which holds size bytes (at
 * least 1), and end it with a NUL. path.len + 1 bytes are always enough.
 * Answers the length without the NUL; -400 for a bad escape or a NUL (open()
 * would see a shorter name than we did); -414 if out is too small.
 * Nothing else is resolved: "%2F" gives a "/", dot segments stay. */
ssize_t http_path_decode(struct http_slice path, char *out, size_t size);

/* Has the decoded path a segment "." or ".."? (RFC 3986 3.3; clients remove
 * them before they send.) Ask after decoding: "%2e%2E" is ".." too. */
bool http_path_has_dots(const char *path);

#endif
