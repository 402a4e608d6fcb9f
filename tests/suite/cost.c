/* cost.c - what each server of the course costs, measured here and now.
 *
 *     cost FILE
 *
 * Prints a table, and appends the same numbers to FILE as CSV; an empty field
 * was not measured. While it works it shows how far it is, if stderr is a
 * terminal. STAGE=03 measures one chapter. tests/tools/cost builds what this
 * needs, and explains the numbers. */
#include "suite.h"

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOADS = 3, IDLE = 100, CROWD = 900, BAR = 24 };

static const struct load {
    size_t clients;
    int rounds;
} loads[LOADS] = {{1, 20}, {64, 20}, {900, 5}};

/* Of one server. Negative: not measured. In memory that its process shares. */
struct costs {
    double calls[LOADS]; /* system calls per echo */
    double idle;         /* part of a core, with IDLE silent clients */
    double memory;       /* bytes of the process per client, of CROWD */
    char trouble[160];   /* why something is missing; "": nothing is */
};

/* What a stage takes, as steps of the bar. */
enum { STEPS = LOADS + 2 };
static int steps_done, steps_all;

static struct costs *shared; /* of the process that measures */
static struct server *running;

/* ---- What the clients and servers of the suite need --------------------- */

_Noreturn void
broken(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(shared->trouble, sizeof shared->trouble, format, args);
    va_end(args);
    if (running != NULL && running->pid != 0) kill(running->pid, SIGKILL);
    _exit(1);
}

/* What a server says there is not for the table. */
int
suite_stderr(void)
{
    static int fd = -1;

    if (fd == -1) fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    return fd;
}

/* ---- How far it is ------------------------------------------------------ */

/* One step begins; NULL: all is done, and the line is free again. */
static void
progress(const char *stage, const char *what)
{
    int full = steps_all > 0 ? BAR * steps_done / steps_all : 0;

    steps_done++;
    if (!isatty(2)) return;
    if (stage == NULL) {
        fprintf(stderr, "\r%79s\r", "");
        return;
    }
    fprintf(stderr, "\r[%.*s%*s] %3d %%  %-11s %-24s", full,
        "########################", BAR - full, "",
        100 * (steps_done - 1) / steps_all, stage, what);
}

/* ---- Measuring ---------------------------------------------------------- */

/* 01 and its pool serve so few clients that only one is asked. */
static bool
serves_few(const struct stage *s)
{
    return s->column < 2;
}

static bool
is_counted(const struct stage *s)
{
    char name[256], path[512];

    snprintf(name, sizeof name, "counted/%s", s->binary);
    return access(build_path(path, sizeof path, name), X_OK) == 0;
}

/* The server is held in each round, so that all are ready together. That ends
 * the call in which an event loop waits; this one is not the server's. */
static double
calls_of(const struct stage *stage, const struct load *load)
{
    struct server s = {.stage = stage};
    double interrupted = stage->column > 2 ? 1.0 / (double)load->clients : 0;

    if (!is_counted(stage)) return -1;
    if (serves_few(stage) && load->clients > 1) return -1;
    running = &s;
    return calls_per_echo(&s, load->clients, load->rounds, NULL) - interrupted;
}

/* The part of a core, with clients that are connected and silent: the most of
 * three times, as other work on the machine can only take from it. */
static double
idle_of(const struct stage *stage)
{
    struct server s = {.stage = stage};
    struct client *c;
    double cpu, most = 0;

    running = &s;
    server_start(&s);
    c = clients_open(&s, IDLE);
    ask(&c[0]);
    answer(&c[0]);
    for (int i = 0; i < 3; i++)
        if ((cpu = server_cpu(&s, 0.2)) > most) most = cpu;
    clients_close(c, IDLE);
    free(c);
    server_stop(&s);
    return most;
}

/* By how much the process grows with each client that has had an answer and is
 * silent again. Buffers in the kernel are not a part of it. */
static double
memory_of(const struct stage *stage)
{
    struct server s = {.stage = stage};
    struct client first, *c;
    long before, after;

    if (serves_few(stage) || process_memory(getpid()) < 0) return -1;
    running = &s;
    server_start(&s);
    client_open(&first, &s);
    ask(&first);
    answer(&first);
    before = process_memory(s.pid);
    c = clients_open(&s, CROWD);
    for (size_t i = 0; i < CROWD; i++) {
        ask(&c[i]);
        answer(&c[i]);
    }
    after = process_memory(s.pid);
    clients_close(c, CROWD);
    free(c);
    server_stop(&s);
    return (double)(after - before) / CROWD;
}

/* In a process of its own: a server that fails ends this only. */
static void
measure(const struct stage *stage, struct costs *costs)
{
    char what[32];

    shared = costs;
    for (int i = 0; i < LOADS; i++) {
        snprintf(what, sizeof what, "calls, %zu client%s", loads[i].clients,
            loads[i].clients == 1 ? "" : "s");
        progress(stage->name, what);
        costs->calls[i] = calls_of(stage, &loads[i]);
    }
    progress(stage->name, "idle");
    costs->idle = process_cpu(getpid()) < 0 ? -1 : idle_of(stage);
    progress(stage->name, "memory");
    costs->memory = memory_of(stage);
}

static void
stage_run(const struct stage *stage, struct costs *costs)
{
    int status;
    pid_t pid;

    *costs = (struct costs){.calls = {-1, -1, -1}, .idle = -1, .memory = -1};
    fflush(NULL);
    pid = fork();
    if (pid == -1) err(1, "fork");
    if (pid == 0) {
        measure(stage, costs);
        _exit(0);
    }
    if (waitpid(pid, &status, 0) == -1) err(1, "waitpid");
    steps_done += STEPS; /* the child has counted its own */
    if (WIFSIGNALED(status))
        snprintf(costs->trouble, sizeof costs->trouble, "signal %d",
            WTERMSIG(status));
}

/* ---- What is printed ---------------------------------------------------- */

/* A cell of the table: three digits that count. */
static void
print_number(int width, double value, const char *unit)
{
    char text[32] = "-";

    if (value >= 0)
        snprintf(text, sizeof text,
            value >= 99.95   ? "%.0f%s"
            : value >= 9.995 ? "%.1f%s"
                             : "%.2f%s",
            value, unit);
    printf("%*s", width, text);
}

static void
print_row(const struct stage *s, const struct costs *c)
{
    printf("%-40.40s", s->title);
    for (int i = 0; i < LOADS; i++)
        print_number(7, c->calls[i], "");
    if (c->idle >= 0)
        printf("%7.0f %%", 100 * c->idle);
    else
        printf("%9s", "-");
    print_number(9, c->memory >= 0 ? c->memory / 1024 : -1, "");
    printf("\n");
    if (c->trouble[0] != '\0') printf("    not all: %s\n", c->trouble);
}

static void
csv_field(FILE *f, const char *format, double value)
{
    putc(',', f);
    if (value >= 0) fprintf(f, format, value);
}

static void
csv_row(FILE *f, const struct stage *s, const struct costs *c)
{
    fprintf(f, "%s", s->name);
    for (int i = 0; i < LOADS; i++)
        csv_field(f, "%.3f", c->calls[i]);
    csv_field(f, "%.1f", 100 * c->idle);
    csv_field(f, "%.0f", c->memory);
    putc('\n', f);
}

static void
print_head(FILE *f)
{
    printf(
        "%-38s%21s%10s%9s\n", "", "system calls per echo", "idle", "KiB per");
    printf("%-40s%7s%7s%7s%9s%9s\n", "", "1", "64", "900", "CPU", "client");
    fprintf(f, "stage,calls_1,calls_64,calls_900,idle_cpu_percent,"
               "memory_bytes_per_client\n");
}

/* Is this stage asked for? 04 asks for 04 and 04-callback. */
static bool
chosen(const struct stage *s)
{
    const char *only = setting("STAGE", "");

    return strncmp(s->name, only, strlen(only)) == 0;
}

/* A thousand clients need a thousand descriptors: take all that we may. */
static void
descriptors_raise(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == -1) return;
    files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
    (void)setrlimit(RLIMIT_NOFILE, &files); /* if not: a stage tells why */
}

int
main(int argc, char **argv)
{
    size_t count;
    const struct stage *all = stages(&count);
    FILE *f = argc == 2 ? fopen(argv[1], "a") : NULL;
    struct costs *costs = mmap(NULL, count * sizeof *costs,
        PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (argc != 2) errx(2, "usage: cost FILE");
    if (f == NULL) err(1, "%s", argv[1]);
    if (costs == MAP_FAILED) err(1, "mmap");
    signal(SIGPIPE, SIG_IGN);
    descriptors_raise();
    for (size_t i = 0; i < count; i++)
        steps_all += chosen(&all[i]) ? STEPS : 0;
    for (size_t i = 0; i < count; i++)
        if (chosen(&all[i])) stage_run(&all[i], &costs[i]);
    progress(NULL, NULL);
    print_head(f);
    for (size_t i = 0; i < count; i++) {
        if (!chosen(&all[i])) continue;
        print_row(&all[i], &costs[i]);
        csv_row(f, &all[i], &costs[i]);
    }
    return fclose(f) == 0 ? 0 : 1;
}
