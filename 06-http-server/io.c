/* io.c - the half of the event loop that is the same on every kernel: the way
 * of a completion from io_submit to its callback, and the checks for mistakes.
 * Timers are in io_timer.c; what asks the kernel is in io_uring.c or
 * io_kqueue.c. */
#include "io.h"
#include "io_backend.h"

#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What is under way on one descriptor. */
struct io_sides {
    bool reading, writing; /* the two sides of a socket */
    unsigned others;       /* operations on a file */
};

enum {
    SIDES_MAX = 1 << 20,   /* descriptors beyond are not watched */
    ENTRIES_MAX = 1 << 15, /* io_uring's own limit */
};

static const uint64_t WAIT_MAX = 86400 * UINT64_C(1000000000); /* a day */

/* A mistake in the program that uses this API: say which, and stop at once. */
static void
check(bool right, const char *mistake)
{
    if (right) return;
    fprintf(stderr, "io: %s\n", mistake);
    abort();
}

static void
check_thread(const struct io_loop *loop)
{
    check(loop->thread == (uintptr_t)pthread_self(),
        "only io_wake may be called from another thread");
}

/* ---- Lists -------------------------------------------------------------- */

static void
list_put(struct io_list *list, struct io_completion *c)
{
    c->next = NULL;
    c->prev = list->last;
    if (list->last == NULL)
        list->first = c;
    else
        list->last->next = c;
    list->last = c;
}

static void
list_remove(struct io_list *list, struct io_completion *c)
{
    if (c->prev == NULL)
        list->first = c->next;
    else
        c->prev->next = c->next;
    if (c->next == NULL)
        list->last = c->prev;
    else
        c->next->prev = c->prev;
}

/* Take c out of whatever its state says that it is in. */
static void
state_leave(struct io_loop *loop, struct io_completion *c)
{
    switch ((enum io_state)c->state) {
    case IO_QUEUED: list_remove(&loop->queued, c); break;
    case IO_ACTIVE: list_remove(&loop->active, c); break;
    case IO_CANCELING: list_remove(&loop->canceling, c); break;
    case IO_TIMING: timer_remove(loop, c); break;
    case IO_ARMED: loop->wake = NULL; break;
    case IO_IDLE:
    case IO_READY: break;
    }
}

static void
state_enter(struct io_list *list, struct io_completion *c, enum io_state state)
{
    c->state = (unsigned char)state;
    list_put(list, c);
}

void
io_finish(struct io_loop *loop, struct io_completion *c, int result)
{
    state_leave(loop, c);
    c->result = result;
    state_enter(&loop->ready, c, IO_READY);
}

void
io_activate(struct io_loop *loop, struct io_completion *c)
{
    state_leave(loop, c);
    state_enter(&loop->active, c, IO_ACTIVE);
}

void
io_give_up(struct io_loop *loop, struct io_completion *c)
{
    state_leave(loop, c);
    state_enter(&loop->canceling, c, IO_CANCELING);
}

void
io_requeue(struct io_loop *loop, struct io_completion *c)
{
    state_leave(loop, c);
    state_enter(&loop->queued, c, IO_QUEUED);
}

/* ---- What is under way on a descriptor ---------------------------------- */

/* NULL: fd is none, or out of memory: it is not watched. */
static struct io_sides *
sides_of(struct io_loop *loop, int fd)
{
    if (fd < 0 || fd >= SIDES_MAX) return NULL;
    size_t count = loop->sides_count > 0 ? loop->sides_count : 64;
    while (count <= (size_t)fd)
        count *= 2;
    if (count > loop->sides_count) {
        struct io_sides *sides = realloc(loop->sides, count * sizeof *sides);
        if (sides == NULL) return NULL;
        memset(sides + loop->sides_count, 0,
            (count - loop->sides_count) * sizeof *sides);
        loop->sides = sides;
        loop->sides_count = count;
    }
    return &loop->sides[fd];
}

static void
sides_begin(struct io_loop *loop, const struct io_completion *c)
{
    struct io_sides *sides = sides_of(loop, c->op.fd);
    if (sides == NULL) return;
    switch (c->op.kind) {
    case IO_ACCEPT:
    case IO_RECV:
    case IO_READABLE:
        check(!sides->reading, "a second operation on a socket's read side");
        sides->reading = true;
        break;
    case IO_CONNECT:
    case IO_SEND:
        check(!sides->writing, "a second operation on a socket's write side");
        sides->writing = true;
        break;
    case IO_CLOSE:
        check(!sides->reading && !sides->writing && sides->others == 0,
            "close of a descriptor with an operation under way");
        break;
    default: sides->others++; break;
    }
}

static void
sides_end(struct io_loop *loop, const struct io_completion *c)
{
    struct io_sides *sides = sides_of(loop, c->op.fd);
    if (sides == NULL) return;
    switch (c->op.kind) {
    case IO_ACCEPT:
    case IO_RECV:
    case IO_READABLE: sides->reading = false; break;
    case IO_CONNECT:
    case IO_SEND: sides->writing = false; break;
    case IO_CLOSE: break;
    default:
        if (sides->others > 0) sides->others--; /* 0: it was not watched */
        break;
    }
}

/* ---- Submit and cancel -------------------------------------------------- */

/* openat2(2) lets ".." pass that stays below; a walk could not be sure. So that
 * all systems agree, such a path is refused everywhere. */
static bool
path_leaves(const char *path)
{
    if (*path == '/') return true;
    for (const char *part = path; part != NULL; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return true;
    }
    return false;
}

/* 0, or what openat2(2) says of a path, and a walk would not. */
static int
path_error(const char *path, int flags)
{
    size_t length = strlen(path);
    if (path_leaves(path)) return -EXDEV;
    if (length >= PATH_MAX) return -ENAMETOOLONG;
    bool directory = length > 0 && path[length - 1] == '/';
    return directory && flags & O_CREAT ? -EISDIR : 0;
}

/* What the systems answer differently. 0, or the -errno that all shall give. */
static int
op_error(const struct io_op *op)
{
    if (op->kind == IO_OPEN && op->open.beneath)
        return path_error(op->open.path, op->open.flags);
    if (op->kind == IO_READ && op->in.offset > INT64_MAX) return -EINVAL;
    if (op->kind == IO_WRITE && op->out.offset > INT64_MAX) return -EINVAL;
    return 0;
}

static void
timeout_start(struct io_loop *loop, struct io_completion *c)
{
    uint64_t now = io_clock(); /* loop->now is older: it would end too early */
    uint64_t after = c->op.timeout.after;
    c->op.timeout.deadline =
        after < UINT64_MAX - now ? now + after : UINT64_MAX;
    c->op.timeout.order = loop->order++;
    c->state = IO_TIMING;
    timer_add(loop, c);
}

static void
wake_start(struct io_loop *loop, struct io_completion *c)
{
    check(loop->wake == NULL, "a second wake operation");
    c->state = IO_ARMED;
    loop->wake = c;
    if (loop->woken) io_woken(loop);
}

void
io_woken(struct io_loop *loop)
{
    loop->woken = loop->wake == NULL;
    if (loop->wake != NULL) io_finish(loop, loop->wake, 0);
}

void
io_submit(struct io_loop *loop, struct io_completion *c)
{
    check_thread(loop);
    check(c->state == IO_IDLE, "submit of a completion that is busy");
    check(c->callback != NULL, "submit of a completion without a callback");
    check(c->op.kind != IO_RECV || c->op.in.length > 0, "recv of length 0");
    sides_begin(loop, c);
    loop->stats.submissions++;
    loop->busy++;
    c->flags = 0;
    if (c->op.kind == IO_TIMEOUT)
        timeout_start(loop, c);
    else if (c->op.kind == IO_WAKE)
        wake_start(loop, c);
    else if (op_error(&c->op) != 0)
        io_finish(loop, c, op_error(&c->op));
    else
        state_enter(&loop->queued, c, IO_QUEUED);
}

void
io_cancel(struct io_loop *loop, struct io_completion *c)
{
    check_thread(loop);
    if (c->op.kind == IO_CLOSE) return; /* what is closed is never left open */
    switch ((enum io_state)c->state) {
    case IO_QUEUED:
    case IO_TIMING:
    case IO_ARMED: io_finish(loop, c, -ECANCELED); break;
    case IO_ACTIVE: backend_cancel(loop, c); break;
    case IO_CANCELING:
    case IO_IDLE:
    case IO_READY: break;
    }
}

static void
list_cancel(struct io_loop *loop, const struct io_list *list)
{
    for (struct io_completion *c = list->first, *next; c != NULL; c = next) {
        next = c->next;
        io_cancel(loop, c);
    }
}

void
io_cancel_all(struct io_loop *loop)
{
    check_thread(loop);
    list_cancel(loop, &loop->queued);
    list_cancel(loop, &loop->active);
    while (loop->timers != NULL)
        io_cancel(loop, loop->timers);
    if (loop->wake != NULL) io_cancel(loop, loop->wake);
}

/* ---- The loop ----------------------------------------------------------- */

int
io_init(struct io_loop *loop, unsigned entries)
{
    *loop = (struct io_loop){.thread = (uintptr_t)pthread_self()};
    loop->now = io_clock();
    if (entries == 0) entries = 256;
    return backend_open(loop, entries < ENTRIES_MAX ? entries : ENTRIES_MAX);
}

void
io_deinit(struct io_loop *loop)
{
    check_thread(loop);
    check(!loop->ticking, "deinit in a callback");
    check(loop->busy == 0, "deinit while operations are under way");
    backend_close(loop);
    free(loop->sides);
}

/* Make the callbacks of what is ready now; what they make ready is for the next
 * tick. The one place that callbacks come from. */
static int
deliver(struct io_loop *loop)
{
    struct io_list due = loop->ready;
    loop->ready = (struct io_list){NULL, NULL};
    int calls = 0;
    while (due.first != NULL) {
        struct io_completion *c = due.first;
        list_remove(&due, c);
        sides_end(loop, c);
        loop->stats.completions++;
        loop->busy--;
        c->state = IO_IDLE;
        calls++;
        c->callback(c->context, loop, c, c->result); /* c may be gone now */
    }
    return calls;
}

int
io_tick(struct io_loop *loop, uint64_t timeout)
{
    check_thread(loop);
    check(!loop->ticking, "tick in a callback");
    loop->ticking = true;
    loop->stats.ticks++;
    loop->now = io_clock();
    timeout = loop->ready.first != NULL ? 0 : timer_next(loop, timeout);
    if (timeout > WAIT_MAX && timeout != IO_FOREVER) timeout = WAIT_MAX;
    backend_wait(loop, timeout);
    loop->now = io_clock();
    timer_expire(loop);
    int calls = deliver(loop);
    loop->ticking = false;
    return calls;
}

void
io_run(struct io_loop *loop)
{
    io_run_for(loop, IO_FOREVER);
}

void
io_run_for(struct io_loop *loop, uint64_t timeout)
{
    uint64_t start = io_clock(), passed = 0;
    loop->stopped = false;
    while (!loop->stopped && loop->busy > 0 && passed < timeout) {
        io_tick(loop, timeout == IO_FOREVER ? timeout : timeout - passed);
        passed = io_clock() - start;
    }
}

void
io_stop(struct io_loop *loop)
{
    check_thread(loop);
    loop->stopped = true;
}

void
io_wake(struct io_loop *loop)
{
    backend_wake(loop->backend);
}

size_t
io_busy(const struct io_loop *loop)
{
    return loop->busy;
}

struct io_stats
io_stats(const struct io_loop *loop)
{
    return loop->stats;
}

uint64_t
io_now(const struct io_loop *loop)
{
    return loop->now;
}

int64_t
io_wallclock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- Descriptors -------------------------------------------------------- */

/* Where send(2) has no MSG_NOSIGNAL (older macOS), the socket is told. */
#ifdef SO_NOSIGPIPE
static int
no_sigpipe(int fd)
{
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on) == 0) return 0;
    return errno == ENOTSOCK ? 0 : -errno;
}
#else
static int
no_sigpipe(int fd)
{
    (void)fd;
    return 0;
}
#endif

int
io_adopt(int fd)
{
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1) return -errno;
    int rc = no_sigpipe(fd);
    return rc == 0 ? backend_adopt(fd) : rc;
}

static int
adopt_or_close(int fd)
{
    int rc = io_adopt(fd);
    if (rc < 0) close(fd);
    return rc;
}

int
io_socket(int family)
{
    int fd = socket(family, SOCK_STREAM, 0);
    if (fd == -1) return -errno;
    int on = 1; /* best effort: only latency is at stake */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return adopt_or_close(fd);
}

int
io_listen(const struct sockaddr *address, socklen_t length, int backlog)
{
    int on = 1, fd = io_socket(address->sa_family);
    if (fd < 0) return fd;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, address, length) == 0 && listen(fd, backlog) == 0)
        return fd;
    int error = errno;
    close(fd);
    return -error;
}

int
io_shutdown(int fd, int how)
{
    return shutdown(fd, how) == 0 ? 0 : -errno;
}
