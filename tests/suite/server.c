/* server.c - starts a server, reads its first line, stops it, and looks at
 * it from outside. A server gets port 0, so the kernel chooses, and its
 * stdout is a pipe: a first line that is not flushed never arrives. */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const double START_SECONDS = 10, STOP_SECONDS = 5;

/* Wait a moment between two looks at something that cannot be polled. */
static void
nap(void)
{
    const struct timespec ms = {.tv_nsec = 1000 * 1000};

    (void)nanosleep(&ms, NULL); /* woken early: we only look again earlier */
}

/* Set the arguments as this stage takes them. host may be NULL. */
void
server_args(struct server *s, const char *port, const char *host)
{
    size_t n = 0;

    if (s->stage->options) s->args[n++] = "--port";
    s->args[n++] = port;
    if (host != NULL && s->stage->options) s->args[n++] = "--host";
    if (host != NULL) s->args[n++] = host;
    s->args[n] = NULL;
}

/* One more argument, or two; value may be NULL. */
void
server_option(struct server *s, const char *name, const char *value)
{
    size_t n = 0;

    if (s->args[0] == NULL) server_args(s, "0", "127.0.0.1");
    while (s->args[n] != NULL)
        n++;
    require(n + 2 < sizeof s->args / sizeof *s->args, "too many arguments");
    s->args[n++] = name;
    s->args[n++] = value;
    s->args[n] = NULL;
}

/* In the child: the program and its arguments. SERVER is split by sh, which
 * the server then replaces, so that signals reach the server itself. */
static void
server_exec(const struct server *s)
{
    const char *argv[24] = {NULL};
    char path[512], deny[512];
    const char *own = suite_server();
    size_t n = 0;

    if (s->denied != NULL) {
        argv[n++] = build_path(deny, sizeof deny, "tests/deny");
        argv[n++] = s->denied;
    }
    if (own != NULL) {
        static char script[4096];
        snprintf(script, sizeof script, "exec %s \"$@\"", own);
        argv[n++] = "/bin/sh";
        argv[n++] = "-c";
        argv[n++] = script;
        argv[n++] = "sh";
    } else if (s->counts != NULL) {
        char counted[256];
        snprintf(counted, sizeof counted, "counted/%s", s->stage->binary);
        argv[n++] = build_path(path, sizeof path, counted);
    } else {
        argv[n++] = build_path(path, sizeof path, s->stage->binary);
    }
    for (size_t i = 0; s->args[i] != NULL; i++)
        argv[n++] = s->args[i];
    execv(argv[0], (char *const *)argv);
    dprintf(2, "cannot run %s: %s\n", argv[0], strerror(errno));
}

/* In the child: nothing of the suite may leak into the server. It starts with
 * default signals, as from a shell, so a SIGPIPE would kill it. */
static _Noreturn void
server_child(const struct server *s, int out)
{
    sigset_t none;
    int null = open("/dev/null", O_RDONLY);
    struct rlimit files, space = {(rlim_t)s->space, (rlim_t)s->space};

    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(null, 0);
    dup2(out, 1);
    dup2(suite_stderr(), 2);
    for (int fd = 3; fd < 64; fd++)
        close(fd); /* the rest is close-on-exec */
    if (s->counts != NULL) setenv("COUNT_FILE", s->counts, 1);
    if (s->files > 0 && getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max = (rlim_t)s->files;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (s->space > 0) setrlimit(RLIMIT_AS, &space);
    server_exec(s);
    _exit(127);
}

/* Start the program, and wait for nothing. */
void
server_launch(struct server *s)
{
    int out[2];

    if (s->args[0] == NULL) server_args(s, "0", NULL);
    require(pipe(out) == 0, "pipe: %s", strerror(errno));
    fcntl(out[0], F_SETFD, FD_CLOEXEC);
    fflush(NULL);
    s->pid = fork();
    require(s->pid != -1, "fork: %s", strerror(errno));
    if (s->pid == 0) server_child(s, out[1]);
    close(out[1]);
    s->out = out[0];
}

/* Read one line of the server's stdout. The answer is its length without the
 * newline; shorter than the line when the server's stdout ended. */
static size_t
server_line(struct server *s, char *line, size_t size)
{
    double deadline = now() + START_SECONDS * time_scale;
    size_t n = 0;

    while (n + 1 < size) {
        double left = deadline - now();
        if (left <= 0 || !fd_wait(s->out, POLLIN, left / time_scale))
            broken("no first line on stdout in %.1f s (is it flushed?)",
                START_SECONDS * time_scale);
        if (read(s->out, line + n, 1) != 1 || line[n] == '\n') break;
        n++;
    }
    line[n] = '\0';
    return n;
}

/* Read the address in the first line, which must be exact. */
static void
server_address(struct server *s, const char *line)
{
    char exact[256];

    if (sscanf(line, "listening on %63[^:]:%d", s->host, &s->port) != 2)
        broken(
            "the first line is \"%s\", not \"listening on HOST:PORT\"", line);
    snprintf(exact, sizeof exact, "listening on %s:%d", s->host, s->port);
    require(strcmp(line, exact) == 0,
        "the first line is \"%s\", not exactly \"%s\"", line, exact);
    require(s->port > 0 && s->port < 65536, "port %d is none", s->port);
}

/* Start the server, and wait until it listens. */
void
server_start(struct server *s)
{
    char line[256];

    server_launch(s);
    if (server_line(s, line, sizeof line) == 0)
        broken("the server ended before it said \"listening on HOST:PORT\"");
    server_address(s, line);
}

/* Stop it, and start it again with the arguments it has now. */
void
server_restart(struct server *s)
{
    server_stop(s);
    server_start(s);
}

void
server_signal(struct server *s, int signal)
{
    require(kill(s->pid, signal) == 0, "kill: %s", strerror(errno));
}

/* Wait for the end of the process. The answer is its status, as of wait(2). */
int
server_wait(struct server *s, double seconds, const char *why)
{
    double deadline = now() + seconds * time_scale;
    pid_t pid;
    int status;

    while ((pid = waitpid(s->pid, &status, WNOHANG)) == 0) {
        if (now() > deadline)
            broken("the server runs on, %.1f s after %s", seconds * time_scale,
                why);
        nap();
    }
    require(pid == s->pid, "waitpid: %s", strerror(errno));
    s->pid = 0;
    s->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    close(s->out);
    return status;
}

/* The end that was asked for must come in time, and be exit 0. */
void
server_ends(struct server *s, const char *why)
{
    int status = server_wait(s, STOP_SECONDS, why);

    if (WIFSIGNALED(status))
        broken("after %s the server died of signal %d (%s)", why,
            WTERMSIG(status), strsignal(WTERMSIG(status)));
    require(WEXITSTATUS(status) == 0, "after %s the server's exit code is %d",
        why, WEXITSTATUS(status));
}

/* Ask the server to stop; it must exit 0 in time. Nothing if it is stopped. */
void
server_stop(struct server *s)
{
    if (s->pid == 0) return;
    alive(s);
    server_signal(s, SIGTERM);
    server_ends(s, "SIGTERM");
}

/* Fail when the server's process has ended. */
void
alive(struct server *s)
{
    int status;

    if (waitpid(s->pid, &status, WNOHANG) == 0) return;
    if (WIFSIGNALED(status))
        broken("the server died of signal %d (%s)", WTERMSIG(status),
            strsignal(WTERMSIG(status)));
    broken("the server ended by itself, exit code %d", WEXITSTATUS(status));
}

/* Hold the server still, so that many clients are ready when it goes on. */
void
server_pause(struct server *s)
{
    int status;

    server_signal(s, SIGSTOP);
    require(waitpid(s->pid, &status, WUNTRACED) == s->pid && WIFSTOPPED(status),
        "SIGSTOP did not stop the server");
}

void
server_continue(struct server *s)
{
    server_signal(s, SIGCONT);
}

/* The server's part of one core over some time: 0.5 is half of it. */
double
server_cpu(struct server *s, double seconds)
{
    double from = now(), cpu = process_cpu(s->pid);

    while (now() < from + seconds)
        nap();
    return (process_cpu(s->pid) - cpu) / (now() - from);
}

/* How many lines the server wrote to stderr after `from`; the first of them
 * in `line`. */
static int
stderr_lines(off_t from, char *line, size_t size)
{
    char text[4096];
    ssize_t n = pread(suite_stderr(), text, sizeof text - 1, from);
    int lines = 0;

    require(n >= 0, "pread: %s", strerror(errno));
    text[n] = '\0';
    for (ssize_t i = 0; i < n; i++)
        lines += text[i] == '\n';
    if (n > 0 && text[n - 1] != '\n') lines++;
    snprintf(line, size, "%.*s", (int)strcspn(text, "\n"), text);
    return lines;
}

/* It did not start: it must have said why in one line on stderr, which goes to
 * `line`, and exit with another code than 0. */
static void
server_refused(struct server *s, off_t from, char *line, size_t size)
{
    int status = server_wait(s, START_SECONDS, "the end of its stdout");
    int lines = stderr_lines(from, line, size);

    if (WIFSIGNALED(status))
        broken("it died of signal %d instead of saying why", WTERMSIG(status));
    require(WEXITSTATUS(status) != 0, "it cannot start, but exits with 0");
    require(lines == 1, "%d lines on stderr, not one", lines);
    require(line[0] != '\0', "the line on stderr is empty");
}

/* true: it starts, and runs now. false: it refused, as it should. */
bool
server_try(struct server *s, char *line, size_t size)
{
    struct stat before;
    char out[256];

    require(fstat(suite_stderr(), &before) == 0, "fstat: %s", strerror(errno));
    server_launch(s);
    if (server_line(s, out, sizeof out) > 0) {
        server_address(s, out);
        return true;
    }
    server_refused(s, before.st_size, line, size);
    return false;
}

/* It cannot start: it must say so, and nothing on stdout. */
void
server_refuses(struct server *s, char *line, size_t size)
{
    if (server_try(s, line, size))
        broken("it starts, although it should refuse");
}
