/* server.c - a TCP proxy on io.h: each client gets a connection to a port of
 * this machine, and what one side sends, the other gets. The solution of the
 * exercise 05-proxy.
 *
 *     server TO [PORT [HOST]]
 *
 * A connection is two pipes, one for each direction. A pipe is chapter 05's
 * struct conn with two descriptors: it receives from one, and sends to the
 * other. So the client who does not read stops the pipe, the pipe does not
 * receive, and the kernel stops the sender: backpressure needs no code. */
#include "io.h"
#include "net.h"

#include <netinet/in.h>

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

/* One direction. */
struct pipe {
    struct io_completion completion; /* one at a time: recv, send or close */
    struct link *link;
    int from, to;
    size_t len;  /* bytes in buf */
    size_t sent; /* of which `to` has this many */
    char buf[BUF_SIZE];
};

/* One client and its target. Made in link_open; freed when both pipes, each of
 * which closes the descriptor that it receives from, have closed. */
struct link {
    struct pipe up, down; /* client to target, target to client */
    int ended;            /* pipes with nothing more to do */
    int closed;           /* pipes that have closed, too */
};

/* Static, as the signal handler must find the loop. */
static struct {
    struct io_loop loop;
    int listener;
    struct io_completion completion; /* accept, or the pause before it */
    int link_count;
    struct sockaddr_in target;
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

static io_callback link_connected, pipe_filled, pipe_flushed, pipe_closed;
static io_callback server_accepted, server_rested;

/* Submit an operation of p; then callback gets its result. */
static void
pipe_ask(struct pipe *p, struct io_op op, io_callback *callback)
{
    p->completion =
        (struct io_completion){.op = op, .context = p, .callback = callback};
    io_submit(&server.loop, &p->completion);
}

/* Both directions have ended: close both descriptors. */
static void
link_close(struct link *l)
{
    pipe_ask(&l->up, io_op_close(l->up.from), pipe_closed);
    pipe_ask(&l->down, io_op_close(l->down.from), pipe_closed);
}

/* Answered. */
static void
pipe_closed(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    struct link *l = ((struct pipe *)context)->link;
    if (++l->closed < 2) return;
    server.link_count--;
    free(l);
}

/* This direction is over, nothing of it is under way. res: 0, all has arrived;
 * the other direction may go on for long. -errno: a side is lost, so it ends,
 * too: shutdown(2) makes what it waits for come back. */
static void
pipe_end(struct pipe *p, int res)
{
    int how = res == 0 ? SHUT_WR : SHUT_RDWR;
    (void)io_shutdown(p->to, how); /* it fails if that side is gone */
    if (res < 0) (void)io_shutdown(p->from, how);
    if (++p->link->ended == 2) link_close(p->link);
}

/* Ask for what comes. Until the answer, buf is the kernel's. */
static void
pipe_fill(struct pipe *p)
{
    assert(p->len == 0);
    pipe_ask(p, io_op_recv(p->from, p->buf, sizeof p->buf), pipe_filled);
}

/* Ask to send what is left in buf. */
static void
pipe_flush(struct pipe *p)
{
    assert(p->sent < p->len);
    char *rest = p->buf + p->sent;
    pipe_ask(p, io_op_send(p->to, rest, p->len - p->sent), pipe_flushed);
}

/* Answered. res: bytes in buf; 0: no more will come; -errno. */
static void
pipe_filled(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    struct pipe *p = context;
    if (res <= 0 || stop) {
        pipe_end(p, stop ? -ECANCELED : res);
        return;
    }
    p->len = (size_t)res;
    pipe_flush(p);
}

/* Answered. res: bytes that were sent, perhaps not all; -errno. */
static void
pipe_flushed(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    struct pipe *p = context;
    if (res < 0 || stop) {
        pipe_end(p, stop ? -ECANCELED : res);
        return;
    }
    p->sent += (size_t)res;
    if (p->sent < p->len) {
        pipe_flush(p);
    } else {
        p->len = p->sent = 0;
        pipe_fill(p);
    }
}

/* Connect a new client to the target. It owns fd from here on, unless it
 * answers NULL: out of memory or of descriptors. */
static struct link *
link_open(int fd)
{
    struct link *l = malloc(sizeof *l);
    int target = l != NULL ? io_socket(AF_INET) : -ENOMEM;
    if (target < 0) {
        free(l);
        return NULL;
    }
    l->ended = l->closed = 0;
    l->up.link = l->down.link = l;
    l->up.from = l->down.to = fd;
    l->down.from = l->up.to = target;
    l->up.len = l->up.sent = l->down.len = l->down.sent = 0;
    server.link_count++;
    pipe_ask(&l->up,
        io_op_connect(target, (const struct sockaddr *)&server.target,
            sizeof server.target),
        link_connected);
    return l;
}

/* Answered. res: 0, or -errno: then there is nobody to talk to. */
static void
link_connected(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    struct link *l = ((struct pipe *)context)->link;
    if (res < 0 || stop) {
        link_close(l);
        return;
    }
    pipe_fill(&l->up);
    pipe_fill(&l->down);
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
    struct link *l = res >= 0 && !stop ? link_open(res) : NULL;
    if (l == NULL && res >= 0) close(res);
    if (stop) return;
    bool again = l != NULL || res == -EINTR || res == -ECONNABORTED;
    if (again && server.link_count < CONNS)
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
    if (server.link_count < CONNS)
        server_accept();
    else
        server_rest();
}

/* The address of a port of this machine, from the first argument. */
static struct sockaddr_in
target_argument(int argc, char **argv)
{
    char *end = NULL;
    long port = argc > 1 ? strtol(argv[1], &end, 10) : 0;
    if (port < 1 || port > 65535 || *end != '\0')
        errx(2, "usage: server TO [PORT [HOST]]: TO is a port, 1 to 65535");
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
    };
}

int
main(int argc, char **argv)
{
    server.target = target_argument(argc, argv);
    server.listener = net_listen(argc - 1, argv + 1, 2);
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
