/* hello_server.c - the smallest server with callbacks that a browser can talk
 * to: each function ends by asking for the next step, and never waits.
 *
 *     server_start -> on_accept -> on_accept -> ...
 *     conn_init -> on_recv -> on_send -> on_recv -> ... -> on_close
 *
 * Not here: limits, deadlines, bodies, files, an orderly end (server.c). */
#include "http.h"
#include "io.h"
#include "net.h"

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_MAX = 256 };

struct server {
    struct io_completion completion; /* accept, or the pause before it */
    int listener;
};

/* One client. Made in on_accept, freed by itself in on_close. */
struct conn {
    struct io_completion completion; /* one at a time: recv, send or close */
    int fd;
    struct http_request request;
    size_t len; /* bytes in buf, from the request that is being read on */
    char buf[HTTP_HEAD_MAX];
    size_t answer_len, answer_sent;
    char answer[ANSWER_MAX];
};

static struct io_loop loop; /* static, as on_signal must find it */
static volatile sig_atomic_t stop;

static io_callback on_accept, on_pause, on_recv, on_send, on_close;

static void
on_signal(int sig)
{
    (void)sig;
    if (stop) return; /* the loop knows; it may even have ended */
    stop = 1;
    io_wake(&loop);
}

/* ---- The connection ----------------------------------------------------- */

static void
conn_submit(struct conn *c, struct io_op op, io_callback *callback)
{
    c->completion =
        (struct io_completion){.op = op, .context = c, .callback = callback};
    io_submit(&loop, &c->completion);
}

static void
conn_close(struct conn *c)
{
    conn_submit(c, io_op_close(c->fd), on_close);
}

static void
conn_recv(struct conn *c)
{
    assert(c->len < sizeof c->buf);
    char *end = c->buf + c->len;
    conn_submit(c, io_op_recv(c->fd, end, sizeof c->buf - c->len), on_recv);
}

static void
conn_send(struct conn *c)
{
    const char *rest = c->answer + c->answer_sent;
    size_t len = c->answer_len - c->answer_sent;
    conn_submit(c, io_op_send(c->fd, rest, len), on_send);
}

/* What the request deserves. */
static void
conn_respond(struct conn *c)
{
    struct http_request *request = &c->request;
    bool found = http_slice_equals(request->path, "/hello");
    if (request->chunked || request->content_length > 0)
        request->keep_alive = false; /* the body would look like a request */
    const char *body = found ? "Hello, world\n" : "Not found\n";
    int n = snprintf(c->answer, sizeof c->answer,
        "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
        "Connection: %s\r\n\r\n%s",
        found ? "200 OK" : "404 Not Found", strlen(body),
        request->keep_alive ? "keep-alive" : "close",
        request->method == HTTP_HEAD ? "" : body);
    assert(n > 0 && (size_t)n < sizeof c->answer);
    c->answer_len = (size_t)n;
    c->answer_sent = 0;
}

/* Go on with what has come: answer a request, or wait for the rest of it. */
static void
conn_next(struct conn *c)
{
    int n = http_request_parse(&c->request, c->buf, c->len);
    if (n < 0) {
        conn_close(c); /* no HTTP */
    } else if (n == 0) {
        conn_recv(c);
    } else {
        conn_respond(c);
        c->len -= (size_t)n; /* a client may send requests in advance */
        memmove(c->buf, c->buf + n, c->len);
        conn_send(c);
    }
}

/* The client sent something; 0: it will send no more. */
static void
on_recv(void *context, struct io_loop *l, struct io_completion *done, int res)
{
    struct conn *c = context;
    if (res <= 0 || stop) {
        conn_close(c);
        return;
    }
    c->len += (size_t)res;
    conn_next(c);
}

/* The client got a part of the answer, or all: then the cycle starts again. */
static void
on_send(void *context, struct io_loop *l, struct io_completion *done, int res)
{
    struct conn *c = context;
    if (res > 0) c->answer_sent += (size_t)res;
    if (res < 0 || stop) {
        conn_close(c);
    } else if (c->answer_sent < c->answer_len) {
        conn_send(c);
    } else if (c->request.keep_alive) {
        http_request_init(&c->request);
        conn_next(c);
    } else {
        conn_close(c);
    }
}

/* Nothing is under way any more: the memory can go. */
static void
on_close(void *context, struct io_loop *l, struct io_completion *done, int res)
{
    free(context);
}

static void
conn_init(struct conn *c, int fd)
{
    c->fd = fd;
    c->len = 0;
    http_request_init(&c->request);
    conn_recv(c);
}

/* ---- The server --------------------------------------------------------- */

static void
server_submit(struct server *s, struct io_op op, io_callback *callback)
{
    s->completion =
        (struct io_completion){.op = op, .context = s, .callback = callback};
    io_submit(&loop, &s->completion);
}

static void
server_start(struct server *s)
{
    server_submit(s, io_op_accept(s->listener), on_accept);
}

/* A client, fd, or -errno. Then the next one: accept is a cycle, too. */
static void
on_accept(void *context, struct io_loop *l, struct io_completion *done, int fd)
{
    struct conn *c = fd >= 0 && !stop ? malloc(sizeof *c) : NULL;
    if (c != NULL)
        conn_init(c, fd);
    else if (fd >= 0)
        close(fd);
    if (stop) return;
    if (c != NULL || fd == -EINTR || fd == -ECONNABORTED)
        server_start(context);
    else /* out of descriptors or memory: it would fail at once again */
        server_submit(context, io_op_timeout(100 * 1000 * 1000), on_pause);
}

static void
on_pause(void *context, struct io_loop *l, struct io_completion *done, int res)
{
    if (!stop) server_start(context);
}

int
main(int argc, char **argv)
{
    struct server s = {.listener = net_listen(argc, argv, 2)};
    int rc = io_init(&loop, 0);
    if (rc < 0) errx(1, "no event loop: %s; %s", strerror(-rc), io_hint(rc));
    if ((rc = io_adopt(s.listener)) < 0)
        errx(1, "cannot use the socket: %s", strerror(-rc));
    net_signals(on_signal);
    net_announce(s.listener);
    server_start(&s);
    while (!stop)
        io_tick(&loop, IO_FOREVER);
    io_cancel_all(&loop); /* each answers, and nothing new is asked */
    while (io_busy(&loop) > 0)
        io_tick(&loop, IO_FOREVER);
    io_deinit(&loop);
    close(s.listener);
    return 0;
}
