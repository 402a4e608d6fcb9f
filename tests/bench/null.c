/* null.c - see null.h. */
#include "null.h"

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { PIPELINE_MOST = 64 };

/* As long as the answer of chapter 06's server to GET /hello. */
static const char answer[] = "HTTP/1.1 200 OK\r\n"
                             "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                             "Content-Type: text/plain\r\n"
                             "Content-Length: 13\r\n"
                             "Connection: keep-alive\r\n\r\n"
                             "Hello, world\n";

static char
    answers[PIPELINE_MOST * (sizeof answer - 1)]; /* one after another */

void
null_begin(void)
{
    for (size_t i = 0; i < PIPELINE_MOST; i++)
        memcpy(answers + i * (sizeof answer - 1), answer, sizeof answer - 1);
}

const char *
null_answer(const char *in, size_t length, size_t *size)
{
    const char *end = in + length;
    size_t count = 0;
    while (in < end) {
        in = memmem(in, (size_t)(end - in), "\r\n\r\n", 4);
        if (in == NULL || ++count > PIPELINE_MOST) return NULL;
        in += 4;
    }
    *size = count * (sizeof answer - 1);
    return answers;
}

int
null_listen(void)
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
