/* check.c - does the program of an exercise do what its TASK.md asks?
 *
 *     check EXERCISE STAGE [TEXT]
 *
 * Runs the checks of 01-idle-timeout, or those with TEXT in their name, and
 * says of each whether it holds and, if not, what was seen. STAGE is a stage
 * of the suite: 05, or 05-kqueue. The program is looked for below BUILT, as the
 * suite does it. Exit code: 0 all hold, 1 not all, 2 a wrong argument, 3 not
 * here: the reason is printed. tests/tools/exercise builds what this needs.
 * TIME_SCALE multiplies the deadlines. */
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const double CHECK_SECONDS = 30; /* for one check */

static const struct check {
    const char *exercise, *name;
    check_fn *run;
} rows[] = {
    {"01-idle-timeout", "a silent client is dropped when its time is over",
        idle_dropped},
    {"01-idle-timeout", "then the next client is served", idle_next},
    {"01-idle-timeout", "a client that stops reading is dropped, too",
        idle_stalled},
    {"01-idle-timeout", "a client that says something now and then stays",
        idle_talker},
    {"01-stats", "SIGUSR1 prints the right numbers", stats_counts},
    {"01-stats", "also while the server waits for a client", stats_while_busy},
    {"01-stats", "a thousand signals harm no byte", stats_harmless},
    {"02-fair", "a greedy client gets 4 KiB in a turn", fair_one},
    {"02-fair", "a turn moves 64 KiB, however many clients there are",
        fair_many},
    {"02-fair", "after some turns all have had the same", fair_turns},
    {"02-backoff", "it sleeps when its clients are silent", backoff_idle},
    {"02-backoff", "a conversation is not slowed down", backoff_busy},
    {"02-backoff", "after a long silence it answers soon", backoff_after_idle},
    {"03-epoll", "there is no kevent in the program", epoll_only},
    {"03-idle-timeout", "a silent client is dropped, one that talks stays",
        kqueue_idle_dropped},
    {"03-idle-timeout", "300 that are silent are dropped, others served",
        kqueue_idle_many},
    {"03-idle-timeout", "a client that stops reading is dropped, too",
        kqueue_idle_stalled},
    {"04-multishot-accept", "64 clients cost a few system calls to accept",
        multishot_few},
    {"04-multishot-accept", "out of descriptors, it rests and goes on",
        multishot_rests},
    {"04-buffer-ring", "1,000 clients that say nothing cost no buffer",
        buffers_idle},
    {"04-buffer-ring", "100 that do not read keep no buffer from another",
        buffers_stalled},
    {"04-buffer-ring", "buffers are not mixed up", buffers_exact},
    {"05-proxy", "bytes arrive, in both directions", proxy_passes},
    {"05-proxy", "an end of either side arrives, and the rest goes on",
        proxy_half_close},
    {"05-proxy", "a side that stops reading stops the other",
        proxy_backpressure},
    {"05-proxy", "without a target the client is sent away", proxy_refused},
    {"05-proxy", "a target that resets ends its client only",
        proxy_target_resets},
    {"05-await", "one task sets and gets", await_one},
    {"05-await", "100 tasks wait at the same time", await_many},
    {"05-await", "an answer may come byte by byte", await_split},
    {"05-await", "who cannot connect is told", await_refused},
    {"05-await", "a server that goes away harms no other task", await_lost},
    {"06-range", "a range is 206 and its bytes", range_bytes},
    {"06-range", "what is not one range is the whole file", range_ignored},
    {"06-range", "a range behind the end is 416", range_416},
    {"06-range", "If-Range: a part of the same file, or all", range_if_range},
    {"06-range", "a range behind 4 GiB", range_far},
    {"06-access-log", "each answer is one line of the format", log_lines},
    {"06-access-log", "two workers do not mix their lines", log_concurrent},
    {"06-access-log", "a log that takes nothing delays nobody", log_slow},
    {"06-access-log", "a full disk harms nobody", log_full},
};
enum { ROWS = sizeof rows / sizeof *rows };

static int stderr_fd; /* of the servers: a file without a name */

/* ---- For the suite's clients and servers -------------------------------- */

_Noreturn void
broken(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vprintf(format, args);
    printf("\n");
    fflush(stdout);
    _exit(1);
}

int
suite_stderr(void)
{
    return stderr_fd;
}

/* ---- For the checks ----------------------------------------------------- */

void
start_with(struct server *s, const char *argument)
{
    server_args(s, "0", "127.0.0.1");
    server_option(s, argument, NULL);
    server_start(s);
}

const struct counts *
start_counted(struct server *s)
{
    static char path[] = "/tmp/check-counts-XXXXXX";
    int fd = mkstemp(path);
    struct counts *counts;

    require(fd != -1 && ftruncate(fd, sizeof *counts) == 0,
        "no temporary file for the counts");
    counts = mmap(NULL, sizeof *counts, PROT_READ, MAP_SHARED, fd, 0);
    require(counts != MAP_FAILED, "mmap: no memory for the counts");
    close(fd);
    s->counts = path;
    server_start(s);
    unlink(path);
    return counts;
}

const char *
stderr_text(char *text, size_t size, size_t from)
{
    ssize_t n = pread(stderr_fd, text, size - 1, (off_t)from);

    text[n < 0 ? 0 : n] = '\0';
    return text;
}

double
seconds_to_end(struct client *c, double most)
{
    static char waste[1 << 16];
    double from = now();

    while (now() - from < most && fd_wait(c->fd, POLLIN, most / time_scale)) {
        if (recv(c->fd, waste, sizeof waste, 0) <= 0) return now() - from;
    }
    return -1;
}

void
files_at_most(struct server *s, int files, double seconds)
{
    double deadline = now() + seconds * time_scale;

    while (process_files(s->pid) > files) {
        if (now() > deadline)
            broken("the server has still %d descriptors after %.1f s, not %d",
                process_files(s->pid), seconds * time_scale, files);
        rest(0.01);
    }
}

void
rest(double seconds)
{
    const struct timespec t = {
        (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

    (void)nanosleep(&t, NULL); /* woken early: the caller looks again */
}

/* ---- The runner --------------------------------------------------------- */

static void
descriptors_raise(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == -1) return;
    files.rlim_cur = files.rlim_max < 8192 ? files.rlim_max : 8192;
    (void)setrlimit(RLIMIT_NOFILE, &files); /* the checks say it if not */
}

/* In the process of the check. It ends with a server that was asked to. */
static _Noreturn void
check_child(const struct check *row, const struct stage *stage, int out)
{
    static struct server s;

    dup2(out, 1);
    s.stage = stage;
    row->run(&s);
    server_stop(&s);
    _exit(0);
}

/* Wait for the check, and end whatever it has started. true: it holds. */
static bool
check_ends(pid_t pid)
{
    double deadline = now() + CHECK_SECONDS * time_scale;
    pid_t ended;
    int status = 0;

    while ((ended = waitpid(pid, &status, WNOHANG)) == 0 && now() < deadline)
        rest(0.005);
    kill(-pid, SIGKILL);
    if (ended == 0) (void)waitpid(pid, &status, 0);
    return ended != 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Print the lines of a file, from its start. */
static void
print_file(int fd, const char *margin)
{
    char text[4096], *line = text, *end;
    ssize_t n = pread(fd, text, sizeof text - 1, 0);

    text[n < 0 ? 0 : n] = '\0';
    for (; *line != '\0'; line = end) {
        end = line + strcspn(line, "\n");
        printf("%s%.*s\n", margin, (int)(end - line), line);
        end += *end == '\n';
    }
}

/* Run one check, in a process group of its own. */
static bool
check_run(const struct check *row, const struct stage *stage)
{
    FILE *errors = tmpfile(), *out = tmpfile();
    pid_t pid;
    bool holds;

    if (errors == NULL || out == NULL) return false;
    stderr_fd = fileno(errors);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        (void)setpgid(0, 0);
        check_child(row, stage, fileno(out));
    }
    (void)setpgid(pid, pid); /* whoever of the two is first */
    holds = pid > 0 && check_ends(pid);
    printf("  %s  %s\n", holds ? "holds " : "BROKEN", row->name);
    if (!holds) print_file(fileno(out), "          seen: ");
    if (!holds) print_file(stderr_fd, "          its stderr: ");
    fclose(errors);
    fclose(out);
    return holds;
}

int
main(int argc, char **argv)
{
    const struct stage *stage = argc > 2 ? stage_named(argv[2]) : NULL;
    const char *text = argc > 3 ? argv[3] : "";
    int run = 0, bad = 0;

    if (stage == NULL) {
        printf("check: %s is not a stage here\n", argc > 2 ? argv[2] : "");
        return argc > 2 ? 3 : 2;
    }
    if (stage->backend == ON_IO_URING && io_uring_denied() != NULL) {
        printf("not here: %s: %s\n", argv[1], io_uring_denied());
        return 3;
    }
    time_scale = strtod(setting("TIME_SCALE", "1"), NULL);
    random_state = strtoull(setting("SEED", "1"), NULL, 10);
    signal(SIGPIPE, SIG_IGN);
    descriptors_raise();
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].exercise, argv[1]) != 0) continue;
        if (strstr(rows[i].name, text) == NULL) continue;
        run++;
        bad += !check_run(&rows[i], stage);
    }
    return run == 0 ? 2 : bad > 0;
}
