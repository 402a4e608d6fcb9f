/* run.c - one case in one way.
 *
 * A run goes through the moves of its case. Answers are taken as they come, so
 * a server may refuse before all is sent; but what follows an answer in the
 * case is sent only then. At the end, "open" is proved by one more request and
 * its answer, and nothing else; "close" by the end of the stream, and nothing
 * before it; "silent" by silence. */
#include "run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const double RUN_SECONDS = 8, HUSH_SECONDS = 0.15;
static const char good[] = "GET /hello HTTP/1.1\r\nHost: good\r\n\r\n";
static const char hello[] = "Hello, world\n";

void
run_fails(struct run *r, const char *format, ...)
{
    va_list args;

    if (r->state != RUNNING) return; /* the first reason counts */
    r->state = FAILED;
    va_start(args, format);
    vsnprintf(r->why, sizeof r->why, format, args);
    va_end(args);
}

void
run_free(struct run *r)
{
    bytes_free(&r->out);
    bytes_free(&r->in);
    bytes_free(&r->replies[0].body);
    bytes_free(&r->replies[1].body);
}

/* The move that is due. Each case ends with a '.', so there is always one. */
static const struct move *
run_move(const struct run *r)
{
    return &r->c->moves[r->next];
}

static bool
all_sent(const struct run *r)
{
    return r->deaf || (r->sent == r->out.len && !r->finish);
}

/* One more good request; its answer is due next. */
static void
good_send(struct run *r)
{
    bytes_add(&r->out, good, sizeof good - 1);
    r->good_due++;
}

/* Take an answer out of what has come. NULL: it is not whole, or malformed. */
static struct reply *
reply_next(struct run *r, bool head)
{
    struct reply *reply = &r->replies[!r->last];
    long n = reply_take(reply, r->in.at, r->in.len, head);

    if (n == -1) run_fails(r, "%s: \"%.70s\"", reply->wrong, r->in.at);
    if (n == 0 && r->ended && r->in.len > 0)
        run_fails(r, "it closes within an answer: \"%.70s\"", r->in.at);
    if (n == 0 && r->ended) run_fails(r, "it closes");
    if (n <= 0) return NULL;
    bytes_skip(&r->in, (size_t)n);
    return reply;
}

/* The answer to a good request is known. true: it has come. */
static bool
good_answer(struct run *r)
{
    static const struct move move = {.kind = '<', .statuses = {200}};
    struct reply *reply = reply_next(r, false);
    const char *wrong;

    if (reply == NULL) return false;
    wrong = judge(reply, &move, &move + 1, NULL);
    if (wrong == NULL && strcmp(reply->body.at, hello) != 0)
        wrong = "another body";
    if (wrong == NULL && reply->close) wrong = "Connection: close";
    if (wrong != NULL) run_fails(r, "the good request is answered: %s", wrong);
    r->good_due--;
    return true;
}

/* Remember the status for the report, and to compare the ways. */
static void
seen_add(struct run *r, int status)
{
    size_t len = strlen(r->seen);

    snprintf(r->seen + len, sizeof r->seen - len, " %d", status);
}

/* To the next move that is no check of the answer before. */
static bool
move_done(struct run *r)
{
    do {
        r->next++;
    } while (strchr("+-=~", run_move(r)->kind) != NULL);
    return true;
}

/* An answer is due. true: it has come, or was left out. */
static bool
move_answer(struct run *r)
{
    const struct move *m = run_move(r), *end = r->c->moves + r->c->count;
    const struct reply *last = &r->replies[r->last];
    struct reply *reply;
    const char *wrong;

    if (m->optional && r->ended && r->in.len == 0) return move_done(r);
    reply = reply_next(r, m->head);
    if (reply == NULL) return false;
    if (m->optional && reply->status != m->statuses[0]) {
        m++; /* the one behind it is here */
        r->next++;
    }
    if (!m->optional) seen_add(r, reply->status);
    wrong = last->close ? "an answer behind Connection: close"
                        : judge(reply, m, end, last);
    if (wrong != NULL) run_fails(r, "%s", wrong);
    r->last = !r->last;
    return move_done(r);
}

/* Bytes are to be sent, up to the next answer. false: others still are. */
static bool
move_send(struct run *r)
{
    const char *wrong = NULL;

    if (!all_sent(r)) return false;
    while (wrong == NULL && strchr(">!", run_move(r)->kind) != NULL) {
        const struct move *m = run_move(r);
        if (m->kind == '!')
            r->finish = true;
        else
            wrong = bytes_expand(&r->out, m->text, &r->replies[r->last]);
        r->next++;
    }
    if (wrong != NULL) run_fails(r, "%s", wrong);
    return true;
}

/* Who ends first need not say Connection: close. */
static bool
we_end(const struct run *r)
{
    for (size_t i = 0; i < r->c->count; i++)
        if (r->c->moves[i].kind == '!') return true;
    return false;
}

static void
end_closed(struct run *r)
{
    const struct reply *last = &r->replies[r->last];

    if (r->in.len > 0)
        run_fails(r, "more: \"%.70s\"", r->in.at);
    else if (r->ended && last->status != 0 && !last->close && !we_end(r))
        run_fails(r, "it closes, but said keep-alive");
    else if (r->ended)
        r->state = PASSED;
}

static void
end_silent(struct run *r)
{
    if (r->in.len > 0)
        run_fails(r, "more: \"%.70s\"", r->in.at);
    else if (r->ended)
        run_fails(r, "it closes");
    else if (all_sent(r) && r->hush == 0)
        r->hush = now() + HUSH_SECONDS * time_scale;
    else if (all_sent(r) && now() > r->hush)
        r->state = PASSED;
}

/* The answer to the probe came, or the probe is sent now. */
static void
end_open(struct run *r)
{
    if (r->replies[r->last].close)
        run_fails(r, "it says Connection: close");
    else if (r->in.len > 0 && !r->probing)
        run_fails(r, "more: \"%.70s\"", r->in.at);
    else if (r->ended)
        run_fails(r, "it closes");
    else if (r->probing)
        r->state = PASSED;
    else if (all_sent(r))
        good_send(r);
    r->probing = r->good_due > 0;
}

/* It may close, or go on. */
static void
end_any(struct run *r)
{
    if (r->replies[r->last].close || r->ended)
        end_closed(r);
    else
        end_open(r);
}

/* A body was malformed, or not complete: then the answer is a refusal, or it
 * has begun already, and must break off. */
static void
end_cut(struct run *r)
{
    struct reply *reply = &r->replies[!r->last];

    if (!r->ended) return;
    if (reply_take(reply, r->in.at, r->in.len, false) == 0)
        r->state = PASSED;
    else if (reply->status < 400 || !reply->close)
        run_fails(r, "%d, and it is complete", reply->status);
    else
        r->state = PASSED;
}

/* The client was silent for too long. */
static void
end_gone(struct run *r)
{
    if (r->in.len > 0)
        run_fails(r, "more: \"%.70s\"", r->in.at);
    else if (r->ended)
        r->state = PASSED;
}

static void
move_end(struct run *r)
{
    const char *end = run_move(r)->text;

    if (strcmp(end, "close") == 0) end_closed(r);
    if (strcmp(end, "open") == 0) end_open(r);
    if (strcmp(end, "silent") == 0) end_silent(r);
    if (strcmp(end, "any") == 0) end_any(r);
    if (strcmp(end, "cut") == 0) end_cut(r);
    if (strcmp(end, "gone") == 0) end_gone(r);
}

/* One step. true: there may be another one. */
static bool
run_step(struct run *r)
{
    if (r->good_due > 0) return good_answer(r);
    switch (run_move(r)->kind) {
    case '>':
    case '!': return move_send(r);
    case '<': return move_answer(r);
    default: move_end(r); return r->good_due > 0;
    }
}

void
run_begin(struct run *r, const struct http_case *c, enum way way)
{
    r->c = c;
    r->way = way;
    r->deadline = now() + RUN_SECONDS * time_scale;
    if (way == BEHIND) bytes_add(&r->out, good, sizeof good - 1);
    (void)move_send(r); /* nothing was to be sent before */
    if (way == BEHIND) r->good_due = 1;
}

void
run_go_on(struct run *r)
{
    while (r->state == RUNNING && run_step(r))
        continue;
    if (now() > r->deadline) run_fails(r, "nothing in time");
}
