/* client.c - see client.h. The way of a client:
 *
 *     connect ---> send ---> receive ---+ not all answers are here
 *                   ^         ^  |      |
 *                   |         +--|------+
 *                   +------------+ they are: ask again
 *
 * Not here: answers in chunks. */
#include "client.h"

#include <sys/socket.h>

#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static io_callback client_connected, client_sent, client_received;
static io_callback client_closed;

/* A request without a good answer. The first reason is kept. */
__attribute__((format(printf, 2, 3))) static void
fail(struct crowd *crowd, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (crowd->failed++ == 0)
        vsnprintf(crowd->why, sizeof crowd->why, format, arguments);
    va_end(arguments);
}

/* ---- Answers ------------------------------------------------------------ */

/* What follows this text between the two places. NULL: it is not there. */
static const char *
find(const char *from, const char *end, const char *text)
{
    size_t length = strlen(text);
    for (; from + length <= end; from++)
        if (strncasecmp(from, text, length) == 0) return from + length;
    return NULL;
}

/* Read an answer's head. Result: its length; 0: it is not complete; -1: it is
 * none that we understand. */
static int
head_read(struct client *c, const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");
    if (end == NULL) return 0;
    end += 4;
    const char *length = find(text, end, "\r\nContent-Length:");
    if (length == NULL || strncmp(text, "HTTP/1.1 ", 9) != 0) return -1;
    if (strncmp(text + 9, "200 ", 4) != 0 && !c->once)
        fail(c->crowd, "an answer begins with %.12s", text);
    c->body = strtoull(length, NULL, 10);
    c->last = find(text, end, "\r\nConnection: close\r\n") != NULL;
    return (int)(end - text);
}

/* An answer is complete but for its body, which may still be on its way. */
static void
client_answered(struct client *c)
{
    c->crowd->answers++;
    c->due--;
    c->tries = 0;
}

/* Take answers out of the buffer. A part of a head stays there. False: we do
 * not understand it. */
static bool
client_read(struct client *c)
{
    size_t used = 0;
    while (used < c->in_len) {
        if (c->body == 0) {
            int head = c->due > 0 ? head_read(c, c->in + used) : -1;
            if (head < 0) return false;
            if (head == 0) break;
            used += (size_t)head;
            client_answered(c);
        }
        size_t have = c->in_len - used;
        if (have > c->body) have = (size_t)c->body;
        c->body -= have;
        used += have;
    }
    c->in_len -= used;
    memmove(c->in, c->in + used, c->in_len + 1);
    return true;
}

/* The same for an answer that is kept: it stays in the buffer. */
static bool
client_keep(struct client *c)
{
    int head = head_read(c, c->in);
    if (head > 0 && c->in_len - (size_t)head >= c->body) {
        c->answer = c->in + head;
        client_answered(c);
    }
    c->body = 0;
    return head >= 0;
}

/* ---- The connection ----------------------------------------------------- */

static void
client_ask(struct client *c, struct io_op op, io_callback *callback)
{
    c->completion =
        (struct io_completion){.op = op, .context = c, .callback = callback};
    io_submit(c->crowd->loop, &c->completion);
}

static bool
in_time(const struct client *c)
{
    return io_now(c->crowd->loop) < c->crowd->end;
}

static void
client_connect(struct client *c)
{
    const struct addrinfo *a = c->crowd->address;
    c->tries++;
    c->due = c->question->answers;
    c->fd = io_socket(a->ai_family);
    c->connected = c->fd >= 0;
    if (c->connected) {
        client_ask(c, io_op_connect(c->fd, a->ai_addr, a->ai_addrlen),
            client_connected);
    } else {
        fail(c->crowd, "no socket: %s", strerror(-c->fd));
        c->crowd->at_work--;
    }
}

static void
client_close(struct client *c)
{
    client_ask(c, io_op_close(c->fd), client_closed);
}

/* Connect anew, unless the time is over, or the server gone. */
static void
client_closed(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    struct client *c = context;
    bool more = c->due > 0 || !c->once;
    c->connected = false;
    if (more && in_time(c) && c->tries < CLIENT_TRIES)
        client_connect(c);
    else
        c->crowd->at_work--;
}

/* The connection is of no more use. error: -errno; 0: the server closed it. */
static void
client_lost(struct client *c, const char *when, int error)
{
    const char *why = error == 0 ? "the server closed" : strerror(-error);
    fail(c->crowd, "%s: %s", when,
        error == -ECANCELED ? "it took too long" : why);
    client_close(c);
}

static void
client_send(struct client *c)
{
    const struct question *q = c->question;
    client_ask(c, io_op_send(c->fd, q->text + c->sent, q->length - c->sent),
        client_sent);
}

static void
client_receive(struct client *c)
{
    client_ask(c, io_op_recv(c->fd, c->in + c->in_len, CLIENT_IN - c->in_len),
        client_received);
}

static void
client_begin(struct client *c)
{
    c->sent = c->in_len = 0;
    c->body = 0;
    c->last = false;
    c->due = c->question->answers;
    client_send(c);
}

static void
client_connected(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    if (res < 0)
        client_lost(context, "connect", res);
    else
        client_begin(context);
}

static void
client_sent(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    struct client *c = context;
    if (res > 0) c->sent += (size_t)res;
    if (res <= 0)
        client_lost(c, "send", res);
    else if (c->sent < c->question->length)
        client_send(c);
    else
        client_receive(c);
}

/* All is answered. */
static void
client_done(struct client *c)
{
    if (c->once && !c->last)
        c->crowd->at_work--;
    else if (in_time(c) && !c->last)
        client_begin(c);
    else
        client_close(c);
}

static void
client_received(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    struct client *c = context;
    if (res <= 0) {
        client_lost(c, "receive", res);
        return;
    }
    c->in_len += (size_t)res;
    c->in[c->in_len] = '\0';
    bool understood = c->once ? client_keep(c) : client_read(c);
    bool done_all = c->due == 0 && c->body == 0;
    if (!understood || (!done_all && c->in_len == CLIENT_IN))
        client_lost(c, "receive", -EPROTO);
    else if (done_all)
        client_done(c);
    else
        client_receive(c);
}

void
client_start(struct client *c)
{
    c->crowd->at_work++;
    c->tries = 0;
    c->answer = NULL;
    if (c->connected)
        client_begin(c);
    else
        client_connect(c);
}

void
client_leave(struct client *c)
{
    c->due = 0;
    if (!c->connected) return;
    c->crowd->at_work++;
    client_close(c);
}
