/* body.h - the body of a request, however its end is told: by Content-Length,
 * or in chunks (RFC 9112 section 6). */
#ifndef BODY_H
#define BODY_H

#include "chunked.h"

/* A part of what is received. Nothing to free. */
struct body {
    bool done; /* what follows is the next request */
    bool in_chunks;
    int64_t left;  /* not in chunks: bytes to come */
    int64_t taken; /* bytes of data so far */
    struct http_chunked chunked;
};

/* The head has been parsed. Without a body it is done at once. */
void body_init(struct body *body, const struct http_request *request);

/* Take from the len bytes at buf, which follow those of the call before. *data
 * becomes the next piece of the body, in buf; it may be empty. Result: how many
 * bytes are used up, or -400, -431 as in http_chunked_decode. */
ssize_t body_read(
    struct body *body, const char *buf, size_t len, struct http_slice *data);

#endif
