/* answer.h - write an HTTP/1.1 answer into memory. */
#ifndef ANSWER_H
#define ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ANSWER_HEAD_MAX = 512 }; /* bytes; no head is longer */

/* What is to be answered. The strings and the body are the caller's. */
struct answer {
    int status;        /* 200, 404, ... */
    const char *type;  /* of the body; NULL: "text/plain" */
    const char *allow; /* the methods, for 405; else NULL */
    const void *body;  /* NULL: a line with the status */
    size_t length;     /* bytes of body */
    bool head_only;    /* the request was HEAD: all but the body */
    bool keep_alive;   /* another request may follow */
    int64_t wallclock; /* nanoseconds since 1970: for Date */
};

/* Write the answer to out, which has room for ANSWER_HEAD_MAX bytes
 * and the body. Result: the bytes used.
 * See: RFC 9112 section 4, RFC 9110 section 6.6.1 (Date). */
size_t answer_write(const struct answer *answer, char *out);

#endif
