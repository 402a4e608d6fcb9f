/* bad.c - requests after which the server ends the connection, whatever else
 * they say: what is malformed, too long, or cannot be understood. */
#include "plan.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define LINE "GET /hello HTTP/1.1\r\n"
#define HOST LINE "Host: a\r\n"
#define POST "POST /hello HTTP/1.1\r\nHost: a\r\n"
#define LETTERS_33 "abcdefghijklmnopqrstuvwxyzABCDEFG"

/* Each text ends with the byte that decides: the refusal does not wait for
 * more. Section numbers are those of RFC 9112. */
static const struct bad_head {
    int status;
    const char *text;
} bad_heads[] = {
    /* The request line, section 3. */
    {400, " "},
    {400, "\n"},
    {400, "\r\n\r\n\r\n\r\n\r"},
    {400, "\x16"},
    {400, "GET\t"},
    {400, "GET  "},
    {400, "GET /\r"},
    {400, "GET /\t"},
    {400, "GET /\""},
    {400, "GET /#"},
    {400, "GET /\x7f"},
    {400, "GET /\xc3"},
    {400, "GET /%zz "},
    {400, "GET /%4 "},
    {400, "GET hello "},
    {400, "GET * "},
    {400, "GET ftp://a/ "},
    {400, "GET http:/hello "},
    {400, "GET http://a@b/ "},
    {400, "GET http:// "},
    {400, "GET http://[::g]/ "},
    {400, "CONNECT a "},
    {400, "CONNECT /hello "},
    {400, "GET /hello h"},
    {400, "GET /hello  "},
    {400, "GET /hello HTTP/11"},
    {400, "GET /hello HTTP/1.1 "},
    {400, "GET /hello HTTP/1.1\n"},
    {400, "GET /hello HTTP/1.1\r\r"},
    {400, "GET /hello HTTP/1.10"},
    {421, "GET https://a/hello "},
    {501, LETTERS_33},
    {505, "GET /hello HTTP/0.9\r\n"},
    {505, "GET /hello HTTP/2.0\r\n"},
    {400, "PRI * "},
    {505, "HEAD /hello HTTP/3.0\r\n"},

    /* Field lines, section 5. */
    {400, HOST " "},
    {400, HOST "\t"},
    {400, HOST ":"},
    {400, HOST "A "},
    {400, HOST "A\r"},
    {400, HOST "A("},
    {400, HOST "A: b\n"},
    {400, HOST "A: b\rc"},
    {400, HOST "A: \x01"},
    {400, HOST "A: \x7f"},
    {400, HOST "\n"},
    {400, HOST "\r\r"},

    /* Host, section 3.2. */
    {400, LINE "\r\n"},
    {400, "HEAD /hello HTTP/1.1\r\n\r\n"},
    {400, HOST "Host: a\r\n"},
    {400, HOST "host:b\r\n"},
    {400, LINE "Host: a b\r\n"},
    {400, LINE "Host: a/b\r\n"},
    {400, LINE "Host: a, b\r\n"},
    {400, LINE "Host: a:65536\r\n"},
    {400, LINE "Host: a:b\r\n"},
    {400, LINE "Host: [::1\r\n"},
    {400, LINE "Host: %g1\r\n"},

    /* How long the body is, section 6. */
    {400, POST "Content-Length: 5\r\nContent-Length: 5\r\n"},
    {400, POST "Content-Length: 5, 5\r\n"},
    {400, POST "Content-Length: -1\r\n"},
    {400, POST "Content-Length: +5\r\n"},
    {400, POST "Content-Length: 0x5\r\n"},
    {400, POST "Content-Length: 5 5\r\n"},
    {400, POST "Content-Length:\r\n"},
    {400, POST "Content-Length: 9223372036854775808\r\n"},
    {400, POST "Content-Length: 18446744073709551621\r\n"},
    {400, POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"},
    {400, POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"},
    {400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"},
    {400, POST "Transfer-Encoding: chunked, gzip\r\n"},
    {400, POST "Transfer-Encoding: chunked;a=b\r\n"},
    {400, POST "Transfer-Encoding: \r\n"},
    {400, POST "Transfer-Encoding: ,chunked\r\n"},
    {400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n"},
    {501, POST "Transfer-Encoding: gzip, chunked\r\n"},
    {501, POST "Transfer-Encoding: xchunked\r\n"},
    {501, POST "Transfer-Encoding: identity\r\n"},

    /* RFC 9110 10.1.1 */
    {417, POST "Expect: 200-ok\r\n"},
    {417, POST "Expect: 100-continue, b\r\n"},
};

/* Behind some chunks: here the body goes wrong (RFC 9112 7.1). */
static const char *const bad_chunks[] = {"\r", "\n", "g", " ", ";", "-", "5 \r",
    "5\n", "5\r\r", "5 5", "5;\r", "5;a=\r", "5;a=\"\n", "5;a\n", "5;a=\"b\"c",
    "5,", "0x", "00000000000000005", "8000000000000000", "ffffffffffffffff",
    "0\r\n ", "0\r\n:", "0\r\nA ", "0\r\nA\r", "0\r\nA: b\n", "0\r\nA: b\r\r",
    "0\r\n\r\r", "0\r\n\n"};

/* The head up to here decides. */
static void
refuse(struct plan *p, int status)
{
    p->a->status = status;
    p->a->close = true;
    p->a->decided = p->t->length;
    if (p->a->head_end == 0) p->a->head_end = p->t->length;
}

static void
bad_head(struct plan *p)
{
    size_t count = sizeof bad_heads / sizeof *bad_heads;
    const struct bad_head *bad = &bad_heads[plan_random(p->t, count)];
    plan_say(p->t, "%s", bad->text);
    refuse(p, bad->status);
    p->a->head_only = strncmp(bad->text, "HEAD ", 5) == 0;
    p->a->name = bad->text;
}

/* ---- What is too long --------------------------------------------------- */

enum { TARGET_MAX = 8000, HEAD_MAX = 8192, FIELDS_MAX = 64 };

static void
bad_target(struct plan *p)
{
    plan_say(p->t, "GET /");
    plan_repeat(p->t, 'a', TARGET_MAX);
    refuse(p, 414);
    p->a->name = "a long target";
}

static void
bad_head_size(struct plan *p)
{
    uint64_t before = p->t->length;
    plan_say(p->t, "GET /hello HTTP/1.1\r\nHost: a\r\nA: ");
    plan_repeat(p->t, 'a', HEAD_MAX - (size_t)(p->t->length - before));
    refuse(p, 431);
    p->a->name = "a long head";
}

static void
bad_field_count(struct plan *p)
{
    plan_say(p->t, HOST);
    for (int i = 1; i < FIELDS_MAX; i++)
        plan_say(p->t, "A%d: b\r\n", i);
    plan_say(p->t, "A");
    refuse(p, 431);
    p->a->name = "many fields";
}

/* Nobody wants it, and it is too long to be read and forgotten. */
static void
bad_length(struct plan *p)
{
    static const char *const lengths[] = {
        "1048577", "1099511627776", "9223372036854775807"};
    p->closes = p->modern = true;
    plan_head(p, "POST", "/hello");
    plan_say(p->t, "Content-Length: %s\r\n", lengths[plan_random(p->t, 3)]);
    plan_head_end(p);
    refuse(p, 413);
    p->a->name = "413";
}

/* The same in chunks: it shows only when they have come. */
static void
bad_chunked_length(struct plan *p)
{
    enum { CHUNKS = MODEL_BODY_MAX / 65536 };
    if (p->t->world->body < MODEL_BODY_MAX) {
        bad_length(p);
        return;
    }
    plan_say(p->t, POST "Transfer-Encoding: chunked\r\n");
    plan_head_end(p);
    for (int i = 0; i < CHUNKS; i++)
        plan_chunk(p->t, p->a->at, 65536);
    plan_say(p->t, "1\r\n.");
    refuse(p, 413);
    p->a->name = "413 in chunks";
}

/* ---- Bodies ------------------------------------------------------------- */

/* Some good chunks. Result: the bytes of data in them. */
static uint64_t
some_chunks(struct plan *p)
{
    uint64_t sum = 0;
    for (uint64_t i = plan_random(p->t, 4); i > 0; i--) {
        uint64_t len = plan_size(p->t);
        if (len == 0) continue;
        plan_chunk(p->t, p->a->at + sum, len);
        sum += len;
    }
    return sum;
}

/* Result: the status of the refusal. */
static int
say_bad_chunk(struct plan *p)
{
    size_t count = sizeof bad_chunks / sizeof *bad_chunks;
    p->a->length = some_chunks(p);
    plan_say(p->t, "%s", bad_chunks[plan_random(p->t, count)]);
    return 400;
}

/* 8192 bytes of extensions and trailer fields are allowed in one body. */
static int
say_long_chunk(struct talk *t)
{
    enum { EXTRA_MAX = 8192 };
    plan_say(t, "1;");
    plan_repeat(t, 'a', EXTRA_MAX + 1);
    return 431;
}

/* The echo may have begun: then it breaks off. What is not wanted is checked as
 * well, before it is refused. */
static void
bad_chunk(struct plan *p)
{
    bool echo = !p->t->world->root && plan_chance(p->t, 70);
    plan_say(
        p->t, "POST %s HTTP/1.1\r\nHost: a\r\n", echo ? "/echo" : "/hello");
    plan_say(p->t, "Transfer-Encoding: chunked\r\n");
    plan_head_end(p);
    refuse(p, plan_chance(p->t, 4) ? say_long_chunk(p->t) : say_bad_chunk(p));
    p->a->broken = p->a->echo = echo && p->a->length > 0;
    p->a->name = echo ? "echo, bad chunk" : "bad chunk";
}

/* The chunk goes on where its line end should be. */
static void
bad_chunk_end(struct plan *p)
{
    uint64_t len = 1 + plan_size(p->t);
    bool echo = !p->t->world->root;
    plan_say(
        p->t, "POST %s HTTP/1.1\r\nHost: a\r\n", echo ? "/echo" : "/hello");
    plan_say(p->t, "Transfer-Encoding: chunked\r\n\r\n");
    p->a->head_end = p->t->length;
    plan_say(p->t, "%llx\r\n", (unsigned long long)len);
    plan_pattern(p->t, p->a->at, len);
    plan_say(p->t, plan_chance(p->t, 50) ? "x" : "\r\r");
    p->a->length = len;
    refuse(p, 400);
    p->a->broken = p->a->echo = echo;
    p->a->name = "a long chunk";
}

/* ---- Understood, and the end all the same ------------------------------- */

/* It is refused before its body: what follows may be that body, or not. */
static void
bad_expect(struct plan *p)
{
    p->modern = true;
    plan_head(p, "POST", p->t->world->root ? "/none" : "/hello");
    plan_say(p->t, "Expect: 100-continue\r\nContent-Length: 35\r\n");
    plan_head_end(p);
    refuse(p, 405);
    p->a->allow = "GET, HEAD";
    p->a->name = "expect, 405";
}

/* What follows it are bytes for a tunnel that is not there. */
static void
bad_connect(struct plan *p)
{
    p->modern = true;
    plan_head(p, "CONNECT", "a:443");
    plan_head_end(p);
    refuse(p, 405);
    p->a->allow = "GET, HEAD, POST";
    p->a->name = "CONNECT";
}

const struct plan_kind *
plan_bads(size_t *count)
{
    static const struct plan_kind kinds[] = {
        {bad_head, ANY_ROOT, 50},
        {bad_target, ANY_ROOT, 1},
        {bad_head_size, ANY_ROOT, 1},
        {bad_field_count, ANY_ROOT, 2},
        {bad_length, ANY_ROOT, 4},
        {bad_chunked_length, ANY_ROOT, 2},
        {bad_chunk, ANY_ROOT, 20},
        {bad_chunk_end, ANY_ROOT, 6},
        {bad_expect, ANY_ROOT, 6},
        {bad_connect, ANY_ROOT, 4},
    };
    *count = sizeof kinds / sizeof *kinds;
    return kinds;
}
