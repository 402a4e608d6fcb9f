/* server.c - chapter 03's server, which hangs up on silent clients: the
 * solution of the exercise 03-idle-timeout.
 *
 * All clients have equally long, so the list of them, in which who is heard
 * moves to the front, is always in order: only its last one can be late, and
 * one timer is enough. The timer does not close: other news of the same client
 * may lie behind it in the same batch. It hangs up, and closes when the kernel
 * reports that as the end of the stream. */
#include "net.h"

#include <sys/types.h>

#include <sys/event.h>
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
    ROUNDS = 4,   /* of reading and sending, then it is the next one's turn */
    CONNS = 4096, /* clients at once; further ones wait to be accepted */
    EVENTS = 256, /* handled in one turn */
    ACCEPT_REST = 100, /* milliseconds without accept, when out of room */
};

/* One client. Made in conn_open, freed in conn_close. */
struct conn {
    int fd;
    size_t len;     /* bytes in buf */
    size_t sent;    /* of which the client has this many */
    uint64_t heard; /* when there was last news of it; milliseconds */
    struct conn *next, *prev;
    char buf[BUF_SIZE];
};

/* Lives in main. */
struct server {
    int listener;
    int kq;
    struct conn *conns;   /* all clients, the last heard first */
    struct conn *longest; /* silent, of them */
    uint64_t now;         /* of this turn; milliseconds */
    uint64_t patience;    /* milliseconds */
    bool timed;           /* the timer is running */
    int conn_count;
    int change_count;
    struct kevent changes[EVENTS + 2]; /* what the next kevent() will ask */
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

static uint64_t
clock_now(void)
{
    struct timespec t;
    if (clock_gettime(CLOCK_MONOTONIC, &t) == -1) err(1, "clock_gettime");
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* There is news of the client now: it goes to the front. */
static void
conn_link(struct server *s, struct conn *c)
{
    c->heard = s->now;
    c->prev = NULL;
    c->next = s->conns;
    if (c->next != NULL) c->next->prev = c;
    if (c->next == NULL) s->longest = c;
    s->conns = c;
}

static void
conn_unlink(struct server *s, struct conn *c)
{
    if (c->next != NULL) c->next->prev = c->prev;
    if (c->next == NULL) s->longest = c->prev;
    if (c->prev != NULL) c->prev->next = c->next;
    if (c->prev == NULL) s->conns = c->next;
}

/* Remember a new client. It owns fd from here on. NULL: out of memory. */
static struct conn *
conn_open(struct server *s, int fd)
{
    struct conn *c = malloc(sizeof *c);
    if (c == NULL) return NULL;
    c->fd = fd;
    c->len = c->sent = 0;
    conn_link(s, c);
    s->conn_count++;
    return c;
}

/* The client is done or lost. */
static void
conn_close(struct server *s, struct conn *c)
{
    conn_unlink(s, c);
    s->conn_count--;
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

/* Ask to be told once (EV_ONESHOT) when filter is true of ident. The kernel
 * hears of it in the next kevent(). udata comes back with the event. */
static void
server_ask(struct server *s, int ident, int filter, int data, void *udata)
{
    struct kevent *change = &s->changes[s->change_count++];
    assert(s->change_count <= EVENTS + 2);
    EV_SET(
        change, ident, filter, EV_ADD | EV_ENABLE | EV_ONESHOT, 0, data, udata);
}

/* Give a client its turn, and wait for what it needs next. */
static void
conn_try(struct server *s, struct conn *c)
{
    int rc = conn_serve(c);
    conn_unlink(s, c);
    conn_link(s, c);
    if (rc <= 0 && rc != -EAGAIN)
        conn_close(s, c);
    else
        server_ask(s, c->fd, c->len > 0 ? EVFILT_WRITE : EVFILT_READ, 0, c);
}

/* Take one client that waits. 0 or -errno; -EAGAIN: none waits. */
static int
server_accept(struct server *s)
{
    if (s->conn_count == CONNS) return -EMFILE;
    int fd = accept(s->listener, NULL, NULL);
    if (fd == -1) return -errno;
    /* A new socket has no other flag that F_SETFL could take away. */
    if (fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && conn_open(s, fd) != NULL)
        return 0;
    close(fd);
    return -ENOMEM;
}

/* See who is at the door, and wait for the next one. Out of descriptors, the
 * listener stays readable: leave it alone for a while instead of spinning. */
static void
server_welcome(struct server *s)
{
    int rc = server_accept(s);
    if (rc == 0) conn_try(s, s->conns);
    if (rc == 0 || rc == -EAGAIN || rc == -EINTR || rc == -ECONNABORTED)
        server_ask(s, s->listener, EVFILT_READ, 0, NULL);
    else
        server_ask(s, s->listener, EVFILT_TIMER, ACCEPT_REST, NULL);
}

/* Hang up on those who have been silent for too long; that counts as news of
 * them. Then set the timer for the next one, unless it is running: if that one
 * is heard meanwhile, it rings in vain, once, and is set again. */
static void
server_expire(struct server *s)
{
    while (s->longest != NULL && s->now - s->longest->heard >= s->patience) {
        struct conn *c = s->longest;
        (void)shutdown(c->fd, SHUT_RDWR); /* it fails if the client is gone */
        conn_unlink(s, c);
        conn_link(s, c);
    }
    if (s->longest == NULL || s->timed) return;
    uint64_t left = s->longest->heard + s->patience - s->now;
    server_ask(s, s->kq, EVFILT_TIMER, (int)left, s); /* any number will do */
    s->timed = true;
}

/* One turn: ask and wait in one call, then try those who are ready. */
static void
server_turn(struct server *s)
{
    struct kevent events[EVENTS];
    int n = kevent(s->kq, s->changes, s->change_count, events, EVENTS, NULL);
    if (n == -1 && errno != EINTR) err(1, "kevent");
    s->change_count = 0; /* applied, also when a signal ended the wait */
    s->now = clock_now();
    for (int i = 0; i < n; i++) {
        struct conn *c = (void *)events[i].udata;
        if (c == NULL)
            server_welcome(s);
        else if (events[i].udata == (void *)s)
            s->timed = false;
        else if (events[i].flags & EV_ERROR)
            conn_close(s, c); /* the kernel cannot watch it */
        else
            conn_try(s, c);
    }
    server_expire(s);
}

/* Milliseconds, from the third argument, which is in seconds. */
static uint64_t
patience_argument(int argc, char **argv)
{
    if (argc <= 3) return 60 * 1000;
    char *end;
    long seconds = strtol(argv[3], &end, 10);
    if (end == argv[3] || *end != '\0' || seconds < 1 || seconds > 3600)
        errx(2, "bad patience '%s': seconds, 1 to 3600", argv[3]);
    return (uint64_t)seconds * 1000;
}

int
main(int argc, char **argv)
{
    struct server s = {.listener = net_listen(argc, argv, 3), .kq = kqueue()};
    s.patience = patience_argument(argc, argv);
    s.now = clock_now();
    if (s.kq == -1)
        err(1, "cannot make a kqueue (descriptor limit: ulimit -n)");
    if (fcntl(s.listener, F_SETFL, O_NONBLOCK) == -1) err(1, "O_NONBLOCK");
    net_signals(on_signal);
    net_announce(s.listener);
    server_welcome(&s);
    while (!stop)
        server_turn(&s);
    while (s.conns != NULL)
        conn_close(&s, s.conns);
    close(s.listener);
    close(s.kq);
    return 0;
}
