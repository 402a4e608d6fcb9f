/* exchange.h - HTTP without I/O: requests come in, answers go out, and the
 * caller does the waiting. So it can be tested without a socket.
 *
 *     x = exchange_new(site);
 *     for (;;) {
 *         enum exchange_need need = exchange_next(x);
 *         if (need == EXCHANGE_END) break;
 *         result = ... do exchange_op(x, need, fd), wait for it ...
 *         exchange_done(x, need, result);
 *     }
 *     exchange_free(&x);
 *
 * Answers to requests that came together leave together. A body is passed on,
 * or forgotten, as it comes; a file is sent as it is read. So the memory for
 * one exchange is enough, however much is asked. */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "body.h"
#include "file.h"
#include "http.h"
#include "io.h"
#include "site.h"

enum {
    EXCHANGE_IN = 2 * HTTP_HEAD_MAX, /* a head, and as much of its body */
    EXCHANGE_OUT = 64 * 1024,
    EXCHANGE_DISCARD_MAX = 1024 * 1024, /* bytes of a body nobody wants */
    EXCHANGE_PROGRESS = 4096,           /* bytes: see exchange_got_on */
};

enum exchange_need {
    EXCHANGE_AGAIN, /* (within exchange.c) */
    EXCHANGE_RECV,  /* more from the client */
    EXCHANGE_SEND,  /* answers to the client */
    EXCHANGE_FILE,  /* a step with a file */
    EXCHANGE_END,   /* all is said: the connection is to be closed */
};

enum exchange_stage {
    STAGE_HEAD,
    STAGE_BODY,
    STAGE_ANSWER,
    STAGE_OPEN,
    STAGE_READ,
};

/* For one connection at a time. All of it is exchange.c's. */
struct exchange {
    struct site *site;
    enum exchange_stage stage;
    bool last;  /* nothing is read after this request */
    bool begun; /* a part of its answer has left: no way back */
    bool echo;  /* the head of the echo's answer is written */
    int status; /* to be answered with; 200: what resource says */
    const struct resource *resource;
    struct body body;
    struct file file;
    size_t moved;      /* see exchange_got_on */
    int64_t wallclock; /* when something was done last: the Date of an answer */

    /* In `in`: where the request begins, where its head ends, how far it has
     * been read, how far there are bytes. */
    size_t head, head_end, used, in_len;
    /* In `out`: where its answer begins, how far there are answers, and how far
     * the client has them. */
    size_t answer, out_len, out_sent;

    struct http_request request;
    char path[HTTP_TARGET_MAX + 16]; /* decoded; or for Location */
    char in[EXCHANGE_IN];
    char out[EXCHANGE_OUT];
};

/* For a connection. Its memory comes from site->spares; NULL: there is none.
 * The site stays the caller's. */
struct exchange *exchange_new(struct site *site);

/* For a new one: what has been received already, at most EXCHANGE_IN bytes,
 * which are copied. */
void exchange_take(struct exchange *x, const void *bytes, size_t length);

/* Give it back, if there is one, and forget it. It closes its file; nothing
 * that it asked for is under way. */
void exchange_free(struct exchange **x);

/* Go on as far as possible without waiting. Result: what to wait for. */
enum exchange_need exchange_next(struct exchange *x);

/* The operation for this need, once. fd: the client's socket. */
struct io_op exchange_op(struct exchange *x, enum exchange_need need, int fd);

/* It is done. result: above 0 for RECV and SEND, any for FILE. */
void exchange_done(struct exchange *x, enum exchange_need need, int result);

/* Is an answer under way, or the body of a request? */
bool exchange_busy(const struct exchange *x);

/* Is nothing under way, not even a part of a head? Then its memory can be used
 * for another connection. */
bool exchange_idle(const struct exchange *x);

/* Has the client got on, since this was last asked with that answer? It has
 * with a complete head, a complete answer, or EXCHANGE_PROGRESS bytes of a body
 * or of answers moved. A part of a head does not count: a client that sends a
 * byte a second gains nothing. */
bool exchange_got_on(struct exchange *x);

/* The client is too slow (408), or one too many (503): answer that instead, if
 * nothing of the answer has left, and end. */
void exchange_refuse(struct exchange *x, int status);

#endif
