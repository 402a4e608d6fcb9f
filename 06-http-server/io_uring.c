/* io_uring.c - io.h's backend for Linux: the loop half of chapter 04's servers.
 * To be read beside io_kqueue.c: the same functions in the same order. */
#include "io.h"
#include "io_backend.h"
#include "ring.h"

#include <sys/eventfd.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BATCH = 256,          /* completions taken at once */
    POLL_FIRST = 1,       /* in flags: ask for readiness before the operation */
    GIVE_UP = 2,          /* in flags: canceled, not to be tried again */
    LENGTH_MAX = 1 << 30, /* of one operation: its count must fit into an int */
};

struct io_backend {
    struct io_uring ring;
    int wake_fd;          /* an eventfd(2) */
    uint64_t wake_count;  /* what is read from it */
    bool wake_asked;      /* the ring waits for it */
    struct open_how *how; /* by place in the submission queue: for openat2 */
};

/* ---- Submissions -------------------------------------------------------- */

static unsigned
length32(size_t length)
{
    return length < LENGTH_MAX ? (unsigned)length : LENGTH_MAX;
}

/* Which readiness the operation waits for. */
static unsigned
poll_mask(const struct io_op *op)
{
    return op->kind == IO_SEND || op->kind == IO_CONNECT ? POLLOUT : POLLIN;
}

static void
prepare_open(struct io_backend *b, struct io_uring_sqe *sqe, struct io_op *op)
{
    int flags = op->open.flags | O_CLOEXEC;
    const char *path = op->open.path;
    if (!op->open.beneath) {
        io_uring_prep_openat(sqe, op->fd, path, flags, op->open.mode);
        return;
    }
    struct open_how *how = &b->how[sqe - b->ring.sq.sqes];
    *how = (struct open_how){
        .flags = (unsigned)flags,
        .mode = flags & O_CREAT ? op->open.mode & 07777 : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    };
    io_uring_prep_openat2(sqe, op->fd, path, how);
}

/* Describe the operation to the kernel. */
static void
prepare(struct io_backend *b, struct io_uring_sqe *sqe, struct io_completion *c)
{
    struct io_op *op = &c->op;
    unsigned in = length32(op->in.length), out = length32(op->out.length);
    switch (op->kind) {
    case IO_ACCEPT:
        io_uring_prep_accept(sqe, op->fd, NULL, NULL, SOCK_CLOEXEC);
        break;
    case IO_CONNECT:
        io_uring_prep_connect(
            sqe, op->fd, op->connect.address, op->connect.length);
        break;
    case IO_RECV: io_uring_prep_recv(sqe, op->fd, op->in.buffer, in, 0); break;
    case IO_SEND:
        io_uring_prep_send(sqe, op->fd, op->out.buffer, out, MSG_NOSIGNAL);
        break;
    case IO_READABLE: io_uring_prep_poll_add(sqe, op->fd, poll_mask(op)); break;
    case IO_OPEN: prepare_open(b, sqe, op); break;
    case IO_READ:
        io_uring_prep_read(sqe, op->fd, op->in.buffer, in, op->in.offset);
        break;
    case IO_WRITE:
        io_uring_prep_write(sqe, op->fd, op->out.buffer, out, op->out.offset);
        break;
    case IO_FSYNC: io_uring_prep_fsync(sqe, op->fd, 0); break;
    case IO_CLOSE: io_uring_prep_close(sqe, op->fd); break;
    default: io_uring_prep_nop(sqe); break;
    }
    if (c->flags & POLL_FIRST)
        io_uring_prep_poll_add(sqe, op->fd, poll_mask(op));
    io_uring_sqe_set_data(sqe, c); /* last: a prep may clear it */
}

/* Fill the submission queue: the wake-up, then what is to be given up, then the
 * new operations, in order. False: there is more than fits. */
static bool
fill_queue(struct io_loop *loop)
{
    struct io_backend *b = loop->backend;
    struct io_uring_sqe *sqe = NULL;
    if (!b->wake_asked && (sqe = io_uring_get_sqe(&b->ring)) != NULL) {
        io_uring_prep_read(
            sqe, b->wake_fd, &b->wake_count, sizeof b->wake_count, 0);
        io_uring_sqe_set_data(sqe, b);
        b->wake_asked = true;
    }
    while (loop->canceling.first != NULL) {
        if ((sqe = io_uring_get_sqe(&b->ring)) == NULL) return false;
        io_uring_prep_cancel(sqe, loop->canceling.first, 0);
        io_uring_sqe_set_data(sqe, NULL);
        io_activate(loop, loop->canceling.first);
    }
    while (loop->queued.first != NULL) {
        if ((sqe = io_uring_get_sqe(&b->ring)) == NULL) return false;
        prepare(b, sqe, loop->queued.first);
        io_activate(loop, loop->queued.first);
    }
    return b->wake_asked;
}

/* ---- Completions -------------------------------------------------------- */

/* Does res leave the operation undone? A file's -EAGAIN does not: polled, a
 * file is always ready, and we would try for ever. */
static bool
is_undone(const struct io_completion *c, int res)
{
    if (c->op.kind == IO_CLOSE) return false; /* whatever res: it is closed */
    if (c->flags & POLL_FIRST && res >= 0) return true; /* ready: now try */
    bool stream = c->op.kind >= IO_ACCEPT && c->op.kind <= IO_READABLE;
    return res == -EINTR || (res == -EAGAIN && stream);
}

/* The kernel has a result for c. */
static void
complete(struct io_loop *loop, struct io_completion *c, int res)
{
    bool undone = is_undone(c, res);
    if (undone && !(c->flags & GIVE_UP)) {
        /* -EAGAIN: a descriptor in non-blocking mode. Wait until it is ready;
         * after -EINTR too, as a connect goes on, and must not begin anew. */
        bool file = c->op.kind >= IO_OPEN;
        c->flags = res < 0 && !file ? POLL_FIRST : 0;
        io_requeue(loop, c);
        return;
    }
    if (undone) res = -ECANCELED;
    if (c->op.kind == IO_READABLE && res > 0) res = 0; /* it was the mask */
    io_finish(loop, c, res);
}

static void
reap_one(struct io_loop *loop, const struct io_uring_cqe *cqe)
{
    void *data = io_uring_cqe_get_data(cqe);
    if (data == loop->backend) {
        loop->backend->wake_asked = false;
        if (cqe->res > 0) io_woken(loop);
    } else if (data != NULL) { /* NULL: the answer to a cancel */
        complete(loop, data, cqe->res);
    }
}

/* Take all that is done from the completion queue. Were some of it left for
 * the next tick, a timer of this one could not cancel it in time. */
static void
reap(struct io_loop *loop)
{
    struct io_uring *ring = &loop->backend->ring;
    struct io_uring_cqe *cqes[BATCH];
    unsigned n;
    do {
        n = io_uring_peek_batch_cqe(ring, cqes, BATCH);
        for (unsigned i = 0; i < n; i++)
            reap_one(loop, cqes[i]);
        io_uring_cq_advance(ring, n);
    } while (n == BATCH);
}

/* ---- What io.c calls ---------------------------------------------------- */

int
backend_open(struct io_loop *loop, unsigned entries)
{
    struct io_backend *b = loop->backend = calloc(1, sizeof *b);
    if (b == NULL) return -ENOMEM;
    int rc = ring_open(&b->ring, entries, 16 * entries);
    if (rc < 0) {
        free(b);
        return rc;
    }
    b->how = calloc(b->ring.sq.ring_entries, sizeof *b->how);
    b->wake_fd = b->how != NULL ? eventfd(0, EFD_CLOEXEC) : -1;
    if (b->wake_fd != -1) return 0;
    rc = -errno;
    io_uring_queue_exit(&b->ring);
    free(b->how);
    free(b);
    return rc;
}

void
backend_close(struct io_loop *loop)
{
    struct io_backend *b = loop->backend;
    backend_wake(b); /* its read is under way: let it end */
    while (b->wake_asked)
        backend_wait(loop, IO_FOREVER);
    io_uring_queue_exit(&b->ring);
    close(b->wake_fd);
    free(b->how);
    free(b);
}

void
backend_cancel(struct io_loop *loop, struct io_completion *c)
{
    c->flags |= GIVE_UP;
    io_give_up(loop, c); /* fill_queue tells the kernel, before what is new */
}

/* One system call in nearly every case. A signal, a time that is over, or no
 * memory now: the queues say what there is, and the next wait goes on. */
void
backend_wait(struct io_loop *loop, uint64_t timeout)
{
    struct io_uring *ring = &loop->backend->ring;
    struct io_uring_cqe *cqe;
    int rc = 0;
    while (!fill_queue(loop) && rc >= 0) {
        rc = io_uring_submit(ring);
        loop->stats.kernel_calls++;
    }
    struct __kernel_timespec time = {
        .tv_sec = (long long)(timeout / 1000000000),
        .tv_nsec = (long long)(timeout % 1000000000),
    };
    /* liburing would not enter the kernel if there is something in the queue,
     * and there DEFER_TASKRUN lets the work of other sockets wait. */
    if (timeout == 0 || rc < 0 || io_uring_cq_ready(ring) > 0)
        rc = io_uring_submit_and_get_events(ring);
    else if (timeout == IO_FOREVER)
        rc = io_uring_submit_and_wait(ring, 1);
    else
        rc = io_uring_submit_and_wait_timeout(ring, &cqe, 1, &time, NULL);
    loop->stats.kernel_calls++;
    if (rc < 0 && rc != -EINTR && rc != -ETIME && rc != -EAGAIN && rc != -EBUSY)
        errx(1, "io_uring_enter: %s", strerror(-rc));
    reap(loop);
}

void
backend_wake(struct io_backend *b)
{
    uint64_t one = 1;
    int before = errno; /* a signal handler leaves no trace */
    while (write(b->wake_fd, &one, sizeof one) == -1 && errno == EINTR)
        continue;
    errno = before;
}

int
backend_adopt(int fd)
{
    return fd; /* the kernel waits, whatever mode the descriptor is in */
}

const char *
io_hint(int error)
{
    return ring_hint(error);
}
