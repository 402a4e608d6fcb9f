/* stream.c - the descriptors of the simulated program, and its sockets: one
 * that listens, and streams to simulated clients. There is no network: what
 * one end sends is at the other end when that end looks, and what a network
 * would do to it, delays and pieces, the two ends do by their choices. */
#include "calls.h"
#include "world.h"

#include <sys/socket.h>

#include <errno.h>
#include <string.h>

enum {
    STREAMS = 64,     /* of one world */
    PIPE = 64 * 1024, /* bytes: the most that sim_faults.pipe can be */
    FIRST_FD = 3,     /* 0 to 2 are this process's own */
};

/* Bytes on their way, in a ring. */
struct pipe {
    size_t start, length;
    unsigned char bytes[PIPE];
};

struct sim_stream {
    struct sim_actor *owner;
    bool client_ended, client_gone; /* SHUT_WR, close(2) */
    bool server_ended, server_gone;
    bool reset; /* for both */
    uint64_t accepted_at;
    struct pipe to_server, to_client;
};

/* What a descriptor is. Free: all NULL. */
struct descriptor {
    struct sim_stream *stream;
    struct sim_file *file;
    bool listens, kept;
};

static struct descriptor table[FIRST_FD + SIM_DESCRIPTORS];
static unsigned open_count;
static struct sim_stream streams[STREAMS];
static size_t stream_count;
static struct sim_stream *backlog[STREAMS]; /* not accepted, in order */
static size_t backlog_count;
static bool listening;

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- Pipes -------------------------------------------------------------- */

static size_t
pipe_room(const struct pipe *p)
{
    return sim_faults.pipe - p->length;
}

/* Take in all of it; there is room. */
static void
pipe_put(struct pipe *p, const void *bytes, size_t length)
{
    size_t at = (p->start + p->length) % PIPE;
    size_t first = least(length, PIPE - at);
    memcpy(p->bytes + at, bytes, first);
    memcpy(p->bytes, (const char *)bytes + first, length - first);
    p->length += length;
    if (length > 0) invariants_progress();
}

static void
pipe_take(struct pipe *p, void *buffer, size_t length)
{
    size_t first = least(length, PIPE - p->start);
    memcpy(buffer, p->bytes + p->start, first);
    memcpy((char *)buffer + first, p->bytes, length - first);
    p->length -= length;
    p->start = p->length > 0 ? (p->start + length) % PIPE : 0;
    if (length > 0) invariants_progress();
}

/* ---- Descriptors -------------------------------------------------------- */

void
streams_begin(void)
{
    memset(table, 0, sizeof table);
    open_count = 0;
    stream_count = backlog_count = 0;
    listening = false;
}

bool
fd_is_open(int fd)
{
    if (fd < FIRST_FD || fd >= FIRST_FD + SIM_DESCRIPTORS) return false;
    const struct descriptor *d = &table[fd];
    return d->stream != NULL || d->file != NULL || d->listens;
}

void
streams_end(void)
{
    for (int fd = FIRST_FD; fd < FIRST_FD + SIM_DESCRIPTORS; fd++)
        if (fd_is_open(fd) && !table[fd].kept)
            sim_fail("descriptor %d is left open", fd);
}

static int
fd_new(struct descriptor d)
{
    int fd = FIRST_FD;
    if (open_count >= sim_faults.descriptors) return -EMFILE;
    while (fd_is_open(fd))
        fd++;
    table[fd] = d;
    open_count++;
    return fd;
}

int
fd_file(struct sim_file *file)
{
    return fd_new((struct descriptor){.file = file});
}

int
fd_listener(void)
{
    listening = true;
    return fd_new((struct descriptor){.listens = true});
}

struct sim_file *
fd_to_file(int fd)
{
    return fd_is_open(fd) ? table[fd].file : NULL;
}

void
fd_keep(int fd)
{
    table[fd].kept = true;
}

/* NULL: it is no stream, which is a mistake of the program. */
static struct sim_stream *
stream_of(int fd)
{
    if (!fd_is_open(fd) || table[fd].stream == NULL)
        sim_fail("descriptor %d is no stream", fd);
    return table[fd].stream;
}

/* ---- The end of a stream ------------------------------------------------ */

/* What is on its way may be lost, or may still be there to receive. */
static void
stream_reset(struct sim_stream *s)
{
    s->reset = true;
    if (sim_choose(2) == 0) s->to_client.length = 0;
    if (sim_choose(2) == 0) s->to_server.length = 0;
    invariants_progress();
    if (!s->client_gone) sim_actor_wake(s->owner);
}

/* A close with bytes of the client unread is a reset. */
static void
server_close(struct sim_stream *s)
{
    s->server_ended = s->server_gone = true;
    if (s->to_server.length > 0 && !s->client_gone) {
        stream_reset(s);
    } else if (!s->client_gone) {
        invariants_progress();
        sim_actor_wake(s->owner);
    }
}

int
fd_close(int fd)
{
    if (!fd_is_open(fd)) sim_fail("close of %d, which is not open", fd);
    if (op_uses_fd(fd)) sim_fail("close of %d with an operation under way", fd);
    struct descriptor d = table[fd];
    table[fd] = (struct descriptor){0};
    open_count--;
    if (d.stream != NULL) server_close(d.stream);
    if (!d.listens) return 0;
    listening = false;
    for (size_t i = 0; i < backlog_count; i++)
        stream_reset(backlog[i]);
    return 0;
}

/* ---- The server's end --------------------------------------------------- */

static int
accept_error(void)
{
    static const int errors[] = {ENFILE, ENOBUFS, ENOMEM, EMFILE};
    return -errors[sim_choose(4)];
}

/* Without room it fails at once, also when nobody waits. */
int
socket_accept(int fd)
{
    if (!fd_is_open(fd) || !table[fd].listens)
        sim_fail("accept on %d, which does not listen", fd);
    if (open_count >= sim_faults.descriptors) return -EMFILE;
    if (sim_one_in(sim_faults.accept)) return accept_error();
    if (backlog_count == 0) return -EAGAIN;
    struct sim_stream *s = backlog[0];
    memmove(backlog, backlog + 1, --backlog_count * sizeof *backlog);
    invariants_progress();
    if (s->reset && sim_choose(2) == 0) return -ECONNABORTED;
    s->accepted_at = sim_now;
    return fd_new((struct descriptor){.stream = s});
}

bool
socket_readable(int fd)
{
    if (fd_is_open(fd) && table[fd].listens)
        return backlog_count > 0 || open_count >= sim_faults.descriptors;
    const struct sim_stream *s = stream_of(fd);
    return s->to_server.length > 0 || s->client_ended || s->reset;
}

bool
socket_writable(int fd)
{
    const struct sim_stream *s = stream_of(fd);
    return s->reset || s->server_ended || s->client_gone ||
           pipe_room(&s->to_client) > 0;
}

int
socket_recv(int fd, void *buffer, size_t length)
{
    struct sim_stream *s = stream_of(fd);
    size_t there = s->to_server.length;
    if (there == 0 && s->reset) return sim_choose(4) == 0 ? 0 : -ECONNRESET;
    if (there == 0) return s->client_ended ? 0 : -EAGAIN;
    size_t n = sim_piece(least(length, there));
    pipe_take(&s->to_server, buffer, n);
    if (!s->client_gone) sim_actor_wake(s->owner);
    return (int)n;
}

int
socket_send(int fd, const void *bytes, size_t length)
{
    struct sim_stream *s = stream_of(fd);
    if (s->reset) return sim_choose(2) == 0 ? -EPIPE : -ECONNRESET;
    if (s->server_ended) return -EPIPE;
    if (length == 0) return 0;
    size_t n = least(length, pipe_room(&s->to_client));
    if (n == 0 && !s->client_gone) return -EAGAIN;
    if (s->client_gone) { /* taken, and answered by a reset */
        stream_reset(s);
        return (int)length;
    }
    n = sim_piece(n);
    pipe_put(&s->to_client, bytes, n);
    sim_actor_wake(s->owner);
    return (int)n;
}

int
socket_shutdown(int fd, int how)
{
    struct sim_stream *s = stream_of(fd);
    if (s->reset) return -ENOTCONN;
    if (how != SHUT_RD) s->server_ended = true;
    if (!s->client_gone) sim_actor_wake(s->owner);
    return 0;
}

/* ---- The client's end --------------------------------------------------- */

struct sim_stream *
sim_connect(struct sim_actor *owner)
{
    if (!listening || stream_count == STREAMS) return NULL;
    struct sim_stream *s = &streams[stream_count++];
    s->owner = owner;
    s->client_ended = s->client_gone = false;
    s->server_ended = s->server_gone = s->reset = false;
    s->accepted_at = SIM_NEVER;
    s->to_server.start = s->to_server.length = 0;
    s->to_client.start = s->to_client.length = 0;
    backlog[backlog_count++] = s;
    invariants_progress();
    return s;
}

/* Bytes that nobody will read are answered by a reset. */
size_t
sim_send(struct sim_stream *s, const void *bytes, size_t length)
{
    if (s->reset || s->client_ended) return 0;
    if (s->server_gone) {
        stream_reset(s);
        return length;
    }
    size_t n = least(length, pipe_room(&s->to_server));
    pipe_put(&s->to_server, bytes, n);
    return n;
}

size_t
sim_recv(struct sim_stream *s, void *buffer, size_t length)
{
    size_t n = least(length, s->to_client.length);
    pipe_take(&s->to_client, buffer, n);
    return n;
}

bool
sim_has_ended(const struct sim_stream *s)
{
    return s->to_client.length == 0 && s->server_ended && !s->reset;
}

bool
sim_is_lost(const struct sim_stream *s)
{
    return s->to_client.length == 0 && s->reset;
}

bool
sim_is_closed(const struct sim_stream *s)
{
    return s->server_gone || s->reset;
}

uint64_t
sim_accepted_at(const struct sim_stream *s)
{
    return s->accepted_at;
}

void
sim_finish(struct sim_stream *s)
{
    s->client_ended = true;
    invariants_progress();
}

void
sim_reset(struct sim_stream *s)
{
    s->client_ended = s->client_gone = true;
    if (!s->reset) stream_reset(s);
}

/* What it has not received is lost, and the server is told. */
void
sim_close_stream(struct sim_stream *s)
{
    bool unread = s->to_client.length > 0;
    s->client_ended = s->client_gone = true;
    if (unread && !s->reset) stream_reset(s);
    invariants_progress();
}
