/* io_sim.c - io.h's backend without a kernel. To be read beside io_uring.c and
 * io_kqueue.c: the same functions in the same order. Where those ask a kernel,
 * this looks into the world of sim.h, and chooses whatever a kernel may do:
 * when an operation is tried, how much of it, when its result is seen, and
 * who wins when it is canceled meanwhile. */
#include "../../06-http-server/io.h"
#include "../../06-http-server/io_backend.h"
#include "calls.h"
#include "world.h"

#include <errno.h>
#include <string.h>

enum {
    OPERATIONS = 256,         /* under way at once */
    AT_ONCE = 10 * SIM_MICRO, /* errors do not take longer */
    LONG = 10 * SIM_MILLI,    /* a wait in which a signal surely comes */
};

/* One operation that the kernel would have. at: when it is tried, or, once it
 * is done, when its result is seen; SIM_NEVER: when the socket is ready. */
struct operation {
    struct io_completion *completion;
    struct io_op op; /* as it was submitted */
    uint64_t at;
    bool done;
    int result;
};

struct io_backend {
    struct operation operations[OPERATIONS];
    size_t count;
    bool woken;
    struct io_backend *next;
};

static struct io_backend *backends; /* of this world */

static const char *const names[] = {
    [IO_NOP] = "nop",
    [IO_ACCEPT] = "accept",
    [IO_CONNECT] = "connect",
    [IO_RECV] = "recv",
    [IO_SEND] = "send",
    [IO_READABLE] = "readable",
    [IO_OPEN] = "open",
    [IO_READ] = "read",
    [IO_WRITE] = "write",
    [IO_FSYNC] = "fsync",
    [IO_CLOSE] = "close",
};

/* ---- Submissions -------------------------------------------------------- */

static int
length31(size_t length)
{
    return length < 1 << 30 ? (int)length : 1 << 30;
}

/* Do it, without waiting: its result, or -EAGAIN. */
static int
attempt(const struct io_op *op)
{
    size_t in = (size_t)length31(op->in.length);
    size_t out = (size_t)length31(op->out.length);
    switch (op->kind) {
    case IO_ACCEPT: return socket_accept(op->fd);
    case IO_CONNECT: return -ECONNREFUSED; /* clients come from sim.h */
    case IO_RECV: return socket_recv(op->fd, op->in.buffer, in);
    case IO_SEND: return socket_send(op->fd, op->out.buffer, out);
    case IO_READABLE: return socket_readable(op->fd) ? 0 : -EAGAIN;
    case IO_OPEN:
        return file_open(op->open.path, op->open.flags, op->open.beneath);
    case IO_READ: return file_read(op->fd, op->in.buffer, in, op->in.offset);
    case IO_WRITE:
        return file_write(op->fd, op->out.buffer, out, op->out.offset);
    case IO_CLOSE: return fd_close(op->fd);
    default: return 0;
    }
}

/* Can it be more than -EAGAIN? */
static bool
is_ready(const struct io_op *op)
{
    switch (op->kind) {
    case IO_ACCEPT:
    case IO_RECV:
    case IO_READABLE: return socket_readable(op->fd);
    case IO_SEND: return socket_writable(op->fd);
    default: return true;
    }
}

static void
operation_try(struct operation *o)
{
    int rc = attempt(&o->op);
    o->at = SIM_NEVER;
    if (rc == -EAGAIN) return;
    o->done = true;
    o->result = rc;
    o->at = sim_now + (rc >= 0 ? sim_delay() : sim_choose(AT_ONCE));
}

static void
operation_start(struct io_loop *loop, struct io_completion *c)
{
    struct io_backend *b = loop->backend;
    if (b->count == OPERATIONS) sim_fail("more operations than a world has");
    io_activate(loop, c);
    b->operations[b->count++] = (struct operation){
        .completion = c, .op = c->op, .at = sim_now + sim_delay()};
    sim_log("program", "asks for %s(%d)", names[c->op.kind], c->op.fd);
}

static struct operation *
operation_of(struct io_backend *b, const struct io_completion *c)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->operations[i].completion == c) return &b->operations[i];
    sim_fail("an operation is given up that is not under way");
}

/* It may be done already, unseen; or it is done just now. */
static void
operation_give_up(struct io_loop *loop, struct io_completion *c)
{
    struct operation *o = operation_of(loop->backend, c);
    sim_log("program", "gives %s(%d) up", names[c->op.kind], c->op.fd);
    io_activate(loop, c);
    if (o->done) return;
    if (sim_one_in(sim_faults.lost_race)) operation_try(o);
    if (o->done) return;
    o->done = true;
    o->result = -ECANCELED;
    o->at = sim_now + sim_delay();
}

static void
start_queued(struct io_loop *loop)
{
    while (loop->canceling.first != NULL)
        operation_give_up(loop, loop->canceling.first);
    while (loop->queued.first != NULL)
        operation_start(loop, loop->queued.first);
}

/* ---- Completions -------------------------------------------------------- */

/* A busy completion belongs to the kernel. */
static void
check_unchanged(const struct operation *o)
{
    const struct io_op *now = &o->completion->op;
    if (now->kind != o->op.kind || now->fd != o->op.fd)
        sim_fail("%s(%d) is changed while it is under way", names[o->op.kind],
            o->op.fd);
}

static void
operation_finish(struct io_loop *loop, struct operation *o)
{
    struct io_backend *b = loop->backend;
    struct operation done = *o;
    check_unchanged(o);
    *o = b->operations[--b->count];
    if (done.result < 0)
        sim_log("kernel", "%s(%d): %s", names[done.op.kind], done.op.fd,
            strerror(-done.result));
    else
        sim_log("kernel", "%s(%d) = %d", names[done.op.kind], done.op.fd,
            done.result);
    if (done.result >= 0) invariants_progress();
    io_finish(loop, done.completion, done.result);
}

/* Any of those whose result can be seen; NULL: none. */
static struct operation *
pick_done(struct io_backend *b)
{
    struct operation *due[OPERATIONS];
    uint32_t count = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct operation *o = &b->operations[i];
        if (o->done && o->at <= sim_now) due[count++] = o;
    }
    return count > 0 ? due[sim_choose(count)] : NULL;
}

static void
see_wake(struct io_loop *loop)
{
    loop->backend->woken = false;
    sim_log("kernel", "wakes the loop");
    io_woken(loop);
}

/* See what is done: in any order, and not always all of it. */
static bool
reap(struct io_loop *loop)
{
    struct io_backend *b = loop->backend;
    struct operation *o;
    bool wakes = b->woken && (pick_done(b) == NULL || sim_choose(2) == 0);
    bool first = wakes && sim_choose(2) == 0, seen = wakes;
    if (wakes && first) see_wake(loop);
    while ((o = pick_done(b)) != NULL) {
        operation_finish(loop, o);
        seen = true;
        if (sim_one_in(8)) break;
    }
    if (wakes && !first) see_wake(loop);
    return seen;
}

/* ---- The world goes on -------------------------------------------------- */

/* The operation that is next to be tried, or to be seen; NULL: none is. */
static struct operation *
next_operation(struct io_backend *b)
{
    struct operation *first = NULL;
    for (size_t i = 0; i < b->count; i++) {
        struct operation *o = &b->operations[i];
        if (o->at == SIM_NEVER && is_ready(&o->op))
            o->at = sim_now + sim_delay();
        if (o->at != SIM_NEVER && (first == NULL || o->at < first->at))
            first = o;
    }
    return first;
}

/* The actor's turn, or, if there is none, the operation's. */
static void
world_act(struct sim_actor *actor, struct operation *o)
{
    if (actor != NULL) {
        actor->at = SIM_NEVER;
        actor->act(actor);
    } else if (!o->done) {
        operation_try(o);
    }
}

/* Until `end` at most: the next thing that happens. False: there is none. */
static bool
world_step(struct io_backend *b, uint64_t end)
{
    struct operation *o = next_operation(b);
    struct sim_actor *actor = sim_actor_next();
    uint64_t at = o != NULL ? o->at : SIM_NEVER;
    if (actor != NULL && actor->at < at) at = actor->at;
    uint64_t next = at < end ? at : end;
    if (next > sim_now + LONG && world_wait()) return true;
    if (next == SIM_NEVER)
        sim_fail("nothing moves any more: %s",
            sim_waiting != NULL ? sim_waiting() : "the program waits");
    if (at > end) {
        if (sim_now < end) sim_now = end;
        return false;
    }
    if (sim_now < at) sim_now = at;
    world_act(actor != NULL && actor->at == at ? actor : NULL, o);
    return true;
}

/* ---- What io.c calls ---------------------------------------------------- */

int
backend_open(struct io_loop *loop, unsigned entries)
{
    (void)entries;
    struct io_backend *b = loop->backend = sim_calloc(1, sizeof *b);
    if (b == NULL) return -ENOMEM;
    b->next = backends;
    backends = b;
    return 0;
}

void
backend_close(struct io_loop *loop)
{
    struct io_backend *b = loop->backend, **at = &backends;
    if (b->count > 0) sim_fail("the loop ends with operations under way");
    while (*at != b)
        at = &(*at)->next;
    *at = b->next;
    sim_free(b);
}

void
backend_cancel(struct io_loop *loop, struct io_completion *c)
{
    bool file = c->op.kind >= IO_OPEN && c->op.kind <= IO_FSYNC;
    if (file && sim_choose(2) == 0) return; /* a thread has it */
    io_give_up(loop, c);
}

void
backend_wait(struct io_loop *loop, uint64_t timeout)
{
    struct io_backend *b = loop->backend;
    sim_now += 100 + sim_choose(900); /* no call is free */
    uint64_t left = SIM_NEVER - sim_now;
    uint64_t end = timeout < left ? sim_now + timeout : SIM_NEVER;
    loop->stats.kernel_calls++;
    world_call();
    invariants_tick(loop);
    start_queued(loop);
    while (!reap(loop) && world_step(b, end))
        if (sim_one_in(sim_faults.early)) return; /* as after a signal */
}

void
backend_wake(struct io_backend *b)
{
    b->woken = true;
}

int
backend_adopt(int fd)
{
    return fd;
}

const char *
io_hint(int error)
{
    (void)error;
    return "there is no hint in a simulation";
}

/* ---- What the world asks ------------------------------------------------ */

void
operations_begin(void)
{
    backends = NULL;
}

bool
op_uses_fd(int fd)
{
    for (struct io_backend *b = backends; b != NULL; b = b->next)
        for (size_t i = 0; i < b->count; i++) {
            const struct io_op *op = &b->operations[i].op;
            if (op->fd == fd && op->kind != IO_CLOSE) return true;
        }
    return false;
}

static bool
is_within(const void *at, const void *start, size_t size)
{
    uintptr_t a = (uintptr_t)at, first = (uintptr_t)start;
    return a >= first && a - first < size;
}

bool
op_uses_memory(const void *start, size_t size)
{
    for (struct io_backend *b = backends; b != NULL; b = b->next)
        for (size_t i = 0; i < b->count; i++) {
            const struct operation *o = &b->operations[i];
            enum io_kind kind = o->op.kind;
            bool in = kind == IO_RECV || kind == IO_READ;
            bool out = kind == IO_SEND || kind == IO_WRITE;
            if (is_within(o->completion, start, size) ||
                (in && is_within(o->op.in.buffer, start, size)) ||
                (out && is_within(o->op.out.buffer, start, size)) ||
                (kind == IO_OPEN && is_within(o->op.open.path, start, size)))
                return true;
        }
    return false;
}
