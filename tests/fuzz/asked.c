/* asked.c - see asked.h. */
#include "asked.h"
#include "body.h"

#include <stdlib.h>
#include <string.h>

/* Result: how many bytes the body has in the connection. */
static size_t
ask_body(struct all_asked *all, struct asked *a, const struct http_request *r,
    const char *text, size_t len)
{
    struct body body;
    struct http_slice data;
    size_t used = 0;
    body_init(&body, r);
    while (!body.done && used < len && !a->spoiled) {
        ssize_t n = body_read(&body, text + used, len - used, &data);
        if (data.len > 0) memcpy(all->bodies + all->len, data.at, data.len);
        all->len += data.len;
        a->len += data.len;
        a->spoiled = n < 0;
        if (n > 0) used += (size_t)n;
    }
    a->complete = body.done;
    return used;
}

static void
ask_site(struct asked *a, const struct site *site, const struct http_request *r)
{
    static char path[HTTP_TARGET_MAX + 1];
    const struct resource *resource;
    a->found = site_find(site, r, path, sizeof path, &resource);
    a->kind = resource->kind;
    if (a->found == 200) a->name = path[strspn(path, "/")];
    a->last = !r->keep_alive || r->method == HTTP_CONNECT;
    if (r->expect_continue && (a->found != 200 || a->kind != RESOURCE_ECHO))
        a->last = true;
}

/* Result: how many bytes it has, 0 for the last one that can be read. */
static size_t
ask_one(struct all_asked *all, const struct site *site, const char *text,
    size_t len)
{
    struct http_request r;
    struct asked *a = &all->list[all->count];
    *a = (struct asked){.body = all->len};
    http_request_init(&r);
    int n = http_request_parse(&r, text, len);
    a->method = r.method;
    all->count++;
    if (n < 0) a->refused = -n;
    if (n <= 0) return 0;
    ask_site(a, site, &r);
    size_t body = ask_body(all, a, &r, text + n, len - (size_t)n);
    all->complete += a->complete;
    return a->complete && !a->last ? (size_t)n + body : 0;
}

size_t
asked_read(struct all_asked *all, const struct site *site, const char *text,
    size_t len)
{
    size_t at = 0, n = 1;
    all->count = all->complete = all->len = 0;
    all->bodies = malloc(len + 1);
    must(all->bodies != NULL, "there is memory");
    while (n > 0 && at < len && all->count < ASKED_MAX)
        at += n = ask_one(all, site, text + at, len - at);
    all->list[all->count] = (struct asked){0};
    return all->count;
}
