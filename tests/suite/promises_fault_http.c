/* promises_fault_http.c - a crowd that speaks one byte a second, and an end in
 * the middle of full work. */
#include "suite.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MIB = 1 << 20 };

/* ---- 5,000 slow clients ------------------------------------------------- */

enum { CROWD = 5000 };

/* What the server says to one of them, if anything, and then the end. */
static bool
is_dropped(struct client *c)
{
    ssize_t n = recv(c->fd, c->in, 12, 0);

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) return false;
    if (n >= 12)
        require(strncmp(c->in, "HTTP/1.1 408", 12) == 0,
            "a slow client is told \"%.12s\", not 408", c->in);
    return true;
}

/* Each says the next byte of its request; those who are told to go, do. The
 * answer is how many are left. */
static size_t
crowd_speaks(struct client *c, char byte)
{
    size_t left = 0;

    for (size_t i = 0; i < CROWD; i++) {
        if (c[i].fd == -1) continue;
        if (is_dropped(&c[i]) ||
            (send(c[i].fd, &byte, 1, 0) == -1 && errno != EAGAIN))
            client_close(&c[i]);
        else
            left++;
    }
    return left;
}

/* For about a second, others come, are served, and go. */
static double
others_are_served(struct server *s)
{
    double start = now(), most = 0;

    while (now() < start + 1) {
        double asked = now();
        visit_once(s);
        if (now() - asked > most) most = now() - asked;
        (void)fd_wait(s->out, 0, 0.02 / time_scale);
    }
    return most;
}

/* The time limit grows with TIME_SCALE, as the others' requests take longer on
 * a slow machine, too. */
void
fault_slow_crowd(struct server *s, bool fails)
{
    char timeout[16];
    struct client *c;
    struct rest before;
    double last, most = 0;
    int seconds = 0;

    (void)fails;
    snprintf(timeout, sizeof timeout, "%d", (int)(1 + time_scale));
    server_option(s, "--timeout", timeout);
    server_start(s);
    before = rest_of(s);
    c = clients_open(s, CROWD);
    last = now() + 15 * time_scale;
    while (crowd_speaks(c, seconds < 5 ? "GET /"[seconds] : 'a') > 0) {
        double slowest = others_are_served(s);
        if (slowest > most) most = slowest;
        require(now() < last, "slow clients still hold their places");
        seconds++;
    }
    note("gone in %d s, others waited %.0f ms", seconds, most * 1000);
    free(c);
    recovers(s, &before, 4 * MIB);
}

/* ---- SIGTERM under load ------------------------------------------------- */

enum { TALKERS = 32, AHEAD = 4, FILE_SIZE = 9000, GIVEN_UP = -1 };

static const char file_request[] =
    "GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n";

/* Clients that ask and read all the time. So little is on its way to one of them
 * that no send ever waits: a part of an answer is the server's fault. */
struct talk {
    bool files; /* all ask for the file; or else for /hello */
    struct client *clients;
    struct pollfd polled[TALKERS];
    int ahead[TALKERS]; /* requests that are not answered; GIVEN_UP: no more */
    size_t answers;     /* to all of them */
    double signaled;    /* when the server was told to end; 0: not yet */
};

/* A server that ends may have said its last word while this is on its way. */
static void
talk_ask(struct talk *t, size_t i)
{
    const char *request = t->files ? file_request : http_request;

    while (t->ahead[i] != GIVEN_UP && t->ahead[i] < AHEAD) {
        ssize_t n = send(t->clients[i].fd, request, strlen(request), 0);
        require(n > 0 || t->signaled > 0, "send: %s", strerror(errno));
        t->ahead[i] = n > 0 ? t->ahead[i] + 1 : GIVEN_UP;
    }
}

/* A whole answer. Connection: close is not followed by another one. */
static void
talk_answered(
    struct talk *t, size_t i, const struct answer *a, const char *body)
{
    if (t->files) {
        require(a->status == 200 && a->length == FILE_SIZE,
            "the file: status %d, length %ld", a->status, a->length);
        for (size_t at = 0; at < FILE_SIZE; at++)
            require(body[at] == file_byte(at), "byte %zu is wrong", at);
    } else {
        http_is_hello(a, body);
    }
    require(t->signaled > 0 || !a->closes, "it closes, and nobody asked it to");
    t->answers++;
    if (t->ahead[i] != GIVEN_UP) t->ahead[i]--;
    if (a->closes) t->ahead[i] = GIVEN_UP;
}

/* The end of this client's connection: not in the middle of an answer. Who is
 * slow to go may meet a reset: the server waits a second, and no longer. */
static void
talk_ended(struct talk *t, size_t i, ssize_t n)
{
    struct client *c = &t->clients[i];

    require(t->signaled > 0, "the server closes, and nobody asked it to");
    require(c->have == 0, "the end comes %zu bytes into an answer", c->have);
    if (n == -1 && now() < t->signaled + 0.5)
        broken("no orderly end: %s", strerror(errno));
    t->polled[i].fd = -1; /* poll leaves it out */
    client_close(c);
}

/* Take what has come to this client, and ask for more. */
static void
talk_go_on(struct talk *t, size_t i)
{
    struct client *c = &t->clients[i];
    struct answer a;
    const char *body;
    ssize_t n = recv(c->fd, c->in + c->have, IN_SIZE - c->have, 0);

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        talk_ended(t, i, n);
        return;
    }
    c->have += (size_t)n;
    while (http_take(c, false, &a, &body))
        talk_answered(t, i, &a, body);
    talk_ask(t, i);
}

/* false: all connections have ended. */
static bool
talk_turn(struct talk *t)
{
    size_t open = 0;

    for (size_t i = 0; i < TALKERS; i++)
        open += t->polled[i].fd != -1;
    if (open == 0) return false;
    require(poll(t->polled, TALKERS, (int)(5000 * time_scale)) > 0,
        "%zu clients wait, and nothing comes", open);
    for (size_t i = 0; i < TALKERS; i++)
        if (t->polled[i].fd != -1 && t->polled[i].revents != 0)
            talk_go_on(t, i);
    return true;
}

static void
talk_start(struct talk *t, struct server *s, bool files)
{
    memset(t, 0, sizeof *t);
    t->files = files;
    t->clients = clients_open(s, TALKERS);
    for (size_t i = 0; i < TALKERS; i++) {
        t->polled[i] = (struct pollfd){t->clients[i].fd, POLLIN, 0};
        talk_ask(t, i);
    }
}

/* The signal comes in the middle of it; the number of answers so far is the
 * measure, as the time would depend on the machine. */
static size_t
end_under_load(struct server *s, bool files)
{
    size_t enough = 300 + random_below(1000);
    struct talk t;

    server_start(s);
    talk_start(&t, s, files);
    while (t.answers < enough)
        (void)talk_turn(&t); /* true: it lets nobody go yet */
    server_signal(s, SIGTERM);
    t.signaled = now();
    while (talk_turn(&t))
        continue;
    server_ends(s, "SIGTERM");
    free(t.clients);
    return t.answers;
}

void
fault_end_under_load(struct server *s, bool fails)
{
    enum { TIMES = 8 };
    struct root root;
    size_t answers = 0;

    (void)fails;
    root_create(&root, FILE_SIZE);
    for (int i = 0; i < TIMES; i++) {
        if (i == TIMES / 2) server_option(s, "--root", root.directory);
        answers += end_under_load(s, i >= TIMES / 2);
    }
    note("%zu answers, all whole", answers);
    root_destroy(&root);
}
