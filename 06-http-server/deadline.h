/* deadline.h - a time limit for each of many connections, with one timer. All
 * limits are equally long, so a list that is only added to at its end is always
 * in order, whatever the number of connections. */
#ifndef DEADLINE_H
#define DEADLINE_H

#include "io.h"

/* A part of what is limited. Zero it; set completion before deadline_set. */
struct deadline {
    struct io_completion *completion; /* to be canceled when time is over */
    uint64_t at;                      /* by the clock of io_now */
    struct deadline *next, *prev;
    bool listed;
};

/* One for each loop. */
struct deadlines {
    struct io_loop *loop;
    uint64_t timeout; /* nanoseconds, for all */
    struct deadline *first, *last;
    struct io_completion timer;
    bool ticking, stopped;
};

void deadlines_init(
    struct deadlines *all, struct io_loop *loop, uint64_t timeout);

/* A shorter time from now on, for those that are waiting, too. */
void deadlines_shorten(struct deadlines *all, uint64_t timeout);

/* Give up the timer; nothing expires any more. */
void deadlines_stop(struct deadlines *all);

/* The full time from now on. When it is over, io_cancel is called on the
 * completion, and again each time that it has passed once more. */
void deadline_set(struct deadlines *all, struct deadline *deadline);

/* No limit any more: before its memory is freed. */
void deadline_clear(struct deadlines *all, struct deadline *deadline);

#endif
