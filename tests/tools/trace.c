/* trace.c - the log of a traced server (trace.h), and the one client, which
 * plays against it.
 *
 * TRACE_FD names the descriptor of the log; one write(2) for each line, so that
 * strace shows it in its place among the real calls. TRACE_HTTP: the client
 * speaks HTTP.
 *
 * The client is a child process. It does its next step when the log has been
 * quiet for a moment: then the server waits for it, or tries in vain. */
#include "trace.h"

#include <sys/types.h>

#include <sys/mman.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LINE = 512,
    HIGH_FD = 50, /* leaves the small numbers to the server */
    QUIET = 60,   /* milliseconds */
    SECONDS = 4,  /* in which all must be over */
};

static const char request[] = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
static const char *const echo_steps[] = {"the client connects",
    "the client sends \"hello\\n\"", "the client has read it, and half-closes",
    "the server gets SIGTERM"};
static const char *const http_steps[] = {"the client connects",
    "the client sends \"GET /hello\"",
    "the client has read it, and half-closes", "the server gets SIGTERM"};
enum { STEPS = sizeof echo_steps / sizeof *echo_steps };

static volatile int *begun; /* steps that the client has begun; it writes */
static int told;            /* of which the log has this many */
static int listener = -1, to_client = -1;
static char line[LINE];
static size_t used; /* of line */

void
trace_put(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line + used, sizeof line - used, format, args);
    va_end(args);
    if (n > 0) used += (size_t)n;
    if (used >= sizeof line) used = sizeof line - 1;
}

void
trace_end(void)
{
    const char *fd = getenv("TRACE_FD");
    trace_put("\n");
    if (fd != NULL) (void)!write(atoi(fd), line, used); /* nobody reads: fine */
    used = 0;
    if (to_client != -1) (void)!write(to_client, "", 1); /* not quiet */
}

void
trace_result(long rc, int error)
{
    trace_answer(rc >= 0 ? rc : -(long)error);
}

void
trace_answer(long res)
{
    switch (res < 0 ? -res : 0) {
    case 0: trace_put(" = %ld", res); break;
    case EAGAIN: trace_put(" = EAGAIN"); break;
    case EINTR: trace_put(" = EINTR"); break;
    case ECANCELED: trace_put(" = ECANCELED"); break;
    default: trace_put(" = -1, %s", strerror((int)-res)); break;
    }
}

void
trace_news(void)
{
    while (begun != NULL && told < *begun) {
        trace_put(
            "- %s", getenv("TRACE_HTTP") ? http_steps[told] : echo_steps[told]);
        trace_end();
        told++;
    }
}

int
trace_listener(void)
{
    return listener;
}

/* The last news, when main has returned. */
__attribute__((destructor)) static void
trace_over(void)
{
    trace_news();
}

/* ---- The client --------------------------------------------------------- */

/* Wait until the server is quiet. 0: it has ended. */
static int
server_quiet(int from_server)
{
    char bytes[64];
    struct pollfd p = {.fd = from_server, .events = POLLIN};
    for (;;) {
        int n = poll(&p, 1, QUIET);
        if (n == 0) return 1;
        if (n == 1 && read(from_server, bytes, sizeof bytes) <= 0) return 0;
    }
}

static void
client_step(int step, int fd, const struct sockaddr *server, socklen_t size)
{
    char answer[512];
    const char *ask = getenv("TRACE_HTTP") ? request : "hello\n";
    size_t len = strlen(ask);
    switch (step) {
    case 0:
        if (connect(fd, server, size) == -1) err(1, "connect");
        break;
    case 1:
        if (write(fd, ask, len) != (ssize_t)len) err(1, "write");
        break;
    case 2:
        if (read(fd, answer, sizeof answer) <= 0) err(1, "read");
        (void)shutdown(fd, SHUT_WR);
        break;
    default: (void)kill(getppid(), SIGTERM); break;
    }
}

static void
client_run(int from_server)
{
    struct sockaddr_storage server;
    socklen_t size = sizeof server;
    if (getsockname(listener, (struct sockaddr *)&server, &size) == -1)
        err(1, "getsockname");
    int fd = socket(server.ss_family, SOCK_STREAM, 0);
    while (*begun < STEPS && server_quiet(from_server)) {
        int step = *begun;
        *begun = step + 1; /* before the server can notice */
        client_step(step, fd, (struct sockaddr *)&server, size);
    }
}

static void
client_start(void)
{
    int ends[2];
    begun = mmap(NULL, sizeof *begun, PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (begun == MAP_FAILED || pipe(ends) == -1 ||
        (to_client = fcntl(ends[1], F_DUPFD, HIGH_FD)) == -1)
        err(1, "trace");
    alarm(SECONDS); /* a server takes it for SIGTERM: it ends in any case */
    pid_t child = fork();
    if (child == -1) err(1, "fork");
    close(ends[1]);
    if (child == 0) {
        close(to_client);
        alarm(SECONDS);
        client_run(ends[0]);
        _exit(0);
    }
    close(ends[0]);
}

/* Every server announces its socket, just before its work begins. */
void __real_net_announce(int fd);
void __wrap_net_announce(int fd);

void
__wrap_net_announce(int fd)
{
    __real_net_announce(fd);
    trace_put("!");
    trace_end();
    listener = fd;
    client_start();
}
