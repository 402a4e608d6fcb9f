/* io_kqueue.c - io.h's backend for macOS and BSD: the loop half of chapter 03's
 * server, and for files, which kqueue cannot wait for, the pool of chapter 01.
 * To be read beside io_uring.c: the same functions in the same order. */
#include "io.h"
#include "io_backend.h"
#include "pool.h"

#include <sys/event.h>
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH = 256,          /* events handled in one wait */
    CHANGES = 256,        /* asked for in one call */
    READY = 1,            /* in flags: an event said that it can be tried */
    POOL_THREADS = 4,     /* for files */
    WAKE_EVENT = 0,       /* identifiers of EVFILT_USER: io_wake, */
    POOL_EVENT = 1,       /* and something in the pool's done queue */
    LENGTH_MAX = 1 << 30, /* of one operation: its count must fit into an int */
};

/* Where send(2) has no MSG_NOSIGNAL (older macOS), io_adopt told the socket. */
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

/* To go through a directory one need not be allowed to list it. */
#if !defined(O_SEARCH) && defined(O_PATH)
#define O_SEARCH O_PATH
#elif !defined(O_SEARCH)
#define O_SEARCH O_RDONLY
#endif

struct io_backend {
    int kq;
    int change_count;
    struct kevent changes[CHANGES];
    struct pool pool; /* started by the first operation on a file */
    bool pool_started;
};

_Static_assert(sizeof(struct pool_job) == sizeof(void *),
    "io_completion.link has room for a pool job");

/* ---- Submissions -------------------------------------------------------- */

static size_t
length31(size_t length)
{
    return length < LENGTH_MAX ? length : LENGTH_MAX;
}

/* A result as io.h has it. */
static int
result(ssize_t rc)
{
    return rc == -1 ? -errno : (int)rc;
}

/* macOS says EINVAL about a socket whose client is gone already. To the caller
 * that would mean: fd does not listen. */
static int
try_accept(const struct io_op *op)
{
    int fd = accept(op->fd, NULL, NULL);
    if (fd == -1) return -errno;
    if (io_adopt(fd) >= 0) return fd;
    close(fd);
    return -ECONNABORTED;
}

/* connect(2) is called once. Afterwards the socket's error is the answer, but
 * only if it is not still connecting. */
static int
try_connect(const struct io_op *op, bool ready)
{
    int error = 0;
    struct sockaddr_storage peer;
    socklen_t length = sizeof error, peer_length = sizeof peer;
    if (!ready) {
        int rc = connect(op->fd, op->connect.address, op->connect.length);
        bool later = rc == -1 && (errno == EINPROGRESS || errno == EINTR);
        return later ? -EAGAIN : result(rc);
    }
    if (getsockopt(op->fd, SOL_SOCKET, SO_ERROR, &error, &length) == -1)
        return -errno;
    if (error != 0) return -error;
    if (getpeername(op->fd, (struct sockaddr *)&peer, &peer_length) == -1)
        return errno == ENOTCONN ? -EAGAIN : -errno;
    return 0;
}

/* Try the operation, without waiting: its result, or -EAGAIN. */
static int
try(const struct io_op *op, bool ready)
{
    size_t in = length31(op->in.length), out = length31(op->out.length);
    switch (op->kind) {
    case IO_ACCEPT: return try_accept(op);
    case IO_CONNECT: return try_connect(op, ready);
    case IO_RECV: return result(recv(op->fd, op->in.buffer, in, 0));
    case IO_SEND:
        return result(send(op->fd, op->out.buffer, out, MSG_NOSIGNAL));
    case IO_READABLE: return ready ? 0 : -EAGAIN;
    case IO_CLOSE: return result(close(op->fd));
    default: return 0;
    }
}

/* Hand over the changes that do not fit into the call of backend_wait. With
 * EV_RECEIPT each is answered, and no event is taken. */
static void
flush_changes(struct io_loop *loop)
{
    struct io_backend *b = loop->backend;
    struct kevent answers[CHANGES];
    for (int i = 0; i < b->change_count; i++)
        b->changes[i].flags |= EV_RECEIPT;
    int n = kevent(b->kq, b->changes, b->change_count, answers, CHANGES, NULL);
    loop->stats.kernel_calls++;
    if (n == -1) err(1, "kevent");
    b->change_count = 0;
    for (int i = 0; i < n; i++) {
        struct io_completion *c = (void *)answers[i].udata;
        if (c != NULL && c->state == IO_ACTIVE && answers[i].data != 0)
            io_finish(loop, c, -(int)answers[i].data);
    }
}

/* Ask, in the next call, for an event about c or for its end. */
static void
add_change(
    struct io_loop *loop, struct io_completion *c, int flags, void *udata)
{
    struct io_backend *b = loop->backend;
    bool writes = c->op.kind == IO_SEND || c->op.kind == IO_CONNECT;
    if (b->change_count == CHANGES) flush_changes(loop);
    EV_SET(&b->changes[b->change_count++], (uintptr_t)c->op.fd,
        writes ? EVFILT_WRITE : EVFILT_READ, flags, 0, 0, udata);
}

static struct io_completion *
completion_of(struct pool_job *job)
{
    return (void *)((char *)job - offsetof(struct io_completion, link));
}

static bool
is_file(const struct io_completion *c)
{
    return c->op.kind >= IO_OPEN && c->op.kind <= IO_FSYNC;
}

/* Open one part of a path, but no symbolic link: systems differ in the
 * errno. */
static int
open_part(int directory, const char *name, int flags, mode_t mode)
{
    struct stat status;
    int fd = openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
    int error = errno;
    if (fd != -1) return fd;
    if (error != EEXIST &&
        fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(status.st_mode))
        return -ELOOP;
    return -error;
}

/* Open path below a directory part by part, so that nobody can lead it out by a
 * symbolic link, even while it is under way. io.c has refused "..". */
static int
open_beneath(const struct io_op *op)
{
    int directory = op->fd;
    const char *part = op->open.path;
    for (;;) {
        char name[NAME_MAX + 1];
        size_t length = strcspn(part, "/");
        const char *rest = part + length + strspn(part + length, "/");
        bool last = *rest == '\0';
        int flags = last ? op->open.flags : O_SEARCH;
        if (part[length] == '/') flags |= O_DIRECTORY;
        int fd = -ENAMETOOLONG;
        if (length <= NAME_MAX) {
            memcpy(name, part, length);
            name[length] = '\0';
            fd = open_part(directory, name, flags, op->open.mode);
        }
        if (directory != op->fd) close(directory);
        if (fd < 0 || last) return fd;
        directory = fd;
        part = rest;
    }
}

static int
open_file(const struct io_op *op)
{
    if (op->open.beneath) return open_beneath(op);
    return result(openat(
        op->fd, op->open.path, op->open.flags | O_CLOEXEC, op->open.mode));
}

/* On a worker: it may wait for the disk. */
static void
file_work(struct pool_job *job)
{
    struct io_completion *c = completion_of(job);
    const struct io_op *op = &c->op;
    size_t in = length31(op->in.length), out = length31(op->out.length);
    off_t in_at = (off_t)op->in.offset, out_at = (off_t)op->out.offset;
    switch (op->kind) {
    case IO_OPEN: c->result = open_file(op); break;
    case IO_READ:
        c->result = result(pread(op->fd, op->in.buffer, in, in_at));
        break;
    case IO_WRITE:
        c->result = result(pwrite(op->fd, op->out.buffer, out, out_at));
        break;
    default: c->result = result(fsync(op->fd)); break;
    }
}

/* Make an event that backend_open asked for. From any thread or handler. */
static void
trigger(struct io_backend *b, uintptr_t event)
{
    struct kevent change;
    EV_SET(&change, event, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
    (void)kevent(b->kq, &change, 1, NULL, 0, NULL); /* cannot fail */
}

/* On a worker: there is something in the pool's done queue. */
static void
file_notify(void *context)
{
    trigger(context, POOL_EVENT);
}

/* Hand an operation on a file to the pool. */
static void
file_start(struct io_loop *loop, struct io_completion *c)
{
    struct io_backend *b = loop->backend;
    io_activate(loop, c);
    int rc = 0;
    if (!b->pool_started)
        rc = pool_start(&b->pool, POOL_THREADS, file_work, file_notify, b);
    b->pool_started = rc == 0;
    if (rc == 0)
        pool_submit(&b->pool, (struct pool_job *)&c->link);
    else
        io_finish(loop, c, rc);
}

/* Does it take a system call to try this operation? */
static bool
is_call(const struct io_op *op)
{
    return op->kind != IO_NOP && op->kind != IO_READABLE;
}

/* Try an operation on a socket; where it would wait, ask for an event. */
static void
attempt(struct io_loop *loop, struct io_completion *c)
{
    int rc;
    do {
        rc = try(&c->op, c->flags & READY);
        loop->stats.kernel_calls += is_call(&c->op);
    } while (rc == -EINTR && c->op.kind != IO_CLOSE);
    if (rc != -EAGAIN) {
        io_finish(loop, c, rc);
        return;
    }
    io_activate(loop, c);
    add_change(loop, c, EV_ADD | EV_ENABLE | EV_ONESHOT, c);
}

/* End what is to be given up, then start what is new, in order. Until a change
 * is applied nothing is freed: callbacks come after that. */
static void
start_queued(struct io_loop *loop)
{
    while (loop->canceling.first != NULL) {
        add_change(loop, loop->canceling.first, EV_DELETE, NULL);
        io_finish(loop, loop->canceling.first, -ECANCELED);
    }
    while (loop->queued.first != NULL) {
        struct io_completion *c = loop->queued.first;
        if (is_file(c))
            file_start(loop, c);
        else
            attempt(loop, c);
    }
}

/* ---- Completions -------------------------------------------------------- */

/* Take what the pool has done. */
static void
reap_pool(struct io_loop *loop)
{
    struct pool_job *job;
    while ((job = pool_done(&loop->backend->pool)) != NULL) {
        struct io_completion *c = completion_of(job);
        loop->stats.kernel_calls++;
        io_finish(loop, c, c->result);
    }
}

/* The kernel says that c can be tried, or, in the event, why not. */
static void
complete(struct io_loop *loop, const struct kevent *event)
{
    struct io_completion *c = (void *)event->udata;
    if (c == NULL || c->state != IO_ACTIVE) return; /* it was canceled */
    if (event->flags & EV_ERROR) {
        io_finish(loop, c, -(int)event->data);
        return;
    }
    c->flags |= READY;
    attempt(loop, c); /* EV_EOF and the rest are hints: the call itself knows */
}

/* Act on events. All of them before any callback: one event's callback could
 * free the completion that a later event of the same batch names. */
static void
reap(struct io_loop *loop, const struct kevent *events, int n)
{
    for (int i = 0; i < n; i++) {
        if (events[i].filter != EVFILT_USER)
            complete(loop, &events[i]);
        else if (events[i].ident == WAKE_EVENT)
            io_woken(loop);
        else
            reap_pool(loop);
    }
}

/* ---- What io.c calls ---------------------------------------------------- */

int
backend_open(struct io_loop *loop, unsigned entries)
{
    (void)entries; /* CHANGES is as good as any other number */
    struct io_backend *b = loop->backend = calloc(1, sizeof *b);
    if (b == NULL) return -ENOMEM;
    struct kevent users[2];
    EV_SET(&users[0], WAKE_EVENT, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0, NULL);
    EV_SET(&users[1], POOL_EVENT, EVFILT_USER, EV_ADD | EV_CLEAR, 0, 0, NULL);
    b->kq = kqueue();
    if (b->kq != -1 && fcntl(b->kq, F_SETFD, FD_CLOEXEC) != -1 &&
        kevent(b->kq, users, 2, NULL, 0, NULL) != -1)
        return 0;
    int error = errno;
    if (b->kq != -1) close(b->kq);
    free(b);
    return -error;
}

void
backend_close(struct io_loop *loop)
{
    struct io_backend *b = loop->backend;
    if (b->pool_started) pool_stop(&b->pool);
    close(b->kq);
    free(b);
}

void
backend_cancel(struct io_loop *loop, struct io_completion *c)
{
    if (is_file(c)) return; /* a worker has it: the true result will come */
    io_give_up(loop, c);    /* start_queued tells the kernel */
}

/* One system call in nearly every case, besides those that do the I/O. */
void
backend_wait(struct io_loop *loop, uint64_t timeout)
{
    struct io_backend *b = loop->backend;
    struct kevent events[BATCH];
    start_queued(loop);
    if (loop->ready.first != NULL) timeout = 0;
    struct timespec time = {
        .tv_sec = (time_t)(timeout / 1000000000),
        .tv_nsec = (long)(timeout % 1000000000),
    };
    int n = kevent(b->kq, b->changes, b->change_count, events, BATCH,
        timeout == IO_FOREVER ? NULL : &time);
    loop->stats.kernel_calls++;
    if (n == -1 && errno != EINTR) err(1, "kevent");
    b->change_count = 0; /* applied, also when a signal ended the wait */
    reap(loop, events, n);
}

void
backend_wake(struct io_backend *b)
{
    int before = errno; /* a signal handler leaves no trace */
    trigger(b, WAKE_EVENT);
    errno = before;
}

int
backend_adopt(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
        return -errno;
    return fd;
}

const char *
io_hint(int error)
{
    if (error == -EMFILE || error == -ENFILE)
        return "raise the limit of descriptors: ulimit -n";
    return "see kqueue(2)";
}
