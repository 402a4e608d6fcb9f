/* client_06.c - a client of the HTTP server. What it says and must hear is the
 * model's (tests/model); here is how fast, in which pieces, and what excuses
 * the server for less.
 *
 * The server counts from what it sees, and the client from what it does. So a
 * client that lets the server wait is careful: it either stays well within the
 * time that the server allows, and then there is no excuse, or goes far beyond
 * it. */
#include "world_06.h"

enum {
    /* Time can be over while a file is opened: that is a 500. */
    TOO_SLOW = TALK_MAY_408 | TALK_MAY_CUT | TALK_MAY_FAIL,
    PIECE = 4096,           /* bytes sent or received at a time, at most */
    PATIENCE = 6,           /* timeouts, and no server waits any more */
    SHORT = 300 * SIM_MILLI /* a rest that a server that ends still allows */
};

static const uint64_t HOUR = 3600 * UINT64_C(1000000000);

struct clients clients;

static bool
one_in(uint32_t count)
{
    return sim_one_in(count);
}

/* ---- Excuses ------------------------------------------------------------ */

/* From now on this may be answered otherwise. */
static void
client_excuse(struct client *c)
{
    unsigned allowed = 0;
    if (sim_damage.memory > 0) allowed |= TALK_MAY_END;
    if (sim_damage.file > 0 || sim_damage.descriptors > 0)
        allowed |= TALK_MAY_FAIL;
    if (crowd_is_stopped()) {
        bool rested = c->rest_until > sim_signaled_at + SHORT;
        allowed |= TALK_MAY_END;
        if (rested || !clients.quick) allowed |= TALK_MAY_408 | TALK_MAY_CUT;
        if (!clients.quick)
            allowed |= TALK_MAY_FAIL; /* the disk, too, is slow */
    }
    talk_allow(&c->talk, allowed);
}

/* Is nothing under way, and nothing asked that is not answered? */
static bool
is_even(const struct talk *t)
{
    if (t->stage != 0 || t->head_len > 0) return false;
    uint64_t asked = t->answered > 0 ? t->answers[t->answered - 1].decided : 0;
    return t->sent == asked;
}

/* Has it just sent the whole of a request without a body, and has all answers
 * before that one? */
static bool
has_asked(const struct talk *t)
{
    if (t->answered == t->answer_count) return false;
    const struct talk_answer *a = &t->answers[t->answered];
    return t->sent == a->decided && a->head_end == a->decided;
}

/* The server counts anew from the first byte of a request on, when it rested,
 * and from the end of its head on. */
static void
client_send_count(struct client *c, size_t n)
{
    if (n == 0) return;
    if (is_even(&c->talk)) c->waited = 0;
    talk_sent(&c->talk, n);
    if (has_asked(&c->talk)) c->waited = 0;
}

/* Do nothing for a while: less than the server allows, in sum, or more. */
static void
client_rest(struct client *c)
{
    uint64_t allowed = clients.timeout / 5 * 4, rest;
    if (crowd_is_stopped()) return;
    if (!clients.hasty) {
        rest = sim_choose(2 * SIM_SECOND);
    } else if (!c->careful && one_in(4)) {
        rest = clients.timeout + clients.timeout / 4;
        talk_allow(&c->talk, TOO_SLOW);
    } else {
        rest = allowed - c->waited;
        if (sim_choose(2) == 0) rest = rest / 1000 * sim_choose(1000);
        c->waited += rest;
    }
    sim_log(c->member.name, "rests for %u ms", (unsigned)(rest / SIM_MILLI));
    c->rest_until = sim_now + rest;
}

/* ---- The end ------------------------------------------------------------ */

static void
client_done(struct client *c, enum talk_end how)
{
    client_excuse(c);
    if (talk_end(&c->talk, how) == TALK_WRONG)
        sim_fail("%s: %s", c->member.name, talk_why(&c->talk));
    crowd_done(&c->member);
}

/* The server has ended the connection, in order or not. */
static void
client_ended(struct client *c)
{
    bool lost = sim_is_lost(c->member.stream);
    sim_log(c->member.name, lost ? "sees a reset" : "sees the end");
    sim_close_stream(c->member.stream);
    client_done(c, lost ? TALK_LOST : TALK_EOF);
}

static void
client_leave(struct client *c, bool by_reset)
{
    sim_log(c->member.name, by_reset ? "resets" : "closes");
    by_reset ? sim_reset(c->member.stream) : sim_close_stream(c->member.stream);
    client_done(c, TALK_LEFT);
}

/* ---- A step ------------------------------------------------------------- */

static size_t
client_recv(struct client *c)
{
    char bytes[PIECE];
    size_t n = sim_recv(c->member.stream, bytes, sim_piece(sizeof bytes));
    if (n == 0) return 0;
    sim_log(c->member.name, "receives %zu bytes", n);
    client_excuse(c);
    if (!talk_received(&c->talk, bytes, n))
        sim_fail("%s: %s", c->member.name, talk_why(&c->talk));
    return n;
}

static size_t
client_send(struct client *c, struct talk_step step)
{
    uint64_t left = c->stop_at - c->talk.sent;
    bool drips = c->habit == DRIPS && left == 0;
    if (step.len > PIECE) step.len = PIECE;
    if (step.len > left) step.len = (size_t)left;
    size_t n = drips ? 1 : sim_piece(step.len);
    n = sim_send(c->member.stream, step.bytes, n);
    if (n > 0) sim_log(c->member.name, "sends %zu bytes", n);
    client_send_count(c, n);
    if (drips) c->rest_until = sim_now + clients.timeout / 5;
    return n;
}

/* The server has had time enough to end it, since it has seen it. */
static void
client_check_patience(struct client *c)
{
    uint64_t most = PATIENCE * clients.timeout;
    uint64_t accepted_at = sim_accepted_at(c->member.stream);
    if (sim_now < c->end_by || sim_is_closed(c->member.stream)) return;
    bool seen = accepted_at < SIM_NEVER - most && accepted_at + most < sim_now;
    if (seen && !clients.slow)
        sim_fail("%s is kept, however slow it is", c->member.name);
    c->end_by = sim_now + most;
}

/* From here on it waits for the server to lose patience. */
static void
client_wait(struct client *c)
{
    if (c->end_by != SIM_NEVER) return;
    talk_allow(&c->talk, TOO_SLOW);
    sim_log(c->member.name, "waits for the end");
    c->end_by = sim_now + PATIENCE * clients.timeout;
}

/* True: there may be more to do at once. */
static bool
client_step(struct client *c)
{
    struct talk_step step = talk_next(&c->talk);
    switch (step.act) {
    case TALK_SEND: return client_send(c, step) > 0;
    case TALK_PAUSE:
        talk_go_on(&c->talk);
        client_rest(c);
        return true;
    case TALK_FINISH:
        sim_log(c->member.name, "ends its side");
        sim_finish(c->member.stream);
        talk_go_on(&c->talk);
        return true;
    case TALK_RESET: client_leave(c, true); return false;
    case TALK_LEAVE:
        if (c->habit == STAYS)
            client_wait(c);
        else
            client_leave(c, false);
        return false;
    default: return false;
    }
}

/* Does its habit keep it from doing anything? */
static bool
client_is_idle(struct client *c)
{
    if (c->habit == TALKS || c->talk.sent < c->stop_at) return false;
    if (c->habit == STALLS || c->habit == DRIPS) client_wait(c);
    return c->habit == STALLS;
}

static void
client_go_on(struct client *c)
{
    struct sim_stream *s = c->member.stream;
    client_check_patience(c);
    if (sim_now < c->rest_until && !sim_is_closed(s)) {
        c->member.actor.at = c->rest_until;
        return;
    }
    if (client_is_idle(c) && !sim_is_closed(s)) return;
    bool moved = client_recv(c) > 0;
    if (sim_has_ended(s) || sim_is_lost(s)) {
        client_ended(c);
        return;
    }
    moved |= client_step(c);
    if (c->member.done) return;
    if (one_in(clients.hasty ? 6 : 30)) client_rest(c);
    if (moved || c->rest_until > sim_now) sim_actor_wake(&c->member.actor);
}

static void
client_act(struct sim_actor *actor)
{
    struct client *c = (struct client *)actor;
    if (c->member.stream != NULL) {
        client_go_on(c);
        if (!c->member.done && c->end_by < actor->at) actor->at = c->end_by;
        return;
    }
    c->member.stream = sim_connect(actor);
    sim_log(c->member.name, c->member.stream ? "connects" : "is refused");
    if (c->member.stream == NULL)
        crowd_done(&c->member);
    else
        sim_actor_wake(actor);
}

void
client_settle(struct client *c)
{
    if (c->member.done || c->member.stream == NULL) return;
    while (client_recv(c) > 0)
        continue;
    if (!sim_is_closed(c->member.stream))
        sim_fail(
            "%s: the program ends, and not its connection", c->member.name);
    client_ended(c);
}

void
client_begin(struct client *c, uint64_t seed)
{
    char text[200];
    talk_begin(&c->talk, &clients.model, seed);
    if (clients.slow) talk_allow(&c->talk, TOO_SLOW);
    if (clients.slow) talk_allow(&c->talk, TALK_MAY_FAIL | TALK_MAY_END);
    crowd_add(&c->member, client_act);
    c->careful = sim_choose(2) == 0;
    bool ends = clients.timeout < HOUR || crowd_is_hurried();
    c->habit = ends && one_in(3) ? (enum habit)sim_choose(4) : TALKS;
    c->stop_at = SIM_NEVER;
    if (c->habit == STALLS || c->habit == DRIPS)
        c->stop_at = sim_choose((uint32_t)c->talk.length + 1);
    c->rest_until = c->waited = 0;
    c->end_by = SIM_NEVER;
    sim_log(c->member.name, "%s", talk_describe(&c->talk, text, sizeof text));
}
