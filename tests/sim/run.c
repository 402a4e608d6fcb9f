/* run.c - many worlds, or one:
 *
 *     sim [-f] [SEEDS [FIRST]]   -f: only until the first that fails
 *     sim -s SEED                with all that happens
 *
 * One line for each seed that fails, which ends in the command that shows it
 * again; the last line is "N passed, N failed". tests/tools/sim runs it. */
#include "programs.h"
#include "sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    WIDTH = 40, /* of the bar */
    SHOWN = 20, /* failures that get a line */
};

/* The seed says which server it is. */
static void
any_world(void)
{
    if (sim_choose(3) == 0)
        world_05();
    else
        world_06();
}

/* On a terminal only: in a file it would be noise. */
static void
show_bar(uint64_t done, uint64_t all, uint64_t failed)
{
    static const char full[] = "########################################";
    int n = (int)(done * WIDTH / all);
    fprintf(stderr, "\r[%-*.*s] %" PRIu64 " of %" PRIu64 ", %" PRIu64 " failed",
        WIDTH, n, full, done, all, failed);
    if (done == all) fprintf(stderr, "\n");
}

static int
run_one(uint64_t seed)
{
    const char *why =
        sim_run(&(struct sim_choices){.seed = seed, .log = true}, any_world);
    printf("seed %" PRIu64 ": %s\n", seed, why != NULL ? why : "nothing wrong");
    printf("%d passed, %d failed\n", why == NULL, why != NULL);
    return why != NULL;
}

static int
run_many(uint64_t count, uint64_t first, bool all)
{
    uint64_t failed = 0, i, step = count / 200 + 1;
    bool bar = isatty(STDERR_FILENO);
    for (i = 0; i < count && (all || failed == 0); i++) {
        struct sim_choices choices = {.seed = first + i};
        const char *why = sim_run(&choices, any_world);
        if (why != NULL && failed++ < SHOWN)
            printf("%sFAIL %s: make -C tests sim SEED=%" PRIu64 "\n",
                bar ? "\r\033[K" : "", why, first + i);
        if (why != NULL) fflush(stdout);
        if (bar && (i % step == 0 || i + 1 == count))
            show_bar(i + 1, count, failed);
    }
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", i - failed, failed);
    return failed > 0;
}

int
main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "-s") == 0)
        return run_one(strtoull(argv[2], NULL, 10));
    bool all = argc < 2 || strcmp(argv[1], "-f") != 0;
    char **rest = argv + (all ? 1 : 2);
    uint64_t count = rest[0] ? strtoull(rest[0], NULL, 10) : 100000;
    uint64_t first = rest[0] && rest[1] ? strtoull(rest[1], NULL, 10) : 1;
    return run_many(count, first, all);
}
