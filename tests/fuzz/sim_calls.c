/* sim_calls.c - a program in a world without a kernel: it calls anything of
 * io.h in any order, also from callbacks, as the world chooses. Compiled like a
 * program that lives in one: its malloc, close and io_submit are the world's
 * (tests/sim/names.h), which sees that each callback comes once, and that
 * nothing is left. What is checked here are the results. */
#include "sim_calls.h"

#include "../../06-http-server/io.h"
#include "../sim/sim.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    SLOTS = 12,
    CONNS = 4,
    CLIENTS = 4,
    STEPS = 120,
    BUFFER = 40,
    SIZE = 90
};

/* A client of the world, and the program's end of a connection. Byte number n,
 * in either direction and in the file, is byte_at(n). */
struct client {
    struct sim_actor actor; /* first */
    struct sim_stream *stream;
    unsigned sent, got;
};

struct conn {
    int fd; /* -1: none */
    unsigned sent, got;
    bool reading, writing;
};

struct call {
    struct io_completion completion;
    struct call **place; /* in calls */
    struct conn *conn;
    uint64_t deadline; /* of a timeout */
    bool canceled;
    unsigned char buffer[BUFFER];
};

static struct client clients[CLIENTS];
static struct conn conns[CONNS];
static struct call *calls[SLOTS];
static struct io_loop loop;
static int listener;
static bool accepting, waking;
static unsigned wakes, steps;

static void step(bool inside);

static unsigned char
byte_at(uint64_t n)
{
    return (unsigned char)(n * 37 + n / 256);
}

static void
check_bytes(const unsigned char *bytes, int count, uint64_t from)
{
    for (int i = 0; i < count; i++)
        if (bytes[i] != byte_at(from + (unsigned)i))
            sim_fail("a wrong byte after %llu", (unsigned long long)from);
}

/* ---- Clients ------------------------------------------------------------ */

static void
client_move(struct client *c)
{
    unsigned char bytes[BUFFER];
    size_t n = sim_recv(c->stream, bytes, 1 + sim_choose(BUFFER));
    check_bytes(bytes, (int)n, c->got);
    c->got += (unsigned)n;
    n = sim_choose(BUFFER + 1);
    for (size_t i = 0; i < n; i++)
        bytes[i] = byte_at(c->sent + i);
    c->sent += (unsigned)sim_send(c->stream, bytes, n);
}

static void
client_act(struct sim_actor *actor)
{
    struct client *c = (struct client *)actor;
    if (c->stream == NULL) c->stream = sim_connect(actor);
    if (c->stream == NULL) return;
    client_move(c);
    if (sim_one_in(8)) sim_finish(c->stream);
    if (sim_one_in(8)) {
        sim_choose(2) ? sim_reset(c->stream) : sim_close_stream(c->stream);
        actor->act = client_act;
        *c = (struct client){.actor = *actor};
    }
    actor->at = sim_now + SIM_MILLI;
}

static void
clients_begin(void)
{
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){.actor.act = client_act};
        clients[i].actor.at = sim_now + sim_delay();
        sim_actor_add(&clients[i].actor);
    }
}

/* ---- Results ------------------------------------------------------------ */

static void
conn_open(int fd)
{
    for (int i = 0; i < CONNS; i++)
        if (conns[i].fd < 0) {
            conns[i] = (struct conn){.fd = fd};
            return;
        }
    close(fd);
}

static bool
in_range(const struct call *call, int result)
{
    const struct io_op *op = &call->completion.op;
    bool file = op->kind == IO_READ || op->kind == IO_WRITE;
    if (result == -ECANCELED) return call->canceled;
    switch (op->kind) {
    case IO_RECV:
    case IO_READ: return result <= (int)op->in.length;
    case IO_SEND:
    case IO_WRITE: return result <= (int)op->out.length && (result || file);
    case IO_TIMEOUT: return result == 0 && sim_now >= call->deadline;
    case IO_WAKE: return result == 0 && wakes > 0;
    case IO_NOP:
    case IO_CLOSE: return result == 0;
    default: return true;
    }
}

static void
call_over(struct call *call, int result)
{
    struct io_op *op = &call->completion.op;
    struct conn *conn = call->conn;
    if (!in_range(call, result))
        sim_fail("kind %d answers %d", (int)op->kind, result);
    switch (op->kind) {
    case IO_ACCEPT:
        accepting = false;
        if (result >= 0) conn_open(result);
        break;
    case IO_RECV:
        check_bytes(call->buffer, result, conn->got);
        if (result > 0) conn->got += (unsigned)result;
        /* fall through */
    case IO_READABLE: conn->reading = false; break;
    case IO_SEND:
        conn->writing = false;
        if (result > 0) conn->sent += (unsigned)result;
        break;
    case IO_READ: check_bytes(call->buffer, result, op->in.offset); break;
    case IO_OPEN:
        if (result >= 0) close(result);
        break;
    case IO_WAKE:
        waking = false;
        if (result == 0) wakes--;
        break;
    default: break;
    }
}

/* The memory is given back before the next calls are made: a touch of it after
 * that is seen. */
static void
on_call(void *context, struct io_loop *l, struct io_completion *c, int result)
{
    struct call *call = context;
    (void)l, (void)c;
    if (*call->place != call) sim_fail("a second callback");
    call_over(call, result);
    *call->place = NULL;
    free(call);
    if (steps++ < STEPS) step(true);
}

/* ---- Calls -------------------------------------------------------------- */

static struct io_op
conn_op(struct call *call, uint32_t kind)
{
    struct conn *conn = call->conn = &conns[sim_choose(CONNS)];
    size_t length = 1 + sim_choose(BUFFER);
    if (conn->fd < 0 || (kind == 0 ? conn->writing : conn->reading))
        return io_op_nop();
    *(kind == 0 ? &conn->writing : &conn->reading) = true;
    for (size_t i = 0; kind == 0 && i < length; i++)
        call->buffer[i] = byte_at(conn->sent + i);
    if (kind == 0) return io_op_send(conn->fd, call->buffer, length);
    if (kind == 1) return io_op_readable(conn->fd);
    return io_op_recv(conn->fd, call->buffer, length);
}

static struct io_op
close_op(void)
{
    struct conn *conn = &conns[sim_choose(CONNS)];
    int fd = conn->fd;
    if (fd < 0 || conn->reading || conn->writing) return io_op_nop();
    conn->fd = -1;
    return io_op_close(fd);
}

static struct io_op
timeout_op(struct call *call)
{
    uint64_t after = sim_choose(4) > 0 ? sim_delay() : UINT64_MAX;
    call->deadline = after == UINT64_MAX ? after : sim_now + after;
    return io_op_timeout(after);
}

static struct io_op
other_op(struct call *call)
{
    switch (sim_choose(6)) {
    case 0: return timeout_op(call);
    case 1:
        if (waking) break;
        waking = true;
        return io_op_wake();
    case 2: return io_op_open(0, "f", O_RDONLY, 0, true);
    case 3: return close_op();
    case 4:
        if (accepting || listener < 0) break;
        accepting = true;
        return io_op_accept(listener);
    }
    return io_op_nop();
}

static void
submit(void)
{
    struct call **place = calls;
    while (place < calls + SLOTS && *place != NULL)
        place++;
    struct call *call = place < calls + SLOTS ? malloc(sizeof *call) : NULL;
    if (call == NULL) return;
    *place = call;
    *call = (struct call){.place = place};
    uint32_t kind = sim_choose(5);
    call->completion.op = kind < 3 ? conn_op(call, kind) : other_op(call);
    call->completion.context = call;
    call->completion.callback = on_call;
    io_submit(&loop, &call->completion);
}

static void
cancel(struct call *call)
{
    if (call == NULL) return;
    call->canceled = true;
    io_cancel(&loop, &call->completion);
}

static void
cancel_all(void)
{
    for (int i = 0; i < SLOTS; i++)
        if (calls[i] != NULL) calls[i]->canceled = true;
    io_cancel_all(&loop);
}

/* One call; in a callback no tick. */
static void
step(bool inside)
{
    switch (sim_choose(8)) {
    case 0:
        if (!inside) io_tick(&loop, SIM_MILLI);
        break;
    case 1: cancel(calls[sim_choose(SLOTS)]); break;
    case 2:
        if (sim_one_in(4)) cancel_all();
        break;
    case 3:
        wakes++;
        io_wake(&loop);
        break;
    default: submit();
    }
}

static void
finish(void)
{
    while (io_busy(&loop) > 0) {
        cancel_all();
        io_tick(&loop, IO_FOREVER);
    }
    for (int i = 0; i < CONNS; i++)
        if (conns[i].fd >= 0) close(conns[i].fd);
    if (listener >= 0) close(listener);
    io_deinit(&loop);
}

void
sim_calls(void)
{
    static char bytes[SIZE];
    static struct sim_file tree = {"f", SIM_FILE, bytes, SIZE, SIZE, 1, 0};
    struct sockaddr_in any = {.sin_family = AF_INET};
    accepting = waking = false;
    wakes = steps = 0;
    for (int i = 0; i < SLOTS; i++)
        calls[i] = NULL;
    for (int i = 0; i < CONNS; i++)
        conns[i] = (struct conn){.fd = -1};
    for (int i = 0; i < SIZE; i++)
        bytes[i] = (char)byte_at((unsigned)i);
    sim_files(&tree, 1);
    if (io_init(&loop, 0) < 0) return;
    listener = io_listen((struct sockaddr *)&any, sizeof any, 8);
    clients_begin();
    while (steps++ < STEPS)
        step(false);
    finish();
}
