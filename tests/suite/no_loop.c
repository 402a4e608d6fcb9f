/* no_loop.c - in place of 06's io.c and page, for tests that have exchange.c and
 * no loop: time stands still, at the date that is RFC 9110's example, until the
 * test moves it. */
#include "io.h"
#include "page.h"

const unsigned char page[] = "<p>page";
const size_t page_length = 7;

extern int64_t no_loop_wallclock;
int64_t no_loop_wallclock = INT64_C(784111777000000000);

int64_t
io_wallclock(void)
{
    return no_loop_wallclock;
}

uint64_t
io_now(const struct io_loop *loop)
{
    (void)loop;
    return 0;
}

struct io_stats
io_stats(const struct io_loop *loop)
{
    (void)loop;
    return (struct io_stats){0};
}
