/* trace_kevent.c - linked into a build of chapter 03's server: writes down each
 * call of kevent, recv, send and accept when it has returned, and plays the
 * one client.
 *
 * TRACE_FD names the descriptor of the log. Each line of it starts with the
 * address behind the call, from which tests/tools/trace finds the source line.
 * One write(2) for each line: strace shows it in its place among the real
 * calls. The linker's --wrap=recv turns the server's recv into __wrap_recv, and
 * __real_recv is recv.
 *
 * The client is a child. Before the server waits, it tells the child to go on
 * with its next step, a moment later: by then the server is asleep. */
#include <sys/types.h>

#include <sys/event.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 512, HIGH_FD = 50 /* leaves the small numbers to the server */ };

static const char *const steps[] = {"the client connects",
    "the client sends \"hello\\n\"", "the client has read it, and half-closes",
    "the server gets SIGTERM"};
enum { STEPS = sizeof steps / sizeof *steps };
static int step, listener = -1, to_client = -1;
static char line[LINE];
static size_t used; /* of line */

/* Append to the line. */
static void __attribute__((format(printf, 1, 2))) put(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line + used, sizeof line - used, format, args);
    va_end(args);
    if (n > 0) used += (size_t)n;
    if (used >= sizeof line) used = sizeof line - 1;
}

/* The line is complete. */
static void
put_end(void)
{
    const char *fd = getenv("TRACE_FD");
    put("\n");
    if (fd != NULL) (void)!write(atoi(fd), line, used); /* nobody reads: fine */
    used = 0;
}

static void
put_result(long rc, int error)
{
    if (rc >= 0)
        put(" = %ld", rc);
    else if (error == EAGAIN)
        put(" = EAGAIN");
    else if (error == EINTR)
        put(" = EINTR");
    else
        put(" = -1, %s", strerror(error));
}

static void
client_sleep(void)
{
    const struct timespec t = {.tv_nsec = 50 * 1000 * 1000};
    (void)nanosleep(&t, NULL);
}

/* The child: one step for each byte from the server. */
static void
client_run(int from_server, const struct sockaddr *server, socklen_t size)
{
    char byte, answer[6];
    int fd = socket(server->sa_family, SOCK_STREAM, 0);
    for (int i = 0; read(from_server, &byte, 1) == 1; i++) {
        client_sleep();
        if (i == 0 && connect(fd, server, size) == -1) err(1, "connect");
        if (i == 1 && write(fd, "hello\n", 6) != 6) err(1, "write");
        if (i == 2 && read(fd, answer, 6) != 6) err(1, "read");
        if (i == 2) (void)shutdown(fd, SHUT_WR);
        if (i == 3) (void)kill(getppid(), SIGTERM);
    }
}

/* Start the client of this listening socket. */
static void
client_start(void)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    int ends[2];
    if (getsockname(listener, (struct sockaddr *)&address, &size) == -1 ||
        pipe(ends) == -1 ||
        (to_client = fcntl(ends[1], F_DUPFD, HIGH_FD)) == -1)
        err(1, "trace");
    alarm(3); /* the server takes it for SIGTERM: it ends in any case */
    pid_t child = fork();
    if (child == -1) err(1, "fork");
    close(ends[1]);
    if (child == 0) {
        close(to_client);
        client_run(ends[0], (struct sockaddr *)&address, size);
        _exit(0);
    }
    close(ends[0]);
}

/* What kevent() takes: "fd 5: READ". */
static void
put_what(const struct kevent *k)
{
    put(k->filter == EVFILT_TIMER ? "timer %ld: " : "fd %ld: ", (long)k->ident);
    put("%s", k->filter == EVFILT_READ    ? "READ"
              : k->filter == EVFILT_WRITE ? "WRITE"
              : k->filter == EVFILT_TIMER ? "TIMER"
                                          : "?");
}

static void
put_flags(unsigned int flags)
{
    static const struct {
        unsigned int flag;
        const char *name;
    } all[] = {{EV_ADD, "ADD"}, {EV_ENABLE, "ENABLE"}, {EV_DISABLE, "DISABLE"},
        {EV_DELETE, "DELETE"}, {EV_ONESHOT, "ONESHOT"}, {EV_CLEAR, "CLEAR"}};
    const char *between = ", ";
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if ((flags & all[i].flag) == 0) continue;
        put("%s%s", between, all[i].name);
        between = "|";
    }
}

/* An event: what it says besides its name. */
static void
put_news(const struct kevent *k)
{
    const char *unit = (int)k->ident == listener ? "waiting" : "bytes";
    if (k->flags & EV_ERROR)
        put(", EV_ERROR: %s", strerror((int)k->data));
    else
        put(", %ld %s", (long)k->data, unit);
    if (k->flags & EV_EOF) put(", EV_EOF");
}

int __real_kevent(int kq, const struct kevent *c, int nc, struct kevent *e,
    int ne, const struct timespec *t);
int __wrap_kevent(int kq, const struct kevent *c, int nc, struct kevent *e,
    int ne, const struct timespec *t);

int
__wrap_kevent(int kq, const struct kevent *c, int nc, struct kevent *e, int ne,
    const struct timespec *t)
{
    char from[32];
    snprintf(from, sizeof from, "%p ", __builtin_return_address(0));
    if (step < STEPS) (void)!write(to_client, "", 1);
    int rc = __real_kevent(kq, c, nc, e, ne, t), error = errno;
    if (step < STEPS) {
        put("- %s", steps[step++]);
        put_end();
    }
    put("%skevent(kq%s", from, nc == 0 ? ", []" : "");
    for (int i = 0; i < nc; i++) {
        put(", [");
        put_what(&c[i]);
        put_flags(c[i].flags);
        put("]");
    }
    put(t == NULL ? ", wait)" : ", at most %ld s)", t ? (long)t->tv_sec : 0);
    put_result(rc, error);
    for (int i = 0; i < rc; i++) {
        put(" [");
        put_what(&e[i]);
        put_news(&e[i]);
        put("]");
    }
    put_end();
    errno = error;
    return rc;
}

int __real_accept(int fd, struct sockaddr *a, socklen_t *size);
int __wrap_accept(int fd, struct sockaddr *a, socklen_t *size);

int
__wrap_accept(int fd, struct sockaddr *a, socklen_t *size)
{
    int rc = __real_accept(fd, a, size), error = errno;
    put("%p accept(%d)", __builtin_return_address(0), fd);
    put_result(rc, error);
    put_end();
    if (listener == -1) {
        listener = fd;
        client_start();
    }
    errno = error;
    return rc;
}

/* Only a macro can define a function by name. */
#define TRACE(name, pointer)                                          \
    ssize_t __real_##name(int fd, pointer b, size_t size, int flags); \
    ssize_t __wrap_##name(int fd, pointer b, size_t size, int flags); \
    ssize_t __wrap_##name(int fd, pointer b, size_t size, int flags)  \
    {                                                                 \
        ssize_t rc = __real_##name(fd, b, size, flags);               \
        int error = errno;                                            \
        put("%p " #name "(%d)", __builtin_return_address(0), fd);     \
        put_result((long)rc, error);                                  \
        put_end();                                                    \
        errno = error;                                                \
        return rc;                                                    \
    }

TRACE(recv, void *)
TRACE(send, const void *)
