/* probe.c - asks for the same again and again: see soak.h. */
#include "soak.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double EVERY = 0.005, PROBE_SECONDS = 5;

void
probe_open(struct host *h)
{
    struct probe *p = &h->probe;
    p->fd = host_connect(h);
    p->asked = 0;
    p->have = p->want = 0;
}

void
probe_close(struct host *h)
{
    if (h->probe.fd != -1) close(h->probe.fd);
    h->probe.fd = -1;
}

/* Not as it should be: from anew. A 503 of a full server is no failure. */
static void
probe_failed(struct host *h)
{
    bool full = h->limit > 0 && strncmp(h->probe.in, "HTTP/1.1 503 ", 13) == 0;
    h->probe.failures += !full;
    h->probe.in[0] = '\0';
    probe_close(h);
    h->probe.due = now() + 0.1;
}

static void
probe_ask(struct host *h, double at)
{
    struct probe *p = &h->probe;
    char text[128];
    int n = snprintf(text, sizeof text,
        "GET %s HTTP/1.1\r\nHost: probe\r\n\r\n", h->probe_target);
    p->asked = at;
    p->have = p->want = 0;
    if (send(p->fd, text, (size_t)n, 0) != n && errno != EAGAIN)
        probe_failed(h);
}

/* How long the answer is; 0: not known yet, or not a good one. */
static size_t
answer_length(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strstr(text, "\r\nContent-Length: ");
    if (end == NULL || length == NULL || strncmp(text, "HTTP/1.1 200 ", 13))
        return 0;
    return (size_t)(end + 4 - text) + strtoul(length + 18, NULL, 10);
}

static void
probe_answered(struct host *h, double at)
{
    struct probe *p = &h->probe;
    if (p->count < PROBES_MAX) p->took[p->count++] = at - p->asked;
    p->answers++;
    p->due = p->asked + EVERY;
    if (p->due < at) p->due = at;
    p->asked = 0;
}

static void
probe_recv(struct host *h, double at)
{
    struct probe *p = &h->probe;
    ssize_t n = recv(p->fd, p->in + p->have, sizeof p->in - 1 - p->have, 0);
    if (n == -1 && errno == EAGAIN) return;
    if (n <= 0) {
        probe_failed(h);
        return;
    }
    p->have += (size_t)n;
    p->in[p->have] = '\0';
    if (p->asked == 0 || strncmp(p->in, "HTTP/1.1 503 ", 13) == 0) {
        probe_failed(h);
        return;
    }
    if (p->want == 0) p->want = answer_length(p->in);
    if (p->want > 0 && p->have >= p->want) probe_answered(h, at);
}

short
probe_events(struct host *h, double at)
{
    struct probe *p = &h->probe;
    if (p->fd == -1 && at >= p->due) probe_open(h);
    if (p->fd == -1) return 0;
    if (p->asked == 0 && at >= p->due) return POLLIN | POLLOUT;
    return POLLIN;
}

void
probe_serve(struct host *h, short events, double at)
{
    struct probe *p = &h->probe;
    if (p->fd == -1) return;
    if (p->asked > 0 && at - p->asked > PROBE_SECONDS) probe_failed(h);
    if (p->fd != -1 && events & (POLLIN | POLLHUP | POLLERR)) probe_recv(h, at);
    if (p->fd != -1 && events & POLLOUT && p->asked == 0) probe_ask(h, at);
}

static int
by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of what has been asked since the last call; 0: nothing. */
void
probe_figures(struct probe *p, double *median, double *p99)
{
    qsort(p->took, p->count, sizeof p->took[0], by_size);
    *median = p->count > 0 ? p->took[p->count / 2] : 0;
    *p99 = p->count > 0 ? p->took[p->count * 99 / 100] : 0;
    p->count = 0;
}
