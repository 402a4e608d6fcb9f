/* client.h - clients that ask an HTTP server again and again, on io.h. */
#ifndef CLIENT_H
#define CLIENT_H

#include "io.h"

enum {
    CLIENT_IN = 16 * 1024,
    CLIENT_HEAD = 512,         /* longer heads of answers are not remembered */
    CLIENT_TRIES = 3,          /* connections in a row that bring no answer */
    CLIENT_LONG = 1024 * 1024, /* so much of a body need not be waited for */
};

/* What a client sends at once, and how many answers it then waits for. */
struct question {
    char *text;
    size_t length;
    int answers;
    bool echo; /* not HTTP: the server sends the same bytes back */
};

/* What the clients of a loop share. The caller's; it outlives them. All after
 * `end` may be zero. */
struct crowd {
    struct io_loop *loop;
    const struct addrinfo *address; /* of the server */
    uint64_t end;                   /* ask no more: by the clock of io_now */

    bool stay;      /* then keep the connections: client_start goes on */
    uint64_t every; /* nanoseconds from one question of a client to its next;
                     * 0: it asks when it is answered */
    uint64_t *took; /* room for took_most: with every, how long answers took */
    size_t took_count, took_most;
    const char *content; /* what each body must be, and how long; NULL: any */
    uint64_t length;     /* the same without a look at the bytes; 0: any */

    int at_work; /* clients that are not done */
    uint64_t answers;
    uint64_t bytes;  /* received, with the heads */
    uint64_t failed; /* requests without an answer, or with a bad one */
    char why[100];   /* the first one failed */

    char head[CLIENT_HEAD]; /* of the last good answer: most begin alike */
    size_t head_len;        /* 0: none is known */
    uint64_t head_body;     /* and how long its body is */
};

/* One connection; made anew when it is lost. Fill in the first three, and zero
 * the rest. The memory is the caller's, and free again when the crowd has
 * nobody at work. */
struct client {
    struct crowd *crowd;
    const struct question *question;
    bool once; /* ask once, keep the answer and the connection */

    uint64_t turn;      /* with crowd->every: when it asks next */
    const char *answer; /* with once: the body, ended by a NUL; or NULL */
    struct io_completion completion; /* one at a time */
    bool connected;
    bool halted; /* in the middle of a long body */
    int fd;
    size_t sent;   /* bytes of the question */
    int due;       /* answers that must still come */
    uint64_t body; /* bytes that must still come of the present one */
    int tries;     /* connections since the last answer */
    bool last;     /* the server will close this one */
    size_t in_len;
    char in[CLIENT_IN + 1]; /* room for a NUL */
};

/* Go to work: ask until crowd->end, or once. A connection that is kept is used.
 * With crowd->stay a body may be left half received, for the next time.
 * What is wrong is counted and said in the crowd. io_cancel_all ends it early:
 * what was asked then counts as failed. */
void client_start(struct client *client);

/* Close the connection that is kept, if there is one. */
void client_leave(struct client *client);

#endif
