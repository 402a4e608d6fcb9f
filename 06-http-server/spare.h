/* spare.h - large pieces of memory that are needed now and then: one that is
 * given back is kept for the next who asks. What nobody has needed for a while
 * is returned to the system, so a rush leaves nothing behind. */
#ifndef SPARE_H
#define SPARE_H

#include "io.h"

/* One for each loop. */
struct spares {
    struct io_loop *loop;
    size_t size; /* bytes of a piece */
    struct spare *first;
    size_t count; /* pieces that are kept, */
    size_t least; /* and how few there were since the timer was started */
    struct io_completion timer;
    bool ticking;
};

void spares_init(struct spares *all, struct io_loop *loop, size_t size);

/* A piece, aligned as by malloc; its content is anything. NULL: no memory. */
void *spares_take(struct spares *all);

/* Give it back. */
void spares_give(struct spares *all, void *piece);

/* Return all that is kept. The timer may still be under way: io_cancel_all. */
void spares_end(struct spares *all);

#endif
