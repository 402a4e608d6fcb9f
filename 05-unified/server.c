/* server.c - callback_server.c of chapter 04 on io.h: the same steps, and no
 * word of which kernel takes them. The loop half is now io.c, and io_uring.c or
 * io_kqueue.c.
 * Not here: a limit on how long a client may be silent (chapter 06). */
#include "io.h"
#include "net.h"

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
    CONNS = 4096, /* clients at once; further ones wait to be accepted */
    ACCEPT_REST = 100 * 1000 * 1000, /* nanoseconds without, when out of room */
};

/* One client. Made in conn_open, freed in conn_closed, and not before its
 * operation is complete: until then the kernel may write to buf. */
struct conn {
    struct io_completion completion; /* one at a time: recv, send or close */
    int fd;
    size_t len;  /* bytes in buf */
    size_t sent; /* of which the client has this many */
    char buf[BUF_SIZE];
};

/* Static, as the signal handler must find the loop. */
static struct {
    struct io_loop loop;
    int listener;
    struct io_completion completion; /* accept, or the pause before it */
    int conn_count;
} server;

static volatile sig_atomic_t stop;

/* End the loop: the wait that it is in, or the one that is about to begin. */
static void
on_signal(int sig)
{
    (void)sig;
    if (stop) return; /* the loop knows; it may even have ended */
    stop = 1;
    io_wake(&server.loop);
}

static io_callback conn_filled, conn_flushed, conn_closed;
static io_callback server_accepted, server_rested;

/* Submit an operation on c; then callback gets its result. */
static void
conn_ask(struct conn *c, struct io_op op, io_callback *callback)
{
    c->completion =
        (struct io_completion){.op = op, .context = c, .callback = callback};
    io_submit(&server.loop, &c->completion);
}

/* Remember a new client. It owns fd from here on. NULL: out of memory. */
static struct conn *
conn_open(int fd)
{
    struct conn *c = malloc(sizeof *c);
    if (c == NULL) return NULL;
    c->fd = fd;
    c->len = c->sent = 0;
    server.conn_count++;
    return c;
}

/* The client is done or lost. */
static void
conn_close(struct conn *c)
{
    conn_ask(c, io_op_close(c->fd), conn_closed);
}

/* Answered. */
static void
conn_closed(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    server.conn_count--;
    free(context);
}

/* Ask for what the client sends. Until the answer, buf is the kernel's. */
static void
conn_fill(struct conn *c)
{
    assert(c->len == 0);
    conn_ask(c, io_op_recv(c->fd, c->buf, sizeof c->buf), conn_filled);
}

/* Ask to send what is left in buf. */
static void
conn_flush(struct conn *c)
{
    assert(c->sent < c->len);
    char *rest = c->buf + c->sent;
    conn_ask(c, io_op_send(c->fd, rest, c->len - c->sent), conn_flushed);
}

/* Answered. res: bytes in buf; 0: the client will send no more; -errno. */
static void
conn_filled(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    struct conn *c = context;
    if (res <= 0 || stop) {
        conn_close(c);
        return;
    }
    c->len = (size_t)res;
    conn_flush(c);
}

/* Answered. res: bytes that were sent, perhaps not all; -errno. */
static void
conn_flushed(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    struct conn *c = context;
    if (res < 0 || stop) {
        conn_close(c);
        return;
    }
    c->sent += (size_t)res;
    if (c->sent < c->len) {
        conn_flush(c);
    } else {
        c->len = c->sent = 0;
        conn_fill(c);
    }
}

static void
server_ask(struct io_op op, io_callback *callback)
{
    server.completion = (struct io_completion){.op = op, .callback = callback};
    io_submit(&server.loop, &server.completion);
}

/* Ask for the next client. */
static void
server_accept(void)
{
    server_ask(io_op_accept(server.listener), server_accepted);
}

/* Out of room, accept fails at once, and would again: ask for a pause first. */
static void
server_rest(void)
{
    server_ask(io_op_timeout(ACCEPT_REST), server_rested);
}

/* Answered. res: the client's socket, which is ours from here on; -errno. */
static void
server_accepted(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    struct conn *c = res >= 0 && !stop ? conn_open(res) : NULL;
    if (c != NULL)
        conn_fill(c);
    else if (res >= 0)
        close(res);
    if (stop) return;
    bool again = c != NULL || res == -EINTR || res == -ECONNABORTED;
    if (again && server.conn_count < CONNS)
        server_accept();
    else
        server_rest();
}

/* Answered. */
static void
server_rested(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    if (stop) return;
    if (server.conn_count < CONNS)
        server_accept();
    else
        server_rest();
}

int
main(int argc, char **argv)
{
    server.listener = net_listen(argc, argv, 2);
    int rc = io_init(&server.loop, 0);
    if (rc < 0) errx(1, "no event loop: %s; %s", strerror(-rc), io_hint(rc));
    if ((rc = io_adopt(server.listener)) < 0)
        errx(1, "cannot use the socket: %s", strerror(-rc));
    net_signals(on_signal);
    net_announce(server.listener);
    server_accept();
    while (!stop)
        io_tick(&server.loop, IO_FOREVER);
    io_cancel_all(&server.loop); /* each answers, and nothing new is asked */
    while (io_busy(&server.loop) > 0)
        io_tick(&server.loop, IO_FOREVER);
    io_deinit(&server.loop);
    close(server.listener);
    return 0;
}
