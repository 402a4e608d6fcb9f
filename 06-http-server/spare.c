/* spare.c - see spare.h. Not malloc: a large piece that it gets back may stay
 * in the process, below a small one that is still in use. */
#include "spare.h"

#include <sys/mman.h>

enum {
    PAUSE = 250 * 1000 * 1000, /* nanoseconds between two looks */
    MOST = 1024,               /* pieces returned at a time */
};

/* Lies in the piece itself. */
struct spare {
    struct spare *next;
};

static io_callback on_timer;

static void
timer_start(struct spares *all)
{
    all->ticking = true;
    all->least = all->count;
    all->timer = (struct io_completion){
        .op = io_op_timeout(PAUSE), .context = all, .callback = on_timer};
    io_submit(all->loop, &all->timer);
}

static void
spare_keep(struct spares *all, struct spare *piece)
{
    piece->next = all->first;
    all->first = piece;
    all->count++;
}

/* Return one to the system. It may refuse (ENOMEM): a mapping that loses its
 * middle becomes two, and a process may have so many only. */
static bool
spare_return(struct spares *all)
{
    struct spare *piece = spares_take(all);
    int rc = munmap(piece, all->size);
    if (rc == -1) spare_keep(all, piece);
    return rc == 0;
}

/* What was never needed since the last look will not be needed soon. */
static void
on_timer(
    void *context, struct io_loop *loop, struct io_completion *done, int result)
{
    struct spares *all = context;
    size_t unneeded = all->least < MOST ? all->least : MOST;
    all->ticking = false;
    while (unneeded > 0 && spare_return(all))
        unneeded--;
    if (all->count > 0 && result == 0) timer_start(all);
}

void
spares_init(struct spares *all, struct io_loop *loop, size_t size)
{
    *all = (struct spares){.loop = loop, .size = size};
}

void *
spares_take(struct spares *all)
{
    struct spare *piece = all->first;
    if (piece == NULL) {
        void *fresh = mmap(NULL, all->size, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANON, -1, 0);
        return fresh == MAP_FAILED ? NULL : fresh;
    }
    all->first = piece->next;
    all->count--;
    if (all->least > all->count) all->least = all->count;
    return piece;
}

void
spares_give(struct spares *all, void *memory)
{
    spare_keep(all, memory);
    if (!all->ticking) timer_start(all);
}

void
spares_end(struct spares *all)
{
    while (all->count > 0 && spare_return(all))
        continue;
}
