/* server.c - chapter 04's server, in which the kernel chooses the buffer, when
 * bytes have come: the solution of the exercise 04-buffer-ring. A client that
 * says nothing has none. Linux 5.19 or later.
 *
 * Buffers lie in a ring that the kernel takes them from. When it finds none
 * (ENOBUFS), all are on their way back to clients; then we make one more. So
 * there are never more than clients with bytes on their way, and a few. */
#include "net.h"
#include "ring.h"

#include <sys/types.h>

#include <sys/mman.h>
#include <sys/socket.h>

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BUF_SIZE = 16 * 1024,
    SPARE = 64,        /* buffers that stay when nobody needs them */
    GROUP = 0,         /* the name of our ring of buffers: any number */
    CONNS = 4096,      /* clients at once; further ones wait to be accepted */
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
 * operation is complete: until then the kernel may read from buf. */
struct conn {
    struct op op; /* one at a time: RECV or SEND */
    int fd;
    size_t len;  /* bytes in buf */
    size_t sent; /* of which the client has this many */
    struct conn *next, *prev;
    char *buf;  /* lent to it by the server, or NULL */
    int number; /* of buf */
};

/* A buffer is in the ring, or lent to a client, or has no memory. There is a
 * number for each client: none can need two. */
struct buffers {
    struct io_uring_buf_ring *ring; /* CONNS places, in memory of ours */
    char *at[CONNS];                /* by number; NULL: no memory */
    int in_ring;                    /* as far as we have heard */
    int unused_count;
    int unused[CONNS]; /* numbers without memory */
};

/* Lives in main. */
struct server {
    struct io_uring ring;
    int listener;
    struct op op;       /* ACCEPT, or the pause before it */
    struct conn *conns; /* all clients, the newest first */
    int conn_count;
    int asked; /* operations whose completion is still to come */
    struct buffers buffers;
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

/* Hand a buffer to the kernel. It sees it when the ring advances. */
static void
buffers_give(struct buffers *b, int number)
{
    io_uring_buf_ring_add(b->ring, b->at[number], BUF_SIZE,
        (unsigned short)number, io_uring_buf_ring_mask(CONNS), 0);
    io_uring_buf_ring_advance(b->ring, 1);
    b->in_ring++;
}

/* Make one more buffer. False: out of memory. */
static bool
buffers_grow(struct buffers *b)
{
    assert(b->unused_count > 0);
    int number = b->unused[b->unused_count - 1];
    b->at[number] = malloc(BUF_SIZE);
    if (b->at[number] == NULL) return false;
    b->unused_count--;
    buffers_give(b, number);
    return true;
}

/* A client does not need it any more. */
static void
buffers_return(struct buffers *b, int number)
{
    if (b->in_ring < SPARE) {
        buffers_give(b, number);
    } else {
        free(b->at[number]);
        b->at[number] = NULL;
        b->unused[b->unused_count++] = number;
    }
}

/* The ring is memory that we share with the kernel, whole pages of it. */
static void
buffers_open(struct buffers *b, struct io_uring *ring)
{
    size_t size = CONNS * sizeof(struct io_uring_buf);
    b->ring = mmap(
        NULL, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (b->ring == MAP_FAILED) err(1, "mmap");
    struct io_uring_buf_reg reg = {
        .ring_addr = (uintptr_t)b->ring, .ring_entries = CONNS, .bgid = GROUP};
    int rc = io_uring_register_buf_ring(ring, &reg, 0);
    if (rc < 0)
        errx(1, "no ring of buffers: %s; Linux 5.19 or later has it",
            strerror(-rc));
    io_uring_buf_ring_init(b->ring);
    for (int i = 0; i < CONNS; i++)
        b->unused[b->unused_count++] = i;
    for (int i = 0; i < SPARE; i++)
        if (!buffers_grow(b)) err(1, "malloc");
}

/* The kernel has let go of the ring. */
static void
buffers_close(struct buffers *b)
{
    for (int i = 0; i < CONNS; i++)
        free(b->at[i]);
    (void)munmap(b->ring, CONNS * sizeof(struct io_uring_buf));
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
    c->buf = NULL;
    c->prev = NULL;
    c->next = s->conns;
    if (c->next != NULL) c->next->prev = c;
    s->conns = c;
    s->conn_count++;
    return c;
}

/* What the kernel has received for this client lies in this buffer. */
static void
conn_lend(struct server *s, struct conn *c, int number)
{
    assert(c->buf == NULL);
    s->buffers.in_ring--;
    c->number = number;
    c->buf = s->buffers.at[number];
}

static void
conn_return(struct server *s, struct conn *c)
{
    if (c->buf != NULL) buffers_return(&s->buffers, c->number);
    c->buf = NULL;
    c->len = c->sent = 0;
}

/* The client is done or lost. */
static void
conn_close(struct server *s, struct conn *c)
{
    conn_return(s, c);
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

/* Ask for what the client sends, in a buffer from the ring. */
static void
conn_fill(struct server *s, struct conn *c)
{
    assert(c->len == 0);
    struct io_uring_sqe *sqe = server_sqe(s);
    io_uring_prep_recv(sqe, c->fd, NULL, BUF_SIZE, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
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

/* There was no buffer. If one has come back meanwhile, it may be free now. */
static void
conn_refill(struct server *s, struct conn *c)
{
    if (s->buffers.in_ring > 0 || buffers_grow(&s->buffers))
        conn_fill(s, c);
    else
        conn_close(s, c);
}

/* Answered. res: bytes in a buffer; 0: the client will send no more; -errno.
 * flags: which buffer it is, if there is one. */
static void
conn_filled(struct server *s, struct conn *c, int res, unsigned flags)
{
    if (flags & IORING_CQE_F_BUFFER)
        conn_lend(s, c, (int)(flags >> IORING_CQE_BUFFER_SHIFT));
    if (res == -ENOBUFS && !stop) {
        conn_refill(s, c);
        return;
    }
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
        conn_return(s, c);
        conn_fill(s, c);
    }
}

/* Ask for the next client. */
static void
server_accept(struct server *s)
{
    struct io_uring_sqe *sqe = server_sqe(s);
    io_uring_prep_accept(sqe, s->listener, NULL, NULL, 0);
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

/* Answered. res: the client's socket, which is ours from here on; -errno. */
static void
server_accepted(struct server *s, int res)
{
    struct conn *c = res >= 0 && !stop ? conn_open(s, res) : NULL;
    if (c != NULL)
        conn_fill(s, c);
    else if (res >= 0)
        close(res);
    if (stop) return;
    bool again =
        c != NULL || res == -ETIME || res == -EINTR || res == -ECONNABORTED;
    if (again && s->conn_count < CONNS)
        server_accept(s);
    else
        server_rest(s);
}

/* Hand a result to the function that waits for it. */
static void
op_done(struct server *s, struct op *op, int res, unsigned flags)
{
    s->asked--;
    switch (op->kind) {
    case ACCEPT: server_accepted(s, res); break;
    case RECV: conn_filled(s, op->conn, res, flags); break;
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
        if (op != NULL) op_done(s, op, cqes[i]->res, cqes[i]->flags);
    }
    io_uring_cq_advance(&s->ring, n); /* from here on the places are reused */
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
    buffers_close(&s->buffers);
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
    buffers_open(&s.buffers, &s.ring);
    net_signals(on_signal);
    net_announce(s.listener);
    server_accept(&s);
    while (!stop)
        server_turn(&s);
    server_stop(&s);
    return 0;
}
