/* guest.c - one client after the other: see soak.h. */
#include "soak.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ENDS (MODEL_CLOSES | MODEL_HALF_CLOSE)
#define PATIENCE (TALK_MAY_408 | TALK_MAY_CUT)
#define PIECE PIECE_MAX

const struct manner manners[MANNERS] = {
    {"good", 30, ENDS, 0, PIECE, PIECE, 0, false, 100000},
    {"large", 3, ENDS, 0, PIECE, PIECE, 0, false, MODEL_BODY_MAX},
    {"unhurried", 12, ENDS, 0, 2000, PIECE, 0.03, false, 20000},
    {"hostile", 20, ENDS | MODEL_BAD | MODEL_TRUNCATE, 0, PIECE, PIECE, 0,
        false, 100000},
    {"tiny pieces", 10, MODEL_ALL, 0, 16, 50, 0, false, 2000},
    {"resetting", 10, MODEL_ALL, 0, PIECE, PIECE, 0, false, 100000},
    {"slow", 8, MODEL_ALL, PATIENCE, 1, 20, 1, false, 20000},
    {"stalling", 7, MODEL_ALL, PATIENCE, PIECE, PIECE, 0, true, 100000},
};

bool guests_end;

const struct manner *
manner_at(double part)
{
    int sum = 0, before = 0;
    size_t i = 0;
    for (size_t k = 0; k < MANNERS; k++)
        sum += manners[k].weight;
    while (before + manners[i].weight <= part * sum)
        before += manners[i++].weight;
    return &manners[i];
}

void
guest_begin(struct guest *g, double begin)
{
    g->fd = -1;
    g->connected = g->send_failed = g->stalled = false;
    g->stall_at = random_below(random_below(3) == 0 ? 100000 : 300);
    g->due = g->moved = begin;
    g->world = g->host->world;
    g->world.manners = g->manner->talk;
    g->world.body = g->manner->body;
    talk_begin(&g->talk, &g->world, g->seed++);
    talk_allow(&g->talk, g->manner->allowed);
    if (g->host->limit > 0) talk_allow(&g->talk, TALK_MAY_503);
}

void
guest_excuse(struct guest *g)
{
    talk_allow(&g->talk, PATIENCE | TALK_MAY_END);
}

/* ---- The end of a talk -------------------------------------------------- */

/* Then somebody else comes, some time later. */
static void
guest_over(struct guest *g, enum talk_end how)
{
    struct tally *tally = &g->host->tally[g->manner - manners];
    enum talk_verdict verdict = talk_end(&g->talk, how);
    const struct linger reset = {.l_onoff = 1};
    if (how == TALK_LEFT && g->talk.stop == TALK_RESET)
        (void)setsockopt(g->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    tally->right += verdict == TALK_RIGHT;
    tally->cut += verdict == TALK_CUT;
    tally->wrong += verdict == TALK_WRONG;
    g->host->refused += g->talk.now.status == 503;
    if (verdict == TALK_WRONG) host_report(g);
    close(g->fd);
    g->fd = -1;
    g->host->guests--;
    guest_begin(g, now() + 0.3 * (double)random_below(1000) / 1000);
}

/* It has waited for so long that the server must have given it up. */
static bool
waits_too_long(const struct guest *g, double at)
{
    double most = g->stalled ? TIMEOUT + 2 : 3 * TIMEOUT + 5;
    return at - g->moved > most;
}

/* ---- One thing at a time ------------------------------------------------ */

static void
moved(struct guest *g, double at)
{
    uint64_t bytes = g->talk.sent + g->talk.received;
    g->moved = at;
    g->due = at;
    if (!guests_end)
        g->due += g->manner->pause * (0.5 + (double)random_below(100) / 100);
    if (g->manner->stalls && bytes >= g->stall_at) g->stalled = true;
}

/* A reset is told once: to who sends first, or to who receives. */
static enum talk_end
end_of_stream(const struct guest *g, ssize_t n)
{
    return n == 0 && !g->send_failed ? TALK_EOF : TALK_LOST;
}

/* False: it is over. */
static bool
guest_recv(struct guest *g, double at)
{
    static char in[PIECE_MAX];
    ssize_t n = recv(g->fd, in, g->manner->recv, 0);
    if (n == -1 && (errno == EAGAIN || errno == EINTR)) return true;
    if (n > 0) {
        moved(g, at);
        if (talk_received(&g->talk, in, (size_t)n)) return true;
        guest_over(g, TALK_LEFT);
    } else {
        guest_over(g, end_of_stream(g, n));
    }
    return false;
}

static void
guest_send(struct guest *g, struct talk_step step, double at)
{
    size_t most = g->manner->send;
    /* A long head must be there in time, too, unless 408 is all right. */
    if (!g->manner->allowed && most < step.len / 50) most = step.len / 50;
    most = 1 + random_below(most);
    ssize_t n = send(g->fd, step.bytes, step.len < most ? step.len : most, 0);
    if (n > 0) {
        talk_sent(&g->talk, (size_t)n);
        moved(g, at);
    } else if (errno != EAGAIN && errno != EINTR) {
        g->send_failed = true; /* what has come before can still be read */
    }
}

/* Do what the model says. */
static void
guest_act(struct guest *g, short events, double at)
{
    struct talk_step step = talk_next(&g->talk);
    switch (step.act) {
    case TALK_SEND:
        if (events & POLLOUT && !g->send_failed) guest_send(g, step, at);
        break;
    case TALK_WAIT: break;
    case TALK_PAUSE:
        g->due = at + (double)random_below(30) / 1000;
        talk_go_on(&g->talk);
        break;
    case TALK_FINISH:
        (void)shutdown(g->fd, SHUT_WR); /* it fails if the server is gone */
        talk_go_on(&g->talk);
        g->moved = at;
        break;
    case TALK_LEAVE:
    case TALK_RESET: guest_over(g, TALK_LEFT); break;
    }
}

static void
guest_connect(struct guest *g, double at)
{
    g->fd = host_connect(g->host);
    if (g->fd == -1) {
        g->due = at + 0.1;
        return;
    }
    g->host->guests++;
    g->moved = at;
}

/* ---- What the loop calls ------------------------------------------------ */

short
guest_events(struct guest *g, double at)
{
    if (g->fd == -1 && !guests_end && at >= g->due) guest_connect(g, at);
    if (g->fd == -1) return 0;
    if (!g->connected) return POLLOUT;
    if (waits_too_long(g, at)) return POLLIN; /* even if it is stalled */
    if (g->stalled || at < g->due) return 0;
    bool sends = talk_next(&g->talk).act == TALK_SEND && !g->send_failed;
    return sends ? POLLIN | POLLOUT : POLLIN;
}

void
guest_serve(struct guest *g, short events, double at)
{
    if (g->fd == -1) return;
    bool late = waits_too_long(g, at);
    if (late && !(events & (POLLIN | POLLERR | POLLHUP))) {
        guest_over(g, TALK_LEFT); /* unless it is excused, that is wrong */
        return;
    }
    if (!late && (g->stalled || at < g->due)) return;
    if (!g->connected) {
        g->connected = events & POLLOUT;
        return;
    }
    if (events & (POLLIN | POLLERR | POLLHUP) && !guest_recv(g, at)) return;
    if (!g->stalled && !late) guest_act(g, events, at);
}
