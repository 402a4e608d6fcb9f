/* measure.c - see measure.h. */
#include "measure.h"
#include "machine.h"

#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SECOND = 1000 * 1000 * 1000,
    BATCH = 100,  /* clients that connect at once: fewer than a backlog */
    START = 5,    /* seconds that a server may take to start */
    PATIENCE = 2, /* seconds more for the answers that are still due */
};

bool
peer_read(struct peer *p, char *text)
{
    char *rest = strchr(text, '=');
    if (rest == NULL) return false;
    *rest++ = '\0';
    *p = (struct peer){.name = text, .pid = (pid_t)strtol(rest, &rest, 10)};
    if (*rest++ != ':') return false;
    p->in.sin_family = AF_INET;
    p->in.sin_port = htons((uint16_t)strtol(rest, &rest, 10));
    p->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->path = rest;
    return *rest == '/' && p->pid > 0;
}

static void
question_make(struct question *q, const struct peer *p, const struct plan *plan)
{
    size_t size = strlen(p->path) + 64;
    *q = (struct question){.answers = plan->pipeline};
    if (plan->echo > 0) size = (size_t)plan->echo;
    q->text = calloc((size_t)plan->pipeline, size);
    if (q->text == NULL) err(1, "no memory for a question");
    if (plan->echo > 0) {
        memset(q->text, 'e', q->length = size);
        q->echo = true;
        return;
    }
    for (int i = 0; i < plan->pipeline; i++)
        q->length += (size_t)snprintf(q->text + q->length, size,
            "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", p->path);
}

/* Until nobody is at work. Who is late is given up. busy: ask the kernel again
 * and again, so that no time is lost in waking up. */
static void
crowd_wait(struct crowd *crowd, bool busy)
{
    uint64_t late = crowd->end + (uint64_t)PATIENCE * SECOND;
    while (crowd->at_work > 0 && io_now(crowd->loop) < late)
        io_tick(crowd->loop, busy ? 0 : SECOND / 10);
    while (crowd->at_work > 0) {
        io_cancel_all(crowd->loop);
        io_tick(crowd->loop, IO_FOREVER);
    }
}

/* ---- Connect ------------------------------------------------------------ */

/* Some clients connect, and ask once. */
static bool
batch_connect(struct peer *p, int from, int to)
{
    struct crowd *crowd = &p->crowd;
    crowd->end = io_now(crowd->loop);
    for (int i = from; i < to; i++) {
        p->clients[i] =
            (struct client){.crowd = crowd, .question = &p->question};
        client_start(&p->clients[i]);
    }
    crowd_wait(crowd, false);
    return crowd->failed == 0;
}

/* The first client tries until somebody listens. */
static bool
first_connect(struct peer *p)
{
    uint64_t end = io_now(p->crowd.loop) + (uint64_t)START * SECOND;
    while (!batch_connect(p, 0, 1) && io_now(p->crowd.loop) < end) {
        p->crowd.failed = 0;
        io_tick(p->crowd.loop, 0);
        usleep(20 * 1000);
    }
    return p->crowd.failed == 0;
}

bool
peer_connect(struct peer *p, const struct plan *plan)
{
    int all = plan->connections + plan->idle;
    uint64_t most = 0;
    if (plan->rate > 0)
        most = 1000 + (uint64_t)(2 * plan->rate * (double)plan->slice / SECOND);
    p->address = (struct addrinfo){.ai_family = AF_INET,
        .ai_addr = (struct sockaddr *)&p->in,
        .ai_addrlen = sizeof p->in};
    p->crowd = (struct crowd){.loop = plan->loop,
        .address = &p->address,
        .stay = true,
        .content = plan->content,
        .length = plan->length,
        .took_most = most,
        .took = most > 0 ? calloc(most, sizeof *p->crowd.took) : NULL};
    p->clients = calloc((size_t)all, sizeof *p->clients);
    if (p->clients == NULL || (most > 0 && p->crowd.took == NULL))
        err(1, "%d clients", all);
    question_make(&p->question, p, plan);
    if (!first_connect(p)) return false;
    if (plan->memory) p->before = peer_memory(p, plan);
    p->kernel = kernel_memory();
    for (int i = 1; i < all; i += BATCH)
        if (!batch_connect(p, i, i + BATCH < all ? i + BATCH : all))
            return false;
    p->crowd.content = NULL; /* from here on only the length is looked at */
    return true;
}

void
peer_leave(struct peer *p, const struct plan *plan)
{
    for (int i = 0; i < plan->connections + plan->idle; i++)
        client_leave(&p->clients[i]);
    p->crowd.end = io_now(plan->loop);
    crowd_wait(&p->crowd, false);
    free(p->crowd.took);
    free(p->clients);
    free(p->question.text);
}

/* ---- Ask ---------------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Seconds that so many of a hundred answers took at most. */
static double
percentile(const struct crowd *crowd, int percent)
{
    size_t count = crowd->took_count;
    if (count == 0) return -1;
    return (double)crowd->took[(count - 1) * (size_t)percent / 100] / SECOND;
}

/* With a rate each client has its own turns, spread evenly. */
static void
clients_start(struct peer *p, const struct plan *plan)
{
    struct crowd *crowd = &p->crowd;
    uint64_t now = io_now(plan->loop);
    int count = plan->connections;
    crowd->end = now + plan->slice;
    crowd->every = 0;
    if (plan->rate > 0) crowd->every = (uint64_t)(SECOND / plan->rate * count);
    crowd->answers = crowd->bytes = crowd->took_count = 0;
    for (int i = 0; i < count; i++) {
        uint64_t share = crowd->every * (uint64_t)i / (uint64_t)count;
        p->clients[i].turn = now + share;
        client_start(&p->clients[i]);
    }
}

/* Cores that were not idle, but for the server's and our own part. */
static double
others(const struct plan *plan, double seconds, double idle, double ours)
{
    double all = cores_count(plan->cores) * seconds;
    double rest = (all - idle - ours) / all;
    return rest > 0 ? rest : 0;
}

struct slice
peer_slice(struct peer *p, const struct plan *plan)
{
    struct crowd *crowd = &p->crowd;
    struct slice s = {.others = -1};
    (void)io_tick(plan->loop, 0); /* the clock of io_now */
    uint64_t start = io_now(plan->loop);
    double idle = cores_idle(plan->cores), cpu = process_cpu(p->pid);
    double own = process_cpu(getpid());
    clients_start(p, plan);
    crowd_wait(crowd, plan->rate > 0);
    usleep(2000); /* the server has still to see that there is no more */
    double spent = process_cpu(p->pid) - cpu;
    s.load = process_cpu(getpid()) - own;
    (void)io_tick(plan->loop, 0);
    s.seconds = (double)(io_now(plan->loop) - start) / SECOND;
    s.cpu = cpu < 0 ? -1 : spent;
    s.answers = (double)crowd->answers;
    s.bytes = (double)crowd->bytes;
    s.failed = (double)crowd->failed;
    if (idle >= 0 && cpu >= 0)
        s.others = others(
            plan, s.seconds, cores_idle(plan->cores) - idle, spent + s.load);
    qsort(crowd->took, crowd->took_count, sizeof *crowd->took, compare);
    s.p50 = percentile(crowd, 50);
    s.p99 = percentile(crowd, 99);
    return s;
}

double
peer_memory(const struct peer *p, const struct plan *plan)
{
    long last = -1, now = process_memory(p->pid);
    for (int i = 0, same = 0; i < 60 && same < 6; i++) {
        last = now;
        usleep(100 * 1000);
        now = process_memory(p->pid);
        same = now == last ? same + 1 : 0;
    }
    (void)io_tick(plan->loop, 0); /* the clock has gone on meanwhile */
    return (double)now;
}
