/* calls.h - what calls.c makes its calls on: two pairs of sockets, a listener,
 * a file; and what each operation may answer. */
#ifndef CALLS_H
#define CALLS_H

#include "fuzz.h"
#include "io.h"

#include <sys/un.h>

enum { SLOTS = 16, ENDS = 4, BUFFER = 48, FILE_LEN = 100 };

/* One end of a pair; the other is ends[i ^ 1]. Byte number n that it sends is
 * (unsigned char)n. */
struct end {
    int fd;        /* -1: closed */
    unsigned sent; /* for sure */
    unsigned sending, received;
    bool reading, writing; /* an operation is under way */
    bool shut;             /* nothing more will be sent */
};

/* One operation, from its submission to its callback. */
struct call {
    struct io_completion completion;
    int slot;
    struct end *end; /* of a socket, or NULL */
    bool canceled;
    uint64_t tick;     /* in or before which it was submitted */
    uint64_t deadline; /* of a timeout */
    unsigned char buffer[BUFFER];
};

struct things {
    struct end ends[ENDS];
    int listener, file;
    struct sockaddr_un address; /* the listener's */
    socklen_t address_len;
    bool accepting, waking;
    unsigned wakes; /* that no wake operation has answered */
};

extern struct things things;

void things_open(void);
void things_close(void);

/* Make the operation that the letter stands for; argument: any number. The kind
 * is IO_NOP if it may not be begun now. */
struct io_op call_op(struct call *call, char letter, unsigned argument);

/* The operation has begun, or is over: note it, and check the result. */
void call_begun(struct call *call);
void call_over(struct call *call, int result);

#endif
