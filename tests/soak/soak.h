/* soak.h - the parts of the soak: hours of all kinds of clients at once.
 *
 *    soak.c    starts the servers, and goes round
 *    guest.c   one client: it says what the model says, in its own manner
 *    probe.c   a client that asks for the same again and again: how long does
 *              it wait?
 *    watch.c   a look at the servers each second, and what to make of it */
#ifndef SOAK_H
#define SOAK_H

#include "../model/model.h"
#include "../suite/suite.h"

#include <poll.h>
#include <stdio.h>

enum {
    TIMEOUT = 3,       /* seconds: the servers' --timeout */
    CONNECTIONS = 28,  /* of the server that has a limit */
    PROBES_MAX = 1000, /* in one second */
    PIECE_MAX = 32 * 1024,
};

/* How a guest behaves: the table is in guest.c. */
struct manner {
    const char *name;
    int weight;
    unsigned talk;     /* enum model_manners */
    unsigned allowed;  /* enum talk_allowance: it asks for trouble */
    size_t send, recv; /* most bytes at a time, */
    double pause;      /* and seconds between two times */
    bool stalls;       /* at some byte it stops doing anything */
    uint64_t body;     /* bytes of its longest body */
};

enum { MANNERS = 8 };
extern const struct manner manners[MANNERS];

/* What became of the talks of one manner. */
struct tally {
    uint64_t right, cut, wrong;
};

/* A probe's request is under way from `asked` to the end of its answer. */
struct probe {
    int fd;
    double due, asked; /* asked: 0: it rests */
    size_t have, want; /* bytes of the answer; want: 0: not known yet */
    uint64_t answers, failures;
    size_t count;
    double took[PROBES_MAX]; /* in this second */
    char in[16 * 1024];
};

/* One server, and what is kept of it. */
struct host {
    struct server server;
    const char *name; /* "plain", "root" */
    const char *probe_target;
    struct model_world world;
    int limit;  /* of its connections; 0: none */
    int guests; /* that are connected */
    struct tally tally[MANNERS];
    uint64_t refused; /* 503 */
    int files_before; /* descriptors, without clients */
    double cpu;       /* as of the last look */
    struct probe probe;
    struct sample *samples;
    size_t sample_count, sample_room;
};

/* One second of a host. */
struct sample {
    double second;
    long memory; /* bytes */
    int files, guests;
    double cpu; /* part of a core */
    uint64_t talks;
    double median, p99; /* seconds that the probe waited */
};

/* One client. It talks, and then another one takes its place. */
struct guest {
    struct host *host;
    const struct manner *manner;
    uint64_t seed; /* of its next talk */
    int fd;        /* -1: not yet */
    bool connected, send_failed, stalled;
    uint64_t stall_at; /* bytes sent and received */
    double due;        /* when it may do something again */
    double moved;      /* when something was sent or received */
    struct model_world world;
    struct talk talk;
};

/* guest.c: the manner of the guest who is at this part (0 to 1) of all; a new
 * talk, from then on; what to wait for; go on; nothing that comes is the
 * server's fault. */
const struct manner *manner_at(double part);
void guest_begin(struct guest *g, double begin);
short guest_events(struct guest *g, double at);
void guest_serve(struct guest *g, short events, double at);
void guest_excuse(struct guest *g);
extern bool guests_end; /* no new talks, and nobody takes his time */

/* probe.c */
void probe_open(struct host *h);
short probe_events(struct host *h, double at);
void probe_serve(struct host *h, short events, double at);
void probe_figures(struct probe *p, double *median, double *p99);
void probe_close(struct host *h);

/* watch.c */
void watch_look(struct host *h, double second, FILE *csv);
void watch_head(FILE *csv);

/* Is it as it should be? Each prints a line, and counts. */
extern int passed, failed;
void judge(struct host *h, bool ok, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void watch_judge(struct host *h, double seconds);

/* soak.c: a socket to this host; -1: not now. */
int host_connect(const struct host *h);
void host_report(const struct guest *g);

#endif
