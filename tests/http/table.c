/* table.c - plays the table of requests on a server of chapter 06.
 *
 *     table STAGE FILE...       STAGE is 06 or 06-kqueue
 *
 * One line for each failure, and at the end "N passed, N failed". In the
 * environment: BUILT, SEED, SERVER, TALLY and TIME_SCALE, as in suite.c. */
#include "table.h"
#include "../suite/suite.h"

#include <err.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct server servers[SERVER_KINDS];
static struct client holder; /* fills the one place of the FULL server */
static unsigned long long first_seed;

/* ---- What the suite's server.c and client.c need ------------------------ */

static void
servers_kill(void)
{
    for (int i = 0; i < SERVER_KINDS; i++)
        if (servers[i].pid != 0) kill(servers[i].pid, SIGKILL);
    root_remove();
}

_Noreturn void
broken(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "table: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    exit(2);
}

int
suite_stderr(void)
{
    return 2;
}

/* ---- The servers -------------------------------------------------------- */

/* Start one. The full one has a place for one client, and it is taken. */
static void
server_begin(const struct stage *stage, enum server_kind kind)
{
    static const char *const options[SERVER_KINDS][2] = {
        [ROOT] = {"--root"},
        [HASTY] = {"--timeout", "1"},
        [FULL] = {"--connections", "1"},
    };
    struct server *s = &servers[kind];

    s->stage = stage;
    server_args(s, "0", NULL);
    s->args[2] = options[kind][0];
    s->args[3] = kind == ROOT ? root_make() : options[kind][1];
    server_start(s);
    server_ports[kind] = s->port;
    if (kind != FULL) return;
    client_open(&holder, s);
    ask(&holder);
    answer(&holder); /* it is accepted, not only in the backlog */
}

/* Those that the cases ask for. */
static void
servers_begin(
    const struct stage *stage, const struct http_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (servers[cases[i].server].pid == 0)
            server_begin(stage, cases[i].server);
}

/* Each must still live, and exit 0. */
static void
servers_end(void)
{
    for (int i = 0; i < SERVER_KINDS; i++)
        server_stop(&servers[i]);
    root_remove();
}

/* ---- The numbers -------------------------------------------------------- */

/* For a person, and for the tool that adds up several programs. */
static void
tell(size_t passed, size_t failed, size_t skipped)
{
    const char *tally = setting("TALLY", NULL);
    FILE *f;

    if (tally == NULL) {
        printf("%zu passed, %zu failed\n", passed, failed);
        return;
    }
    f = fopen(tally, "a");
    if (f == NULL) err(2, "%s", tally);
    fprintf(f, "%zu %zu %zu\n", passed, failed, skipped);
    fclose(f);
}

/* Play them all. The answer is how many have failed. */
static size_t
play(const struct stage *stage, const struct http_case *cases, size_t count)
{
    bool *passed = malloc(count * sizeof *passed);
    size_t good = 0;

    if (passed == NULL) err(2, "malloc");
    memset(passed, true, count);
    atexit(servers_kill);
    servers_begin(stage, cases, count);
    runs_play(cases, count, passed);
    servers_end();
    for (size_t i = 0; i < count; i++)
        good += passed[i];
    free(passed);
    printf("HTTP table, %s: %zu cases passed", stage->name, good);
    if (good < count) printf(" (SEED=%llu)", first_seed);
    printf("\n");
    tell(good, count - good, 0);
    return count - good;
}

/* The time, or what SEED says. */
static void
seed_set(void)
{
    const char *given = setting("SEED", NULL);

    first_seed = (unsigned long long)time(NULL);
    if (given != NULL) first_seed = strtoull(given, NULL, 10);
    random_state = first_seed;
}

int
main(int argc, char **argv)
{
    struct http_case *cases = NULL;
    const struct stage *stage = argc < 3 ? NULL : stage_named(argv[1]);
    const char *denied = io_uring_denied();
    size_t count = 0;

    if (argc < 3) errx(2, "usage: table STAGE FILE...");
    if (stage == NULL || stage->protocol != SPEAKS_HTTP)
        broken("%s is no HTTP server of this system", argv[1]);
    signal(SIGPIPE, SIG_IGN);
    time_scale = strtod(setting("TIME_SCALE", "1"), NULL);
    seed_set();
    for (int i = 2; i < argc; i++)
        count = cases_read(&cases, count, argv[i]);
    if (stage->backend == ON_IO_URING && denied && !suite_server()) {
        printf("not here: HTTP table, %s: %s\n", stage->name, denied);
        tell(0, 0, 1);
        return 0;
    }
    return play(stage, cases, count) > 0;
}
