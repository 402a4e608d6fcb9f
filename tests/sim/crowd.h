/* crowd.h - the clients of one world, and when it is over. */
#ifndef CROWD_H
#define CROWD_H

#include "sim.h"

enum { CROWD_MOST = 12 };

/* Part of a client; the first member. */
struct member {
    struct sim_actor actor;
    struct sim_stream *stream; /* NULL: it has not connected */
    bool done;
    char name[16];
};

/* Begin a crowd. When all are done, or perhaps earlier, the program gets a
 * signal, and must end within so many nanoseconds; or it gets two. */
void crowd_begin(uint64_t limit, bool twice);

/* Is the signal not going to wait for them? */
bool crowd_is_hurried(void);

/* One more client, who acts some time soon. */
void crowd_add(struct member *m, void (*act)(struct sim_actor *actor));

/* It is done: it has closed, or does not care any more. */
void crowd_done(struct member *m);

/* Has the signal been sent? */
bool crowd_is_stopped(void);

#endif
