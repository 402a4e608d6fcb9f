/* measure.h - ask one server for a short time, and see what it costs it. */
#ifndef MEASURE_H
#define MEASURE_H

#include "client.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/types.h>

/* How a measurement asks; the same for each server. The strings stay. */
struct plan {
    struct io_loop *loop;
    const char *name;
    int connections, pipeline, idle;
    int rounds;
    uint64_t slice;      /* nanoseconds */
    double rate;         /* requests per second; 0: as many as there can be */
    bool memory;         /* how much does the server grow with its clients? */
    int echo;            /* bytes of a message; 0: it is HTTP */
    const char *content; /* what each body must be */
    size_t length;
    const char *cores; /* which may be used, "0,1"; NULL: not known */
};

/* One server. The strings and the process are the caller's. */
struct peer {
    const char *name, *path;
    pid_t pid;
    struct sockaddr_in in;
    struct addrinfo address; /* of in */
    struct question question;
    struct crowd crowd;
    struct client *clients; /* those that ask, then the idle ones */
    double before;          /* bytes of the process without them */
    double kernel;          /* and of the kernel */
};

/* What was seen in a slice. A negative number is not known. */
struct slice {
    double seconds;
    double cpu;  /* seconds of the server */
    double load; /* and of this process */
    double answers, bytes, failed;
    double others; /* part of the cores that other processes took */
    double p50,
        p99; /* seconds from a request's turn to its answer; with rate */
};

/* Read "NAME=PID:PORT/PATH". False: it is not that. */
bool peer_read(struct peer *peer, char *text);

/* Connect all clients; each asks once, and compares the body it gets. Waits for
 * a server that is only starting. False: crowd.why tells the reason. */
bool peer_connect(struct peer *peer, const struct plan *plan);

/* Ask for so long. The connections stay. */
struct slice peer_slice(struct peer *peer, const struct plan *plan);

/* Bytes of the server's process, once they do not change any more. */
double peer_memory(const struct peer *peer, const struct plan *plan);

/* Close the connections. */
void peer_leave(struct peer *peer, const struct plan *plan);

#endif
