/* ask.c - requests that are understood, and what must be answered.
 *
 * Each ask_ function adds one request to the talk and fills in its answer. */
#include "plan.h"

/* ---- Without --root ----------------------------------------------------- */

static void
ask_hello(struct plan *p)
{
    static const char *const names[] = {
        "/hello", "/hello", "/hello?", "/%68ello", "/hell%6F?x"};
    p->modern = plan_chance(p->t, 20);
    plan_head(p, plan_get(p->t), RANDOM_OF(p->t, names));
    plan_end(p);
    p->a->name = "hello";
    p->a->status = 200;
    p->a->text = "Hello, world\n";
    p->a->length = 13;
    p->a->type = "text/plain";
}

static void
ask_page(struct plan *p)
{
    plan_head(p, plan_get(p->t), "/");
    plan_end(p);
    p->a->name = "page";
    p->a->status = 200;
    p->a->text = p->t->world->page;
    p->a->length = p->t->world->page_length;
    p->a->type = "text/html; charset=utf-8";
}

static void
ask_stats(struct plan *p)
{
    plan_ask(p, plan_get(p->t), "/stats", 200);
    p->a->name = "stats";
    p->a->any_body = true;
    p->a->type = "application/json";
}

static void
ask_echo(struct plan *p)
{
    bool expect = plan_chance(p->t, 20);
    p->modern = expect || plan_chance(p->t, 80);
    plan_head(p, "POST", "/echo");
    if (expect) plan_say(p->t, "Expect: 100-Continue\r\n");
    p->a->length = plan_size(p->t);
    plan_body(p, p->a->length, expect);
    p->a->name = expect ? "echo, expect" : "echo";
    p->a->status = 200;
    p->a->echo = true;
    p->a->type = "application/octet-stream";
}

static void
ask_other_method(struct plan *p)
{
    static const struct {
        const char *method, *target, *allow;
    } list[] = {{"POST", "/", "GET, HEAD"}, {"POST", "/hello", "GET, HEAD"},
        {"OPTIONS", "/stats", "GET, HEAD"}, {"OPTIONS", "/echo", "POST"},
        {"GET", "/echo", "POST"}, {"HEAD", "/echo", "POST"}};
    size_t i = plan_random(p->t, sizeof list / sizeof *list);
    plan_ask(p, list[i].method, list[i].target, 405);
    p->a->name = "405";
    p->a->allow = list[i].allow;
}

/* "*" is true of what has no tag, and a tag is not (RFC 9110 13.1). */
static void
ask_if(struct plan *p)
{
    bool any = plan_chance(p->t, 50);
    plan_head(p, plan_get(p->t), "/hello");
    plan_say(
        p->t, any ? "If-None-Match: *\r\n" : "If-Match: \"a\", W/\"b\"\r\n");
    plan_end(p);
    p->a->name = any ? "304" : "412";
    p->a->status = any ? 304 : 412;
}

/* ---- With and without --root -------------------------------------------- */

void
ask_missing(struct plan *p)
{
    static const char *const names[] = {
        "/none", "/none?/hello", "/hello.none", "/none/a/b", "/%6eone%20"};
    plan_ask(p, plan_get(p->t), RANDOM_OF(p->t, names), 404);
    p->a->name = "404";
    p->a->file = p->t->world->root;
}

/* Dots are the client's to resolve (RFC 3986 5.2.4). */
static void
ask_dots(struct plan *p)
{
    static const char *const names[] = {"/..", "/../etc/passwd", "/./a",
        "/a/%2e%2E/b", "/a%2F..", "/a%00b", "/a/."};
    plan_ask(p, plan_get(p->t), RANDOM_OF(p->t, names), 400);
    p->a->name = "dots";
}

static void
ask_unknown_method(struct plan *p)
{
    static const char *const methods[] = {
        "PUT", "DELETE", "get", "BREW", "!#$%&'*+-.^_`|~09", "PATCH"};
    plan_ask(p, RANDOM_OF(p->t, methods), "/hello", 501);
    p->a->name = "501";
}

static void
ask_whole(struct plan *p)
{
    plan_ask(p, "OPTIONS", "*", 405);
    p->a->name = "OPTIONS *";
    p->a->allow = "GET, HEAD, POST";
}

/* ---- All of them -------------------------------------------------------- */

const struct plan_kind *
plan_goods(size_t *count)
{
    static const struct plan_kind kinds[] = {
        {ask_hello, WITHOUT_ROOT, 20},
        {ask_page, WITHOUT_ROOT, 6},
        {ask_stats, WITHOUT_ROOT, 4},
        {ask_echo, WITHOUT_ROOT, 40},
        {ask_other_method, WITHOUT_ROOT, 6},
        {ask_if, WITHOUT_ROOT, 4},
        {ask_missing, ANY_ROOT, 6},
        {ask_dots, ANY_ROOT, 4},
        {ask_unknown_method, ANY_ROOT, 4},
        {ask_whole, ANY_ROOT, 2},
        {ask_file, WITH_ROOT, 50},
        {ask_file_if, WITH_ROOT, 20},
        {ask_directory, WITH_ROOT, 5},
        {ask_refused, WITH_ROOT, 5},
        {ask_post_to_file, WITH_ROOT, 5},
    };
    *count = sizeof kinds / sizeof *kinds;
    return kinds;
}
