/* crowd.c - see crowd.h. */
#include "crowd.h"

#include <signal.h>
#include <stdio.h>

static const uint64_t HOUR = 3600 * UINT64_C(1000000000);

static struct member *members[CROWD_MOST];
static size_t count, done;
static struct sim_actor stopper, watch;
static uint64_t limit;
static bool hurried, told, impatient;

bool
crowd_is_stopped(void)
{
    return sim_signaled_at != SIM_NEVER;
}

bool
crowd_is_hurried(void)
{
    return hurried;
}

static void
stop(struct sim_actor *actor)
{
    (void)actor;
    int number = sim_choose(2) == 0 ? SIGTERM : SIGINT;
    if (told) return;
    told = true;
    if (sim_choose(2) == 0)
        sim_signal(number, limit);
    else
        sim_signal_soon(number, limit, 1 + sim_choose(8));
    if (impatient) { /* a second time, at any moment until the end */
        told = impatient = false;
        sim_actor_wake(&stopper);
    }
}

/* Who is not done, for a message. */
static const char *
waiting(void)
{
    static char text[120];
    for (size_t i = 0; i < count; i++)
        if (!members[i]->done) {
            snprintf(text, sizeof text, "%s waits", members[i]->name);
            return text;
        }
    return "the program waits";
}

/* Time is not what is missing. */
static void
give_up(struct sim_actor *actor)
{
    (void)actor;
    if (done < count) sim_fail("after an hour %s", waiting());
}

void
crowd_begin(uint64_t within, bool twice)
{
    hurried = sim_one_in(3);
    count = done = 0;
    told = false;
    impatient = twice;
    limit = within;
    stopper = (struct sim_actor){.at = SIM_NEVER, .act = stop};
    watch = (struct sim_actor){.at = sim_now + HOUR, .act = give_up};
    if (hurried)
        stopper.at = sim_now + (sim_choose(2) == 0 ? sim_delay()
                                                   : sim_choose(SIM_SECOND));
    sim_actor_add(&stopper);
    sim_actor_add(&watch);
    sim_waiting = waiting;
}

void
crowd_add(struct member *m, void (*act)(struct sim_actor *actor))
{
    uint64_t after = sim_one_in(3) ? sim_choose(SIM_SECOND) : sim_delay();
    *m = (struct member){.actor = {.at = sim_now + after, .act = act}};
    members[count++] = m;
    snprintf(m->name, sizeof m->name, "client %zu", count);
    sim_actor_add(&m->actor);
}

void
crowd_done(struct member *m)
{
    if (m->done) return;
    m->done = true;
    m->actor.at = SIM_NEVER;
    done++;
    sim_log(m->name, "is done");
    if (done == count) stopper.at = sim_now + sim_delay();
}
