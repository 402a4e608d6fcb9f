/* client.c - see client.h. The way of a client:
 *
 *     connect ---> send ---> receive ---+ not all answers are here
 *                   ^         ^  |      |
 *                   |         +--|------+
 *                   +------------+ they are: ask again, perhaps after a pause
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
static io_callback client_paused, client_closed;

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

/* Does this answer begin as the last good one did? Its length, or 0. It spares
 * the clients most of their work: only the Date changes, once a second. */
static int
head_known(struct client *c, const char *text)
{
    const struct crowd *crowd = c->crowd;
    size_t have = c->in_len - (size_t)(text - c->in);
    if (c->once || crowd->head_len == 0 || have < crowd->head_len) return 0;
    if (memcmp(text, crowd->head, crowd->head_len) != 0) return 0;
    c->body = crowd->head_body;
    return (int)crowd->head_len;
}

static void
head_remember(const struct client *c, const char *text, size_t length)
{
    struct crowd *crowd = c->crowd;
    if (c->once || c->last || length > sizeof crowd->head) return;
    memcpy(crowd->head, text, length);
    crowd->head_len = length;
    crowd->head_body = c->body;
}

/* Read an answer's head. Result: its length; 0: it is not complete; -1: it is
 * none that we understand. */
static int
head_read(struct client *c, const char *text)
{
    int known = head_known(c, text);
    if (known > 0) return known;
    const char *end = strstr(text, "\r\n\r\n");
    if (end == NULL) return 0;
    end += 4;
    const char *length = find(text, end, "\r\nContent-Length:");
    if (length == NULL || strncmp(text, "HTTP/1.1 ", 9) != 0) return -1;
    c->body = strtoull(length, NULL, 10);
    c->last = find(text, end, "\r\nConnection: close\r\n") != NULL;
    if (c->once) return (int)(end - text);
    if (strncmp(text + 9, "200 ", 4) != 0)
        fail(c->crowd, "an answer begins with %.12s", text);
    else if (c->crowd->length > 0 && c->body != c->crowd->length)
        fail(
            c->crowd, "a body is %llu bytes long", (unsigned long long)c->body);
    else
        head_remember(c, text, (size_t)(end - text));
    return (int)(end - text);
}

/* An answer is complete but for its body, which may still be on its way. */
static void
client_answered(struct client *c)
{
    struct crowd *crowd = c->crowd;
    crowd->answers++;
    c->due--;
    c->tries = 0;
    if (crowd->every > 0 && crowd->took_count < crowd->took_most)
        crowd->took[crowd->took_count++] = io_now(crowd->loop) - c->turn;
}

/* So many bytes of a body have come: are they the right ones? */
static void
client_compare(struct client *c, const char *bytes, size_t count)
{
    const struct crowd *crowd = c->crowd;
    if (crowd->content == NULL || c->body > crowd->length) return;
    if (memcmp(bytes, crowd->content + (crowd->length - c->body), count) != 0)
        fail(c->crowd, "the body is another one");
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
        client_compare(c, c->in + used, have);
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

/* The bytes of an echo. False: they are not what was sent. */
static bool
client_echoed(struct client *c)
{
    const struct question *q = c->question;
    if (c->in_len > q->length || memcmp(c->in, q->text, c->in_len) != 0)
        return false;
    if (c->in_len == q->length) client_answered(c);
    return true;
}

static bool
client_take(struct client *c)
{
    if (c->question->echo) return client_echoed(c);
    return c->once ? client_keep(c) : client_read(c);
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
    c->halted = false;
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
client_paused(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    if (res < 0)
        client_lost(context, "wait", res);
    else
        client_begin(context);
}

/* Ask, at once or in its turn. What comes late is late from its turn on. */
static void
client_next(struct client *c)
{
    uint64_t now = io_now(c->crowd->loop);
    if (c->crowd->every == 0 || c->turn <= now)
        client_begin(c);
    else
        client_ask(c, io_op_timeout(c->turn - now), client_paused);
}

static void
client_connected(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    if (res < 0)
        client_lost(context, "connect", res);
    else
        client_next(context);
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
    struct crowd *crowd = c->crowd;
    c->turn += crowd->every;
    bool more = in_time(c) && (crowd->every == 0 || c->turn < crowd->end);
    if (c->last)
        client_close(c);
    else if (!c->once && more)
        client_next(c);
    else if (c->once || crowd->stay)
        crowd->at_work--;
    else
        client_close(c);
}

/* Wait for more of the answer. If the time is over and much is still to come,
 * it may wait in the kernel. */
static void
client_go_on(struct client *c)
{
    c->halted = c->crowd->stay && !in_time(c) && c->body > CLIENT_LONG;
    if (c->halted)
        c->crowd->at_work--;
    else
        client_receive(c);
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
    c->crowd->bytes += (size_t)res;
    bool understood = client_take(c);
    bool done_all = c->due == 0 && c->body == 0;
    if (!understood || (!done_all && c->in_len == CLIENT_IN))
        client_lost(c, "receive", -EPROTO);
    else if (done_all)
        client_done(c);
    else
        client_go_on(c);
}

void
client_start(struct client *c)
{
    c->crowd->at_work++;
    c->tries = 0;
    c->answer = NULL;
    if (c->connected && c->halted)
        client_go_on(c);
    else if (c->connected)
        client_next(c);
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
