/* calls.c - fuzz io.h: any calls in any order, on the kqueue backend of 06 (on
 * Linux over compat/), with real sockets. The input is a text of pairs, a
 * letter and any byte as its argument:
 *
 *     s r k    send, receive (or wait until readable), close on a socket
 *     x        shut the sending side of a socket down
 *     a A      accept, connect            o    a timeout
 *     f F y p  read, write, fsync, open   n    nop
 *     W w      arm the wake operation; io_wake
 *     c C      cancel one; cancel all     t    tick, with "+" it may wait
 *
 * A callback takes pairs too, so that calls are made from inside. At the end
 * all is canceled; "D" anywhere in it: the loop ends before the sockets are
 * closed, not after. Promises:
 *
 *  - Each operation calls back exactly once, from a tick that began after it
 *    was submitted, and then its memory is not touched any more.
 *  - Its result is one that things.c allows: bytes in order, none invented, no
 *    timeout early, -ECANCELED only for what was canceled; timers in order.
 *  - io_busy counts right, and what was canceled ends. */
#include "calls.h"

#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>

static struct io_loop loop;
static struct call *calls[SLOTS];
static uint64_t ticks;
static bool ticking;
static size_t expected; /* callbacks to come */
static const char *text, *text_end;

/* Of the last timer that this tick has called. */
static uint64_t last_deadline, last_order;

static void step(void);

/* In order of their time; at the same time, of their submission. */
static void
timer_in_order(const struct io_op *op)
{
    bool later = op->timeout.deadline > last_deadline ||
                 (op->timeout.deadline == last_deadline &&
                     op->timeout.order >= last_order);
    must(later, "timers in order");
    last_deadline = op->timeout.deadline;
    last_order = op->timeout.order;
}

/* The memory is freed, so that the sanitizer sees who still uses it. Then the
 * callback goes on with the calls. */
static void
on_call(void *context, struct io_loop *l, struct io_completion *c, int result)
{
    struct call *call = context;
    must(ticking && l == &loop, "called back from a tick");
    must(c == &call->completion, "with its completion");
    must(calls[call->slot] == call, "once");
    must(call->tick < ticks, "tried in a later tick than it was submitted in");
    call_over(call, result);
    if (c->op.kind == IO_TIMEOUT && result == 0) timer_in_order(&c->op);
    calls[call->slot] = NULL;
    free(call);
    expected--;
    if (ticks % 2 > 0) step();
    step();
}

static void
submit(char letter, unsigned argument)
{
    int slot = 0;
    while (slot < SLOTS && calls[slot] != NULL)
        slot++;
    if (slot == SLOTS) return;
    struct call *call = calls[slot] = calloc(1, sizeof *call);
    must(call != NULL, "there is memory");
    call->slot = slot;
    call->tick = ticks;
    call->completion =
        (struct io_completion){.op = call_op(call, letter, argument),
            .context = call,
            .callback = on_call};
    call_begun(call);
    expected++;
    io_submit(&loop, &call->completion);
}

static void
cancel(unsigned slot)
{
    if (calls[slot] == NULL) return;
    calls[slot]->canceled = true;
    io_cancel(&loop, &calls[slot]->completion);
}

static void
cancel_all(void)
{
    for (int i = 0; i < SLOTS; i++)
        if (calls[i] != NULL) calls[i]->canceled = true;
    io_cancel_all(&loop);
}

static void
shut(struct end *e)
{
    if (e->fd < 0) return;
    (void)io_shutdown(e->fd, SHUT_WR); /* it fails if the peer is gone */
    e->shut = true;
}

static void
tick(uint64_t timeout)
{
    size_t before = expected;
    ticking = true;
    ticks++;
    last_deadline = last_order = 0;
    int count = io_tick(&loop, timeout);
    ticking = false;
    must(count >= 0 && (size_t)count <= before, "the callbacks are counted");
}

/* One call, or none if the text is at its end. */
static void
step(void)
{
    if (text_end - text < 2) return;
    char letter = *text++;
    unsigned argument = (unsigned char)*text++;
    switch (letter) {
    case 't':
        if (!ticking) tick(argument == '+' ? 10000 : 0);
        break;
    case 'c': cancel(argument % SLOTS); break;
    case 'C': cancel_all(); break;
    case 'x': shut(&things.ends[argument % ENDS]); break;
    case 'w':
        things.wakes++;
        io_wake(&loop);
        break;
    case 'D': break;
    default: submit(letter, argument);
    }
    must(io_busy(&loop) == expected, "it knows how many are under way");
}

/* The callbacks may submit more, as long as there is text. */
static void
finish(void)
{
    while (expected > 0) {
        cancel_all();
        tick(IO_FOREVER);
    }
    must(io_busy(&loop) == 0, "nothing is left");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool loop_first = memchr(data, 'D', size) != NULL;
    text = (const char *)data;
    text_end = text + size;
    must(io_init(&loop, 4) == 0, "there is a loop");
    things_open();
    while (text_end - text >= 2)
        step();
    finish();
    if (loop_first) io_deinit(&loop);
    things_close();
    if (!loop_first) io_deinit(&loop);
    return 0;
}
