/* plan.c - make a talk out of a seed: see model.h. */
#include "plan.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What one request may need at most; without that much, the talk ends. */
enum { REQUEST_TEXT = 9 * 1024, REQUEST_MOVES = 100 };

uint64_t
plan_random(struct talk *t, uint64_t below)
{
    return model_random(&t->random) % below;
}

bool
plan_chance(struct talk *t, unsigned percent)
{
    return plan_random(t, 100) < percent;
}

/* ---- What is sent ------------------------------------------------------- */

static struct talk_move *
add_move(struct talk *t, enum talk_act act)
{
    assert(t->move_count < TALK_STEPS);
    struct talk_move *m = &t->moves[t->move_count++];
    *m = (struct talk_move){.act = act};
    return m;
}

/* So many bytes more at the end of the text: in the move before, if they follow
 * it there, too. */
static void
text_grew(struct talk *t, size_t len)
{
    struct talk_move *m = NULL;
    const char *at = t->text + t->text_len;
    if (t->move_count > 0) m = &t->moves[t->move_count - 1];
    if (m == NULL || m->text == NULL || m->text + m->len != at) {
        m = add_move(t, TALK_SEND);
        m->text = at;
    }
    m->len += len;
    t->text_len += len;
    t->length += len;
}

void
plan_say(struct talk *t, const char *format, ...)
{
    va_list arguments;
    size_t room = sizeof t->text - t->text_len;
    va_start(arguments, format);
    int n = vsnprintf(t->text + t->text_len, room, format, arguments);
    va_end(arguments);
    assert(n > 0 && (size_t)n < room);
    text_grew(t, (size_t)n);
}

void
plan_bytes(struct talk *t, const char *bytes, size_t len)
{
    assert(len < sizeof t->text - t->text_len);
    memcpy(t->text + t->text_len, bytes, len);
    text_grew(t, len);
}

void
plan_repeat(struct talk *t, char byte, size_t times)
{
    assert(times < sizeof t->text - t->text_len);
    memset(t->text + t->text_len, byte, times);
    text_grew(t, times);
}

void
plan_pattern(struct talk *t, uint64_t at, uint64_t len)
{
    if (len == 0) return;
    struct talk_move *m = add_move(t, TALK_SEND);
    m->at = at;
    m->len = len;
    t->length += len;
}

/* Perhaps. */
void
plan_pause(struct talk *t)
{
    if (plan_chance(t, 10)) add_move(t, TALK_PAUSE);
}

void
plan_wait(struct talk *t, size_t answers, bool go_on)
{
    struct talk_move *m = add_move(t, TALK_WAIT);
    m->at = answers;
    m->len = go_on;
}

/* ---- What is asked ------------------------------------------------------ */

static const struct plan_kind *
pick(struct talk *t, const struct plan_kind *kinds, size_t count)
{
    enum plan_root root = t->world->root ? WITH_ROOT : WITHOUT_ROOT;
    uint64_t sum = 0, n;
    for (size_t i = 0; i < count; i++)
        if (kinds[i].root & root) sum += (uint64_t)kinds[i].weight;
    n = plan_random(t, sum);
    for (size_t i = 0;; i++) {
        assert(i < count);
        if (!(kinds[i].root & root)) continue;
        if (n < (uint64_t)kinds[i].weight) return &kinds[i];
        n -= (uint64_t)kinds[i].weight;
    }
}

/* Behind the request after which the server ends: it must be forgotten. */
static void
add_junk(struct talk *t)
{
    if (plan_chance(t, 50)) return;
    plan_say(t, "GET /hello HTTP/1.1\r\nHost: evil\r\n\r\n");
    if (plan_chance(t, 30)) plan_pattern(t, t->random, plan_size(t));
}

enum way { GOES_ON, ENDS, IS_BAD };

static void
add_request(struct talk *t, enum way way)
{
    size_t count;
    struct plan p = {.t = t, .closes = way == ENDS};
    const struct plan_kind *kinds =
        way == IS_BAD ? plan_bads(&count) : plan_goods(&count);
    p.a = &t->answers[t->answer_count++];
    *p.a = (struct talk_answer){.at = model_random(&t->random)};
    pick(t, kinds, count)->make(&p);
    assert(p.a->status != 0 && p.a->head_end > 0);
    if (p.a->decided == 0) p.a->decided = t->length;
    if (p.a->close) add_junk(t);
}

static bool
is_full(const struct talk *t)
{
    return sizeof t->text - t->text_len < 2 * REQUEST_TEXT ||
           TALK_STEPS - t->move_count < 2 * REQUEST_MOVES;
}

static enum way
last_way(struct talk *t)
{
    unsigned manners = t->world->manners;
    if (manners & MODEL_BAD && plan_chance(t, 33)) return IS_BAD;
    return manners & MODEL_CLOSES && plan_chance(t, 33) ? ENDS : GOES_ON;
}

/* Requests come in one run, one by one, or now this and now that. */
static void
add_requests(struct talk *t)
{
    static const unsigned patience[] = {0, 100, 50};
    unsigned most = t->world->requests, wait = patience[plan_random(t, 3)];
    if (most == 0 || most > TALK_REQUESTS) most = TALK_REQUESTS;
    size_t count = 1 + plan_random(t, most);
    while (t->answer_count + 1 < count && !is_full(t)) {
        add_request(t, GOES_ON);
        if (plan_chance(t, wait)) plan_wait(t, t->answer_count, false);
        plan_pause(t);
    }
    add_request(t, last_way(t));
}

/* How the client ends it. */
static void
add_stop(struct talk *t)
{
    static const struct {
        unsigned manner;
        enum talk_act act;
    } ways[] = {{0, TALK_LEAVE}, {MODEL_HALF_CLOSE, TALK_FINISH},
        {MODEL_TRUNCATE, TALK_FINISH}, {MODEL_RESETS, TALK_RESET}};
    size_t i = plan_random(t, 4);
    t->stop = TALK_LEAVE;
    t->stop_at = t->length;
    if (!(t->world->manners & ways[i].manner)) return;
    t->stop = ways[i].act;
    if (ways[i].manner != MODEL_HALF_CLOSE)
        t->stop_at = plan_random(t, t->length);
}

void
talk_begin(struct talk *t, const struct model_world *world, uint64_t seed)
{
    memset(t, 0, offsetof(struct talk, moves));
    memset((char *)t + offsetof(struct talk, move_count), 0,
        offsetof(struct talk, now) - offsetof(struct talk, move_count));
    memset(
        &t->now, 0, offsetof(struct talk, head) - offsetof(struct talk, now));
    t->why[0] = '\0';
    t->world = world;
    t->seed = t->random = seed;
    add_requests(t);
    add_stop(t);
    t->stubborn = plan_chance(t, 50);
}

/* ---- For people --------------------------------------------------------- */

/* The names of bad requests are the requests. */
static void
make_visible(char *text)
{
    for (; *text != '\0'; text++)
        if (*text < ' ' || *text > '~') *text = '.';
}

char *
talk_describe(const struct talk *t, char *out, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < t->answer_count && len < size; i++)
        len += (size_t)snprintf(out + len, size - len, "%s%s",
            i == 0 ? "" : ", ", t->answers[i].name);
    if (len < size && t->stop != TALK_LEAVE)
        (void)snprintf(out + len, size - len, "; %s after %llu bytes of %llu",
            t->stop == TALK_RESET ? "a reset" : "the end",
            (unsigned long long)t->stop_at, (unsigned long long)t->length);
    make_visible(out);
    return out;
}
