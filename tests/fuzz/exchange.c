/* exchange.c - fuzz the exchange of 06, from the first byte of a client to its
 * last answer: exchange.c and all that it uses. The input is a line, the script
 * of world.h, and then what the client sends; "\1" in it stands for 32 KiB. If
 * the line begins with a slash, there are files. Promises:
 *
 *  - It ends: each turn moves a byte, or opens a file.
 *  - It keeps to its memory, and gives memory and descriptors back.
 *  - All complete requests are answered, in order, each once; the answers are
 *    framed as a strict client wants them (replies.h); an echo has the bytes
 *    that were sent, a file those that it has.
 *  - "Connection: close" is the last word, and without it goes on what can.
 *  - However the bytes come, leave or are read, the answers are the same. */
#include "asked.h"
#include "replies.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1280 * 1024, RUN = 32 * 1024 };

/* All answers to one client. */
struct all_replies {
    size_t count;
    size_t cut; /* bytes of an answer that breaks off before its head ends */
    struct reply list[ASKED_MAX + 1];
};

/* ---- One answer --------------------------------------------------------- */

static void
check_bytes(const struct reply *r, const char *bytes, size_t len)
{
    must(!r->complete || r->len == len, "the right length");
    must(r->len <= len && memcmp(r->body, bytes, r->len) == 0, "right bytes");
}

/* The bytes of a file, those that came. */
static void
check_file(const struct reply *r, char name)
{
    size_t len = name == 'a' ? 5 : name == 'b' ? WORLD_B : 3;
    must(!r->complete || r->len == len, "all of the file");
    for (size_t i = 0; i < r->len; i++)
        must(r->body[i] == world_byte(i), "the bytes of the file");
}

static void
check_body(
    const struct all_asked *all, const struct asked *a, const struct reply *r)
{
    if (a->method == HTTP_HEAD) return;
    switch (a->kind) {
    case RESOURCE_PAGE: check_bytes(r, "<p>page", 7); break;
    case RESOURCE_HELLO: check_bytes(r, "Hello, world\n", 13); break;
    case RESOURCE_STATS: must(!r->len || *r->body == '{', "JSON"); break;
    case RESOURCE_ECHO: check_bytes(r, all->bodies + a->body, a->len); break;
    case RESOURCE_FILE: check_file(r, a->name); break;
    }
}

/* May the request that was understood have this status? */
static bool
may_have(const struct asked *a, int status, const struct world *w)
{
    bool file = a->kind == RESOURCE_FILE && w->site.root >= 0;
    bool read = a->method == HTTP_GET || a->method == HTTP_HEAD;
    bool echo = a->method == HTTP_POST && a->kind == RESOURCE_ECHO;
    if (status == 200 && !read && !echo) return false;
    if (a->spoiled && (status == 400 || status == 431)) return true;
    if (status == 413) return a->kind != RESOURCE_ECHO || a->found != 200;
    if (a->found != 200) return status == a->found;
    if (file && w->failed && (status == 500 || status == 503)) return true;
    if (file && (status == 301 || status == 403 || status == 404)) return true;
    return status == 200 || status == 304 || status == 412;
}

static void
check_reply(const struct all_asked *all, const struct asked *a,
    const struct reply *r, const struct world *w)
{
    if (w->slow && r->status == 408) {
        must(r->last, "the client was too slow: that is the end");
    } else if (a->refused != 0) {
        must(r->status == a->refused && r->last, "refused, and the end");
    } else {
        must(may_have(a, r->status, w), "a status that it may have");
        must(!a->last || r->last, "the end, as the client wanted");
        if (r->status == 200) check_body(all, a, r);
    }
}

/* ---- All answers -------------------------------------------------------- */

/* Is the answer at `at` one without a body? A client that is too slow may get a
 * 408 before the method is known: then it has one. */
static bool
is_head(const struct asked *a, const struct world *w, size_t at)
{
    struct reply r;
    size_t n = reply_read(&r, w->got + at, w->got_len - at, true);
    if (w->slow && r.status == 408) return at + n == w->got_len;
    return a->method == HTTP_HEAD;
}

/* Cut what was got into answers; those in between ("100 Continue") are left
 * out. */
static void
read_replies(struct all_replies *replies, const struct all_asked *all,
    const struct world *w)
{
    size_t at = 0, n = 1;
    replies->count = 0;
    while (at < w->got_len && n > 0) {
        size_t i = replies->count;
        /* A client that is too slow gets a 408 for none. */
        must(i < all->count + w->slow, "not more answers than requests");
        bool head = is_head(&all->list[i], w, at);
        struct reply *r = &replies->list[i];
        at += n = reply_read(r, w->got + at, w->got_len - at, head);
        if (n > 0 && r->status >= 200) replies->count++;
    }
    replies->cut = w->got_len - at;
}

static void
check_replies(const struct all_replies *replies, const struct all_asked *all,
    const struct world *w)
{
    bool spoiled = all->count > 0 && all->list[all->count - 1].spoiled;
    bool cut = replies->cut > 0, last = false;
    for (size_t i = 0; i < replies->count; i++) {
        const struct reply *r = &replies->list[i];
        must(!last && !cut, "nothing behind the last answer");
        check_reply(all, &all->list[i], r, w);
        last = r->last;
        cut = !r->complete;
    }
    bool reason = w->failed || spoiled || w->slow;
    if (w->ended) must(!cut || reason, "whole, if nothing went wrong");
    if (w->ended && !w->site.closing) must(last || cut, "it said so");
    if (!w->ended) must(!last || cut, "not the last, if it goes on");
    if (!w->ended) must(replies->count >= all->complete, "all are answered");
}

static void
free_replies(struct all_replies *replies)
{
    for (size_t i = 0; i < replies->count; i++)
        free(replies->list[i].body);
}

/* ---- The same in two worlds --------------------------------------------- */

/* An echo that breaks off may have begun, in one of the two. */
static void
check_same(const struct all_replies *a, const struct all_replies *b,
    const struct all_asked *all)
{
    must(a->count == b->count, "as many answers, in whatever pieces");
    for (size_t i = 0; i < a->count; i++)
        if (!all->list[i].spoiled && a->list[i].complete)
            must(reply_same(&a->list[i], &b->list[i]), "the same answer");
}

static void
check_client(bool files, const char *script, size_t script_len,
    const char *text, size_t len)
{
    static struct all_asked all;
    static struct all_replies replies, plain;
    struct world w, calm;
    world_run(&w, files, script, script_len, text, len);
    struct site open = {.root = w.site.root};
    asked_read(&all, &open, text, len);
    read_replies(&replies, &all, &w);
    check_replies(&replies, &all, &w);
    world_run(&calm, files, NULL, 0, text, len);
    read_replies(&plain, &all, &calm);
    check_replies(&plain, &all, &calm);
    if (!w.failed && !w.slow && !w.site.closing)
        check_same(&replies, &plain, &all);
    free_replies(&replies);
    free_replies(&plain);
    free(all.bodies);
    world_end(&w);
    world_end(&calm);
}

/* Write out the runs. Result: the length. */
static size_t
expand(const char *from, size_t len, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n + RUN < TEXT_MAX; i++) {
        size_t times = from[i] == '\1' ? RUN : 1;
        memset(out + n, from[i] == '\1' ? 'x' : from[i], times);
        n += times;
    }
    return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[TEXT_MAX];
    const char *script = (const char *)data, *end = memchr(data, '\n', size);
    if (end == NULL) return 0;
    size_t n = (size_t)(end - script);
    size_t len = expand(end + 1, size - n - 1, text);
    bool files = n > 0 && script[0] == '/';
    check_client(files, script + files, n - files, text, len);
    return 0;
}
