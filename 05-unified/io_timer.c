/* io_timer.c - timers, in user space, the same on every kernel. Second reading.
 * A pairing heap of the completions themselves: the root is the next to expire,
 * and no node is due before its parent. Of a node, `link` is the first child,
 * `next` the next sibling, `prev` the sibling before it or, for a first child,
 * the parent. Adding is one comparison; removing is logarithmic on average. */
#include "io.h"
#include "io_backend.h"

#include <time.h>

uint64_t
io_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool
due_before(const struct io_completion *a, const struct io_completion *b)
{
    if (a->op.timeout.deadline != b->op.timeout.deadline)
        return a->op.timeout.deadline < b->op.timeout.deadline;
    return a->op.timeout.order < b->op.timeout.order;
}

/* Join two heaps, each perhaps NULL: the later root becomes a child. */
static struct io_completion *
join(struct io_completion *a, struct io_completion *b)
{
    if (a == NULL) return b;
    if (b == NULL) return a;
    if (due_before(b, a)) {
        struct io_completion *swap = a;
        a = b;
        b = swap;
    }
    struct io_completion *child = a->link;
    if (child != NULL) child->prev = b;
    b->next = child;
    b->prev = a;
    a->link = b;
    a->next = a->prev = NULL;
    return a;
}

/* Join siblings, beginning with first: in pairs from the left, then the pairs
 * from the right. That is what keeps the heap flat. */
static struct io_completion *
join_siblings(struct io_completion *first)
{
    struct io_completion *pairs = NULL, *heap = NULL;
    while (first != NULL) {
        struct io_completion *a = first, *b = a->next;
        first = b != NULL ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b != NULL) b->next = b->prev = NULL;
        a = join(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs != NULL) {
        struct io_completion *next = pairs->next;
        pairs->next = NULL;
        heap = join(heap, pairs);
        pairs = next;
    }
    return heap;
}

void
timer_add(struct io_loop *loop, struct io_completion *c)
{
    c->next = c->prev = NULL;
    c->link = NULL;
    loop->timers = join(loop->timers, c);
}

void
timer_remove(struct io_loop *loop, struct io_completion *c)
{
    struct io_completion *children = join_siblings(c->link);
    if (c == loop->timers) {
        loop->timers = children;
        return;
    }
    if (c->prev->link == c)
        c->prev->link = c->next;
    else
        c->prev->next = c->next;
    if (c->next != NULL) c->next->prev = c->prev;
    loop->timers = join(loop->timers, children);
}

void
timer_expire(struct io_loop *loop)
{
    while (
        loop->timers != NULL && loop->timers->op.timeout.deadline <= loop->now)
        io_finish(loop, loop->timers, 0);
}

uint64_t
timer_next(const struct io_loop *loop, uint64_t most)
{
    if (loop->timers == NULL) return most;
    uint64_t deadline = loop->timers->op.timeout.deadline;
    if (deadline == UINT64_MAX) return most; /* it never comes */
    uint64_t left = deadline > loop->now ? deadline - loop->now : 0;
    return left < most ? left : most;
}
