/* trace_io.c - for chapters 05 and 06, on either kernel: logs io_submit, each
 * wait of io_tick, and each callback. */
#include "trace.h"

#include "io.h"

#include <stdio.h>
#include <stdlib.h>

/* The callback of a completion that is under way is ours; here is its own. */
enum { UNDER_WAY = 64 };
static struct {
    struct io_completion *completion; /* NULL: the place is free */
    io_callback *callback;
} under_way[UNDER_WAY];

/* "recv(8)". The answer lasts until the next call. */
static const char *
op_text(const struct io_op *op)
{
    static const char *const names[] = {[IO_NOP] = "nop",
        [IO_ACCEPT] = "accept",
        [IO_CONNECT] = "connect",
        [IO_RECV] = "recv",
        [IO_SEND] = "send",
        [IO_READABLE] = "readable",
        [IO_OPEN] = "open",
        [IO_READ] = "read",
        [IO_WRITE] = "write",
        [IO_FSYNC] = "fsync",
        [IO_CLOSE] = "close",
        [IO_TIMEOUT] = "timeout",
        [IO_WAKE] = "wake"};
    static char text[40];
    if (op->kind == IO_TIMEOUT)
        snprintf(text, sizeof text, "timeout %llu ms",
            (unsigned long long)(op->timeout.after / 1000000));
    else if (op->fd < 0)
        snprintf(text, sizeof text, "%s", names[op->kind]);
    else
        snprintf(text, sizeof text, "%s(%d)", names[op->kind], op->fd);
    return text;
}

/* The place of this completion; of NULL: a free one. */
static int
place_of(const struct io_completion *c)
{
    for (int i = 0; i < UNDER_WAY; i++)
        if (under_way[i].completion == c) return i;
    abort(); /* more operations than one client needs */
}

static io_callback on_done;

/* Log the callback, and make it. In front is the address of its second byte:
 * of a call it would be the one behind. */
static void
on_done(void *context, struct io_loop *loop, struct io_completion *c, int res)
{
    int place = place_of(c);
    io_callback *callback = under_way[place].callback;
    under_way[place].completion = NULL;
    c->callback = callback;
    trace_put("0x%lx callback: %s", (unsigned long)(uintptr_t)callback + 1,
        op_text(&c->op));
    trace_answer(res);
    trace_end();
    callback(context, loop, c, res);
}

void __real_io_submit(struct io_loop *loop, struct io_completion *c);
void __wrap_io_submit(struct io_loop *loop, struct io_completion *c);
void __real_io_cancel(struct io_loop *loop, struct io_completion *c);
void __wrap_io_cancel(struct io_loop *loop, struct io_completion *c);
void __real_io_cancel_all(struct io_loop *loop);
void __wrap_io_cancel_all(struct io_loop *loop);
void __real_backend_wait(struct io_loop *loop, uint64_t timeout);
void __wrap_backend_wait(struct io_loop *loop, uint64_t timeout);

/* The caller's caller can be told as all is built with frame pointers. */
#pragma GCC diagnostic ignored "-Wframe-address"

/* Two addresses: the caller is often a helper, conn_ask for one. */
void
__wrap_io_submit(struct io_loop *loop, struct io_completion *c)
{
    trace_put("%p %p io_submit: %s", __builtin_return_address(0),
        __builtin_return_address(1), op_text(&c->op));
    trace_end();
    int place = place_of(NULL);
    under_way[place].completion = c;
    under_way[place].callback = c->callback;
    c->callback = on_done;
    __real_io_submit(loop, c);
}

void
__wrap_io_cancel(struct io_loop *loop, struct io_completion *c)
{
    trace_put("%p io_cancel: %s", __builtin_return_address(0), op_text(&c->op));
    trace_end();
    __real_io_cancel(loop, c);
}

void
__wrap_io_cancel_all(struct io_loop *loop)
{
    trace_put("%p io_cancel_all", __builtin_return_address(0));
    trace_end();
    __real_io_cancel_all(loop);
}

/* io_tick calls it once; so who called io_tick is one further up. */
void
__wrap_backend_wait(struct io_loop *loop, uint64_t timeout)
{
    __real_backend_wait(loop, timeout);
    trace_news();
    trace_put("%p io_tick", __builtin_return_address(1));
    if (timeout != IO_FOREVER)
        trace_put(": waits at most %llu ms",
            (unsigned long long)((timeout + 999999) / 1000000));
    trace_end();
}
