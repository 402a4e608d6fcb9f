/* world_05.c - the echo server of chapter 05 and its clients: each gets back
 * what it has sent, all of it, in order, and nothing else. */
#include "crowd.h"
#include "programs.h"

enum {
    PIECE = 4096, /* bytes sent or received at a time, at most */
    LONG = 20000, /* bytes of a long talk */
    ENDS_WITHIN = 2,
};

enum ending {
    FINISHES, /* ends its side, and receives the rest */
    LEAVES,   /* receives all, and closes */
    RESETS,   /* resets the connection at some byte */
    VANISHES, /* closes at some byte */
};

struct client {
    struct member member; /* first */
    uint32_t length, sent, got;
    uint32_t stop_at; /* bytes sent: then it resets or vanishes */
    enum ending ending;
    bool finished;
    uint64_t deaf_until; /* it does not receive before */
    unsigned mark;       /* of its bytes */
};

static struct client clients[CROWD_MOST];

/* The bytes of one client, none of which looks like its neighbours. */
static unsigned char
byte_at(const struct client *c, uint32_t at)
{
    return (unsigned char)(at * 131 + (at >> 8) * 29 + c->mark);
}

static void
client_check(struct client *c, const unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++, c->got++) {
        if (c->got >= c->sent)
            sim_fail("%s gets more than it has sent", c->member.name);
        if (bytes[i] != byte_at(c, c->got))
            sim_fail("%s gets back a wrong byte %u", c->member.name, c->got);
    }
}

/* Bytes received; 0 perhaps because it does not want to. */
static size_t
client_recv(struct client *c)
{
    unsigned char bytes[PIECE];
    if (sim_now < c->deaf_until) return 0;
    size_t n = sim_recv(c->member.stream, bytes, sim_piece(sizeof bytes));
    if (n > 0) sim_log(c->member.name, "receives %zu bytes", n);
    client_check(c, bytes, n);
    return n;
}

static size_t
client_send(struct client *c)
{
    unsigned char bytes[PIECE];
    uint32_t left = c->stop_at - c->sent;
    size_t n = sim_piece(left < PIECE ? left : PIECE);
    if (n == 0) return 0;
    for (size_t i = 0; i < n; i++)
        bytes[i] = byte_at(c, c->sent + (uint32_t)i);
    n = sim_send(c->member.stream, bytes, n);
    if (n > 0) sim_log(c->member.name, "sends %zu bytes", n);
    c->sent += (uint32_t)n;
    return n;
}

/* The server has ended the connection, in order or not. */
static void
client_ended(struct client *c)
{
    bool all =
        c->finished && c->got == c->length && sim_has_ended(c->member.stream);
    bool excused = crowd_is_stopped() || sim_damage.memory > 0;
    if (!all && !excused)
        sim_fail("%s has sent %u bytes, got %u back, and is cut off",
            c->member.name, c->sent, c->got);
    sim_log(c->member.name, "sees the end");
    sim_close_stream(c->member.stream);
    crowd_done(&c->member);
}

/* All is sent that it wants to send. True: it is gone. */
static bool
client_ends(struct client *c)
{
    struct sim_stream *s = c->member.stream;
    if (c->ending == FINISHES && !c->finished) {
        sim_log(c->member.name, "ends its side");
        sim_finish(s);
        c->finished = true;
    }
    if (c->ending == FINISHES) return false;
    if (c->ending == LEAVES && c->got < c->sent) return false;
    sim_log(c->member.name, c->ending == RESETS ? "resets" : "closes");
    c->ending == RESETS ? sim_reset(s) : sim_close_stream(s);
    crowd_done(&c->member);
    return true;
}

static void
client_go_on(struct client *c)
{
    size_t moved = client_recv(c);
    if (sim_now >= c->deaf_until &&
        (sim_has_ended(c->member.stream) || sim_is_lost(c->member.stream))) {
        client_ended(c);
        return;
    }
    if (sim_choose(4) > 0) moved += client_send(c);
    if (c->sent == c->stop_at && client_ends(c)) return;
    if (sim_one_in(30)) c->deaf_until = sim_now + sim_choose(2 * SIM_SECOND);
    if (c->deaf_until > sim_now)
        c->member.actor.at = c->deaf_until;
    else if (moved > 0 || c->sent < c->stop_at)
        sim_actor_wake(&c->member.actor);
}

static void
client_act(struct sim_actor *actor)
{
    struct client *c = (struct client *)actor;
    if (c->member.stream != NULL) {
        client_go_on(c);
        return;
    }
    c->member.stream = sim_connect(actor);
    sim_log(c->member.name, c->member.stream ? "connects" : "is refused");
    if (c->member.stream == NULL)
        crowd_done(&c->member);
    else
        sim_actor_wake(actor);
}

static void
client_begin(struct client *c, unsigned number)
{
    static const uint32_t lengths[] = {40, 40, 1500, LONG};
    uint32_t most = lengths[sim_choose(4)];
    if (sim_faults.piece == 2 || sim_faults.pipe < 100) most = 40;
    *c = (struct client){.length = sim_choose(most), .mark = number * 37};
    c->ending = (enum ending)(sim_choose(8));
    if (c->ending > VANISHES) c->ending = FINISHES;
    c->stop_at = c->length;
    if (c->ending >= RESETS) c->stop_at = sim_choose(c->length + 1);
    crowd_add(&c->member, client_act);
}

void
world_05(void)
{
    char *argv[] = {"server", "0", NULL};
    unsigned count = 1 + sim_choose(sim_one_in(8) ? CROWD_MOST : 4);
    crowd_begin(ENDS_WITHIN * (uint64_t)SIM_SECOND, sim_one_in(8));
    for (unsigned i = 0; i < count; i++)
        client_begin(&clients[i], i);
    (void)server_05(2, argv);
    if (!crowd_is_stopped()) sim_fail("it ends without a signal");
}
