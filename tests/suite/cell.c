/* cell.c - runs one promise on one stage, under Check.
 *
 * The process of the cell runs a Check suite with one test case; Check forks
 * again for the test, and kills the test and its server at the deadline. */
#include "cells.h"
#include "suite.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* For one promise on one stage. Each wait has its own deadline; this is for what
 * has none, and long: where a machine is busy, the time adds up. */
static const double CELL_SECONDS = 120;

static struct cell *cell; /* the one that this process runs */
static int stderr_fd;     /* where its servers' stderr goes */

/* Where the stderr of the servers goes: a file without a name. */
int
suite_stderr(void)
{
    return stderr_fd;
}

/* Remember what was measured; the matrix is followed by these notes. */
void
note(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(cell->note, sizeof cell->note, format, args);
    va_end(args);
}

/* The promise is broken: say how, and end this test. */
void
broken(const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ck_abort_msg("%s", text);
    abort(); /* never reached: Check ends the process of the test */
}

/* Every test ends with a server that is asked to stop, and exits 0. */
START_TEST(promise_test)
{
    struct server s = {.stage = cell->stage};
    char expected = cell->promise->stages[cell->stage->column];

    if (!cell->promise->unstarted) server_start(&s);
    cell->promise->run(&s, expected == 'F');
    server_stop(&s);
}
END_TEST

/* Append what the servers wrote to stderr: often it is the reason. */
static void
cell_add_stderr(struct cell *c)
{
    size_t n = strlen(c->text);
    char text[2048];
    ssize_t len = pread(stderr_fd, text, sizeof text - 1, 0);

    if (len <= 0) return;
    text[len] = '\0';
    snprintf(
        c->text + n, sizeof c->text - n, "\nthe server's stderr:\n%s", text);
}

static void
cell_judge(struct cell *c, SRunner *runner)
{
    char expected = c->promise->stages[c->stage->column];
    TestResult **results = srunner_results(runner);

    if (srunner_ntests_failed(runner) == 0 && srunner_ntests_run(runner) == 1) {
        c->outcome = expected == 'F' ? FAILS_BY_DESIGN : KEPT;
    } else {
        c->outcome = BROKEN;
        snprintf(c->text, sizeof c->text, "%s", tr_msg(results[0]));
        cell_add_stderr(c);
    }
    free(results);
}

void
cell_run(struct cell *c)
{
    Suite *suite = suite_create(c->stage->name);
    TCase *test = tcase_create(c->promise->name);
    SRunner *runner = srunner_create(suite);
    FILE *f = tmpfile();
    double start = now();

    cell = c;
    if (f == NULL) return; /* the outcome stays: it never ran */
    stderr_fd = fileno(f);
    random_state = c->seed;
    tcase_set_timeout(test, CELL_SECONDS * time_scale);
    tcase_add_test(test, promise_test);
    suite_add_tcase(suite, test);
    srunner_set_fork_status(runner, CK_FORK);
    srunner_run_all(runner, CK_SILENT);
    cell_judge(c, runner);
    c->seconds = now() - start;
    srunner_free(runner);
    fclose(f);
}
