/* deadline.c - see deadline.h. */
#include "deadline.h"

static io_callback on_timer;

/* Have the timer ring at the first deadline, if there is one. */
static void
timer_start(struct deadlines *all)
{
    if (all->ticking || all->stopped || all->first == NULL) return;
    uint64_t now = io_now(all->loop), at = all->first->at;
    all->ticking = true;
    all->timer = (struct io_completion){
        .op = io_op_timeout(at > now ? at - now : 0),
        .context = all,
        .callback = on_timer,
    };
    io_submit(all->loop, &all->timer);
}

static void
on_timer(
    void *context, struct io_loop *loop, struct io_completion *done, int result)
{
    struct deadlines *all = context;
    all->ticking = false;
    while (!all->stopped && all->first && all->first->at <= io_now(loop)) {
        io_cancel(loop, all->first->completion);
        deadline_set(all, all->first);
    }
    timer_start(all);
}

void
deadlines_init(struct deadlines *all, struct io_loop *loop, uint64_t timeout)
{
    *all = (struct deadlines){.loop = loop, .timeout = timeout};
}

/* Cutting all at one moment keeps the list in order. */
void
deadlines_shorten(struct deadlines *all, uint64_t timeout)
{
    uint64_t latest = io_now(all->loop) + timeout;
    all->timeout = timeout;
    for (struct deadline *d = all->first; d != NULL; d = d->next)
        if (d->at > latest) d->at = latest;
    if (all->ticking) io_cancel(all->loop, &all->timer); /* it starts again */
}

void
deadlines_stop(struct deadlines *all)
{
    all->stopped = true;
    if (all->ticking) io_cancel(all->loop, &all->timer);
}

void
deadline_clear(struct deadlines *all, struct deadline *d)
{
    if (!d->listed) return;
    d->listed = false;
    if (d->prev == NULL)
        all->first = d->next;
    else
        d->prev->next = d->next;
    if (d->next == NULL)
        all->last = d->prev;
    else
        d->next->prev = d->prev;
}

void
deadline_set(struct deadlines *all, struct deadline *d)
{
    deadline_clear(all, d);
    d->at = io_now(all->loop) + all->timeout;
    d->next = NULL;
    d->prev = all->last;
    d->listed = true;
    if (d->prev == NULL)
        all->first = d;
    else
        d->prev->next = d;
    all->last = d;
    timer_start(all);
}
