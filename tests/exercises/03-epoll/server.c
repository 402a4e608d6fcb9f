/* server.c - chapter 03's server on epoll: the solution of its exercise 1, for
 * Linux only. epoll_wait(2) says whom to try, and waits while there is nobody.
 *
 * What differs from 03-kqueue/server.c: each wish is a system call of its own;
 * a descriptor has one entry, for reading and writing; a timer is a descriptor.
 * Not here: a limit on how long a client may be silent (chapter 06). */
#include "net.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
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
    size_t len;  /* bytes in buf */
    size_t sent; /* of which the client has this many */
    struct conn *next, *prev;
    char buf[BUF_SIZE];
};

/* Lives in main. */
struct server {
    int listener;
    int ep;
    int clock;          /* a timerfd: readable when accept has rested */
    struct conn *conns; /* all clients, the newest first */
    int conn_count;
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
    c->prev = NULL;
    c->next = s->conns;
    if (c->next != NULL) c->next->prev = c;
    s->conns = c;
    s->conn_count++;
    return c;
}

/* The client is done or lost. */
static void
conn_close(struct server *s, struct conn *c)
{
    if (c->next != NULL) c->next->prev = c->prev;
    if (c->prev != NULL) c->prev->next = c->next;
    if (c->prev == NULL) s->conns = c->next;
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

/* Ask to be told once (EPOLLONESHOT) when fd is ready for events. The kernel
 * hears of it now. who comes back with the event. 0 or -errno: it cannot watch
 * one more. */
static int
server_ask(struct server *s, int fd, uint32_t events, void *who)
{
    struct epoll_event e = {.events = events | EPOLLONESHOT, .data.ptr = who};
    int rc = epoll_ctl(s->ep, EPOLL_CTL_MOD, fd, &e);
    if (rc == -1 && errno == ENOENT) /* the first time */
        rc = epoll_ctl(s->ep, EPOLL_CTL_ADD, fd, &e);
    return rc == 0 ? 0 : -errno;
}

/* Give a client its turn, and wait for what it needs next. */
static void
conn_try(struct server *s, struct conn *c)
{
    int rc = conn_serve(c);
    if (rc <= 0 && rc != -EAGAIN)
        conn_close(s, c);
    else if (server_ask(s, c->fd, c->len > 0 ? EPOLLOUT : EPOLLIN, c) < 0)
        conn_close(s, c); /* the kernel cannot watch it */
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

/* Let the clock be readable in ACCEPT_REST milliseconds, and not before. */
static int
server_rest(struct server *s)
{
    const struct itimerspec t = {.it_value.tv_nsec = ACCEPT_REST * 1000000};
    if (timerfd_settime(s->clock, 0, &t, NULL) == -1) return -errno;
    return server_ask(s, s->clock, EPOLLIN, NULL);
}

/* See who is at the door, and wait for the next one. Out of descriptors, the
 * listener stays readable: leave it alone for a while instead of spinning. */
static void
server_welcome(struct server *s)
{
    int rc = server_accept(s);
    if (rc == 0) conn_try(s, s->conns);
    if (rc == 0 || rc == -EAGAIN || rc == -EINTR || rc == -ECONNABORTED)
        rc = server_ask(s, s->listener, EPOLLIN, NULL);
    else
        rc = server_rest(s);
    /* At the start only: what epoll has an entry for, it can always watch. */
    if (rc < 0) errx(1, "cannot watch the listener: %s", strerror(-rc));
}

/* One turn: wait, then try those who are ready. */
static void
server_turn(struct server *s)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(s->ep, events, EVENTS, -1);
    if (n == -1 && errno != EINTR) err(1, "epoll_wait");
    for (int i = 0; i < n; i++) {
        struct conn *c = events[i].data.ptr;
        if (c == NULL)
            server_welcome(s);
        else
            conn_try(s, c);
    }
}

int
main(int argc, char **argv)
{
    struct server s = {
        .listener = net_listen(argc, argv, 2),
        .ep = epoll_create1(EPOLL_CLOEXEC),
        .clock = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
    };
    if (s.ep == -1 || s.clock == -1)
        err(1, "cannot make an epoll set (descriptor limit: ulimit -n)");
    if (fcntl(s.listener, F_SETFL, O_NONBLOCK) == -1) err(1, "O_NONBLOCK");
    net_signals(on_signal);
    /* Now, and without an event: later the kernel could be out of room. */
    if (server_ask(&s, s.clock, 0, NULL) < 0) err(1, "epoll_ctl");
    net_announce(s.listener);
    server_welcome(&s);
    while (!stop)
        server_turn(&s);
    while (s.conns != NULL)
        conn_close(&s, s.conns);
    close(s.listener);
    close(s.clock);
    close(s.ep);
    return 0;
}
