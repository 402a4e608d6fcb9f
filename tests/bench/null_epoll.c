/* null_epoll.c - what the kernel alone costs: see null.h. No server that looks
 * at what it was sent can cost less with epoll and these calls. Linux only. */
#include "null.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <err.h>
#include <unistd.h>

enum { EVENTS = 256, IN = 16 * 1024 };

/* Answer what has come. False: the connection is of no more use. */
static int
serve(int fd)
{
    char in[IN];
    size_t size = 0;
    ssize_t n = recv(fd, in, sizeof in, MSG_DONTWAIT);
    const char *answer = n > 0 ? null_answer(in, (size_t)n, &size) : NULL;
    if (answer == NULL) return 0;
    return send(fd, answer, size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size;
}

static void
watch(int epoll, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == -1) err(1, "epoll_ctl");
}

static void
take_client(int epoll, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd != -1) watch(epoll, fd); /* -1: that client is gone again */
}

int
main(void)
{
    struct epoll_event events[EVENTS];
    int listener = null_listen(), epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll == -1) err(1, "epoll_create1");
    null_begin();
    watch(epoll, listener);
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listener)
                take_client(epoll, listener);
            else if (!serve(fd))
                close(fd);
        }
    }
}
