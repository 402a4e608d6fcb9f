/* counting.c - the system calls of a counted server, by holding it still. */
#include "count.h"
#include "suite.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The counts of the server that will run; the file loses its name
 * when the server has opened it. */
static struct counts *
counts_map(char *path)
{
    int fd = mkstemp(path);
    struct counts *counts;

    require(fd != -1 && ftruncate(fd, sizeof *counts) == 0,
        "no temporary file for the counts");
    counts = mmap(NULL, sizeof *counts, PROT_READ, MAP_SHARED, fd, 0);
    require(counts != MAP_FAILED, "mmap: no memory for the counts");
    close(fd);
    return counts;
}

/* While the server is held, all clients ask; so all are ready together. Before
 * they do, its counts are copied to `before`. */
static void
round_together(struct server *s, const struct counts *counts, struct client *c,
    size_t count, struct counts *before)
{
    server_pause(s);
    memcpy(before, counts, sizeof *before);
    for (size_t i = 0; i < count; i++)
        ask(&c[i]);
    server_continue(s);
    for (size_t i = 0; i < count; i++)
        answer(&c[i]);
    (void)fd_wait(c[0].fd, POLLIN, 0.003); /* idle: who spins is counted */
}

/* What was counted between two moments. */
static void
counts_subtract(struct counts *to, const struct counts *from)
{
    to->total -= from->total;
    for (size_t i = 0; i < COUNT_NAMES; i++)
        to->by_name[i].calls -= from->by_name[i].calls;
}

/* System calls per echo of a counted server, which is started and stopped. The
 * first rounds do not count. `all`, if not NULL, gets the calls of all rounds
 * by name. */
double
calls_per_echo(struct server *s, size_t clients, int rounds, struct counts *all)
{
    char path[] = "/tmp/suite-counts-XXXXXX";
    struct counts *counts = counts_map(path), from, to;
    struct client *c;

    s->counts = path;
    server_start(s);
    unlink(path);
    c = clients_open(s, clients);
    for (int r = 0; r <= 3; r++)
        round_together(s, counts, c, clients, &from);
    for (int r = 1; r <= rounds; r++)
        round_together(s, counts, c, clients, &to);
    server_stop(s);
    clients_close(c, clients);
    free(c);
    munmap(counts, sizeof *counts);
    counts_subtract(&to, &from);
    if (all != NULL) *all = to;
    return (double)to.total / (double)(clients * (size_t)rounds);
}
