/* promises_http.c - what a browser, curl and an attacker expect. The answers
 * are read by http_client.c, which is strict. */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HOST "Host: localhost\r\n"

static void
expect_hello(struct client *c)
{
    struct answer a;
    const char *body = http_answer(c, &a, false);

    http_is_hello(&a, body);
}

void
http_hello(struct server *s, bool fails)
{
    static const char *const good[] = {
        "GET /hello HTTP/1.1\r\n" HOST "\r\n",
        "GET /hello HTTP/1.1\r\nhost:localhost\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHOST:  localhost:80  \r\nAccept: */*\r\n\r\n",
    };
    struct client c;

    (void)fails;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        client_open(&c, s);
        client_say(&c, good[i]);
        expect_hello(&c);
        client_close(&c);
    }
}

void
http_head(struct server *s, bool fails)
{
    struct client c;
    struct answer a;

    (void)fails;
    client_open(&c, s);
    client_say(&c, "HEAD /hello HTTP/1.1\r\n" HOST "\r\n");
    (void)http_answer(&c, &a, true);
    require(a.status == 200 && a.length == 13, "HEAD: status %d, length %ld",
        a.status, a.length);
    ask(&c); /* a body would stand before this answer */
    answer(&c);
    client_close(&c);
}

void
http_not_found(struct server *s, bool fails)
{
    struct client c;

    (void)fails;
    client_open(&c, s);
    client_say(&c, "GET /no/such/thing HTTP/1.1\r\n" HOST "\r\n");
    expect_status(&c, 404, "/no/such/thing");
    client_say(&c, "GET /hellos HTTP/1.1\r\n" HOST "\r\n");
    expect_status(&c, 404, "/hellos");
    ask(&c); /* the connection lives on */
    answer(&c);
    client_close(&c);
}

void
http_page(struct server *s, bool fails)
{
    struct client c;
    struct answer a;
    const char *body;

    (void)fails;
    client_open(&c, s);
    client_say(&c, "GET / HTTP/1.1\r\n" HOST "\r\n");
    body = http_answer(&c, &a, false);
    require(a.status == 200, "/ is answered with %d, not 200", a.status);
    require(strncmp(a.type, "text/html", 9) == 0, "/ is \"%s\"", a.type);
    require(strncasecmp(body, "<!doctype html", 14) == 0,
        "/ does not begin with <!doctype html>");
    client_close(&c);
}

void
http_keep_alive(struct server *s, bool fails)
{
    struct client c;

    (void)fails;
    client_open(&c, s);
    for (int i = 0; i < 1000; i++) {
        ask(&c);
        answer(&c);
    }
    client_close(&c);
}

/* Odd ones ask for what is not there, so the order can be seen. */
void
http_pipelining(struct server *s, bool fails)
{
    char all[4096] = "";
    struct client c;

    (void)fails;
    for (int i = 0; i < 16; i++)
        strcat(all,
            i % 2 == 0 ? http_request : "GET /none HTTP/1.1\r\n" HOST "\r\n");
    client_open(&c, s);
    client_say(&c, all);
    for (int i = 0; i < 8; i++) {
        expect_hello(&c);
        expect_status(&c, 404, "/none");
    }
    client_finish(&c);
    client_eof(&c);
    client_close(&c);
}

/* The server sees the two parts apart only if it has read the first one: it
 * has when it has answered the request before it. */
void
http_split(struct server *s, bool fails)
{
    size_t len = strlen(http_request);
    struct client c;

    (void)fails;
    client_open(&c, s);
    for (size_t at = 1; at < len; at++) {
        client_say(&c, http_request);
        client_write(&c, http_request, at);
        expect_hello(&c);
        (void)answered_within(&c, 0.001); /* nothing comes: half a request */
        client_say(&c, http_request + at);
        expect_hello(&c);
    }
    for (size_t i = 0; i < len; i++)
        client_write(&c, http_request + i, 1);
    expect_hello(&c);
    client_close(&c);
}

/* After this request comes an answer, and then the end. */
static void
closes_after(struct server *s, const char *request)
{
    struct client c;

    client_open(&c, s);
    client_say(&c, request);
    expect_hello(&c);
    client_eof(&c);
    client_close(&c);
}

void
http_close(struct server *s, bool fails)
{
    struct client c;
    struct answer a;

    (void)fails;
    closes_after(s, "GET /hello HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    closes_after(s, "GET /hello HTTP/1.1\r\nconnection: Close\r\n" HOST "\r\n");
    client_open(&c, s);
    client_say(&c, "GET /hello HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    (void)http_answer(&c, &a, false);
    require(a.closes, "the answer does not say Connection: close");
    client_close(&c);
}

void
http_1_0(struct server *s, bool fails)
{
    (void)fails;
    closes_after(s, "GET /hello HTTP/1.0\r\n\r\n");
    closes_after(s, "GET /hello HTTP/1.0\r\n" HOST "\r\n");
}

static const struct {
    const char *what, *request;
} bad[] = {
    {"no Host", "GET /hello HTTP/1.1\r\n\r\n"},
    {"two Hosts", "GET /hello HTTP/1.1\r\n" HOST HOST "\r\n"},
    {"a space before the colon",
        "GET /hello HTTP/1.1\r\n" HOST "A : b\r\n\r\n"},
    {"a space before the name", "GET /hello HTTP/1.1\r\n A: b\r\n" HOST "\r\n"},
    {"a folded header", "GET /hello HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n"},
    {"an empty header name", "GET /hello HTTP/1.1\r\n" HOST ": b\r\n\r\n"},
    {"a header without a colon", "GET /hello HTTP/1.1\r\n" HOST "A b\r\n\r\n"},
    {"a CR inside a header", "GET /hello HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n"},
    {"bare LF", "GET /hello HTTP/1.1\nHost: localhost\n\n"},
    {"no version", "GET /hello\r\n" HOST "\r\n"},
    {"a version that is none", "GET /hello HTTP/x.y\r\n" HOST "\r\n"},
    {"two spaces", "GET  /hello HTTP/1.1\r\n" HOST "\r\n"},
    {"no method", " /hello HTTP/1.1\r\n" HOST "\r\n"},
    {"a target without a slash", "GET hello HTTP/1.1\r\n" HOST "\r\n"},
    {"garbage", "\x16\x03\x01\x02\x01\x01\xfc\x03\x03\x80\xff\r\n\r\n"},
    {"Content-Length and Transfer-Encoding",
        "POST /hello HTTP/1.1\r\n" HOST
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"two Content-Lengths that differ",
        "POST /hello HTTP/1.1\r\n" HOST
        "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"},
    {"a Content-Length that is no number",
        "POST /hello HTTP/1.1\r\n" HOST "Content-Length: +3\r\n\r\nabc"},
};

void
http_bad(struct server *s, bool fails)
{
    (void)fails;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct client c;
        note("%s", bad[i].what);
        client_open(&c, s);
        client_say(&c, bad[i].request);
        expect_status(&c, 400, bad[i].what);
        client_eof(&c);
        client_close(&c);
    }
    note("%s", "");
}

/* hello_server has no answer for it: it just closes. */
static void
bad_is_closed(struct server *s)
{
    struct client c;

    if (s->stage->options || suite_server() != NULL) return; /* may answer */
    client_open(&c, s);
    client_say(&c, "no HTTP\r\n\r\n");
    client_eof(&c);
    client_close(&c);
}

void
http_bad_survived(struct server *s, bool fails)
{
    struct client c;

    (void)fails;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        client_open(&c, s);
        client_say(&c, bad[i].request);
        (void)answered_within(&c, 0.005); /* any answer will do, or none */
        if (i % 2 == 0)
            client_reset(&c);
        else
            client_close(&c);
        alive(s);
    }
    bad_is_closed(s);
    client_open(&c, s);
    ask(&c);
    answer(&c);
    client_close(&c);
}
