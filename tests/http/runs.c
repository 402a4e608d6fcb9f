/* runs.c - plays the cases, each in its ways, many connections at once. */
#include "run.h"

#include <arpa/inet.h>
#include <err.h>
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

enum {
    SLOTS = 48,
    BYTES = 10000, /* that are sent one by one; more goes in PIECES */
    PIECES = 2000,
};

static const char *const way_names[WAYS] = {
    "whole", "byte by byte", "in pieces", "behind another request"};

int server_ports[SERVER_KINDS];

/* What is played. */
static struct {
    const struct http_case *cases;
    size_t count, next; /* the next case, */
    int way;            /* and the next way */
    bool *passed;
    char (*seen)[SEEN]; /* of each case, by the way that ended first */
} play;

static struct run slots[SLOTS];

/* ---- One run's socket --------------------------------------------------- */

/* Blocking until it is connected: the server is on this machine. */
static int
connect_to(int port)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd == -1) err(2, "socket");
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == -1)
        err(2, "connect to port %d (has the server ended?)", port);
    if (fcntl(fd, F_SETFL, O_NONBLOCK) == -1) err(2, "fcntl");
    /* Without it, small pieces would be sent as one. */
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == -1)
        err(2, "setsockopt");
    return fd;
}

/* How much of the rest goes out at once. */
static size_t
piece(const struct run *r)
{
    size_t rest = r->out.len - r->sent, n = rest;

    if (r->way == BYTEWISE)
        n = r->out.len <= BYTES ? 1 : 1 + r->out.len / PIECES;
    if (r->way == SPLIT) n = 1 + (size_t)random_below(rest / 2 + 1);
    return n < rest ? n : rest;
}

/* A server that has refused may stop to read: that is no failure yet. */
static void
run_send(struct run *r)
{
    if (r->sent < r->out.len) {
        ssize_t n = send(r->fd, r->out.at + r->sent, piece(r), 0);
        if (n > 0) r->sent += (size_t)n;
        if (n == -1 && errno != EAGAIN) r->deaf = true;
    } else if (r->finish) {
        if (shutdown(r->fd, SHUT_WR) == -1) r->deaf = true;
        r->finish = false;
    }
}

static void
run_receive(struct run *r)
{
    static char buf[65536];
    ssize_t n = recv(r->fd, buf, sizeof buf, 0);

    if (n > 0) bytes_add(&r->in, buf, (size_t)n);
    if (n == 0) r->ended = true;
    if (n == -1 && errno != EAGAIN) run_fails(r, "%s", strerror(errno));
}

static bool
run_sends(const struct run *r)
{
    return !r->deaf && (r->sent < r->out.len || r->finish);
}

/* ---- The report: of each case the way that fails first --------------------------------------------------------- */

/* What the server has sent may hold anything; this is one line. */
static void
print_line(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text == '\r')
            printf("\\r");
        else if (*text == '\n')
            printf("\\n");
        else
            putchar(*text >= ' ' && *text <= '~' ? *text : '?');
    putchar('\n');
}

/* One line for a failure, with what is expected as the table has it. */
static void
report(const struct run *r)
{
    const struct http_case *c = r->c;

    printf("FAIL %s:%d: [%s %s] %s (%s): expected", c->file,
        c->moves[r->next].line, c->section, c->level, c->name,
        way_names[r->way]);
    for (size_t i = 0; i < c->count; i++)
        if (strchr("<.", c->moves[i].kind)) printf(" %s", c->moves[i].text);
    printf("; seen%s: ", r->seen);
    print_line(r->why);
}

/* The run is over. All ways of a case must have seen the same. */
static void
run_end(struct run *r)
{
    size_t number = (size_t)(r->c - play.cases);
    char *other = play.seen[number];

    if (r->state == PASSED && other[0] == '\0') memcpy(other, r->seen, SEEN);
    if (r->state == PASSED && strcmp(other, r->seen) != 0) {
        r->state = RUNNING;
        run_fails(r, "another way has seen%s", other);
    }
    if (r->state == FAILED && play.passed[number]) report(r);
    if (r->state == FAILED) play.passed[number] = false;
    close(r->fd);
    r->fd = -1;
    run_free(r);
}

/* ---- All runs ----------------------------------------------------------- */

/* The next case and way, of those that this case has. false: that was all. */
static bool
play_next(const struct http_case **c, enum way *way)
{
    while (play.next < play.count) {
        *c = &play.cases[play.next];
        *way = (enum way)play.way++;
        if (play.way == WAYS) {
            play.way = 0;
            play.next++;
        }
        if ((*c)->ways & 1u << *way) return true;
    }
    return false;
}

/* Begin runs in all slots that are free. The answer is how many are not. */
static int
slots_fill(void)
{
    const struct http_case *c;
    enum way way;
    int busy = 0;

    for (int i = 0; i < SLOTS; i++) {
        struct run *r = &slots[i];
        if (r->fd == -1 && play_next(&c, &way)) {
            memset(r, 0, sizeof *r);
            r->fd = connect_to(server_ports[c->server]);
            run_begin(r, c, way);
        }
        busy += r->fd != -1;
    }
    return busy;
}

/* What has happened to one run. */
static void
slot_serve(struct run *r, short events)
{
    if (r->fd == -1) return;
    if (events & (POLLIN | POLLHUP | POLLERR)) run_receive(r);
    if (events & POLLOUT && run_sends(r)) run_send(r);
    run_go_on(r);
    if (r->state != RUNNING) run_end(r);
}

void
runs_play(const struct http_case *cases, size_t count, bool *passed)
{
    struct pollfd fds[SLOTS];

    memset(&play, 0, sizeof play);
    play.cases = cases;
    play.count = count;
    play.passed = passed;
    play.seen = calloc(count, sizeof *play.seen);
    if (play.seen == NULL) err(2, "calloc");
    for (int i = 0; i < SLOTS; i++)
        slots[i].fd = -1;
    while (slots_fill() > 0) {
        for (int i = 0; i < SLOTS; i++) {
            short in = slots[i].ended ? 0 : POLLIN;
            short out = run_sends(&slots[i]) ? POLLOUT : 0;
            fds[i] =
                (struct pollfd){.fd = slots[i].fd, .events = (short)(in | out)};
        }
        if (poll(fds, SLOTS, 20) == -1 && errno != EINTR) err(2, "poll");
        for (int i = 0; i < SLOTS; i++)
            slot_serve(&slots[i], fds[i].revents);
    }
    free(play.seen);
}
