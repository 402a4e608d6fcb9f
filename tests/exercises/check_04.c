/* check_04.c - the exercises of chapter 04: one accept for all, and buffers
 * that the kernel chooses. */
#include "check.h"

#include <stdlib.h>
#include <sys/socket.h>

/* ---- 04-multishot-accept ------------------------------------------------ */

/* So many come while the server is held; the answer is how many system calls
 * it makes until the last of them is served. */
static unsigned long
calls_to_accept(struct server *s, const struct counts *counts, size_t clients)
{
    unsigned long before = counts->total;
    struct client *c;

    server_pause(s);
    c = clients_open(s, clients);
    server_continue(s);
    ask(&c[clients - 1]);
    answer(&c[clients - 1]);
    clients_close(c, clients);
    free(c);
    return counts->total - before;
}

/* Linux 6.14 and later deliver at most 20 completions per call. What else runs
 * on this machine may add calls, and never takes any away. */
void
multishot_few(struct server *s)
{
    enum { CLIENTS = 64, FEW = 16, TRIES = 5 };
    const struct counts *counts = start_counted(s);
    unsigned long calls = CLIENTS + 1;

    for (int i = 0; i < TRIES && calls > FEW; i++) {
        calls = calls_to_accept(s, counts, CLIENTS);
        rest(0.05); /* it sees the clients go */
    }
    require(calls <= FEW, "%lu system calls to accept %d clients, not %d",
        calls, CLIENTS, FEW);
}

void
multishot_rests(struct server *s)
{
    enum { LIMIT = 40, CLIENTS = 60 };
    struct client *c;
    double cpu;

    s->files = LIMIT;
    server_start(s);
    c = clients_open(s, CLIENTS);
    ask(&c[0]);
    answer(&c[0]);
    cpu = server_cpu(s, 0.3);
    require(
        cpu < 0.05, "out of descriptors, it uses %.0f %% of a core", 100 * cpu);
    clients_close(c, LIMIT);
    for (int i = LIMIT; i < CLIENTS; i++) {
        ask(&c[i]);
        answer(&c[i]);
    }
}

/* ---- 04-buffer-ring ----------------------------------------------------- */

void
buffers_idle(struct server *s)
{
    enum { CLIENTS = 1000, BYTES = 16384, MOST = 4096 /* KiB */ };
    struct client *c;
    long before, grown;

    server_start(s);
    c = clients_open(s, 1);
    client_exchange(c, 4 << 20); /* what it needs in any case */
    before = process_memory(s->pid);
    require(before > 0, "the server's memory cannot be read here");
    c = clients_open(s, CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        client_exchange(&c[i], BYTES);
    grown = (process_memory(s->pid) - before) >> 10;
    require(grown < MOST,
        "the server grew by %ld KiB for %d clients that say "
        "nothing now",
        grown, CLIENTS);
}

/* Send until nothing more fits for a while: the server cannot go on with any
 * of them. Small buffers of ours, so that this is soon. */
static void
fill_up_all(struct client *c, size_t count)
{
    const int small = 4096;

    for (size_t i = 0; i < count; i++) {
        (void)setsockopt(c[i].fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        (void)setsockopt(c[i].fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    }
    for (double last = now(); now() - last < 0.2 * time_scale;) {
        for (size_t i = 0; i < count; i++)
            if (client_push(&c[i], 4096) > 0) last = now();
        rest(0.001);
    }
}

void
buffers_stalled(struct server *s)
{
    enum { STALLED = 100 };
    struct client *c, other;

    server_start(s);
    c = clients_open(s, STALLED);
    fill_up_all(c, STALLED);
    client_open(&other, s);
    for (int i = 0; i < 100; i++) {
        ask(&other);
        answer(&other);
    }
}

void
buffers_exact(struct server *s)
{
    enum { CLIENTS = 100, BYTES = 100000 };
    struct client *c;
    int busy = CLIENTS;

    server_start(s);
    c = clients_open(s, CLIENTS);
    for (double end = now() + 20 * time_scale; busy > 0;) {
        require(now() < end, "%d clients still wait for bytes", busy);
        busy = 0;
        for (int i = 0; i < CLIENTS; i++) {
            uint64_t left = BYTES - c[i].sent;
            size_t size = 1 + random_below(20000);
            if (left > 0) (void)client_push(&c[i], left < size ? left : size);
            (void)client_pull(&c[i], size);
            busy += c[i].received < BYTES;
        }
    }
}
