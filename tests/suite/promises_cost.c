/* promises_cost.c - what a server costs: CPU time, system calls, memory and
 * descriptors. */
#include "suite.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { IDLE = 100, CROWD = 900, READY = 64 };

/* The part of a core that tells spinning from sleeping. A server that sleeps
 * uses nothing; one that spins gets its share of the machine, which may be small
 * when much else runs. */
static const double SPINS = 0.05;

/* The server's part of a core, the least and the most of some looks. More looks
 * as long as it is not seen to spin, if it should: or to sleep, if it should. */
static void
cpu_of(struct server *s, bool spins, double *least, double *most)
{
    enum { LOOKS = 3, MOST_LOOKS = 30 };

    *least = 1;
    *most = 0;
    for (int i = 0; i < MOST_LOOKS; i++) {
        double cpu = server_cpu(s, 0.1);
        if (cpu < *least) *least = cpu;
        if (cpu > *most) *most = cpu;
        if (i + 1 >= LOOKS && (spins ? *most > SPINS : *least < SPINS)) break;
    }
}

void
sleeps_when_idle(struct server *s, bool fails)
{
    struct client *c = clients_open(s, IDLE);
    double least, most;

    ask(&c[0]);
    answer(&c[0]);
    cpu_of(s, fails, &least, &most);
    alive(s);
    note("%.0f %% of a core", 100 * (fails ? most : least));
    if (fails)
        require(most > SPINS, "it sleeps, although it should spin");
    else
        require(least < SPINS, "it uses %.0f %% of a core", 100 * least);
    ask(&c[0]);
    answer(&c[0]);
}

static int
compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The server's CPU seconds for one round trip. Other work on the machine only
 * adds to them, so the least of some batches counts, but for one: a clock that
 * is read late may show nothing at all. */
static double
cpu_per_echo(struct server *s, struct client *c)
{
    enum { BATCHES = 8, ECHOES = 150 };
    double cost[BATCHES];

    for (int i = 0; i < BATCHES; i++) {
        double before = process_cpu(s->pid);
        for (int k = 0; k < ECHOES; k++) {
            ask(c);
            answer(c);
        }
        cost[i] = (process_cpu(s->pid) - before) / ECHOES;
    }
    qsort(cost, BATCHES, sizeof *cost, compare_doubles);
    return cost[1];
}

/* How much dearer is an echo beside a crowd of idle clients? 1: not at all. A
 * negative number: there was no answer at all, until the crowd left. */
static double
cost_ratio(struct server *s, size_t crowd, bool may_starve)
{
    struct client c, *idle;
    double alone, beside = -1;

    client_open(&c, s);
    alone = cpu_per_echo(s, &c);
    client_close(&c);
    idle = clients_open(s, crowd);
    client_open(&c, s);
    ask(&c);
    if (!may_starve || answered_within(&c, 0.25)) {
        answer(&c);
        beside = cpu_per_echo(s, &c);
    }
    alive(s);
    clients_close(idle, crowd);
    free(idle);
    if (beside < 0) answer(&c);
    client_close(&c);
    return beside / (alone > 1e-6 ? alone : 1e-6); /* the clock is coarse */
}

/* A stage that fails does not answer at all, or costs several times more. Where
 * the kernel puts the server can change the cost for a while: then measure
 * again. What grows with the clients does so each time. */
void
cost_is_flat(struct server *s, bool fails)
{
    double ratio = 0;

    if (fails) {
        bool starves_us = s->stage->column < 2;
        for (int i = 0; i < 5 && ratio >= 0 && ratio <= 3; i++)
            ratio = cost_ratio(s, starves_us ? IDLE : CROWD, starves_us);
        if (ratio > 0) note("x %.1f", ratio);
        require(ratio < 0 || ratio > 3, "x %.1f: it is flat", ratio);
        return;
    }
    for (int i = 0; i < 5 && (i == 0 || ratio > 2); i++)
        ratio = cost_ratio(s, CROWD, false);
    note("x %.1f", ratio);
    require(ratio <= 2, "an echo costs %.1f times as much with %d idle clients",
        ratio, CROWD);
}

/* 01 and its pool do not even answer 64 clients. */
static void
starves(struct server *s)
{
    struct client *c;

    server_start(s);
    c = clients_open(s, READY);
    for (size_t i = 0; i < READY; i++)
        ask(&c[i]);
    no_answer(&c[READY - 1]);
    alive(s);
    clients_close(c, READY - 1);
    answer(&c[READY - 1]);
}

/* Completions: two calls for all 64 in principle. Linux 6.14 and later deliver
 * at most 20 completions of this kind per call, so they are 4 there; and the
 * SIGCONT interrupts one. Readiness: recv (EAGAIN), recv and send for each, one
 * kevent for all, and one that is interrupted. Spinning: without bound. */
void
few_system_calls(struct server *s, bool fails)
{
    const double few = 8.0 / READY, least = 3, most = 3 + 4.0 / READY;
    double n, one;

    if (s->stage->column < 2) {
        starves(s);
        return;
    }
    n = calls_per_echo(s, READY, 20, NULL);
    one = calls_per_echo(s, 1, 20, NULL) - 1; /* without the interrupted one */
    note("%.2f, one client alone %.0f", n, one);
    if (!fails)
        require(n <= few, "%.3f system calls per echo, not %.3f", n, few);
    else if (s->stage->backend == ON_KQUEUE)
        require(n >= least && n <= most,
            "%.3f system calls per echo, not 3 + 1/64", n);
    else
        require(
            n > most, "only %.3f system calls per echo, against its design", n);
}

/* Connect, ask, get the answer, and leave, in one of three ways. */
static void
visit(struct server *s, int way)
{
    struct client c;

    client_open(&c, s);
    ask(&c);
    if (way == 0) client_finish(&c);
    answer(&c);
    if (way == 0) client_eof(&c);
    if (way == 1)
        client_reset(&c);
    else
        client_close(&c);
}

/* Wait until the server has as many descriptors as that. */
static void
files_settle(struct server *s, int files)
{
    double deadline = now() + 10 * time_scale;

    while (process_files(s->pid) != files)
        if (now() > deadline)
            broken("%d descriptors are open, %d before the clients came",
                process_files(s->pid), files);
}

void
no_leaks(struct server *s, bool fails)
{
    enum { WARM = 600, VISITS = 2400 };
    struct client c;
    long before, grown;
    int files;

    (void)fails;
    client_open(&c, s);
    ask(&c);
    answer(&c);
    files = process_files(s->pid) - 1;
    client_close(&c);
    for (int i = 0; i < WARM; i++)
        visit(s, i % 3);
    before = process_memory(s->pid);
    for (int i = 0; i < VISITS; i++)
        visit(s, i % 3);
    files_settle(s, files);
    grown = process_memory(s->pid) - before;
    note("%+ld KiB", grown >> 10);
    if (setting("SANITIZED", NULL) != NULL) return; /* it keeps what is freed */
    require(grown < 256 << 10, "the server grew by %ld KiB in %d visits",
        grown >> 10, VISITS);
}

/* As few as make accept fail: 01 serves one client at a time, its pool four. A
 * sanitizer needs some itself. */
static long
few_descriptors(const struct stage *stage)
{
    if (stage->column > 1 || setting("SANITIZED", NULL) != NULL) return 40;
    return stage->column == 0 ? 4 : 8; /* 0, 1, 2, the listener, a pipe */
}

/* More clients than descriptors. Those who wait are served when others go; but
 * 01 is left without any. */
void
out_of_descriptors(struct server *s, bool fails)
{
    enum { MORE = 20 };
    struct client *c;
    size_t limit;
    double least, most;

    s->files = few_descriptors(s->stage);
    limit = (size_t)s->files;
    server_start(s);
    c = clients_open(s, limit + MORE);
    if (s->stage->column > 0) {
        ask(&c[0]);
        answer(&c[0]);
    }
    cpu_of(s, fails, &least, &most);
    alive(s);
    note("%.0f %% of a core", 100 * (fails ? most : least));
    if (fails)
        require(most > SPINS, "it does not spin, against its design");
    else
        require(least < SPINS, "it spins: %.0f %% of a core", 100 * least);
    clients_close(c, limit);
    for (size_t i = limit; s->stage->column > 0 && i < limit + MORE; i++) {
        ask(&c[i]);
        answer(&c[i]);
        client_close(&c[i]);
    }
}
