/* world_06.h - the world of chapter 06, and its clients. */
#ifndef WORLD_06_H
#define WORLD_06_H

#include "../model/model.h"
#include "crowd.h"

/* What a client does beside its talk. */
enum habit {
    TALKS,
    STAYS,  /* says nothing more, and waits for the end */
    STALLS, /* stops at some byte: neither sends nor receives */
    DRIPS,  /* sends a byte now and then */
};

/* One client of the HTTP server. */
struct client {
    struct member member; /* first */
    struct talk talk;
    enum habit habit;
    bool careful;        /* its rests are always short enough */
    uint64_t stop_at;    /* bytes sent, for a habit */
    uint64_t rest_until; /* neither sends nor receives before */
    uint64_t waited;     /* nanoseconds that it has let the server wait */
    uint64_t end_by;     /* the server has ended the connection by then */
};

/* The same for all clients of a world. */
struct clients {
    uint64_t timeout; /* of the server, in nanoseconds */
    bool quick;       /* what a client does takes next to no time, */
    bool hasty; /* but the timeout is so short that a rest can be too long */
    bool slow;  /* so short that anything can take too long */
    struct model_world model;
};

extern struct clients clients;

void client_begin(struct client *c, uint64_t seed);

/* The server has ended: receive the rest, and judge. */
void client_settle(struct client *c);

#endif
