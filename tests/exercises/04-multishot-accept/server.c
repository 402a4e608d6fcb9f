/* server.c - chapter 04's server, which asks once for all clients that will
 * ever come: the solution of the exercise 04-multishot-accept. Linux 5.19 or
 * later.
 *
 * One submission is answered many times. Each answer but the last has
 * IORING_CQE_F_MORE, and only the last ends the operation. */
#include "net.h"
#include "ring.h"

#include <sys/types.h>

#include <sys/socket.h>

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BUF_SIZE = 16 * 1024,
    CONNS = 4096,      /* clients at once; a few more come in, the rest waits */
    SUBMISSIONS = 256, /* places in the submission queue */
    COMPLETIONS = 4 * CONNS, /* more than can be under way: no overflow */
    BATCH = 256,             /* completions handled in one turn */
    ACCEPT_REST = 100,       /* milliseconds without accept, when out of room */
};

/* What we asked the kernel to do. Its address travels with the operation and
 * comes back with the result. A part of its owner, which stays until then. */
struct op {
    enum { ACCEPT, RECV, SEND } kind;
    struct conn *conn; /* of RECV and SEND */
};

/* One client. Made in conn_open, freed in conn_close, and not before its
 * operation is complete: until then the kernel may write to buf. */
struct conn {
    struct op op; /* one at a time: RECV or SEND */
    int fd;
    size_t len;  /* bytes in buf */
    size_t sent; /* of which the client has this many */
    struct conn *next, *prev;
    char buf[BUF_SIZE];
};

/* Lives in main. */
struct server {
    struct io_uring ring;
    int listener;
    struct op op;       /* ACCEPT, or the pause before it */
    struct conn *conns; /* all clients, the newest first */
    int conn_count;
    int asked; /* operations whose completion is still to come */
    struct __kernel_timespec rest;
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
    c->op.conn = c;
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

/* What io_uring_enter(2) answered. A signal, or no memory now: the next turn
 * tries again, and nothing is lost. */
static void
ring_check(int rc)
{
    if (rc < 0 && rc != -EINTR && rc != -EAGAIN && rc != -EBUSY)
        errx(1, "io_uring_enter: %s", strerror(-rc));
}

/* An empty place in the submission queue. When there is none, hand over what
 * the queue holds: that empties it. */
static struct io_uring_sqe *
server_sqe(struct server *s)
{
    struct io_uring_sqe *sqe;
    while ((sqe = io_uring_get_sqe(&s->ring)) == NULL)
        ring_check(io_uring_submit(&s->ring));
    return sqe;
}

/* Ask for the operation that sqe describes; the next turn tells the kernel. Its
 * completion will name op. (Last, as io_uring_prep_*() may clear the data.) */
static void
server_ask(struct server *s, struct io_uring_sqe *sqe, struct op *op, int kind)
{
    op->kind = kind;
    io_uring_sqe_set_data(sqe, op);
    s->asked++;
}

/* Ask for what the client sends. Until the answer, buf is the kernel's. */
static void
conn_fill(struct server *s, struct conn *c)
{
    assert(c->len == 0);
    struct io_uring_sqe *sqe = server_sqe(s);
    io_uring_prep_recv(sqe, c->fd, c->buf, sizeof c->buf, 0);
    server_ask(s, sqe, &c->op, RECV);
}

/* Ask to send what is left in buf. */
static void
conn_flush(struct server *s, struct conn *c)
{
    assert(c->sent < c->len);
    struct io_uring_sqe *sqe = server_sqe(s);
    io_uring_prep_send(sqe, c->fd, c->buf + c->sent, c->len - c->sent, 0);
    server_ask(s, sqe, &c->op, SEND);
}

/* Answered. res: bytes in buf; 0: the client will send no more; -errno. */
static void
conn_filled(struct server *s, struct conn *c, int res)
{
    if (res <= 0 || stop) {
        conn_close(s, c);
        return;
    }
    c->len = (size_t)res;
    conn_flush(s, c);
}

/* Answered. res: bytes that were sent, perhaps not all; -errno. */
static void
conn_flushed(struct server *s, struct conn *c, int res)
{
    if (res < 0 || stop) {
        conn_close(s, c);
        return;
    }
    c->sent += (size_t)res;
    if (c->sent < c->len) {
        conn_flush(s, c);
    } else {
        c->len = c->sent = 0;
        conn_fill(s, c);
    }
}

/* Ask to give op up. It still answers, -ECANCELED or what it had achieved; the
 * answer to this request itself has no op. */
static void
server_cancel(struct server *s, struct op *op)
{
    struct io_uring_sqe *sqe = server_sqe(s);
    io_uring_prep_cancel(sqe, op, 0);
    io_uring_sqe_set_data(sqe, NULL);
}

/* Ask for all clients that come. */
static void
server_accept(struct server *s)
{
    struct io_uring_sqe *sqe = server_sqe(s);
    io_uring_prep_multishot_accept(sqe, s->listener, NULL, NULL, 0);
    server_ask(s, sqe, &s->op, ACCEPT);
}

/* Out of room, accept fails at once, and would again: ask for a pause first.
 * It is answered as an accept with -ETIME. */
static void
server_rest(struct server *s)
{
    struct io_uring_sqe *sqe = server_sqe(s);
    io_uring_prep_timeout(sqe, &s->rest, 0, 0);
    server_ask(s, sqe, &s->op, ACCEPT);
}

/* Answered. res: the client's socket, which is ours from here on; -errno.
 * more: further answers will come. With all places taken that must end; those
 * who come in before it does are served, too. */
static void
server_accepted(struct server *s, int res, bool more)
{
    if (res == -EINVAL)
        errx(1, "no multishot accept: Linux 5.19 or later has it");
    struct conn *c = res >= 0 && !stop ? conn_open(s, res) : NULL;
    if (c != NULL)
        conn_fill(s, c);
    else if (res >= 0)
        close(res);
    if (more && s->conn_count == CONNS) server_cancel(s, &s->op);
    if (more || stop) return;
    bool again =
        c != NULL || res == -ETIME || res == -EINTR || res == -ECONNABORTED;
    if (again && s->conn_count < CONNS)
        server_accept(s);
    else
        server_rest(s);
}

/* Hand a result to the function that waits for it. */
static void
op_done(struct server *s, struct op *op, int res, bool more)
{
    if (!more) s->asked--;
    switch (op->kind) {
    case ACCEPT: server_accepted(s, res, more); break;
    case RECV: conn_filled(s, op->conn, res); break;
    case SEND: conn_flushed(s, op->conn, res); break;
    }
}

/* One turn: hand over what was asked, wait for answers, act on them. */
static void
server_turn(struct server *s)
{
    struct io_uring_cqe *cqes[BATCH];
    ring_check(io_uring_submit_and_wait(&s->ring, 1));
    unsigned n = io_uring_peek_batch_cqe(&s->ring, cqes, BATCH);
    for (unsigned i = 0; i < n; i++) {
        struct op *op = io_uring_cqe_get_data(cqes[i]);
        bool more = (cqes[i]->flags & IORING_CQE_F_MORE) != 0;
        if (op != NULL) op_done(s, op, cqes[i]->res, more);
    }
    io_uring_cq_advance(&s->ring, n); /* from here on the places are reused */
}

/* An operation outlives this process for a moment, and a pending accept would
 * keep the port busy: cancel all, and see every completion. */
static void
server_stop(struct server *s)
{
    server_cancel(s, &s->op);
    for (struct conn *c = s->conns; c != NULL; c = c->next)
        server_cancel(s, &c->op);
    while (s->asked > 0)
        server_turn(s);
    io_uring_queue_exit(&s->ring);
    close(s->listener);
}

int
main(int argc, char **argv)
{
    struct server s = {
        .listener = net_listen(argc, argv, 2),
        .rest = {.tv_nsec = ACCEPT_REST * 1000 * 1000},
    };
    int rc = ring_open(&s.ring, SUBMISSIONS, COMPLETIONS);
    if (rc < 0) errx(1, "no io_uring: %s; %s", strerror(-rc), ring_hint(rc));
    net_signals(on_signal);
    net_announce(s.listener);
    server_accept(&s);
    while (!stop)
        server_turn(&s);
    server_stop(&s);
    return 0;
}
