/* talk.c - what the client does next, and how it ended: see model.h. */
#include "plan.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

bool
talk_wrong(struct talk *t, const char *format, ...)
{
    va_list arguments;
    size_t n;
    if (t->verdict == TALK_WRONG) return false;
    n = (size_t)snprintf(t->why, sizeof t->why,
        "answer %zu of %zu (%.40s): ", t->answered + 1, t->answer_count,
        t->answered < t->answer_count ? t->answers[t->answered].name
                                      : "one too many");
    va_start(arguments, format);
    (void)vsnprintf(t->why + n, sizeof t->why - n, format, arguments);
    va_end(arguments);
    for (char *c = t->why; *c != '\0'; c++)
        if (*c < ' ' || *c > '~') *c = '.';
    t->verdict = TALK_WRONG;
    return false;
}

const char *
talk_why(const struct talk *t)
{
    return t->why;
}

uint64_t
talk_last(const struct talk *t)
{
    return t->stop == TALK_LEAVE ? t->length : t->stop_at;
}

/* ---- What to do --------------------------------------------------------- */

/* Is there nothing to wait for any more at this move? A stubborn client does
 * not care that it was refused. */
static bool
is_over(const struct talk *t, const struct talk_move *m)
{
    if (m->act == TALK_SEND) return t->move_sent == m->len;
    if (t->closed || t->answered >= m->at) return m->act == TALK_WAIT;
    return m->act == TALK_WAIT && m->len > 0 && t->continued &&
           t->answered + 1 == m->at;
}

static struct talk_step
piece_of(const struct talk *t, const struct talk_move *m)
{
    struct talk_step step = {.act = TALK_SEND};
    uint64_t left = m->len - t->move_sent, most = talk_last(t) - t->sent;
    step.len = (size_t)(left < most ? left : most);
    step.bytes = m->text != NULL ? m->text + t->move_sent
                                 : pattern_at(m->at + t->move_sent, &step.len);
    return step;
}

struct talk_step
talk_next(struct talk *t)
{
    const struct talk_step wait = {.act = TALK_WAIT};
    bool refused = t->closed && !t->stubborn;
    if (t->finished || refused || t->ended) return wait;
    if (t->stop != TALK_LEAVE && t->sent == t->stop_at)
        return (struct talk_step){.act = t->stop};
    while (t->move < t->move_count && is_over(t, &t->moves[t->move])) {
        t->move++;
        t->move_sent = 0;
    }
    if (t->move == t->move_count && !t->closed && talk_is_complete(t))
        return (struct talk_step){.act = TALK_LEAVE};
    if (t->move == t->move_count) return wait;
    const struct talk_move *m = &t->moves[t->move];
    if (m->act == TALK_SEND) return piece_of(t, m);
    return (struct talk_step){.act = m->act};
}

void
talk_sent(struct talk *t, size_t count)
{
    assert(t->move < t->move_count);
    assert(t->move_sent + count <= t->moves[t->move].len);
    t->move_sent += count;
    t->sent += count;
}

void
talk_go_on(struct talk *t)
{
    enum talk_act act = talk_next(t).act;
    assert(act == TALK_PAUSE || act == TALK_FINISH);
    if (act == TALK_FINISH)
        t->finished = true;
    else
        t->move++;
}

/* ---- How it ended ------------------------------------------------------- */

void
talk_allow(struct talk *t, unsigned allowances)
{
    t->allowed |= allowances;
}

/* How many answers must come. */
static size_t
answers_due(const struct talk *t)
{
    size_t n = 0;
    while (n < t->answer_count && t->answers[n].decided <= talk_last(t))
        n++;
    return n;
}

bool
talk_is_complete(const struct talk *t)
{
    if (t->stage != 0 || t->head_len > 0) return false;
    return t->closed || t->answered >= answers_due(t);
}

/* May the present answer break off, because the request did, or the file? */
static bool
may_break_off(const struct talk *t)
{
    const struct talk_answer *a = &t->answers[t->answered];
    bool cut = t->finished && a->decided > talk_last(t);
    if (t->allowed & TALK_MAY_FAIL && a->file) return true;
    if (t->now.status != 200 || !a->echo)
        return t->now.body_optional && t->got == 0;
    return a->broken || cut || t->allowed & TALK_MAY_408;
}

/* May the connection end here? */
static bool
may_end(const struct talk *t)
{
    if (t->stage != 0 && t->answered < t->answer_count && t->head_len == 0 &&
        may_break_off(t))
        return true;
    if (t->stage != 0 || t->head_len > 0) return false;
    if (t->allowed & (TALK_MAY_END | TALK_MAY_408)) return true;
    return talk_is_complete(t) && (t->closed || t->finished);
}

static bool
may_be_lost(const struct talk *t)
{
    return t->allowed & (TALK_MAY_END | TALK_MAY_CUT) ||
           (t->allowed & TALK_MAY_408 && may_end(t));
}

static enum talk_verdict
ended_well(const struct talk *t)
{
    return talk_is_complete(t) ? TALK_RIGHT : TALK_CUT;
}

enum talk_verdict
talk_end(struct talk *t, enum talk_end how)
{
    bool resets = t->stop == TALK_RESET && t->sent == t->stop_at;
    bool may[] = {
        [TALK_EOF] = may_end(t) || t->allowed & TALK_MAY_CUT,
        [TALK_LOST] = may_be_lost(t),
        [TALK_LEFT] = resets || (talk_is_complete(t) && !t->closed) ||
                      t->allowed & TALK_MAY_CUT,
    };
    static const char *const what[] = {"it ends", "it is reset", "it was left"};
    assert(!t->ended);
    t->ended = true;
    if (t->verdict == TALK_WRONG) return TALK_WRONG;
    if (may[how]) return t->verdict = ended_well(t);
    (void)talk_wrong(t, "%s %s, after %llu bytes of %llu were sent", what[how],
        t->stage != 0 || t->head_len > 0 ? "within the answer" : "before it",
        (unsigned long long)t->sent, (unsigned long long)talk_last(t));
    return TALK_WRONG;
}
