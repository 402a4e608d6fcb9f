/* promises_limit.c - nobody takes more time, memory or room than is allowed. */
#include "suite.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Let some time pass; nothing is waited for. */
static void
pause_for(const struct client *c, double seconds)
{
    (void)fd_wait(c->fd, 0, seconds / time_scale);
}

/* Send a byte of a body now and then, and read what comes back, until the
 * server has had enough. Result: the seconds that it took. */
static double
drip_body(struct client *c)
{
    const double start = now();
    char bytes[512];

    client_say(c, "POST /echo HTTP/1.1\r\nHost: localhost\r\n"
                  "Content-Length: 100000\r\n\r\n");
    for (;;) {
        require(now() - start < 15 * time_scale, "it is still being served");
        if (send(c->fd, "x", 1, 0) == -1 && errno != EAGAIN) break;
        pause_for(c, 0.05);
        ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
        if (n == 0 || (n == -1 && errno != EAGAIN)) break;
    }
    return now() - start;
}

/* Ask for more and more, and take next to nothing of the answers. */
static double
sip_answers(struct client *c, struct server *s, int files)
{
    const double start = now();
    char byte;

    client_fill_up(c, 0.1);
    while (process_files(s->pid) > files) {
        require(now() - start < 15 * time_scale, "it is still being served");
        pause_for(c, 0.05);
        (void)recv(c->fd, &byte, 1, 0); /* a sign of life, no more */
    }
    return now() - start;
}

void
http_slow_transfer(struct server *s, bool fails)
{
    struct client c;
    double slow_body, slow_reader;
    char timeout[16];
    int files;

    (void)fails;
    snprintf(timeout, sizeof timeout, "%d", (int)(1 + time_scale));
    server_option(s, "--timeout", timeout);
    server_start(s);
    client_open(&c, s);
    ask(&c);
    answer(&c);
    files = process_files(s->pid) - 1;
    slow_body = drip_body(&c);
    client_close(&c);
    client_open(&c, s);
    slow_reader = sip_answers(&c, s, files);
    client_close(&c);
    note("dropped after %.1f s, %.1f s", slow_body, slow_reader);
    require(slow_body > 0.9, "the body had only %.2f s", slow_body);
    require(slow_reader > 0.9, "the reader had only %.2f s", slow_reader);
}

/* Is the next client welcome? It is told at once if not. */
static bool
welcome(struct server *s)
{
    struct client c;
    struct answer a;

    client_open(&c, s);
    if (!answered_within(&c, 0.02)) ask(&c);
    (void)http_answer(&c, &a, false);
    require(a.status == 200 || a.status == 503, "status %d", a.status);
    if (a.status == 503) {
        require(a.closes, "503, and not Connection: close");
        client_eof(&c);
    }
    client_close(&c);
    return a.status == 200;
}

void
http_connections(struct server *s, bool fails)
{
    enum { LIMIT = 4 };
    struct client *c;
    double start;

    (void)fails;
    server_option(s, "--connections", "4");
    server_option(s, "--timeout", "300"); /* the four stay, whatever we need */
    server_start(s);
    c = clients_open(s, LIMIT);
    for (size_t i = 0; i < LIMIT; i++) {
        ask(&c[i]);
        answer(&c[i]);
    }
    for (int i = 0; i < 200; i++)
        require(!welcome(s), "a fifth client is served");
    ask(&c[0]); /* the first four still are */
    answer(&c[0]);
    clients_close(c, LIMIT);
    start = now();
    while (!welcome(s))
        require(now() - start < 10 * time_scale, "no room after they left");
}

/* For a moment each of them is in the middle of its request. What they have
 * sent and got is over then: it needs no memory. */
void
http_idle_memory(struct server *s, bool fails)
{
    enum { CLIENTS = 10000, MOST = 4096, HEAD = 8192 };
    static char head[HEAD + 1];
    double start;
    struct client *c;
    long before, each, now_each = LONG_MAX;

    (void)fails;
    memset(head, 'x', HEAD);
    memcpy(head, http_request, strlen(http_request) - 2);
    memcpy(head + strlen(http_request) - 2, "A: ", 3);
    memcpy(head + HEAD - 4, "\r\n\r\n", 4);
    server_option(s, "--timeout", "300"); /* they stay, whatever we need */
    server_restart(s);
    before = process_memory(s->pid);
    c = clients_open(s, CLIENTS);
    for (size_t i = 0; i < CLIENTS; i++)
        client_write(&c[i], head, HEAD - 1);
    for (size_t i = 0; i < CLIENTS; i++)
        client_write(&c[i], head + HEAD - 1, 1);
    for (size_t i = 0; i < CLIENTS; i++)
        answer(&c[i]);
    start = now();
    do {
        each = now_each;
        pause_for(&c[0], 0.6);
        now_each = (process_memory(s->pid) - before) / CLIENTS;
    } while (now_each < each && now() - start < 20 * time_scale);
    note("%ld bytes each", each);
    require(each <= MOST, "%ld bytes for each idle client", each);
    for (size_t i = 0; i < CLIENTS; i += 100) {
        ask(&c[i]);
        answer(&c[i]);
    }
    clients_close(c, CLIENTS);
}

/* Both are asleep when a client comes: of clients who come all at once, the
 * first to awake may take them all. */
void
http_workers(struct server *s, bool fails)
{
    enum { CLIENTS = 200 };
    static struct client c[CLIENTS];
    int clients_of[2] = {0};

    (void)fails;
    server_option(s, "--workers", "2");
    server_start(s);
    for (size_t i = 0; i < CLIENTS; i++) {
        client_open(&c[i], s);
        clients_of[http_worker(&c[i])]++;
    }
    note("%d + %d of %d clients", clients_of[0], clients_of[1], CLIENTS);
    require(clients_of[0] > 0 && clients_of[1] > 0, "one of them is idle");
    server_signal(s, SIGTERM);
    server_ends(s, "SIGTERM");
    for (size_t i = 0; i < CLIENTS; i++)
        client_close(&c[i]);
}

/* --help goes to stdout, and is no failure. */
static void
helps(struct server *s)
{
    char text[4096];
    ssize_t n;
    size_t len = 0;

    s->args[0] = NULL;
    server_option(s, "--timeout", "90"); /* options before it are read */
    server_option(s, "--help", NULL);
    server_launch(s);
    while ((n = read(s->out, text + len, sizeof text - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    server_ends(s, "--help");
    require(strstr(text, "usage:") != NULL, "--help does not say how");
    require(strstr(text, "--root") != NULL, "--help does not say --root");
}

void
http_options(struct server *s, bool fails)
{
    static const struct {
        const char *name, *value;
    } bad[] = {
        {"--nonsense", NULL},
        {"-x", NULL},
        {"--port", NULL},
        {"--port", "70000"},
        {"--timeout", NULL},
        {"--timeout", ""},
        {"--timeout", "0"},
        {"--timeout", "1s"},
        {"--timeout", "99999999999999999999"},
        {"--workers", "0"},
        {"--workers", "65"},
        {"--workers", "two"},
        {"--connections", "0"},
        {"--connections", "-1"},
        {"--root", NULL},
        {"--root", "/nonexistent"},
        {"--root", "/dev/null"},
        {"file", NULL},
    };

    (void)fails;
    helps(s);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char line[512];
        s->args[0] = NULL;
        server_option(s, bad[i].name, bad[i].value);
        note("%s %s", bad[i].name, bad[i].value ? bad[i].value : "");
        server_refuses(s, line, sizeof line);
        require(s->code == 2, "the exit code is %d, not 2", s->code);
        require(strstr(line, bad[i].name), "it does not name it: %s", line);
    }
    note("%s", "");
}
