/* chunked.h - decode a body that comes in chunks (RFC 9112 7.1).
 *
 *     5\r\n hello \r\n 0\r\n \r\n
 *
 * A chunk is its length in hexadecimal, a line end, the data, a line end; one
 * of length 0 ends the body. Pure, as the request parser; and it keeps none of
 * the bytes, so the buffer is free again after each call:
 *
 *     http_chunked_init(&chunked);
 *     while (!chunked.done && used < len) {
 *         ssize_t n = http_chunked_decode(&chunked, buf + used, len - used,
 *             &data);
 *         if (n < 0) ... answer status -n and close ...
 *         ... use data.at, data.len ...
 *         used += n;
 *     }
 *
 * Extensions and trailer fields are checked and then ignored (7.1.1, 7.1.2):
 * nobody uses them to our profit, but some use them to attack. */

#ifndef CHUNKED_H
#define CHUNKED_H

#include "http.h"

/* Bytes of extensions and trailer fields that one body may have in all. Without
 * a limit, a client could send a gigabyte of them and never a byte of data. */
enum { HTTP_CHUNKED_EXTRA_MAX = 8192 };

/* The state between two calls. The caller owns it; nothing to free. */
struct http_chunked {
    bool done; /* the body is complete; what follows is the next request */

    /* The decoder's own. */
    unsigned char state;
    unsigned char digits; /* of the chunk's length */
    unsigned short extra; /* bytes of extensions and trailer fields */
    int64_t left;         /* bytes of the chunk's data to come */
};

void http_chunked_init(struct http_chunked *chunked);

/* Decode from the len bytes at buf, which follow those of the call before.
 * *data becomes the next piece of the body, in buf; it may be empty.
 * Answers how many bytes are used up, 0 only if len is 0 or the body is done;
 * -400 if malformed; -431 if there is more than HTTP_CHUNKED_EXTRA_MAX. After
 * a refusal the connection is lost. The caller limits the size of the body. */
ssize_t http_chunked_decode(struct http_chunked *chunked, const char *buf,
    size_t len, struct http_slice *data);

#endif
