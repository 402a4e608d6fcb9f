/* stats.h - what one loop of the server has done, since its start and in each
 * of the last 60 seconds. No locks: one struct for each loop, for its thread.
 * There is no timer: a loop that has nothing to do sleeps. */
#ifndef STATS_H
#define STATS_H

#include "io.h"

enum {
    STATS_SECONDS = 60,         /* that are kept */
    STATS_JSON_MAX = 10 * 1024, /* bytes, a NUL included */
};

/* What is kept of each second. The names in the JSON are in stats.c. */
enum stats_column {
    STATS_REQUESTS,
    STATS_SENT,
    STATS_TICKS,
    STATS_SUBMISSIONS,
    STATS_COMPLETIONS,
    STATS_KERNEL_CALLS,
    STATS_CONNECTIONS, /* a level, of the last tick; the others are counts */
    STATS_COLUMNS,
};

/* The caller's memory. The first four are the caller's to count up and down;
 * the rest is for the functions below. */
struct stats {
    uint64_t requests;
    uint64_t received, sent; /* bytes */
    int connections;

    const struct io_loop *loop;
    int worker, workers; /* this loop is number `worker` of so many, from 0 */
    uint64_t start;      /* by the clock of io_now */
    uint64_t second;     /* since the start: the one that is being counted */
    uint64_t last[STATS_COLUMNS]; /* the totals, as of the last stats_tick */
    /* Second n is at n modulo the size: all that are kept, and the current. */
    uint64_t ring[STATS_SECONDS + 1][STATS_COLUMNS];
};

/* All zero, from the loop's present tick on. */
void stats_init(
    struct stats *stats, const struct io_loop *loop, int worker, int workers);

/* After each io_tick: count what it did to the second in which it ended. */
void stats_tick(struct stats *stats);

/* Write a JSON object to out: the totals, "columns", a list of names, and
 * "seconds", a list that has for each whole second, the oldest first, the
 * values of the columns. size: at least STATS_JSON_MAX.
 * Result: the bytes written, without the NUL. */
size_t stats_json(const struct stats *stats, char *out, size_t size);

#endif
