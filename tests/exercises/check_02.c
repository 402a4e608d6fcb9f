/* check_02.c - the exercises of chapter 02: fair turns, and a pause that
 * adapts. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

/* ---- 02-fair: turns are counted by the pause that ends each of them ----- */

enum { QUANTUM = 4096, TURN = 65536, LOAD = 32768, CLIENTS = 40 };

static unsigned long
turns(const struct counts *counts)
{
    for (size_t i = 0; i < COUNT_NAMES; i++)
        if (strcmp(counts->by_name[i].name, "nanosleep") == 0)
            return counts->by_name[i].calls;
    return 0;
}

/* A counted server with a pause of 2 ms; so many clients, each of which has
 * `load` bytes waiting for it. It is held: server_continue lets it begin. */
static struct client *
fair_start(
    struct server *s, size_t clients, size_t load, const struct counts **counts)
{
    struct client *c;

    server_args(s, "0", "127.0.0.1");
    server_option(s, "2", NULL);
    *counts = start_counted(s);
    c = clients_open(s, clients);
    client_exchange(&c[0], 1);
    for (size_t i = 0; i < clients; i++)
        client_exchange(&c[i], 1); /* it has been accepted */
    server_pause(s);
    for (size_t i = 0; i < clients; i++)
        while (c[i].sent < load)
            if (client_push(&c[i], load - c[i].sent) == 0)
                broken("the kernel has no room for %zu bytes", load);
    return c;
}

static void
drain_all(struct client *c, size_t clients)
{
    for (size_t i = 0; i < clients; i++)
        client_drain(&c[i]);
}

void
fair_one(struct server *s)
{
    const struct counts *counts;
    struct client *c = fair_start(s, 1, 2 * LOAD, &counts);
    unsigned long before = turns(counts), took;

    server_continue(s);
    drain_all(c, 1);
    took = turns(counts) - before;
    require(took + 1 >= 2 * LOAD / QUANTUM,
        "a client got %d bytes in %lu turns, not %d", 2 * LOAD, took,
        2 * LOAD / QUANTUM);
}

void
fair_many(struct server *s)
{
    const struct counts *counts;
    struct client *c = fair_start(s, CLIENTS, LOAD, &counts);
    unsigned long before = turns(counts), took;

    server_continue(s);
    drain_all(c, CLIENTS);
    took = turns(counts) - before;
    require(took + 1 >= (unsigned long)CLIENTS * LOAD / TURN,
        "%d clients got %d bytes each in %lu turns, not %d", CLIENTS, LOAD,
        took, CLIENTS * LOAD / TURN);
}

/* Hold it after some turns: who has how much? */
void
fair_turns(struct server *s)
{
    const struct counts *counts;
    struct client *c = fair_start(s, CLIENTS, LOAD, &counts);
    unsigned long before = turns(counts);
    uint64_t least = UINT64_MAX, most = 0;

    server_continue(s);
    while (turns(counts) - before < 8)
        rest(0.0005);
    server_pause(s);
    for (size_t i = 0; i < CLIENTS; i++) {
        while (client_pull(&c[i], IN_SIZE) > 0)
            continue;
        if (c[i].received < least) least = c[i].received;
        if (c[i].received > most) most = c[i].received;
    }
    server_continue(s);
    require(most - least <= 2 * QUANTUM,
        "after 8 turns one client has %llu bytes, another %llu",
        (unsigned long long)most, (unsigned long long)least);
    drain_all(c, CLIENTS);
}

/* ---- 02-backoff --------------------------------------------------------- */

void
backoff_idle(struct server *s)
{
    struct client *c;
    double cpu;

    server_start(s);
    c = clients_open(s, 20);
    ask(&c[0]);
    answer(&c[0]);
    rest(0.5);
    cpu = server_cpu(s, 0.5);
    require(cpu < 0.05, "it uses %.0f %% of a core for 20 silent clients",
        100 * cpu);
    ask(&c[0]);
    answer(&c[0]);
}

static int
compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void
backoff_busy(struct server *s)
{
    enum { ECHOES = 201 };
    struct client c;
    double took[ECHOES];

    server_start(s);
    client_open(&c, s);
    for (int i = 0; i < ECHOES; i++) {
        double from;
        rest(0.0005); /* a client thinks before it goes on */
        from = now();
        ask(&c);
        answer(&c);
        took[i] = now() - from;
    }
    qsort(took, ECHOES, sizeof *took, compare_doubles);
    require(took[ECHOES / 2] < 0.002 * time_scale,
        "in a conversation, half of the answers take more than %.1f ms",
        1000 * took[ECHOES / 2]);
}

void
backoff_after_idle(struct server *s)
{
    struct client c;
    double least = 10;

    server_start(s);
    client_open(&c, s);
    for (int i = 0; i < 3; i++) {
        double from;
        rest(1.5);
        from = now();
        ask(&c);
        answer(&c);
        if (now() - from < least) least = now() - from;
    }
    require(least < 0.1 * time_scale,
        "after 1.5 s of silence an answer takes %.0f ms", 1000 * least);
}
