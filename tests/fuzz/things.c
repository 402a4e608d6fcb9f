/* things.c - see calls.h. */
#include "calls.h"

#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct things things;

/* ---- What there is ------------------------------------------------------ */

static void
listener_open(void)
{
    struct sockaddr_un *address = &things.address;
    address->sun_family = AF_UNIX;
    things.address_len = sizeof *address;
    things.listener = socket(AF_UNIX, SOCK_STREAM, 0);
    /* The kernel finds a name. */
    must(bind(things.listener, (struct sockaddr *)address,
             sizeof address->sun_family) == 0 &&
             listen(things.listener, 128) == 0 &&
             getsockname(things.listener, (struct sockaddr *)address,
                 &things.address_len) == 0,
        "there is a listener");
    must(io_adopt(things.listener) == things.listener, "taken in");
}

static void
file_open(void)
{
    unsigned char bytes[FILE_LEN];
    for (int i = 0; i < FILE_LEN; i++)
        bytes[i] = (unsigned char)i;
    things.file = memfd_create("file", MFD_CLOEXEC);
    must(write(things.file, bytes, FILE_LEN) == FILE_LEN, "there is a file");
    must(io_adopt(things.file) == things.file, "taken in");
}

void
things_open(void)
{
    int fds[2];
    things = (struct things){.accepting = false};
    for (int i = 0; i < ENDS; i += 2) {
        must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "sockets");
        things.ends[i].fd = io_adopt(fds[0]);
        things.ends[i + 1].fd = io_adopt(fds[1]);
        must(things.ends[i].fd >= 0 && things.ends[i + 1].fd >= 0, "taken in");
    }
    listener_open();
    file_open();
}

void
things_close(void)
{
    for (int i = 0; i < ENDS; i++)
        if (things.ends[i].fd >= 0) close(things.ends[i].fd);
    close(things.listener);
    close(things.file);
}

/* ---- Operations --------------------------------------------------------- */

static const struct io_op nothing = {.kind = IO_NOP, .fd = -1};

static struct io_op
op_send(struct call *call, struct end *e, unsigned argument)
{
    size_t len = argument % (BUFFER + 1);
    if (e->fd < 0 || e->writing) return nothing;
    call->end = e;
    for (size_t i = 0; i < len; i++)
        call->buffer[i] = (unsigned char)(e->sent + i);
    return io_op_send(e->fd, call->buffer, len);
}

static struct io_op
op_recv(struct call *call, struct end *e, unsigned argument)
{
    size_t len = 1 + argument % BUFFER;
    if (e->fd < 0 || e->reading) return nothing;
    call->end = e;
    if (argument % 5 == 0) return io_op_readable(e->fd);
    return io_op_recv(e->fd, call->buffer, len);
}

static struct io_op
op_close(struct call *call, struct end *e)
{
    if (e->fd < 0 || e->reading || e->writing) return nothing;
    call->end = e;
    return io_op_close(e->fd);
}

static uint64_t
clock_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct io_op
op_timeout(struct call *call, unsigned argument)
{
    static const uint64_t times[] = {0, 1, 1000, 20000, 100000, UINT64_MAX};
    uint64_t after = times[argument % 6], now = clock_now();
    call->deadline = after < UINT64_MAX - now ? now + after : UINT64_MAX;
    return io_op_timeout(after);
}

/* The bytes that are there already: so a read meanwhile has one answer. */
static struct io_op
op_write(struct call *call, unsigned argument)
{
    unsigned offset = argument % (FILE_LEN - BUFFER);
    for (unsigned i = 0; i < BUFFER; i++)
        call->buffer[i] = (unsigned char)(offset + i);
    return io_op_write(things.file, call->buffer, argument % BUFFER, offset);
}

/* The socket is closed when the connection is there. */
static struct io_op
op_connect(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    must(fd >= 0 && io_adopt(fd) == fd, "one more socket");
    return io_op_connect(
        fd, (struct sockaddr *)&things.address, things.address_len);
}

struct io_op
call_op(struct call *call, char letter, unsigned argument)
{
    struct end *e = &things.ends[argument / 8 % ENDS];
    switch (letter) {
    case 's': return op_send(call, e, argument);
    case 'r': return op_recv(call, e, argument);
    case 'k': return op_close(call, e);
    case 'o': return op_timeout(call, argument);
    case 'W': return things.waking ? nothing : io_op_wake();
    case 'a': return things.accepting ? nothing : io_op_accept(things.listener);
    case 'A': return op_connect();
    case 'f':
        return io_op_read(
            things.file, call->buffer, argument % BUFFER, argument);
    case 'F': return op_write(call, argument);
    case 'y': return io_op_fsync(things.file);
    case 'p': return io_op_open(AT_FDCWD, "/dev/null", O_RDONLY, 0, false);
    default: return nothing;
    }
}

/* ---- What they may answer ----------------------------------------------- */

void
call_begun(struct call *call)
{
    const struct io_op *op = &call->completion.op;
    struct end *e = call->end;
    switch (op->kind) {
    case IO_SEND:
        e->writing = true;
        e->sending = (unsigned)op->out.length;
        break;
    case IO_RECV:
    case IO_READABLE: e->reading = true; break;
    case IO_CLOSE: e->fd = -1; break;
    case IO_ACCEPT: things.accepting = true; break;
    case IO_WAKE: things.waking = true; break;
    default: break;
    }
}

static struct end *
peer_of(struct end *e)
{
    return &things.ends[(e - things.ends) ^ 1];
}

/* A peer that is closed with bytes unread resets the connection. */
static bool
may_be_lost(struct end *e, int result)
{
    bool gone = peer_of(e)->fd < 0;
    return (gone || e->shut) && (result == -EPIPE || result == -ECONNRESET);
}

static void
sent(struct call *call, int result)
{
    struct end *e = call->end;
    e->writing = false;
    e->sending = 0;
    if (result > 0) e->sent += (unsigned)result;
    must(result <= (int)call->completion.op.out.length, "no more than asked");
    must(result >= 0 || may_be_lost(e, result), "sent, or the peer is gone");
    must(result > 0 || call->completion.op.out.length == 0 || result < 0,
        "some of it is sent");
}

static void
received(struct call *call, int result)
{
    struct end *e = call->end, *peer = peer_of(e);
    bool ended = peer->fd < 0 || peer->shut;
    must(result <= (int)call->completion.op.in.length, "no more than asked");
    must(result > 0 || ended, "the stream goes on");
    must(result >= 0 || may_be_lost(e, result), "received, or lost");
    for (int i = 0; i < result; i++)
        must(call->buffer[i] == (unsigned char)e->received++, "the bytes sent");
    must((int)(peer->sent + peer->sending - e->received) >= 0,
        "no byte that was not sent");
}

static void
read_from(struct call *call, int result)
{
    const struct io_op *op = &call->completion.op;
    uint64_t left = op->in.offset < FILE_LEN ? FILE_LEN - op->in.offset : 0;
    uint64_t most = left < op->in.length ? left : op->in.length;
    must(result == (int)most, "all that is asked, or left");
    for (int i = 0; i < result; i++)
        must(call->buffer[i] == (unsigned char)(op->in.offset + (unsigned)i),
            "the bytes of the file");
}

/* A descriptor is ours now; of a connect, it was. */
static void
connected(struct call *call, int result)
{
    bool connect = call->completion.op.kind == IO_CONNECT;
    if (connect) close(call->completion.op.fd);
    if (!connect && result >= 0) close(result);
    if (call->canceled && result == -ECANCELED) return;
    must(connect ? result == 0 || result == -EAGAIN : result >= 0, "connected");
}

static void
woken(int result)
{
    things.waking = false;
    if (result == -ECANCELED) return;
    must(result == 0 && things.wakes > 0, "somebody woke it");
    things.wakes--; /* or more, as several may be one */
}

static void
note_over(struct call *call, int result)
{
    enum io_kind kind = call->completion.op.kind;
    if (kind == IO_RECV || kind == IO_READABLE) call->end->reading = false;
    if (kind == IO_SEND) call->end->writing = false;
    if (kind == IO_ACCEPT) things.accepting = false;
    if (kind == IO_WAKE) woken(result);
    if (kind == IO_ACCEPT || kind == IO_CONNECT || kind == IO_OPEN)
        connected(call, result);
}

void
call_over(struct call *call, int result)
{
    note_over(call, result);
    if (result == -ECANCELED) {
        must(call->canceled, "canceled, if somebody wanted it");
        if (call->completion.op.kind == IO_SEND) call->end->sending = 0;
        return;
    }
    switch (call->completion.op.kind) {
    case IO_SEND: sent(call, result); break;
    case IO_RECV: received(call, result); break;
    case IO_READ: read_from(call, result); break;
    case IO_TIMEOUT:
        must(result == 0 && clock_now() >= call->deadline, "never early");
        break;
    case IO_WRITE:
        must(result == (int)call->completion.op.out.length, "written");
        break;
    case IO_NOP:
    case IO_READABLE:
    case IO_FSYNC:
    case IO_CLOSE: must(result == 0, "it has nothing else to answer"); break;
    default: break;
    }
}
