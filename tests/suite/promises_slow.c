/* promises_slow.c - clients that take their time, or do not stop talking. */
#include "suite.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define REQUEST "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"

enum { SERVERS = 8, JUNK = 256 * 1024 };

/* Start the server with a time limit of so many seconds for its clients. */
static void
start_impatient(struct server *s, int seconds)
{
    static char timeout[16]; /* server_option keeps its address */

    snprintf(timeout, sizeof timeout, "%d", seconds);
    server_option(s, "--timeout", timeout);
    server_start(s);
}

static void
expect_one_of(struct client *c, int status, int other)
{
    struct answer a;

    (void)http_answer(c, &a, false);
    require(a.status == status || a.status == other,
        "status %d, neither %d nor %d", a.status, status, other);
}

/* A close with bytes unread would be a reset, and the end not orderly. */
void
http_last_answer(struct server *s, bool fails)
{
    static char junk[JUNK];
    struct client c;

    (void)fails;
    memset(junk, 'x', sizeof junk);
    client_open(&c, s);
    client_write(&c, "GARBAGE\r\n\r\n", 11);
    client_write(&c, junk, sizeof junk);
    expect_one_of(&c, 400, 400);
    client_write(&c, junk, sizeof junk);
    client_eof(&c);
    client_close(&c);
}

/* A byte now and then does not renew the time, and nobody else waits for it. The
 * others ask at once, but on a busy machine that may take a moment, too. */
void
http_slow_request(struct server *s, bool fails)
{
    struct client slow, other;
    const double start = now();

    (void)fails;
    start_impatient(s, (int)(1 + time_scale));
    client_open(&slow, s);
    for (const char *byte = REQUEST; !fd_wait(slow.fd, POLLIN, 0.2); byte++) {
        require(byte[1] != '\0', "after %.1f s it still waits", now() - start);
        client_write(&slow, byte, 1);
        client_open(&other, s);
        ask(&other);
        answer(&other);
        client_close(&other);
    }
    require(now() - start > 0.9, "dropped after %.2f s already", now() - start);
    expect_one_of(&slow, 408, 408);
    client_eof(&slow);
    client_close(&slow);
}

/* The rest of the request and the end of its time come in one moment: the
 * answer may be either, but it must come. Which comes first is chance: so there
 * are several servers, each with one client. */
void
http_last_moment(struct server *s, bool fails)
{
    struct server all[SERVERS];
    struct client c[SERVERS];

    (void)fails;
    for (int i = 0; i < SERVERS; i++) {
        all[i] = *s;
        start_impatient(&all[i], 1);
        client_open(&c[i], &all[i]);
        client_write(&c[i], REQUEST, 20);
    }
    (void)fd_wait(c[0].fd, POLLIN, 0.1 / time_scale); /* let it be received */
    for (int i = 0; i < SERVERS; i++) {
        server_signal(&all[i], SIGSTOP); /* and at once, that it holds both */
        client_write(&c[i], &REQUEST[20], strlen(REQUEST) - 20);
    }
    (void)fd_wait(c[0].fd, POLLIN, 1.2 / time_scale); /* its time is over */
    for (int i = 0; i < SERVERS; i++) {
        server_continue(&all[i]);
        expect_one_of(&c[i], 200, 408);
        client_close(&c[i]);
        server_stop(&all[i]);
    }
}

/* The client has asked a lot and read nothing; then the server is to end, and
 * the client asks once more. A close at that moment would be a reset, and take
 * with it the answers that are still on their way. */
void
http_end_keeps_answers(struct server *s, bool fails)
{
    const uint64_t count = 1000;
    const size_t len = strlen(http_request);
    struct client c;

    (void)fails;
    client_open(&c, s);
    while (c.sent < count * len && fd_wait(c.fd, POLLOUT, 1))
        (void)client_push(&c, (size_t)(count * len - c.sent));
    (void)fd_wait(c.fd, 0, 0.3); /* it has answered what it can */
    server_signal(s, SIGTERM);
    (void)fd_wait(c.fd, 0, 0.05 / time_scale);
    client_write(&c, http_request, len);
    while (c.received < count) {
        require(fd_wait(c.fd, POLLIN, 1), "no more answers after %d",
            (int)c.received);
        (void)client_pull(&c, 4096);
    }
    server_ends(s, "SIGTERM");
}
