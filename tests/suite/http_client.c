/* http_client.c - takes HTTP answers apart, as strictly as a test should. */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char http_request[] = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";

void
client_say(struct client *c, const char *text)
{
    client_write(c, text, strlen(text));
}

/* One header line, without its line end. */
static void
http_header(struct answer *a, const char *line, size_t len)
{
    const char *value = memchr(line, ':', len);
    size_t name = value == NULL ? 0 : (size_t)(value - line);

    require(name > 0, "not a header line: \"%.*s\"", (int)len, line);
    require(memchr(line, '\n', len) == NULL, "a bare LF ends a line");
    value += 1 + strspn(value + 1, " ");
    len -= (size_t)(value - line);
    if (name == 14 && strncasecmp(line, "Content-Length", name) == 0)
        a->length = strtol(value, NULL, 10);
    if (name == 12 && strncasecmp(line, "Content-Type", name) == 0)
        snprintf(a->type, sizeof a->type, "%.*s", (int)len, value);
    if (name == 10 && strncasecmp(line, "Connection", name) == 0)
        a->closes = len == 5 && strncasecmp(value, "close", 5) == 0;
}

/* The status line and the headers, of which `end` is the empty line's end. */
static void
http_head_of(struct answer *a, const char *in, const char *end)
{
    const char *line = strstr(in, "\r\n") + 2;

    if (sscanf(in, "HTTP/1.1 %3d ", &a->status) != 1)
        broken("not a status line: \"%.40s\"", in);
    while (line < end - 2) {
        const char *next = strstr(line, "\r\n");
        http_header(a, line, (size_t)(next - line));
        line = next + 2;
    }
}

/* Take one whole answer out of c->in; after HEAD it has no body. false: it is
 * not whole yet. The body stays valid until the next call. */
bool
http_take(struct client *c, bool head_only, struct answer *a, const char **body)
{
    static char taken[IN_SIZE + 1];
    struct answer got = {.length = -1};
    size_t head, whole;
    char *end;

    memcpy(taken, c->in, c->have);
    taken[c->have] = '\0';
    if ((end = strstr(taken, "\r\n\r\n")) == NULL) return false;
    head = (size_t)(end + 4 - taken);
    http_head_of(&got, taken, end + 4);
    require(got.length >= 0, "an answer without Content-Length");
    whole = head + (head_only ? 0 : (size_t)got.length);
    if (c->have < whole) return false;
    taken[whole] = '\0';
    c->have -= whole;
    memmove(c->in, c->in + whole, c->have);
    *body = taken + head;
    *a = got;
    return true;
}

/* It must be the answer to GET /hello, to the byte. */
void
http_is_hello(const struct answer *a, const char *body)
{
    require(a->status == 200, "/hello is answered with %d, not 200", a->status);
    require(strncmp(a->type, "text/plain", 10) == 0,
        "/hello has Content-Type \"%s\", not text/plain", a->type);
    require(a->length == 13, "/hello has length %ld, not 13", a->length);
    require(strcmp(body, "Hello, world\n") == 0,
        "/hello is not \"Hello, world\\n\" but \"%.40s\"", body);
}

void
expect_status(struct client *c, int status, const char *what)
{
    struct answer a;

    (void)http_answer(c, &a, false); /* its length was checked by reading it */
    require(
        a.status == status, "%s: status %d, not %d", what, a.status, status);
}

/* By which of two workers this client is served: the figures say so. */
int
http_worker(struct client *c)
{
    struct answer a;
    client_say(c, "GET /stats HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const char *json = http_answer(c, &a, false);
    const char *worker = strstr(json, "\"worker\":");
    require(a.status == 200 && worker != NULL, "/stats: %d", a.status);
    return worker[9] == '1';
}
