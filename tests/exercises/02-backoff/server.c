/* server.c - chapter 02's server with a pause that adapts: none while there is
 * something to do, and a longer one after each turn in vain. The solution of
 * the exercise 02-backoff.
 * Not here: a way to know whom to try, and when (chapter 03). */
#include "net.h"

#include <sys/types.h>

#include <sys/socket.h>

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    BUF_SIZE = 16 * 1024,
    ROUNDS = 4,     /* of reading and sending, then it is the next one's turn */
    PAUSE_MIN = 20, /* microseconds; then twice as many, and so on */
    PAUSE_MAX = 20 * 1000, /* but not more: a client may just have come */
};

/* One client. Made in conn_open, freed in conn_close. */
struct conn {
    int fd;
    size_t len;     /* bytes in buf */
    size_t sent;    /* of which the client has this many */
    uint64_t moved; /* bytes, in both directions, ever */
    struct conn *next, *prev;
    char buf[BUF_SIZE];
};

/* Lives in main. */
struct server {
    int listener;
    struct conn *conns; /* all clients, the newest first */
};

static volatile sig_atomic_t stop;

/* End the loop. The signal may arrive after a test of stop and before the call
 * that waits, which would then wait on: the alarm interrupts it a second later,
 * and every second from then on. */
static void
on_signal(int sig)
{
    (void)sig;
    stop = 1;
    alarm(1);
}

/* Remember a new client. It owns fd from here on. NULL: out of memory. */
static struct conn *
conn_open(struct server *s, int fd)
{
    struct conn *c = malloc(sizeof *c);
    if (c == NULL) return NULL;
    c->fd = fd;
    c->len = c->sent = 0;
    c->moved = 0;
    c->prev = NULL;
    c->next = s->conns;
    if (c->next != NULL) c->next->prev = c;
    s->conns = c;
    return c;
}

/* The client is done or lost. */
static void
conn_close(struct server *s, struct conn *c)
{
    if (c->next != NULL) c->next->prev = c->prev;
    if (c->prev != NULL) c->prev->next = c->next;
    if (c->prev == NULL) s->conns = c->next;
    close(c->fd);
    free(c);
}

/* Read what the client has sent into buf, which must be empty. Bytes read;
 * 0: the client will send no more. -EAGAIN: nothing yet, call again when
 * readable. Other -errno: the client is lost. */
static int
conn_fill(struct conn *c)
{
    assert(c->len == 0);
    for (;;) {
        ssize_t n = recv(c->fd, c->buf, sizeof c->buf, 0);
        if (n == -1 && errno == EINTR && !stop) continue;
        if (n == -1) return -errno;
        c->len = (size_t)n;
        c->moved += (uint64_t)n;
        return (int)n;
    }
}

/* Send what is left in buf; send(2) may take only a part.
 * 0: all sent, buf is empty again. -EAGAIN: the socket is full, call again when
 * writable. Other -errno: the client is lost. */
static int
conn_flush(struct conn *c)
{
    assert(c->sent <= c->len);
    while (c->sent < c->len) {
        ssize_t n = send(c->fd, c->buf + c->sent, c->len - c->sent, 0);
        if (n == -1 && errno == EINTR && !stop) continue;
        if (n == -1) return -errno;
        c->sent += (size_t)n;
        c->moved += (uint64_t)n;
    }
    c->len = c->sent = 0;
    return 0;
}

/* Send back what the client sends, as far as that goes without waiting.
 * 0: it has sent everything, and has it back. -EAGAIN: try again later.
 * Positive: there is more to do, at its next turn. Other -errno: it is lost. */
static int
conn_serve(struct conn *c)
{
    int rc = 1;
    for (int round = 0; rc > 0 && round < ROUNDS; round++) {
        rc = conn_flush(c);
        if (rc == 0) rc = conn_fill(c);
    }
    return rc;
}

/* Give a client its turn. Answers whether anything happened. */
static bool
conn_try(struct server *s, struct conn *c)
{
    uint64_t before = c->moved;
    int rc = conn_serve(c);
    bool busy = rc != -EAGAIN || c->moved > before;
    if (rc <= 0 && rc != -EAGAIN) conn_close(s, c);
    return busy;
}

/* Take one client that waits. 0 or -errno; -EAGAIN: none waits. */
static int
server_accept(struct server *s)
{
    int fd = accept(s->listener, NULL, NULL);
    if (fd == -1) return -errno;
    /* A new socket has no other flag that F_SETFL could take away. */
    if (fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && conn_open(s, fd) != NULL)
        return 0;
    close(fd);
    return -ENOMEM;
}

/* One turn: see who is at the door, then try every client. Answers whether
 * anything happened. */
static bool
server_turn(struct server *s)
{
    bool busy = server_accept(s) == 0;
    for (struct conn *c = s->conns, *next; c != NULL; c = next) {
        next = c->next;
        if (conn_try(s, c)) busy = true;
    }
    return busy;
}

/* The next pause, in microseconds. Who has just talked will probably talk
 * again; who was silent for a second can wait a fiftieth of it. */
static long
pause_next(long pause, bool busy)
{
    if (busy) return 0;
    if (pause == 0) return PAUSE_MIN;
    return 2 * pause < PAUSE_MAX ? 2 * pause : PAUSE_MAX;
}

int
main(int argc, char **argv)
{
    struct server s = {.listener = net_listen(argc, argv, 2)};
    long pause = 0;
    if (fcntl(s.listener, F_SETFL, O_NONBLOCK) == -1) err(1, "O_NONBLOCK");
    net_signals(on_signal);
    net_announce(s.listener);
    while (!stop) {
        pause = pause_next(pause, server_turn(&s));
        const struct timespec t = {.tv_nsec = pause * 1000};
        if (pause > 0) nanosleep(&t, NULL);
    }
    while (s.conns != NULL)
        conn_close(&s, s.conns);
    close(s.listener);
    return 0;
}
