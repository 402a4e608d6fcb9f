/* stats.c - see stats.h. */
#include "stats.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SECOND = 1000 * 1000 * 1000, MS = 1000 * 1000 };

static const char *const names[STATS_COLUMNS] = {
    [STATS_REQUESTS] = "requests",
    [STATS_SENT] = "sent",
    [STATS_TICKS] = "ticks",
    [STATS_SUBMISSIONS] = "submissions",
    [STATS_COMPLETIONS] = "completions",
    [STATS_KERNEL_CALLS] = "kernel_calls",
    [STATS_CONNECTIONS] = "connections",
};

/* ---- Count -------------------------------------------------------------- */

/* Nanoseconds since stats_init. */
static uint64_t
uptime(const struct stats *s)
{
    return io_now(s->loop) - s->start;
}

static void
read_totals(const struct stats *s, uint64_t totals[STATS_COLUMNS])
{
    struct io_stats io = io_stats(s->loop);
    totals[STATS_REQUESTS] = s->requests;
    totals[STATS_SENT] = s->sent;
    totals[STATS_TICKS] = io.ticks;
    totals[STATS_SUBMISSIONS] = io.submissions;
    totals[STATS_COMPLETIONS] = io.completions;
    totals[STATS_KERNEL_CALLS] = io.kernel_calls;
    totals[STATS_CONNECTIONS] = (uint64_t)s->connections;
}

void
stats_init(struct stats *s, const struct io_loop *loop, int worker, int workers)
{
    *s = (struct stats){.loop = loop,
        .worker = worker,
        .workers = workers,
        .start = io_now(loop)};
    read_totals(s, s->last);
}

static uint64_t *
place_of(struct stats *s, uint64_t second)
{
    return s->ring[second % (STATS_SECONDS + 1)];
}

/* Go on to `second`. Nothing happened in those that are passed over. */
static void
advance(struct stats *s, uint64_t second)
{
    if (second - s->second > STATS_SECONDS)
        s->second = second - STATS_SECONDS - 1; /* the rest is forgotten */
    while (s->second < second) {
        uint64_t *place = place_of(s, ++s->second);
        memset(place, 0, sizeof s->ring[0]);
        place[STATS_CONNECTIONS] = s->last[STATS_CONNECTIONS];
    }
}

void
stats_tick(struct stats *s)
{
    uint64_t totals[STATS_COLUMNS];
    advance(s, uptime(s) / SECOND);
    read_totals(s, totals);
    uint64_t *place = place_of(s, s->second);
    for (int i = 0; i < STATS_COLUMNS; i++)
        place[i] += totals[i] - s->last[i];
    place[STATS_CONNECTIONS] = totals[STATS_CONNECTIONS];
    memcpy(s->last, totals, sizeof totals);
}

/* ---- Tell --------------------------------------------------------------- */

struct text {
    char *at;
    size_t room;
};

__attribute__((format(printf, 2, 3))) static void
put(struct text *t, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(t->at, t->room, format, arguments);
    va_end(arguments);
    assert(n >= 0 && (size_t)n < t->room); /* STATS_JSON_MAX is enough */
    t->at += n;
    t->room -= (size_t)n;
}

static void
put_totals(struct text *t, const struct stats *s)
{
    uint64_t totals[STATS_COLUMNS];
    read_totals(s, totals);
    put(t, "{\"uptime\":%" PRIu64 ".%03d,\"worker\":%d,\"workers\":%d",
        uptime(s) / SECOND, (int)(uptime(s) % SECOND / MS), s->worker,
        s->workers);
    put(t, ",\"received\":%" PRIu64, s->received);
    for (int i = 0; i < STATS_COLUMNS; i++)
        put(t, ",\"%s\":%" PRIu64, names[i], totals[i]);
}

/* After the last stats_tick nothing was counted, whatever the ring has. */
static void
put_second(struct text *t, const struct stats *s, uint64_t second)
{
    const uint64_t *place = s->ring[second % (STATS_SECONDS + 1)];
    const uint64_t idle[STATS_COLUMNS] = {
        [STATS_CONNECTIONS] = s->last[STATS_CONNECTIONS]};
    if (second > s->second) place = idle;
    for (int i = 0; i < STATS_COLUMNS; i++)
        put(t, "%c%" PRIu64, i == 0 ? '[' : ',', place[i]);
    put(t, "]");
}

/* The second that is not over yet is left out. */
size_t
stats_json(const struct stats *s, char *out, size_t size)
{
    struct text t = {out, size};
    uint64_t end = uptime(s) / SECOND;
    uint64_t first = end > STATS_SECONDS ? end - STATS_SECONDS : 0;
    put_totals(&t, s);
    for (int i = 0; i < STATS_COLUMNS; i++)
        put(&t, "%s\"%s\"", i == 0 ? ",\"columns\":[" : ",", names[i]);
    put(&t, "],\"seconds\":[");
    for (uint64_t second = first; second < end; second++) {
        if (second > first) put(&t, ",");
        put_second(&t, s, second);
    }
    put(&t, "]}\n");
    return (size_t)(t.at - out);
}
