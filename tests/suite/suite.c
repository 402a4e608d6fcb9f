/* suite.c - runs the promises on the servers and prints the matrix.
 *
 *     suite [-l] [-s STAGE] [-p TEXT]
 *
 *  -l        list the promises and the stages, and run nothing
 *  -s STAGE  one stage (04-callback), or one chapter's stages (04)
 *  -p TEXT   only the promises whose name contains TEXT
 *
 * In the environment: STAGE and PROMISE as above; SERVER="python3 mine.py"
 * runs the promises of one stage on any program; SEED repeats a run;
 * TIME_SCALE=5 makes every deadline five times longer; SANITIZED=1 says that
 * the servers are built with a sanitizer, which keeps freed memory; JOBS is how
 * many cells run at once; TIMES=1 prints how long each took; BUILT is where the
 * servers are (build); TALLY names a file to which the numbers go instead of
 * the last line. */
#include "suite.h"
#include "cells.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* A thousand clients need a thousand descriptors: take all that we may. */
static void
descriptors_raise(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == -1) return;
    files.rlim_cur = files.rlim_max < 12000 ? files.rlim_max : 12000;
    (void)setrlimit(RLIMIT_NOFILE, &files); /* "not here" says it if not */
}

/* 04 asks for 04 and 04-callback; but with SERVER for 04 alone. */
static bool
stage_chosen(const struct stage *s, const char *wanted)
{
    size_t n = wanted == NULL ? 0 : strlen(wanted);

    if (n == 0 || strcmp(s->name, wanted) == 0) return true;
    return suite_server() == NULL && strncmp(s->name, wanted, n) == 0 &&
           s->name[n] == '-';
}

static void
choose(struct choice *ch, const char *stage, const char *promise)
{
    size_t count;
    const struct stage *s = stages(&count);
    const struct promise *p;

    for (size_t i = 0; i < count; i++)
        if (stage_chosen(&s[i], stage)) ch->stages[ch->columns++] = &s[i];
    p = promises(&count);
    for (size_t i = 0; i < count; i++)
        if (promise == NULL || strstr(p[i].name, promise) != NULL)
            ch->promises[ch->rows++] = &p[i];
}

static void
list(void)
{
    size_t count;
    const struct promise *p = promises(&count);
    const struct stage *s;

    for (size_t i = 0; i < count; i++)
        printf("%s\n", p[i].name);
    s = stages(&count);
    printf("\n");
    for (size_t i = 0; i < count; i++)
        printf("%-12s %s\n", s[i].name, s[i].title);
}

static _Noreturn void
usage(const char *why)
{
    fprintf(stderr, "suite: %s; usage: suite [-l] [-s STAGE] [-p TEXT]\n", why);
    exit(2);
}

/* The seed of this run; each cell derives its own from it. */
static unsigned long long
run_seed(void)
{
    const char *seed = setting("SEED", NULL);

    if (seed != NULL) return strtoull(seed, NULL, 10);
    return (unsigned long long)time(NULL) ^ (unsigned long long)getpid() << 20;
}

/* The command line goes before the environment. */
static void
options_read(int argc, char **argv, const char **stage, const char **promise)
{
    int option;

    while ((option = getopt(argc, argv, "ls:p:")) != -1) {
        if (option == 'l') {
            list();
            exit(0);
        }
        if (option == 's')
            *stage = optarg;
        else if (option == 'p')
            *promise = optarg;
        else
            usage("unknown option");
    }
    if (optind < argc) usage("too many arguments");
    if (suite_server() != NULL && *stage == NULL)
        usage("SERVER needs STAGE, as in STAGE=03");
}

/* How many cells run at once: most of them wait most of the time. */
static int
run_jobs(void)
{
    const char *jobs = setting("JOBS", NULL);
    long n = jobs != NULL ? atol(jobs) : sysconf(_SC_NPROCESSORS_ONLN);

    if (jobs == NULL) n *= 2;
    return n < 1 ? 1 : n > 4 ? 4 : (int)n;
}

int
main(int argc, char **argv)
{
    struct choice ch = {.seed = run_seed()};
    const char *stage = setting("STAGE", NULL);
    const char *promise = setting("PROMISE", NULL);

    options_read(argc, argv, &stage, &promise);
    time_scale = strtod(setting("TIME_SCALE", "1"), NULL);
    if (!(time_scale >= 0.1)) usage("TIME_SCALE is a number, as 5");
    choose(&ch, stage, promise);
    if (ch.columns == 0) usage("no such stage here (-l lists them)");
    if (ch.rows == 0) usage("no promise has this text (-l lists them)");
    signal(SIGPIPE, SIG_IGN);
    descriptors_raise();
    return cells_run(&ch, run_jobs());
}
