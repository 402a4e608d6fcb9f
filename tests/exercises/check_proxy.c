/* check_proxy.c - 05-proxy: server TO [PORT [HOST]]. We are the client and the
 * target, so we see what passes, and can stop reading on either side. */
#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The target's socket; not listening: it refuses. Its port, as text, goes to
 * `port`. */
static int
target_open(bool listens, char port[16])
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    require(fd != -1 && bind(fd, (struct sockaddr *)&at, size) == 0 &&
                (!listens || listen(fd, 100) == 0) &&
                getsockname(fd, (struct sockaddr *)&at, &size) == 0,
        "no socket for a target: %s", strerror(errno));
    snprintf(port, 16, "%d", ntohs(at.sin_port));
    return fd;
}

/* Start the proxy. The answer is the target's socket. */
static int
proxy_start(struct server *s, bool listens)
{
    static char port[16];
    int fd = target_open(listens, port);

    s->args[0] = port;
    s->args[1] = "0";
    s->args[2] = "127.0.0.1";
    server_start(s);
    return fd;
}

/* A client, and what the target accepts for it. */
static void
pair_open(const struct server *s, int listener, struct client *c,
    struct client *target)
{
    client_open(c, s);
    require(fd_wait(listener, POLLIN, 3),
        "a client connects, and nobody connects to the target");
    *target = (struct client){.fd = accept(listener, NULL, NULL)};
    require(target->fd != -1 && fcntl(target->fd, F_SETFL, O_NONBLOCK) == 0,
        "accept: %s", strerror(errno));
}

/* These bytes go in here and come out there. */
static void
passes(struct client *from, struct client *to, const char *bytes)
{
    char got[64];
    size_t n = strlen(bytes);

    client_write(from, bytes, n);
    client_read(to, got, n);
    require(memcmp(got, bytes, n) == 0, "\"%s\" arrives as \"%.*s\"", bytes,
        (int)n, got);
}

void
proxy_passes(struct server *s)
{
    int listener = proxy_start(s, true);
    struct client c[2], target[2];

    pair_open(s, listener, &c[0], &target[0]);
    pair_open(s, listener, &c[1], &target[1]);
    passes(&c[1], &target[1], "a question");
    passes(&target[1], &c[1], "an answer");
    passes(&target[0], &c[0], "who talks first does not matter");
    passes(&c[0], &target[0], "nor who came first");
}

void
proxy_half_close(struct server *s)
{
    int listener = proxy_start(s, true);
    struct client c, target;

    pair_open(s, listener, &c, &target);
    passes(&c, &target, "that is all");
    client_finish(&c);
    client_eof(&target);
    for (int i = 0; i < 1000; i++)
        passes(&target, &c, "there is much to say, so it takes a while");
    client_finish(&target);
    client_eof(&c);
    pair_open(s, listener, &c, &target);
    passes(&target, &c, "that is all");
    client_finish(&target);
    client_eof(&c);
    for (int i = 0; i < 1000; i++)
        passes(&c, &target, "and yet you must listen");
    client_finish(&c);
    client_eof(&target);
}

/* The sender is stopped at last, and nothing is lost. */
static void
pressed_back(struct server *s, struct client *from, struct client *to)
{
    static char waste[1 << 16];
    long before = process_memory(s->pid), grown;

    client_fill_up(from, 0.3);
    grown = (process_memory(s->pid) - before) >> 10;
    require(grown < 1024 * time_scale, "the proxy grew by %ld KiB", grown);
    for (uint64_t left = from->sent; left > 0;) {
        size_t n = left < sizeof waste ? (size_t)left : sizeof waste;
        client_read(to, waste, n);
        left -= n;
    }
}

void
proxy_backpressure(struct server *s)
{
    int listener = proxy_start(s, true);
    struct client c, target;

    pair_open(s, listener, &c, &target);
    passes(&c, &target, "now listen");
    pressed_back(s, &c, &target);
    pressed_back(s, &target, &c);
    passes(&c, &target, "it goes on");
}

void
proxy_refused(struct server *s)
{
    struct client c;

    (void)proxy_start(s, false);
    for (int i = 0; i < 10; i++) {
        client_open(&c, s);
        require(seconds_to_end(&c, 3 * time_scale) >= 0,
            "nobody listens at the target, and the client is not told");
        client_close(&c);
    }
}

void
proxy_target_resets(struct server *s)
{
    int listener = proxy_start(s, true), files;
    struct client c[2], target[2];

    pair_open(s, listener, &c[0], &target[0]);
    passes(&c[0], &target[0], "stay");
    files = process_files(s->pid);
    for (int i = 0; i < 20; i++) {
        pair_open(s, listener, &c[1], &target[1]);
        passes(&c[1], &target[1], "go");
        if (i % 2 == 0) client_reset(&target[1]);
        if (i % 2 == 0) (void)seconds_to_end(&c[1], 2 * time_scale);
        client_reset(&c[1]);
        if (i % 2 == 1) (void)seconds_to_end(&target[1], 2 * time_scale);
        if (i % 2 == 1) client_close(&target[1]);
    }
    files_at_most(s, files, 3);
    passes(&target[0], &c[0], "here I am");
}
