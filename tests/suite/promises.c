/* promises.c - the rows of the matrix. To add one: write its function in a
 * promises_*.c file, and give it a line here. */
#include "suite.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const char *
needs_files(rlim_t needed)
{
    struct rlimit files;
    static char why[80];

    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur >= needed)
        return NULL;
    snprintf(why, sizeof why, "only %ld descriptors are allowed, %ld needed",
        (long)files.rlim_cur, (long)needed);
    return why;
}

static const char *
needs_descriptors(const struct stage *s)
{
    (void)s; /* the same for all */
    return needs_files(2100);
}

static const char *
needs_cpu_time(const struct stage *s)
{
    (void)s;
    return process_cpu(getpid()) >= 0
               ? NULL
               : "another process's CPU time cannot be read";
}

static const char *
needs_cpu_and_descriptors(const struct stage *s)
{
    const char *why = needs_cpu_time(s);

    return why != NULL ? why : needs_descriptors(s);
}

static const char *
needs_memory(const struct stage *s)
{
    (void)s;
    if (process_memory(getpid()) < 0 || process_files(getpid()) < 0)
        return "another process's memory and descriptors cannot be read";
    return NULL;
}

/* A sanitizer keeps what is freed. */
static const char *
needs_10000_descriptors(const struct stage *s)
{
    const char *why = needs_memory(s);

    if (why == NULL && setting("SANITIZED", NULL) != NULL)
        why = "memory cannot be measured with a sanitizer";
    return why != NULL ? why : needs_files(10100);
}

static const char *
needs_5000_descriptors(const struct stage *s)
{
    const char *why = needs_memory(s);

    return why != NULL ? why : needs_files(5100);
}

/* A sanitizer maps more than there is. */
static const char *
needs_limited_space(const struct stage *s)
{
    (void)s;
    if (process_space(getpid()) < 0)
        return "another process's address space cannot be limited";
    if (setting("SANITIZED", NULL) == NULL) return NULL;
    return "a sanitizer needs all of the address space";
}

static const char *
needs_counted_build(const struct stage *s)
{
    char name[256], path[512];

    if (s->column < 2) return NULL; /* nothing is counted there */
    snprintf(name, sizeof name, "counted/%s", s->binary);
    if (access(build_path(path, sizeof path, name), X_OK) == 0) return NULL;
    return "no counted build (it needs a linker with --wrap)";
}

/* A sanitizer opens files of its own when the program ends. */
static const char *
needs_plain_build(const struct stage *s)
{
    (void)s;
    if (setting("SANITIZED", NULL) == NULL) return NULL;
    return "a sanitizer needs descriptors itself";
}

static const char *
needs_deny(const struct stage *s)
{
    char path[512];

    (void)s;
    if (access(build_path(path, sizeof path, "tests/deny"), X_OK) == 0)
        return NULL;
    return "build/tests/deny is missing (it needs seccomp)";
}

/* The letters: 01, 01-pool, 02, 03, 04, 04-callback, 05, 05-kqueue, 06-hello,
 * 06, 06-kqueue. K: kept. F: fails by design. -: does not apply. */
static const struct promise rows[] = {
    {"the first line is exact, HOST is honoured", .run = first_line,
        .stages = "KKKKKKKKKKK", .unstarted = true},
    {"8 MiB come back exact, both directions at once", .run = exact_echo,
        .stages = "KKKKKKKK---"},
    {"after a half-close all bytes still come back", .run = half_close,
        .stages = "KKKKKKKKKKK"},
    {"a reset in mid-transfer harms no other client", .run = reset_survived,
        .stages = "KKKKKKKKKKK"},
    {"a client that stops reading loses nothing", .run = stalled_reader,
        .stages = "KKKKKKKKKKK", .missing = needs_memory},
    {"a second client is served while the first is silent",
        .run = second_client, .stages = "FKKKKKKKKKK"},
    {"a fifth client is served while four are silent", .run = fifth_client,
        .stages = "FFKKKKKKKKK"},
    {"1,000 clients are served at once", .run = thousand_clients,
        .stages = "FFKKKKKKKKK", .missing = needs_descriptors},
    {"a greedy client does not starve another", .run = greedy_client,
        .stages = "FKKKKKKKKKK"},
    {"it sleeps when 100 clients are idle", .run = sleeps_when_idle,
        .stages = "KKFKKKKKKKK", .missing = needs_cpu_time},
    {"cost does not grow with 900 idle clients", .run = cost_is_flat,
        .stages = "FFFKKKKKKKK", .missing = needs_cpu_and_descriptors},
    {"64 ready: far less than 1 system call per echo", .run = few_system_calls,
        .stages = "FFFFKKKF---", .missing = needs_counted_build,
        .unstarted = true, .ours = true},
    {"out of descriptors, it waits without spinning", .run = out_of_descriptors,
        .stages = "KKFKKKKKKKK", .missing = needs_cpu_time, .unstarted = true},
    {"thousands of clients leave nothing behind", .run = no_leaks,
        .stages = "KKKKKKKKKKK", .missing = needs_memory},
    {"SIGTERM, SIGINT with clients connected: exit 0",
        .run = stops_with_clients, .stages = "KKKKKKKKKKK"},
    {"a signal at any moment: exit 0", .run = stops_at_any_moment,
        .stages = "KKKKKKKKKKK", .unstarted = true},
    {"the port is free again at once", .run = port_is_free,
        .stages = "KKKKKKKKKKK"},
    {"a bad argument: one line, and no start", .run = bad_arguments,
        .stages = "KKKKKKKKKKK", .unstarted = true},
    {"a port in use: one line, and no start", .run = port_in_use,
        .stages = "KKKKKKKKKKK"},
    {"hardly any descriptors: it works, or one line",
        .run = tiny_descriptor_limit, .stages = "KKKKKKKKKKK",
        .missing = needs_plain_build, .unstarted = true, .ours = true},
    {"io_uring denied: one line that says what to do",
        .run = io_uring_is_denied, .stages = "----KKK-KK-",
        .missing = needs_deny, .unstarted = true, .ours = true},
    {"GET /hello is 13 bytes of text", .run = http_hello,
        .stages = "--------KKK"},
    {"HEAD gets the same headers and no body", .run = http_head,
        .stages = "---------KK"},
    {"what is not there is 404", .run = http_not_found,
        .stages = "--------KKK"},
    {"/ is a page of HTML", .run = http_page, .stages = "---------KK"},
    {"one connection serves a thousand requests", .run = http_keep_alive,
        .stages = "--------KKK"},
    {"16 pipelined requests, 16 answers in order", .run = http_pipelining,
        .stages = "--------KKK"},
    {"a request may be split at every byte", .run = http_split,
        .stages = "--------KKK"},
    {"Connection: close closes after the answer", .run = http_close,
        .stages = "--------KKK"},
    {"HTTP/1.0 closes after the answer", .run = http_1_0,
        .stages = "--------KKK"},
    {"a malformed request: 400, and close", .run = http_bad,
        .stages = "---------KK"},
    {"the last answer comes, whatever the client sends",
        .run = http_last_answer, .stages = "---------KK"},
    {"a byte now and then: 408 when the time is over", .run = http_slow_request,
        .stages = "---------KK", .unstarted = true},
    {"SIGTERM: answers on their way still arrive",
        .run = http_end_keeps_answers, .stages = "---------KK"},
    {"a request in the last moment is answered", .run = http_last_moment,
        .stages = "---------KK", .unstarted = true},
    {"a malformed request harms no other client", .run = http_bad_survived,
        .stages = "--------KKK"},
    {"POST /echo: 8 MiB come back exact", .run = http_echo,
        .stages = "---------KK"},
    {"a file comes exact, in constant memory", .run = http_file,
        .stages = "---------KK", .missing = needs_memory, .unstarted = true},
    {"a file that shrinks ends its answer, no more", .run = http_file_shrinks,
        .stages = "---------KK", .unstarted = true},
    {"slow with a body or an answer: dropped in time",
        .run = http_slow_transfer, .stages = "---------KK",
        .missing = needs_memory, .unstarted = true},
    {"one client too many: 503, and room again later", .run = http_connections,
        .stages = "---------KK", .unstarted = true},
    {"10,000 idle after an 8 KiB head: 4 KiB each", .run = http_idle_memory,
        .stages = "---------KK", .missing = needs_10000_descriptors},
    {"SIGTERM: a download goes on to its end", .run = http_drain,
        .stages = "---------KK", .unstarted = true},
    {"a second signal ends it at once", .run = http_second_signal,
        .stages = "---------KK", .unstarted = true},
    {"two workers serve, and end", .run = http_workers, .stages = "---------KK",
        .unstarted = true},
    {"--help is exit 0, a wrong option 2 and one line", .run = http_options,
        .stages = "---------KK", .unstarted = true},
    {"descriptors run out in mid-traffic: it serves on",
        .run = fault_descriptors, .stages = "---KKKKKKKK",
        .missing = needs_memory, .unstarted = true},
    {"4,000 resets leave nothing behind", .run = fault_resets,
        .stages = "---KKKKKKKK", .missing = needs_memory},
    {"10,000 clients come and go, and say nothing", .run = fault_come_and_go,
        .stages = "---KKKKKKKK", .missing = needs_memory},
    {"readers stall in mid-answer: others are served", .run = fault_stalled,
        .stages = "---KKKKKKKK", .missing = needs_memory, .unstarted = true},
    {"5,000 send a byte a second: others are served", .run = fault_slow_crowd,
        .stages = "---------KK", .missing = needs_5000_descriptors,
        .unstarted = true},
    {"SIGTERM under full load: each answer is whole",
        .run = fault_end_under_load, .stages = "---------KK",
        .unstarted = true},
    {"hardly any memory: it works, or one line", .run = fault_memory_at_start,
        .stages = "KKKKKKKKKKK", .missing = needs_limited_space,
        .unstarted = true, .ours = true},
    {"memory runs out for a while: it serves again", .run = fault_memory,
        .stages = "---KKKKKKKK", .missing = needs_limited_space, .ours = true},
};

const struct promise *
promises(size_t *count)
{
    *count = sizeof rows / sizeof *rows;
    return rows;
}

/* Why this promise cannot be tested on this stage here; NULL: it can be. */
const char *
not_here(const struct promise *p, const struct stage *s)
{
    const char *why = NULL;

    if (s->backend == ON_IO_URING && suite_server() == NULL)
        why = io_uring_denied();
    if (why == NULL && p->missing != NULL) why = p->missing(s);
    return why;
}
