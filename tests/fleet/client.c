/* client.c - see client.h. As in chapter 01: calls that wait. */
#include "client.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum {
    PATIENCE = 8,     /* seconds for one call; then the answer is lost */
    UPLOAD_REST = 40, /* milliseconds in the middle of a POST */
};

void
pause_ms(int ms)
{
    const struct timespec rest = {
        .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    (void)nanosleep(&rest, NULL); /* a shorter pause does no harm */
}

/* Xorshift: the next number of this client. */
static uint32_t
next_number(struct client *c)
{
    c->seed ^= c->seed << 13;
    c->seed ^= c->seed >> 17;
    c->seed ^= c->seed << 5;
    return c->seed;
}

/* ---- The connection ----------------------------------------------------- */

void
client_leave(struct client *c)
{
    if (c->fd != -1) close(c->fd);
    c->fd = -1;
}

static bool
client_join(struct client *c)
{
    const struct timeval patience = {.tv_sec = PATIENCE};
    int on = 1;
    if (c->fd != -1) return true;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd == -1) err(1, "socket");
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (setsockopt(
            c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == -1 ||
        setsockopt(
            c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == -1)
        err(1, "setsockopt");
    if (connect(c->fd, (const struct sockaddr *)&c->address,
            sizeof c->address) == 0)
        return true;
    client_leave(c);
    return false;
}

/* False: the connection is of no use any more. There may be an answer in it
 * all the same, which says why. */
static bool
client_send(const struct client *c, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t n = send(c->fd, bytes, count, 0);
        if (n == -1) return false;
        bytes += n;
        count -= (size_t)n;
    }
    return true;
}

/* ---- Answers ------------------------------------------------------------ */

/* Receive some of the answer. False: no more comes. */
static bool
client_receive(struct client *c)
{
    size_t room = sizeof c->in - 1 - c->in_len;
    ssize_t n = room > 0 ? recv(c->fd, c->in + c->in_len, room, 0) : 0;
    if (n <= 0) return false;
    c->in_len += (size_t)n;
    c->in[c->in_len] = '\0';
    return true;
}

/* The value of a field, or NULL. `name` ends with a colon and a blank. */
static const char *
field_find(const char *head, const char *name)
{
    const char *line = head;
    while ((line = strstr(line, "\r\n")) != NULL) {
        line += 2;
        if (strncasecmp(line, name, strlen(name)) == 0)
            return line + strlen(name);
    }
    return NULL;
}

/* Wait for the head of the answer, and read what counts in it. Its length; 0:
 * it did not come. */
static size_t
client_head(struct client *c, size_t *length, bool *last)
{
    char *end;
    while ((end = strstr(c->in, "\r\n\r\n")) == NULL)
        if (!client_receive(c)) return 0;
    *end = '\0'; /* what is behind it is no field */
    const char *value = field_find(c->in, "Content-Length: ");
    const char *connection = field_find(c->in, "Connection: ");
    *length = value != NULL ? strtoul(value, NULL, 10) : 0;
    *last = connection != NULL && strncasecmp(connection, "close", 5) == 0;
    if (sscanf(c->in, "HTTP/1.%*d %d", &c->status) != 1) return 0;
    return (size_t)(end - c->in) + 4;
}

/* Wait for the answer. The body must be these bytes. */
static enum outcome
client_judge(struct client *c, const char *wanted, size_t count)
{
    size_t length = 0;
    bool last = false;
    c->in_len = 0;
    c->in[0] = '\0';
    size_t head = client_head(c, &length, &last);
    if (head == 0) return LOST;
    while (c->in_len - head < length)
        if (!client_receive(c)) return LOST;
    if (last || !c->keeps) client_leave(c);
    if (c->status != 200) return REFUSED;
    bool same = length == count && c->in_len == head + count &&
                memcmp(c->in + head, wanted, count) == 0;
    return same ? RIGHT : WRONG;
}

/* After anything but a right answer a new connection is the safe one. */
static enum outcome
client_answer(struct client *c, const char *wanted, size_t count)
{
    enum outcome outcome = client_judge(c, wanted, count);
    if (outcome != RIGHT) client_leave(c);
    return outcome;
}

/* ---- Questions ---------------------------------------------------------- */

/* HTTP/1.1 keeps a connection unless one side says otherwise. */
static const char *
ending(const struct client *c)
{
    return c->keeps ? "" : "Connection: close\r\n";
}

enum outcome
client_get(struct client *c)
{
    char head[200];
    int n = snprintf(head, sizeof head,
        "GET /hello HTTP/1.1\r\nHost: fleet\r\n%s\r\n", ending(c));
    if (!client_join(c)) return LOST;
    (void)client_send(c, head, (size_t)n); /* the answer tells */
    return client_answer(c, "Hello, world\n", 13);
}

enum outcome
client_post(struct client *c)
{
    char head[200];
    c->sent = 1 + next_number(c) % BODY_MAX;
    for (size_t i = 0; i < c->sent; i++)
        c->body[i] = (char)next_number(c);
    int n = snprintf(head, sizeof head,
        "POST /echo HTTP/1.1\r\nHost: fleet\r\nContent-Length: %zu\r\n%s\r\n",
        c->sent, ending(c));
    if (!client_join(c)) return LOST;
    size_t half = c->sent / 2;
    if (client_send(c, head, (size_t)n) && client_send(c, c->body, half)) {
        pause_ms(UPLOAD_REST);
        (void)client_send(c, c->body + half, c->sent - half);
    }
    return client_answer(c, c->body, c->sent);
}
