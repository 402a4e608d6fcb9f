/* cells.c - runs the cells, some at once, each in a process of its own, and
 * prints each row of the matrix when it is complete. */
#include "cells.h"
#include "suite.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is known of a cell before it runs. */
static void
cell_init(struct cell *c, const struct choice *ch, size_t row, size_t column)
{
    const char *why;
    char expected;

    c->stage = ch->stages[column];
    c->promise = ch->promises[row];
    c->seed = ch->seed + row * MAX_STAGES + column;
    expected = c->promise->stages[c->stage->column];
    /* Another program may well keep what our stage breaks by design. */
    if (suite_server() != NULL && (c->promise->ours || expected == 'F'))
        expected = '-';
    if (expected == '-') {
        c->outcome = ABSENT;
    } else if ((why = not_here(c->promise, c->stage)) != NULL) {
        c->outcome = NOT_HERE;
        snprintf(c->text, sizeof c->text, "%s", why);
    }
}

/* All cells, row by row, in memory that the processes of the cells share. */
static struct cell *
cells_create(const struct choice *ch)
{
    size_t count = ch->rows * ch->columns;
    struct cell *cells = mmap(NULL, count * sizeof *cells,
        PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);

    if (cells == MAP_FAILED) {
        fprintf(stderr, "suite: mmap: %s\n", strerror(errno));
        exit(2);
    }
    for (size_t i = 0; i < count; i++)
        cell_init(&cells[i], ch, i / ch->columns, i % ch->columns);
    return cells;
}

static void
cell_start(struct cell *c)
{
    fflush(NULL);
    c->pid = fork();
    if (c->pid == -1) {
        c->pid = 0;
        c->outcome = BROKEN;
        snprintf(c->text, sizeof c->text, "fork: %s", strerror(errno));
    } else if (c->pid == 0) {
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        cell_run(c);
        _exit(0);
    }
}

/* For on_signal: what runs now. */
static struct cell *all;
static size_t all_count;

/* Ctrl-C: end the cells; Check's own handler in each ends its server. */
static void
on_signal(int sig)
{
    for (size_t i = 0; i < all_count; i++)
        if (all[i].pid > 0) kill(all[i].pid, SIGTERM);
    signal(sig, SIG_DFL);
    raise(sig);
}

/* Wait for the end of one cell. */
static void
cells_wait(struct cell *cells, size_t count)
{
    pid_t pid = wait(NULL);

    for (size_t i = 0; i < count; i++) {
        if (cells[i].pid != pid) continue;
        cells[i].pid = 0;
        if (cells[i].outcome != WAITING) return;
        cells[i].outcome = BROKEN;
        snprintf(cells[i].text, sizeof cells[i].text, "the test never ran");
    }
}

static bool
row_done(const struct cell *row, size_t columns)
{
    for (size_t i = 0; i < columns; i++)
        if (row[i].outcome == WAITING || row[i].pid != 0) return false;
    return true;
}

int
cells_run(const struct choice *ch, int jobs)
{
    size_t count = ch->rows * ch->columns, next = 0, row = 0;
    struct cell *cells = cells_create(ch);
    int running = 0;

    all = cells;
    all_count = count;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    matrix_head(ch);
    while (row < ch->rows) {
        for (; running < jobs && next < count; next++) {
            if (cells[next].outcome != WAITING) continue;
            cell_start(&cells[next]);
            running += cells[next].pid != 0;
        }
        for (;
             row < ch->rows && row_done(&cells[row * ch->columns], ch->columns);
             row++)
            matrix_row(ch, &cells[row * ch->columns]);
        if (running == 0) continue;
        cells_wait(cells, count);
        running--;
    }
    matrix_tail(ch, cells);
    return matrix_tally(cells, count);
}
