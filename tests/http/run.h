/* run.h - one case in one way: run.c goes through its moves, runs.c has its
 * socket. */
#ifndef RUN_H
#define RUN_H

#include "table.h"

enum { SEEN = 64 };

/* One slot of runs.c. Zeroed by it when a run begins; run_free ends it. */
struct run {
    const struct http_case *c;
    enum way way;
    int fd; /* -1: this slot is free */

    /* For runs.c to send and to fill. */
    struct bytes out, in;
    size_t sent; /* of out */
    bool finish; /* end our side when all is sent */
    bool deaf;   /* the server takes no more */
    bool ended;  /* the server sends no more */

    /* run.c's own. */
    size_t next;  /* the move that is due */
    int good_due; /* answers to a good request that come first */
    bool probing; /* that request is the proof of "open" */
    struct reply replies[2];
    int last;    /* which of them is the last answer */
    double hush; /* until when nothing may come; 0: not yet known */
    char seen[SEEN];

    double deadline;
    enum { RUNNING, PASSED, FAILED } state;
    char why[512]; /* it failed */
};

/* Begin: the first bytes are in out. */
void run_begin(struct run *r, const struct http_case *c, enum way way);

/* Go on: bytes have come, or have been sent, or time has passed. */
void run_go_on(struct run *r);

void run_fails(struct run *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void run_free(struct run *r);

#endif
