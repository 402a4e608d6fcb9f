/* libuv.c - the same answer on libuv's event loop. It reads nothing of a
 * request but its end, as ../null_epoll.c does, so it is no HTTP server: it
 * shows what the loop costs. A request that comes in two pieces ends the
 * connection. */
#include <uv.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IN = 16 * 1024, PIPELINE_MOST = 64 };

static const char answer[] = "HTTP/1.1 200 OK\r\n"
                             "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                             "Content-Type: text/plain\r\n"
                             "Content-Length: 13\r\n"
                             "Connection: keep-alive\r\n\r\n"
                             "Hello, world\n";

static char
    answers[PIPELINE_MOST * (sizeof answer - 1)]; /* one after another */
static char in[IN]; /* all clients': it is read in the callback */

static void
on_alloc(uv_handle_t *client, size_t wanted, uv_buf_t *buffer)
{
    (void)client;
    (void)wanted;
    *buffer = uv_buf_init(in, sizeof in);
}

static void
on_close(uv_handle_t *client)
{
    free(client);
}

/* How many requests end in these bytes. -1: not at their end, or too many. */
static int
requests_count(const char *at, size_t length)
{
    const char *end = at + length;
    int count = 0;
    while (at < end) {
        at = memmem(at, (size_t)(end - at), "\r\n\r\n", 4);
        if (at == NULL || ++count > PIPELINE_MOST) return -1;
        at += 4;
    }
    return count;
}

/* uv_try_write spares the memory for a uv_write: the fastest way here. */
static void
on_read(uv_stream_t *client, ssize_t n, const uv_buf_t *buffer)
{
    if (n == 0) return; /* libuv's EAGAIN */
    int count = n > 0 ? requests_count(buffer->base, (size_t)n) : -1;
    unsigned length = (unsigned)((size_t)count * (sizeof answer - 1));
    uv_buf_t out = uv_buf_init(answers, length);
    if (count < 0 || uv_try_write(client, &out, 1) != (int)length)
        uv_close((uv_handle_t *)client, on_close);
}

static void
on_client(uv_stream_t *listener, int status)
{
    uv_tcp_t *client = status == 0 ? malloc(sizeof *client) : NULL;
    if (client == NULL) return;
    if (uv_tcp_init(listener->loop, client) != 0) {
        free(client);
    } else if (uv_accept(listener, (uv_stream_t *)client) != 0 ||
               uv_tcp_nodelay(client, 1) != 0 ||
               uv_read_start((uv_stream_t *)client, on_alloc, on_read) != 0) {
        uv_close((uv_handle_t *)client, on_close);
    }
}

static void
announce(const uv_tcp_t *listener)
{
    struct sockaddr_in a;
    int length = sizeof a;
    if (uv_tcp_getsockname(listener, (struct sockaddr *)&a, &length) != 0)
        errx(1, "no name");
    printf("listening on 127.0.0.1:%d\n", ntohs(a.sin_port));
    fflush(stdout);
}

int
main(void)
{
    uv_tcp_t listener;
    struct sockaddr_in a;
    for (size_t i = 0; i < PIPELINE_MOST; i++)
        memcpy(answers + i * (sizeof answer - 1), answer, sizeof answer - 1);
    if (uv_tcp_init(uv_default_loop(), &listener) != 0 ||
        uv_ip4_addr("127.0.0.1", 0, &a) != 0 ||
        uv_tcp_bind(&listener, (struct sockaddr *)&a, 0) != 0 ||
        uv_listen((uv_stream_t *)&listener, 4096, on_client) != 0)
        errx(1, "cannot listen");
    announce(&listener);
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
