/* server.c - hello_server.c, made safe: whatever a client sends, and however
 * slowly, it gets a right answer or is dropped, and all others are served.
 *
 *            accept              request complete            answer sent
 *     (door) ------> RECEIVING --------------------> SENDING ------------+
 *                     ^   |  refused, or the last one: answer, "close"   |
 *                     +---|----------------------------------------------+
 *                         | end of stream, lost, too slow       | "close"
 *                         v                                     v
 *                      CLOSING <---------- end of stream --- LINGERING
 *
 * Not here: bodies of requests (the connection is closed after the answer),
 * files, more than one thread, TLS. */
#include "answer.h"
#include "deadline.h"
#include "http.h"
#include "io.h"
#include "net.h"
#include "options.h"
#include "page.h"

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CONNS = 16 * 1024,    /* clients at once; further ones wait for accept */
    OUT_SIZE = 32 * 1024, /* answers to requests that came together */
    SECOND = 1000 * 1000 * 1000,
    ACCEPT_REST = SECOND / 10, /* without accept, when out of room */
};

/* What the connection waits for. */
enum conn_state { RECEIVING, SENDING, LINGERING, CLOSING };

/* One client. Made in server_accepted, freed in conn_closed. */
struct conn {
    struct io_completion completion; /* one at a time */
    enum conn_state state;
    int fd;
    struct deadline deadline;    /* by then it must have got on */
    struct http_request request; /* being read; it begins at in */
    bool last;                   /* close after the answers in out */
    size_t in_len;
    size_t out_len, out_sent;
    char in[HTTP_HEAD_MAX];
    char out[OUT_SIZE];
};

/* Static, as on_signal must find the loop. */
static struct {
    struct io_loop loop;
    int listener;
    struct io_completion door; /* accept, or the pause before it */
    struct deadlines deadlines;
    int conn_count;
} server;

static volatile sig_atomic_t stop;

static io_callback conn_received, conn_sent, conn_closed;
static io_callback server_accepted, server_rested;

static void
on_signal(int sig)
{
    stop = sig;
    io_wake(&server.loop);
}

/* ---- The connection ----------------------------------------------------- */

/* It has got on, so it has the full time again: when it connects, when a
 * request begins or is complete, when a part of an answer is taken. Not for a
 * part of a request: a client that sends a byte a second gains nothing. */
static void
conn_extend(struct conn *c)
{
    deadline_set(&server.deadlines, &c->deadline);
}

static void
conn_ask(struct conn *c, enum conn_state state, struct io_op op,
    io_callback *callback)
{
    c->state = state;
    c->completion =
        (struct io_completion){.op = op, .context = c, .callback = callback};
    io_submit(&server.loop, &c->completion);
}

static void
conn_close(struct conn *c)
{
    conn_ask(c, CLOSING, io_op_close(c->fd), conn_closed);
}

static void
conn_closed(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    struct conn *c = context;
    deadline_clear(&server.deadlines, &c->deadline);
    server.conn_count--;
    free(c);
}

/* Ask for the rest of a request, or for a new one. */
static void
conn_receive(struct conn *c)
{
    assert(c->in_len < sizeof c->in);
    char *end = c->in + c->in_len;
    conn_ask(c, RECEIVING, io_op_recv(c->fd, end, sizeof c->in - c->in_len),
        conn_received);
}

/* Ask to send what is left of the answers. */
static void
conn_send(struct conn *c)
{
    assert(c->out_sent < c->out_len);
    char *rest = c->out + c->out_sent;
    conn_ask(c, SENDING, io_op_send(c->fd, rest, c->out_len - c->out_sent),
        conn_sent);
}

/* All is said. A close with bytes of the client unread would be a reset, and
 * could destroy the last answer on its way (RFC 9112 section 9.6). So only our
 * side ends; what comes is read and forgotten. */
static void
conn_linger(struct conn *c)
{
    (void)io_shutdown(c->fd, SHUT_WR); /* it fails if the client is gone */
    conn_ask(
        c, LINGERING, io_op_recv(c->fd, c->in, sizeof c->in), conn_received);
}

/* Write an answer behind those that wait in out. */
static void
conn_answer(struct conn *c, struct answer *a)
{
    a->head_only = c->request.method == HTTP_HEAD;
    a->keep_alive = !c->last;
    a->wallclock = io_wallclock();
    c->out_len += answer_write(a, c->out + c->out_len);
}

/* The request cannot be understood, or took too long. */
static void
conn_refuse(struct conn *c, int status)
{
    c->last = true; /* nobody knows where the next request would begin */
    conn_answer(c, &(struct answer){.status = status});
}

/* Answer the request that was read. */
static void
conn_respond(struct conn *c)
{
    const struct http_request *r = &c->request;
    struct answer a = {.status = 404};
    char path[16]; /* no path of ours is longer: then it is 404, too */
    if (http_path_decode(r->path, path, sizeof path) < 0) path[0] = '\0';
    c->last = !r->keep_alive || r->chunked || r->content_length > 0 || stop;
    if (r->method != HTTP_GET && r->method != HTTP_HEAD) {
        a.status = r->method == HTTP_OTHER ? 501 : 405;
        a.allow = r->method == HTTP_OTHER ? NULL : "GET, HEAD";
    } else if (strcmp(path, "/hello") == 0) {
        a = (struct answer){200, .body = "Hello, world\n", .length = 13};
    } else if (strcmp(path, "/") == 0) {
        a = (struct answer){200, "text/html; charset=utf-8", .body = page,
            .length = page_length};
    }
    conn_answer(c, &a);
}

/* Answer the requests that have come, as far as there is room for answers. All
 * answers leave in one send. */
static void
conn_next(struct conn *c)
{
    size_t used = 0, longest = ANSWER_HEAD_MAX + page_length;
    assert(longest <= sizeof c->out);
    c->out_len = c->out_sent = 0;
    while (!c->last && sizeof c->out - c->out_len >= longest) {
        int n = http_request_parse(&c->request, c->in + used, c->in_len - used);
        if (n == 0) break;
        if (n < 0) conn_refuse(c, -n);
        if (n < 0) break;
        conn_respond(c);
        used += (size_t)n;
        http_request_init(&c->request);
    }
    c->in_len -= used;
    if (used > 0) {
        memmove(c->in, c->in + used, c->in_len);
        http_request_init(&c->request); /* what it has read has moved */
    }
    if (c->out_len > 0) {
        conn_extend(c);
        conn_send(c);
    } else {
        conn_receive(c);
    }
}

/* Bytes of a request; 0: the client will send no more. -ECANCELED: its time is
 * over, or the server ends. */
static void
conn_received(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    struct conn *c = context;
    bool given_up = res == -ECANCELED && c->state == RECEIVING;
    if (given_up && c->in_len > 0 && !stop) {
        conn_refuse(c, 408);
        conn_send(c);
    } else if ((given_up || res > 0) && (stop || c->state == LINGERING)) {
        conn_linger(c); /* it may still be reading an answer */
    } else if (res <= 0) {
        conn_close(c);
    } else {
        if (c->in_len == 0) conn_extend(c);
        c->in_len += (size_t)res;
        conn_next(c);
    }
}

/* The client took some of the answers, or all. */
static void
conn_sent(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    struct conn *c = context;
    if (res < 0) {
        conn_close(c);
        return;
    }
    c->out_sent += (size_t)res;
    conn_extend(c);
    if (c->out_sent < c->out_len)
        conn_send(c);
    else if (c->last || stop)
        conn_linger(c);
    else
        conn_next(c);
}

static void
conn_open(struct conn *c, int fd)
{
    c->fd = fd;
    c->last = false;
    c->in_len = c->out_len = c->out_sent = 0;
    c->deadline = (struct deadline){.completion = &c->completion};
    http_request_init(&c->request);
    server.conn_count++;
    conn_extend(c);
    conn_receive(c);
}

/* ---- The server --------------------------------------------------------- */

static void
server_ask(struct io_op op, io_callback *callback)
{
    server.door = (struct io_completion){.op = op, .callback = callback};
    io_submit(&server.loop, &server.door);
}

/* Ask for the next client; without room, for a pause: it would fail at once. */
static void
server_accept(bool room)
{
    if (stop) return;
    if (room && server.conn_count < CONNS)
        server_ask(io_op_accept(server.listener), server_accepted);
    else
        server_ask(io_op_timeout(ACCEPT_REST), server_rested);
}

/* A client's socket, or -errno. */
static void
server_accepted(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    struct conn *c = res >= 0 && !stop ? malloc(sizeof *c) : NULL;
    if (c != NULL)
        conn_open(c, res);
    else if (res >= 0)
        close(res);
    server_accept(c != NULL || res == -EINTR || res == -ECONNABORTED);
}

static void
server_rested(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    server_accept(true);
}

/* No new clients and no new requests. Answers have a second to be taken, the
 * rest a quarter. Then all is canceled; what won against that, once more. */
static void
server_drain(void)
{
    bool sending = true;
    io_cancel(&server.loop, &server.door);
    deadlines_stop(&server.deadlines);
    for (int i = 0; i < 4 && sending; i++) {
        sending = false;
        for (struct deadline *d = server.deadlines.first; d; d = d->next) {
            const struct conn *c = d->completion->context;
            if (c->state == RECEIVING) io_cancel(&server.loop, d->completion);
            if (c->state == SENDING) sending = true;
        }
        io_run_for(&server.loop, SECOND / 4);
    }
    while (io_busy(&server.loop) > 0) {
        io_cancel_all(&server.loop);
        io_tick(&server.loop, IO_FOREVER);
    }
}

int
main(int argc, char **argv)
{
    struct options options = options_read(argc, argv);
    server.listener = net_listen_on(options.port, options.host);
    int rc = io_init(&server.loop, 0);
    if (rc < 0) errx(1, "no event loop: %s; %s", strerror(-rc), io_hint(rc));
    if ((rc = io_adopt(server.listener)) < 0)
        errx(1, "cannot use the socket: %s", strerror(-rc));
    deadlines_init(
        &server.deadlines, &server.loop, (uint64_t)options.timeout * SECOND);
    net_signals(on_signal);
    net_announce(server.listener);
    server_accept(true);
    while (!stop)
        io_tick(&server.loop, IO_FOREVER);
    server_drain();
    io_deinit(&server.loop);
    close(server.listener);
    return 0;
}
