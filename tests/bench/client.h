/* client.h - clients that ask an HTTP server again and again, on io.h. */
#ifndef CLIENT_H
#define CLIENT_H

#include "io.h"

enum {
    CLIENT_IN = 16 * 1024,
    CLIENT_TRIES = 3, /* connections in a row that bring no answer */
};

/* What a client sends at once, and how many answers it then waits for. */
struct question {
    char *text;
    size_t length;
    int answers;
};

/* What the clients of a loop share. The caller's; it outlives them. */
struct crowd {
    struct io_loop *loop;
    const struct addrinfo *address; /* of the server */
    uint64_t end;                   /* ask no more: by the clock of io_now */
    int at_work;                    /* clients that are not done */
    uint64_t answers;
    uint64_t failed; /* requests without an answer, or with a bad one */
    char why[100];   /* the first one failed */
};

/* One connection; made anew when it is lost. Fill in the first three, and zero
 * the rest. The memory is the caller's, and free again when the crowd has
 * nobody at work. */
struct client {
    struct crowd *crowd;
    const struct question *question;
    bool once; /* ask once, keep the answer and the connection */

    const char *answer; /* with once: the body, ended by a NUL; or NULL */
    struct io_completion completion; /* one at a time */
    bool connected;
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
 * What is wrong is counted and said in the crowd. io_cancel_all ends it early:
 * what was asked then counts as failed. */
void client_start(struct client *client);

/* Close the connection that is kept, if there is one. */
void client_leave(struct client *client);

#endif
