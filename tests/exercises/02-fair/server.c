/* server.c - chapter 02's server with fair turns: so many bytes for a client,
 * so many for a turn, and the next turn goes on where this one stopped. The
 * solution of the exercise 02-fair.
 * Not here: a way to know whom to try, and when (chapter 03). */
#include "net.h"

#include <sys/types.h>

#include <sys/socket.h>

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    BUF_SIZE = 16 * 1024,
    QUANTUM = 4 * 1024, /* bytes for a client, then it is the next one's turn */
    TURN = 64 * 1024,   /* bytes for all, then somebody new may come in */
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
    struct conn *conns; /* all clients, the newest first */
    struct conn *next;  /* whose turn it is; NULL: the first one's */
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
    s->conn_count--;
    if (c->next != NULL) c->next->prev = c->prev;
    if (c->prev != NULL) c->prev->next = c->next;
    if (c->prev == NULL) s->conns = c->next;
    close(c->fd);
    free(c);
}

/* Read what the client has sent into buf, at most so much. Bytes read;
 * 0: the client will send no more. -EAGAIN: nothing yet, call again when
 * readable. Other -errno: the client is lost. */
static int
conn_fill(struct conn *c, size_t most)
{
    assert(c->len == 0 && most <= sizeof c->buf);
    for (;;) {
        ssize_t n = recv(c->fd, c->buf, most, 0);
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

/* Send back what the client sends, as far as that goes without waiting, and
 * until *left, the bytes that it may still move, is 0.
 * 0: it has sent everything, and has it back. -EAGAIN: try again later.
 * Positive: there is more to do, at its next turn. Other -errno: it is lost. */
static int
conn_serve(struct conn *c, size_t *left)
{
    int rc = 1;
    while (rc > 0 && *left > 0) {
        rc = conn_flush(c);
        if (rc == 0) rc = conn_fill(c, *left);
        if (rc > 0) *left -= (size_t)rc;
    }
    int flushed = rc > 0 ? conn_flush(c) : 0; /* what was read last */
    return flushed < 0 ? flushed : rc;
}

/* Give a client its turn. Answers how many bytes it has moved. */
static size_t
conn_try(struct server *s, struct conn *c)
{
    size_t left = QUANTUM;
    int rc = conn_serve(c, &left);
    if (rc <= 0 && rc != -EAGAIN) conn_close(s, c);
    return QUANTUM - left;
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

/* One turn: see who is at the door, then try every client once, or as many as
 * the turn has bytes for. s->next moves on before its client can go. */
static void
server_turn(struct server *s)
{
    (void)server_accept(s); /* nobody there, or no room: the next turn asks */
    size_t moved = 0;
    for (int n = s->conn_count; n > 0 && moved < TURN; n--) {
        struct conn *c = s->next != NULL ? s->next : s->conns;
        s->next = c->next;
        moved += conn_try(s, c);
    }
}

/* Milliseconds from the third argument; 0: never pause. */
static long
pause_argument(int argc, char **argv)
{
    if (argc <= 3) return 0;
    char *end;
    long ms = strtol(argv[3], &end, 10);
    if (end == argv[3] || *end != '\0' || ms < 0 || ms > 10 * 1000)
        errx(2, "bad pause '%s': milliseconds, 0 to 10000", argv[3]);
    return ms;
}

int
main(int argc, char **argv)
{
    struct server s = {.listener = net_listen(argc, argv, 3)};
    long ms = pause_argument(argc, argv);
    if (fcntl(s.listener, F_SETFL, O_NONBLOCK) == -1) err(1, "O_NONBLOCK");
    net_signals(on_signal);
    net_announce(s.listener);
    while (!stop) {
        server_turn(&s);
        /* When to try again? Any pause is too long for a client that waits,
         * and too short for a processor that has nothing to do. */
        struct timespec pause = {ms / 1000, ms % 1000 * 1000 * 1000};
        if (ms > 0) nanosleep(&pause, NULL);
    }
    while (s.conns != NULL)
        conn_close(&s, s.conns);
    close(s.listener);
    return 0;
}
