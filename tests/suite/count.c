/* count.c - linked into a counted build of a server: counts its system calls
 * in the file that COUNT_FILE names (count.h).
 *
 * The linker's --wrap=recv turns each call of recv into __wrap_recv, and
 * __real_recv is recv. Counted are the calls that a program makes; what a
 * library does inside (compat's epoll under kevent) is not. A name that the
 * program does not use stays unresolved, therefore the weak symbols. */
#include "count.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static struct counts nowhere;
static struct counts *counts = &nowhere;

void
count_call(const char *name)
{
    for (size_t i = 0; i < COUNT_NAMES; i++) {
        char *known = counts->by_name[i].name;
        if (known[0] == '\0') strncpy(known, name, 39);
        if (strcmp(known, name) != 0) continue;
        counts->by_name[i].calls++;
        break;
    }
    counts->total++;
}

/* Before main: map the file. The suite has made it, and wants it. */
__attribute__((constructor)) static void
count_open(void)
{
    const char *path = getenv("COUNT_FILE");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CREAT, 0600);
    void *map;

    if (fd == -1) return; /* nobody wants to know */
    if (ftruncate(fd, sizeof *counts) == -1) abort();
    map = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) abort();
    counts = map;
    close(fd);
}

/* Only a macro can define a function by name. */
#define COUNT(type, name, parameters, arguments)         \
    type __real_##name parameters __attribute__((weak)); \
    type __wrap_##name parameters;                       \
    type __wrap_##name parameters                        \
    {                                                    \
        count_call(#name);                               \
        return __real_##name arguments;                  \
    }

struct kevent;

COUNT(ssize_t, recv, (int fd, void *b, size_t n, int f), (fd, b, n, f))
COUNT(ssize_t, send, (int fd, const void *b, size_t n, int f), (fd, b, n, f))
COUNT(ssize_t, read, (int fd, void *b, size_t n), (fd, b, n))
COUNT(ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n))
COUNT(ssize_t, recvmsg, (int fd, struct msghdr *m, int f), (fd, m, f))
COUNT(ssize_t, sendmsg, (int fd, const struct msghdr *m, int f), (fd, m, f))
COUNT(int, accept, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n))
COUNT(int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int f),
    (fd, a, n, f))
COUNT(int, poll, (struct pollfd * p, nfds_t n, int t), (p, n, t))
COUNT(int, nanosleep, (const struct timespec *t, struct timespec *left),
    (t, left))
COUNT(int, kevent,
    (int kq, const struct kevent *c, int nc, struct kevent *e, int ne,
        const struct timespec *t),
    (kq, c, nc, e, ne, t))
