/* load.c - work for the fleet, and the fate of each request: load PORT CLIENTS
 * asks until SIGTERM. Then it prints a line for GET and one for POST:
 *
 *     GET 5012 asked 5012 right 0 refused 0 lost 0 wrong 9 ms at most
 *
 * A thread for each client, as in chapter 01: they are few, and wait a lot.
 * Half of them keep their connection, half connect anew for each request. */
#include "client.h"

#include <arpa/inet.h>

#include <err.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    CLIENTS_MOST = 256,
    REST = 2, /* milliseconds between an answer and the next request */
};

enum method { GET, POST, METHODS };

static const char *const names[METHODS] = {"GET", "POST"};

/* What became of the requests of one method. */
struct count {
    unsigned long asked, outcomes[OUTCOMES];
    long slowest; /* milliseconds */
    int status;   /* of the first that was refused; 0: none was */
};

/* A client and its thread, which alone touches it until it has ended. */
struct worker {
    pthread_t thread;
    struct client client;
    struct count counts[METHODS];
};

static atomic_bool stop;

static long
now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* One request, and what became of it. */
static void
worker_ask(struct worker *w, enum method method)
{
    struct count *count = &w->counts[method];
    struct client *c = &w->client;
    long start = now_ms();
    count->asked++;
    enum outcome outcome = method == GET ? client_get(c) : client_post(c);
    long took = now_ms() - start;
    count->outcomes[outcome]++;
    if (took > count->slowest) count->slowest = took;
    if (outcome == REFUSED && count->status == 0) count->status = c->status;
}

static void *
worker_main(void *argument)
{
    struct worker *w = argument;
    for (unsigned i = 0; !stop; i++) {
        worker_ask(w, i % 4 == 3 ? POST : GET);
        pause_ms(REST);
    }
    client_leave(&w->client);
    return NULL;
}

static void
worker_start(struct worker *w, int i, struct sockaddr_in address)
{
    w->client.address = address;
    w->client.seed = (uint32_t)i + 1;
    w->client.keeps = i % 2 == 0;
    w->client.fd = -1;
    int rc = pthread_create(&w->thread, NULL, worker_main, w);
    if (rc != 0) errx(1, "cannot start thread %d: %s", i, strerror(rc));
}

/* ---- The end ------------------------------------------------------------ */

static void
count_add(struct count *sum, const struct count *one)
{
    sum->asked += one->asked;
    for (int i = 0; i < OUTCOMES; i++)
        sum->outcomes[i] += one->outcomes[i];
    if (one->slowest > sum->slowest) sum->slowest = one->slowest;
    if (sum->status == 0) sum->status = one->status;
}

static void
count_print(const char *name, const struct count *count)
{
    const unsigned long *n = count->outcomes;
    printf("%-4s %lu asked %lu right %lu refused %lu lost %lu wrong %ld ms at "
           "most",
        name, count->asked, n[RIGHT], n[REFUSED], n[LOST], n[WRONG],
        count->slowest);
    if (count->status != 0) printf(" (refused with %d)", count->status);
    putchar('\n');
}

static int
number_read(const char *text, int most)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (end == text || *end != '\0' || n < 1 || n > most)
        errx(2, "'%s' is not a number from 1 to %d", text, most);
    return (int)n;
}

/* The threads inherit the mask, so the signal comes to sigwait. */
static void
wait_for_end(const sigset_t *ends)
{
    int sig;
    int rc = sigwait(ends, &sig);
    if (rc != 0) errx(1, "sigwait: %s", strerror(rc));
    stop = true;
}

int
main(int argc, char **argv)
{
    if (argc != 3) errx(2, "usage: load PORT CLIENTS");
    struct sockaddr_in address = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)number_read(argv[1], 65535)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int clients = number_read(argv[2], CLIENTS_MOST);
    struct worker *workers = calloc((size_t)clients, sizeof *workers);
    if (workers == NULL) err(1, "%d clients", clients);
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &ends, NULL); /* it cannot fail here */
    (void)signal(SIGPIPE, SIG_IGN); /* a lost connection is counted */
    for (int i = 0; i < clients; i++)
        worker_start(&workers[i], i, address);
    wait_for_end(&ends);
    struct count sums[METHODS] = {0};
    for (int i = 0; i < clients; i++) {
        (void)pthread_join(workers[i].thread, NULL); /* nor can this */
        for (int m = 0; m < METHODS; m++)
            count_add(&sums[m], &workers[i].counts[m]);
    }
    for (int m = 0; m < METHODS; m++)
        count_print(names[m], &sums[m]);
    free(workers);
    return 0;
}
