/* libuv.c - the same answer on libuv's event loop: see ../null.h. It shows what
 * that loop costs. */
#include "null.h"

#include <uv.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

enum { IN = 16 * 1024 };

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

/* uv_try_write spares the memory for a uv_write: the fastest way here. */
static void
on_read(uv_stream_t *client, ssize_t n, const uv_buf_t *buffer)
{
    if (n == 0) return; /* libuv's EAGAIN */
    size_t size = 0;
    const char *answer =
        n > 0 ? null_answer(buffer->base, (size_t)n, &size) : NULL;
    uv_buf_t out = uv_buf_init((char *)answer, (unsigned)size);
    if (answer == NULL || uv_try_write(client, &out, 1) != (int)size)
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
    null_begin();
    if (uv_tcp_init(uv_default_loop(), &listener) != 0 ||
        uv_ip4_addr("127.0.0.1", 0, &a) != 0 ||
        uv_tcp_bind(&listener, (struct sockaddr *)&a, 0) != 0 ||
        uv_listen((uv_stream_t *)&listener, 4096, on_client) != 0)
        errx(1, "cannot listen");
    announce(&listener);
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
