/* epoll.c - what the kqueue of compat costs: CPU time per echo of chapter 03's
 * server, against that of its epoll port.
 *
 *     epoll KQUEUE-SERVER EPOLL-SERVER
 *
 * Both run all the time, and are used in turns, so that whatever else happens
 * on this machine happens to both. Each turn answers CPU time per echo; shown
 * are the medians. All share one core: whether a server runs on the client's
 * core or on another makes more difference than what it does. Ends by itself in
 * about eight seconds. tests/tools/epoll builds and runs it. */
#include "../suite/suite.h"

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64, TURNS = 15, LIMIT = 25 /* seconds, whatever happens */ };

/* One of the two. */
struct side {
    const char *path;
    pid_t pid;
    int port;
    int clients[MOST];
    double costs[TURNS]; /* microseconds of CPU time per echo */
};

static double
seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* This process, and those it starts, stay on one core: the first it may use. */
static void
one_core(void)
{
    cpu_set_t may, only;
    int core = 0;

    CPU_ZERO(&only);
    if (sched_getaffinity(0, sizeof may, &may) == -1) err(1, "getaffinity");
    while (!CPU_ISSET(core, &may))
        core++;
    CPU_SET(core, &only);
    if (sched_setaffinity(0, sizeof only, &only) == -1) err(1, "setaffinity");
}

/* Start the server on a free port. */
static void
side_start(struct side *s)
{
    int out[2];
    char line[128];

    if (pipe(out) == -1) err(1, "pipe");
    s->pid = fork();
    if (s->pid == -1) err(1, "fork");
    if (s->pid == 0) {
        dup2(out[1], 1);
        close(out[0]);
        close(out[1]);
        alarm(LIMIT); /* outlives exec: it ends if we do */
        execl(s->path, s->path, "0", (char *)NULL);
        err(127, "%s", s->path);
    }
    close(out[1]);
    FILE *f = fdopen(out[0], "r");
    if (f == NULL || fgets(line, sizeof line, f) == NULL ||
        sscanf(line, "listening on 127.0.0.1:%d", &s->port) != 1)
        errx(1, "%s does not start", s->path);
    fclose(f);
}

static int
client_connect(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    to.sin_port = htons((uint16_t)port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd == -1 || connect(fd, (struct sockaddr *)&to, sizeof to) == -1)
        err(1, "cannot connect");
    return fd;
}

/* All clients ask, then all read. */
static void
round_trip(const struct side *s, int clients)
{
    char byte = 'x';

    for (int i = 0; i < clients; i++)
        if (send(s->clients[i], &byte, 1, 0) != 1) err(1, "send");
    for (int i = 0; i < clients; i++)
        if (recv(s->clients[i], &byte, 1, 0) != 1) err(1, "recv");
}

/* CPU microseconds per echo, over a while. */
static double
side_cost(const struct side *s, int clients)
{
    int echoes = 0;
    double end = seconds_now() + 0.12, cpu = process_cpu(s->pid);

    while (seconds_now() < end) {
        round_trip(s, clients);
        echoes += clients;
    }
    return 1e6 * (process_cpu(s->pid) - cpu) / echoes;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double
median(double *costs)
{
    qsort(costs, TURNS, sizeof *costs, compare);
    return costs[TURNS / 2];
}

/* One row of the table. */
static void
row(struct side *kqueue, struct side *epoll, int clients)
{
    for (int i = 0; i < TURNS; i++) {
        kqueue->costs[i] = side_cost(kqueue, clients);
        epoll->costs[i] = side_cost(epoll, clients);
    }
    double k = median(kqueue->costs), e = median(epoll->costs);
    printf("%7d %14.2f us %11.2f us %10.2f\n", clients, k, e, k / e);
    fflush(stdout);
}

int
main(int argc, char **argv)
{
    struct side kqueue = {0}, epoll = {0};

    if (argc != 3) errx(2, "usage: epoll KQUEUE-SERVER EPOLL-SERVER");
    alarm(LIMIT);
    one_core();
    kqueue.path = argv[1];
    epoll.path = argv[2];
    side_start(&kqueue);
    side_start(&epoll);
    for (int i = 0; i < MOST; i++) {
        kqueue.clients[i] = client_connect(kqueue.port);
        epoll.clients[i] = client_connect(epoll.port);
    }
    round_trip(&kqueue, MOST); /* until then some may not be accepted */
    round_trip(&epoll, MOST);
    printf("CPU time of the server per echo, medians of %d turns\n", TURNS);
    printf("clients  03 over compat    epoll port      ratio\n");
    row(&kqueue, &epoll, 1);
    row(&kqueue, &epoll, MOST);
    kill(kqueue.pid, SIGTERM);
    kill(epoll.pid, SIGTERM);
    waitpid(kqueue.pid, NULL, 0);
    waitpid(epoll.pid, NULL, 0);
    return 0;
}
