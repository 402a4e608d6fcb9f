/* invariants.c - what must be true after each tick, whatever the program:
 *
 *  - io.c awaits as many callbacks as the program does: each completion that
 *    was submitted, and no other, calls back, and calls back once;
 *  - none is submitted again, or freed, before that;
 *  - something gets on: a byte moves, a client acts, or time passes. Else the
 *    program spins;
 *  - after the signal, the program ends in time.
 *
 * The program's io_submit is sim_submit here: see names.h. */
#include "../../06-http-server/io.h"
#include "calls.h"
#include "world.h"

enum {
    MOST = 512,                  /* completions at once */
    QUIET_TICKS = 200,           /* that may bring nothing, */
    QUIET_TIME = 50 * SIM_MILLI, /* within so much time */
};

/* A completion between io_submit and its callback. */
struct pending {
    struct io_completion *completion;
    io_callback *callback;
    void *context;
};

static struct pending list[MOST];
static size_t count;
static bool watched; /* by sim_submit */
static unsigned quiet;
static uint64_t quiet_since;

void
invariants_begin(void)
{
    count = 0;
    watched = false;
    quiet = 0;
    quiet_since = sim_now;
}

/* ---- Each once ---------------------------------------------------------- */

/* NULL: it is not under way. */
static struct pending *
pending_of(const struct io_completion *c)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].completion == c) return &list[i];
    return NULL;
}

/* In place of the program's callback. */
static void
on_callback(
    void *context, struct io_loop *loop, struct io_completion *c, int result)
{
    struct pending *p = pending_of(c);
    if (p == NULL) sim_fail("a callback for what is not under way");
    if (context != p->context) sim_fail("a callback with another context");
    io_callback *callback = p->callback;
    *p = list[--count];
    c->callback = callback;
    callback(context, loop, c, result);
}

void
sim_submit(struct io_loop *loop, struct io_completion *c)
{
    watched = true;
    if (pending_of(c) != NULL)
        sim_fail("a completion is submitted while it is under way");
    if (count == MOST) sim_fail("more completions than a world has");
    list[count++] = (struct pending){c, c->callback, c->context};
    c->callback = on_callback;
    io_submit(loop, c);
}

bool
invariants_use(const void *start, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        uintptr_t at = (uintptr_t)list[i].completion;
        uintptr_t first = (uintptr_t)start;
        if (at >= first && at - first < size) return true;
    }
    return false;
}

/* ---- After each tick ---------------------------------------------------- */

void
invariants_progress(void)
{
    quiet = 0;
    quiet_since = sim_now;
}

static void
check_progress(void)
{
    if (sim_now - quiet_since > QUIET_TIME) invariants_progress();
    if (++quiet > QUIET_TICKS)
        sim_fail("it spins: %d ticks, and nothing gets on", QUIET_TICKS);
}

void
invariants_tick(const struct io_loop *loop)
{
    if (watched && io_busy(loop) != count)
        sim_fail(
            "%zu callbacks are due, and io.c awaits %zu", count, io_busy(loop));
    check_progress();
    world_check_time();
}

void
sim_check(void)
{
    world_check_time();
}
