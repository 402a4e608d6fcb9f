/* null_epoll.c - what the kernel alone costs: a server that reads nothing of a
 * request but its end, and always sends the same answer. No server that looks
 * at what it was sent can cost less with epoll and these calls. It is no HTTP
 * server: no method, no path, no limits, no deadlines.
 *
 * Shortcuts: a request that comes in two pieces, and an answer that does not
 * fit into the socket, end the connection. Linux only. */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EVENTS = 256, IN = 16 * 1024, PIPELINE_MOST = 64 };

/* As long as the answer of chapter 06's server to GET /hello. */
static const char answer[] = "HTTP/1.1 200 OK\r\n"
                             "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                             "Content-Type: text/plain\r\n"
                             "Content-Length: 13\r\n"
                             "Connection: keep-alive\r\n\r\n"
                             "Hello, world\n";

static char
    answers[PIPELINE_MOST * (sizeof answer - 1)]; /* one after another */

/* How many requests end in these bytes. -1: not at their end, or too many. */
static int
requests_count(const char *at, size_t length)
{
    const char *end = at + length;
    int count = 0;
    while (at < end) {
        at = memmem(at, (size_t)(end - at), "\r\n\r\n", 4);
        if (at == NULL || ++count > PIPELINE_MOST) return -1;
        at += 4;
    }
    return count;
}

/* Answer what has come. False: the connection is of no more use. */
static int
serve(int fd)
{
    char in[IN];
    ssize_t n = recv(fd, in, sizeof in, MSG_DONTWAIT);
    int count = n > 0 ? requests_count(in, (size_t)n) : -1;
    if (count < 0) return 0;
    size_t length = (size_t)count * (sizeof answer - 1);
    return send(fd, answers, length, MSG_DONTWAIT | MSG_NOSIGNAL) ==
           (ssize_t)length;
}

static int
listen_on_any_port(void)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof a;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1 || bind(fd, (struct sockaddr *)&a, length) == -1 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == -1 ||
        listen(fd, SOMAXCONN) == -1 ||
        getsockname(fd, (struct sockaddr *)&a, &length) == -1)
        err(1, "cannot listen");
    printf("listening on 127.0.0.1:%d\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
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
    int listener = listen_on_any_port(), epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll == -1) err(1, "epoll_create1");
    for (size_t i = 0; i < PIPELINE_MOST; i++)
        memcpy(answers + i * (sizeof answer - 1), answer, sizeof answer - 1);
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
