/* promises_fault_memory.c - a limit of address space: from the start, and one
 * that comes while the server works and goes again. */
#include "suite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { KIB = 1 << 10, MIB = 1 << 20 };

/* What execution without a library, or without room for it, ends with. */
enum { NOT_LOADED = 127 };

/* Less and less, until even the C library finds no room. The first steps are
 * what the server itself asks for. */
static void
less_and_less(struct server *s)
{
    char line[512];
    int refused = 0, started = 0;
    long step;

    server_start(s);
    s->space = process_space(s->pid);
    step = s->space / 256;
    server_stop(s);
    for (s->code = 0; s->code != NOT_LOADED && s->space > 0; s->space -= step) {
        note("%ld KiB", s->space / KIB);
        if (server_try(s, line, sizeof line)) {
            server_stop(s);
            started++;
        } else {
            refused++;
        }
    }
    s->space = 0;
    note("%d starts, %d refusals", started, refused);
    require(started > 0, "it never starts");
}

void
fault_memory_at_start(struct server *s, bool fails)
{
    (void)fails;
    less_and_less(s);
    if (!s->stage->options) return;
    server_option(s, "--workers", "4");
    less_and_less(s);
}

/* It may well be told nothing, or lose its connection. */
static void
say_half(struct client *c)
{
    (void)send(c->fd, http_request, strlen(http_request) / 2, 0);
}

/* How many of them has the server closed? */
static size_t
closed(struct client *c, size_t count)
{
    char byte[64];
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        ssize_t got = recv(c[i].fd, byte, sizeof byte, MSG_PEEK);
        n += got == 0 || (got == -1 && errno != EAGAIN);
    }
    return n;
}

/* More come than there is memory for. Some of them have to go; the server does
 * not, and those who come later are served. */
static void
crowd_comes(struct server *s)
{
    enum { CROWD = 300 };
    const double end = now() + 10 * time_scale;
    struct client *c = clients_open(s, CROWD);

    for (size_t i = 0; i < CROWD; i++)
        say_half(&c[i]);
    while (closed(c, CROWD) == 0) {
        alive(s);
        require(now() < end, "all are in: is its memory limited?");
        (void)fd_wait(s->out, 0, 0.01 / time_scale);
    }
    sleeps(s);
    note("%zu of %d clients had to go", closed(c, CROWD), CROWD);
    require(process_limit(s->pid, 0), "the limit cannot be lifted");
    clients_close(c, CROWD);
    free(c);
}

void
fault_memory(struct server *s, bool fails)
{
    struct rest before = rest_of(s);

    (void)fails;
    for (int i = 0; i < 3; i++) {
        long space = process_space(s->pid) + 256 * KIB;
        require(process_limit(s->pid, space), "no limit: %s", strerror(errno));
        crowd_comes(s);
        recovers(s, &before, 2 * MIB);
    }
}
