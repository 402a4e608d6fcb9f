/* replies.h - read the bytes that an exchange sent as a strict client would.
 * What is not framed as RFC 9112 says stops the program: see must(). */
#ifndef REPLIES_H
#define REPLIES_H

#include "fuzz.h"

/* One answer. Its head lies in the bytes that were read; its body is a copy,
 * without the chunks around it. */
struct reply {
    int status;
    bool complete;
    bool last;  /* "Connection: close" */
    bool stats; /* its body is JSON, which tells of the moment */
    struct http_slice head;
    char *body;
    size_t len;
};

/* Read the answer at the front of these bytes; head_only: to a HEAD, so no body
 * follows. An answer that goes on has no further use but its status.
 * Result: how many bytes were used; 0: there is not even a head. */
size_t reply_read(
    struct reply *reply, const char *text, size_t len, bool head_only);

/* Do both say the same? But for what they say of the moment. */
bool reply_same(const struct reply *a, const struct reply *b);

#endif
