/* client.c - one connection, and the two questions that fit every server:
 *
 *  - ask and answer: one round trip. Some bytes and the same bytes back, or
 *    GET /hello and its answer.
 *  - push and pull: as much as the socket takes of an endless pattern, and
 *    what comes back, compared byte by byte (or answer by answer).
 *
 * All sockets are nonblocking; what waits has a deadline. */
#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const double ANSWER_SECONDS = 10, SILENCE_SECONDS = 0.25;

/* Wait until fd is ready for the events of poll(2). false: the deadline came
 * first. The seconds are multiplied by TIME_SCALE. */
bool
fd_wait(int fd, short events, double seconds)
{
    struct pollfd p = {.fd = fd, .events = events};
    double deadline = now() + seconds * time_scale;

    for (;;) {
        double left = deadline - now();
        int n = poll(&p, 1, left > 0 ? (int)(left * 1000) + 1 : 0);
        if (n > 0) return true;
        require(n == 0 || errno == EINTR, "poll: %s", strerror(errno));
        if (left <= 0) return false;
    }
}

static int
socket_open(void)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

    require(fd != -1, "socket: %s", strerror(errno));
    require(fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
                fcntl(fd, F_SETFD, FD_CLOEXEC) == 0,
        "fcntl: %s", strerror(errno));
    /* Best effort: only latency is at stake. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* The socket's last error, as errno has it; 0: none. */
static int
socket_error(int fd)
{
    int error = 0;
    socklen_t size = sizeof error;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1) return errno;
    return error;
}

/* Connect to the server. It need not have accepted when this is done. */
void
client_open(struct client *c, const struct server *s)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    int rc;

    c->fd = socket_open();
    c->protocol = s->stage->protocol;
    c->asked = c->have = 0;
    c->sent = c->received = 0;
    c->seed = random_below(UINT64_MAX);
    to.sin_port = htons((uint16_t)s->port);
    to.sin_addr.s_addr = inet_addr(s->host);
    if (strcmp(s->host, "0.0.0.0") == 0)
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    rc = connect(c->fd, (struct sockaddr *)&to, sizeof to);
    if (rc == -1 && errno != EINPROGRESS)
        broken("connect: %s", strerror(errno));
    if (!fd_wait(c->fd, POLLOUT, ANSWER_SECONDS))
        broken("connect takes too long");
    rc = socket_error(c->fd);
    require(rc == 0, "connect to %s:%d: %s", s->host, s->port, strerror(rc));
}

/* Many at once. The memory is the caller's, until his process ends. */
struct client *
clients_open(const struct server *s, size_t count)
{
    struct client *c = malloc(count * sizeof *c); /* pages come when used */

    require(c != NULL, "no memory for %zu clients", count);
    for (size_t i = 0; i < count; i++)
        client_open(&c[i], s);
    return c;
}

void
client_close(struct client *c)
{
    close(c->fd);
    c->fd = -1;
}

void
clients_close(struct client *c, size_t count)
{
    for (size_t i = 0; i < count; i++)
        client_close(&c[i]);
}

/* Close with a reset: the server sees ECONNRESET, not the end of the data. */
void
client_reset(struct client *c)
{
    const struct linger now_with_rst = {.l_onoff = 1, .l_linger = 0};

    require(setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now_with_rst,
                sizeof now_with_rst) == 0,
        "SO_LINGER: %s", strerror(errno));
    client_close(c);
}

/* Half-close: we send no more, and still read. */
void
client_finish(struct client *c)
{
    require(shutdown(c->fd, SHUT_WR) == 0, "shutdown: %s", strerror(errno));
}

/* Send all of buf, however often the socket is full. */
void
client_write(struct client *c, const void *buf, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = send(c->fd, (const char *)buf + done, len - done, 0);
        if (n > 0) done += (size_t)n;
        if (n != -1) continue;
        require(errno == EAGAIN, "send: %s", strerror(errno));
        if (!fd_wait(c->fd, POLLOUT, ANSWER_SECONDS))
            broken("the server reads nothing for %.1f s",
                ANSWER_SECONDS * time_scale);
    }
}

/* Receive what is there, at most len bytes. 0: the end of the data. -1:
 * nothing yet. */
static ssize_t
client_receive(struct client *c, void *buf, size_t len)
{
    ssize_t n = recv(c->fd, buf, len, 0);

    if (n == -1 && errno != EAGAIN && errno != EINTR)
        broken("the connection broke: recv: %s", strerror(errno));
    return n;
}

/* The same, but wait until something is there. */
static size_t
client_await(struct client *c, void *buf, size_t len)
{
    for (;;) {
        ssize_t n;
        if (!fd_wait(c->fd, POLLIN, ANSWER_SECONDS))
            broken("no answer in %.1f s", ANSWER_SECONDS * time_scale);
        n = client_receive(c, buf, len);
        if (n >= 0) return (size_t)n;
    }
}

/* Receive exactly len bytes. */
void
client_read(struct client *c, void *buf, size_t len)
{
    for (size_t done = 0; done < len;) {
        size_t n = client_await(c, (char *)buf + done, len - done);
        if (n == 0)
            broken("the server closed after %zu of %zu bytes", done, len);
        done += n;
    }
}

/* The server must end the connection, orderly and without another byte. */
void
client_eof(struct client *c)
{
    char byte;

    require(c->have == 0, "%zu bytes too many before the end", c->have);
    require(client_await(c, &byte, 1) == 0, "a byte where the end should be");
}

/* Receive more into c->in. false: the server closed. */
static bool
client_more(struct client *c)
{
    size_t n;

    require(c->have < IN_SIZE, "the answer is longer than %d bytes", IN_SIZE);
    n = client_await(c, c->in + c->have, IN_SIZE - c->have);
    c->have += n;
    return n > 0;
}

/* Receive one whole HTTP answer; head: it comes without its body. The answer
 * of this function is the body. */
const char *
http_answer(struct client *c, struct answer *a, bool head)
{
    const char *body;

    while (!http_take(c, head, a, &body))
        if (!client_more(c))
            broken("the server closed, %zu bytes into an answer", c->have);
    return body;
}

/* Ask for one round trip. */
void
ask(struct client *c)
{
    if (c->protocol == SPEAKS_HTTP) {
        client_write(c, http_request, strlen(http_request));
        return;
    }
    c->asked = 1 + random_below(ASK_SIZE);
    for (size_t i = 0; i < c->asked; i++)
        c->question[i] = (char)random_below(256);
    client_write(c, c->question, c->asked);
}

/* The answer to ask must come, and be right. */
void
answer(struct client *c)
{
    struct answer a;
    char echo[ASK_SIZE];

    if (c->protocol == SPEAKS_HTTP) {
        const char *body = http_answer(c, &a, false);
        http_is_hello(&a, body);
        return;
    }
    client_read(c, echo, c->asked);
    require(memcmp(echo, c->question, c->asked) == 0,
        "the echo differs from what was sent");
}

/* Does anything come within so many seconds? They are not scaled. */
bool
answered_within(struct client *c, double seconds)
{
    return fd_wait(c->fd, POLLIN, seconds / time_scale);
}

/* Proof of a failure by design: the server does not answer. */
void
no_answer(struct client *c)
{
    if (answered_within(c, SILENCE_SECONDS))
        broken("answered, although this stage fails this promise by design");
}

/* Byte number `at` of the endless pattern: the request again and again, or
 * noise that is different for each client and each position. */
static char
pattern_byte(const struct client *c, uint64_t at)
{
    uint64_t x = c->seed + at / 8 * 0x9e3779b97f4a7c15u;

    if (c->protocol == SPEAKS_HTTP)
        return http_request[at % strlen(http_request)];
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (char)((x ^ x >> 31) >> at % 8 * 8);
}

/* Send the next bytes of the pattern, at most `most`. 0: the socket is full. */
size_t
client_push(struct client *c, size_t most)
{
    static char buf[IN_SIZE];
    ssize_t n;

    if (most > sizeof buf) most = sizeof buf;
    for (size_t i = 0; i < most; i++)
        buf[i] = pattern_byte(c, c->sent + i);
    n = send(c->fd, buf, most, 0);
    if (n == -1 && errno == EAGAIN) return 0;
    require(n > 0, "send: %s", strerror(errno));
    c->sent += (uint64_t)n;
    return (size_t)n;
}

/* Look at what came back of the pattern: `have` bytes in c->in. */
static void
client_compare(struct client *c)
{
    struct answer a;
    const char *body;

    while (c->protocol == SPEAKS_HTTP && http_take(c, false, &a, &body)) {
        http_is_hello(&a, body);
        c->received++;
    }
    if (c->protocol == SPEAKS_HTTP) return;
    require(c->received + c->have <= c->sent, "more comes back than was sent");
    for (size_t i = 0; i < c->have; i++)
        require(c->in[i] == pattern_byte(c, c->received + i),
            "byte %llu of the echo is wrong",
            (unsigned long long)(c->received + i));
    c->received += c->have;
    c->have = 0;
}

/* Take at most `most` bytes of what came back. 0: nothing is there now. */
size_t
client_pull(struct client *c, size_t most)
{
    size_t room = IN_SIZE - c->have;
    ssize_t n = client_receive(c, c->in + c->have, most < room ? most : room);

    if (n == -1) return 0;
    if (n == 0) broken("the server closed while answers were due");
    c->have += (size_t)n;
    client_compare(c);
    return (size_t)n;
}

/* Send and never read, until nothing more fits for so many seconds: the server
 * cannot go on with this client. What fits is bounded, unless it hoards. */
void
client_fill_up(struct client *c, double seconds)
{
    const uint64_t bound = 64 << 20;

    do {
        while (c->sent < bound && client_push(c, IN_SIZE) > 0)
            continue;
        require(c->sent < bound, "the server took 64 MiB from a client that "
                                 "reads nothing: where does it keep them?");
    } while (fd_wait(c->fd, POLLOUT, seconds));
}

/* Read until the answers to all that was sent are here. */
void
client_drain(struct client *c)
{
    uint64_t due = c->sent;

    if (c->protocol == SPEAKS_HTTP) {
        size_t len = strlen(http_request);
        due = (c->sent + len - 1) / len;
    }
    while (c->received < due) {
        short events = POLLIN;
        if (c->protocol == SPEAKS_HTTP && c->sent % strlen(http_request) != 0)
            events |= POLLOUT;
        if (!fd_wait(c->fd, events, ANSWER_SECONDS))
            broken("no more answers after %llu of %llu",
                (unsigned long long)c->received, (unsigned long long)due);
        if (events & POLLOUT)
            (void)client_push(c, strlen(http_request) - /* 0: still full */
                                     c->sent % strlen(http_request));
        (void)client_pull(c, 4096); /* 0: nothing yet, wait again */
    }
}

/* A chunk's length: one byte as likely as some, as many. */
static size_t
random_chunk(void)
{
    return 1 + random_below((uint64_t)1 << random_below(17));
}

/* Send `total` bytes in random pieces and read them back in random pieces, as
 * each direction allows. client_pull compares every byte. */
void
client_exchange(struct client *c, uint64_t total)
{
    while (c->received < total) {
        short events = POLLIN;
        uint64_t left = total - c->sent;
        size_t chunk = random_chunk();
        if (left > 0) events |= POLLOUT;
        if (!fd_wait(c->fd, events, 5))
            broken("no more bytes after %llu of %llu",
                (unsigned long long)c->received, (unsigned long long)total);
        if (left > 0) (void)client_push(c, chunk < left ? chunk : left);
        (void)client_pull(c, random_chunk()); /* 0: nothing there, poll again */
    }
}
