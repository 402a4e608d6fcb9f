/* answer.h - write an HTTP/1.1 answer into memory. */
#ifndef ANSWER_H
#define ANSWER_H

#include "http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Bytes; no head is longer. The longest thing in it is a part of a target. */
enum { ANSWER_HEAD_MAX = HTTP_TARGET_MAX + 1024 };

/* What is to be answered. Strings, slices and the body are the caller's. */
struct answer {
    int status;        /* 200, 404, ... */
    bool head_only;    /* the request was HEAD: all but the body */
    bool keep_alive;   /* another request may follow */
    const char *type;  /* of the body; NULL: "text/plain" */
    const void *body;  /* NULL: none, or not yet; a status of 400 or more and a
                       * 301 then get a line of text */
    int64_t length;    /* bytes of the body; -1: it follows in chunks */
    int64_t wallclock; /* nanoseconds since 1970: for Date */
    const char *allow; /* 405: the methods; else NULL */
    const char *etag;  /* with its quotes; else NULL */
    const char
        *part;       /* 206, 416: which bytes, as in Content-Range; else NULL */
    time_t modified; /* if there is an etag: for Last-Modified */
    struct http_slice location; /* 301: where to; else {0} */
};

/* Write the head to out, and the body as far as it is given here. out has room
 * for ANSWER_HEAD_MAX bytes and the body. Result: the bytes used.
 * See: RFC 9112 section 4, RFC 9110 sections 6.6.1 (Date) and 15.4.5 (304). */
size_t answer_write(const struct answer *answer, char *out);

#endif
