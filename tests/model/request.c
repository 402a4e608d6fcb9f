/* request.c - the parts of a request: see plan.h. */
#include "plan.h"

#include <stdio.h>
#include <string.h>

enum { CHUNKS = 20 };

/* ---- Heads -------------------------------------------------------------- */

/* Fields that change nothing. */
static void
add_noise(struct talk *t)
{
    static const char *const fields[] = {"Accept: */*", "User-Agent: model/1",
        "X-Empty:", "Connection: x-other", "cookie: a=b; c=\"d\"",
        "TE: trailers", "Accept-Language:en\t", "X-High: \xc3\xa9",
        "Upgrade: websocket"};
    while (plan_chance(t, 30))
        plan_say(t, "%s\r\n", RANDOM_OF(t, fields));
    if (plan_chance(t, 2)) {
        plan_say(t, "X-Long: ");
        plan_repeat(t, 'l', 1 + plan_random(t, 2500));
        plan_say(t, "\r\n");
    }
}

/* HTTP/1.0 ends after the answer unless it asks not to, HTTP/1.1 goes on. */
static void
add_connection(struct plan *p, int minor)
{
    static const char *const ends[] = {
        "Connection: close", "connection:Close", "Connection: x, close"};
    if (p->closes && (minor > 0 || plan_chance(p->t, 30)))
        plan_say(p->t, "%s\r\n", RANDOM_OF(p->t, ends));
    if (!p->closes && (minor == 0 || plan_chance(p->t, 10)))
        plan_say(p->t, "Connection: keep-alive\r\n");
}

void
plan_head(struct plan *p, const char *method, const char *target)
{
    bool path = target[0] == '/';
    int minor = 1;
    if (plan_chance(p->t, 4)) minor = p->modern ? 7 : 0;
    while (plan_chance(p->t, 4) && p->t->answer_count == 1)
        plan_say(p->t, "\r\n"); /* nobody has five times that much luck */
    plan_say(p->t, "%s ", method);
    if (path && plan_chance(p->t, 4)) plan_say(p->t, "http://x:80");
    plan_say(p->t, "%s", target);
    if (path && !p->bare && plan_chance(p->t, 5))
        plan_say(p->t, "?a=b/../%%20&c?");
    plan_say(p->t, " HTTP/1.%d\r\n", minor);
    if (minor > 0 || plan_chance(p->t, 50)) plan_say(p->t, "Host: x\r\n");
    add_noise(p->t);
    add_connection(p, minor);
    p->a->head_only = strcmp(method, "HEAD") == 0;
    p->a->close = p->closes;
}

void
plan_head_end(struct plan *p)
{
    add_noise(p->t);
    plan_say(p->t, "\r\n");
    p->a->head_end = p->t->length;
}

/* ---- Bodies ------------------------------------------------------------- */

/* Sizes near the borders of buffers, and any other. */
uint64_t
plan_size(struct talk *t)
{
    static const uint64_t borders[] = {0, 1, 2, 4095, 4096, 4097, 8191, 8192,
        8193, 16383, 16384, 16385, 32767, 32768, 65535, 65536, 65537};
    uint64_t most = t->world->body, size;
    if (most > MODEL_BODY_MAX) most = MODEL_BODY_MAX;
    if (plan_chance(t, 50))
        size = plan_random(t, 100);
    else if (plan_chance(t, 50))
        size = RANDOM_OF(t, borders);
    else
        size = plan_random(t, most + 1);
    return size < most ? size : most;
}

/* The length of a chunk, as strangely as it may be written (RFC 9112 7.1). */
static void
add_chunk_size(struct talk *t, uint64_t len)
{
    static const char *const extensions[] = {"", "", "", ";a", ";a=b",
        "; a = \"q\\\";\" ;b", " ;a=\"\"", ";a;b;c=d"};
    static const char *const forms[] = {
        "%llx%s\r\n", "%llX%s\r\n", "%04llx%s\r\n", "%016llX%s\r\n"};
    char line[80];
    (void)snprintf(line, sizeof line, RANDOM_OF(t, forms),
        (unsigned long long)len, RANDOM_OF(t, extensions));
    plan_say(t, "%s", line);
}

void
plan_chunk(struct talk *t, uint64_t at, uint64_t len)
{
    add_chunk_size(t, len);
    plan_pattern(t, at, len);
    plan_pause(t);
    plan_say(t, "\r\n");
}

static void
add_chunks(struct talk *t, uint64_t at, uint64_t len)
{
    uint64_t most = 1 + plan_random(t, len + 1);
    for (int i = 1; len > 0; i++) {
        uint64_t n = i < CHUNKS ? 1 + plan_random(t, most) : len;
        if (n > len) n = len;
        plan_chunk(t, at, n);
        at += n;
        len -= n;
    }
    add_chunk_size(t, 0);
    while (plan_chance(t, 20))
        plan_say(t, "X-Trailer: not a field, Content-Length: 3\r\n");
    plan_say(t, "\r\n");
}

/* In two pieces, perhaps with a pause. */
static void
add_plain_body(struct talk *t, uint64_t at, uint64_t len)
{
    uint64_t first = len > 0 ? plan_random(t, len) : 0;
    plan_pattern(t, at, first);
    plan_pause(t);
    plan_pattern(t, at + first, len - first);
}

/* The end of the head, and a body of any kind. `wait`: its client waits for a
 * word before it sends the body. */
void
plan_body(struct plan *p, uint64_t len, bool wait)
{
    static const char *const chunked[] = {"Transfer-Encoding: chunked",
        "transfer-encoding:CHUNKED\t", "Transfer-Encoding:  Chunked "};
    struct talk *t = p->t;
    bool in_chunks = p->modern && plan_chance(t, 60);
    if (in_chunks)
        plan_say(t, "%s\r\n", RANDOM_OF(t, chunked));
    else
        plan_say(t, "Content-Length: %s%llu\r\n",
            plan_chance(t, 5) ? "000" : "", (unsigned long long)len);
    plan_head_end(p);
    p->a->go_on = wait && (in_chunks || len > 0);
    if (p->a->go_on && plan_chance(t, 70)) plan_wait(t, t->answer_count, true);
    plan_pause(t);
    if (in_chunks)
        add_chunks(t, p->a->at, len);
    else
        add_plain_body(t, p->a->at, len);
    p->a->chunked = in_chunks;
}

/* Bodies that nobody wants are read and forgotten: some requests have one. */
void
plan_end(struct plan *p)
{
    if (p->modern && plan_chance(p->t, 15))
        plan_body(p, plan_size(p->t), false);
    else
        plan_head_end(p);
    p->a->chunked = false;
}

const char *
plan_get(struct talk *t)
{
    return plan_chance(t, 25) ? "HEAD" : "GET";
}

void
plan_ask(struct plan *p, const char *method, const char *target, int status)
{
    p->modern = true;
    plan_head(p, method, target);
    plan_end(p);
    p->a->status = status;
}
