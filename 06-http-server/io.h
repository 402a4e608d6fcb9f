/* io.h - one completion API over io_uring (Linux) and kqueue (macOS, BSD).
 *
 * Describe an operation, submit it, go on; when it is done, your callback gets
 * its result. This header names no kernel interface: which one is beneath is
 * chosen when the program is built, by linking io_uring.c or io_kqueue.c.
 *
 *     static void on_recv(void *context, struct io_loop *loop,
 *                         struct io_completion *completion, int result);
 *
 *     struct io_completion c = {
 *         .op = io_op_recv(fd, buf, sizeof buf),
 *         .context = client,
 *         .callback = on_recv,
 *     };
 *     io_submit(&loop, &c);
 *     while (!stop)
 *         io_tick(&loop, IO_FOREVER);
 *
 * The rules, the same on both:
 *  - A completion is yours: you provide the memory, nothing is allocated for an
 *    operation. From io_submit until its callback it is busy: neither move,
 *    change nor free it, nor the buffer, path or address that it points to. An
 *    io_cancel does not shorten that time; only the callback ends it.
 *  - Each submitted completion gets exactly one callback, from io_tick and from
 *    nowhere else, in the thread that called io_init. It is idle again before
 *    that, so a callback may change, resubmit or free its own completion. What
 *    a callback submits is first tried in the next tick.
 *  - A result is a count, a descriptor or 0; below zero it is -errno. All that
 *    the world can cause comes this way. A mistake in the program (a busy
 *    completion submitted again, for one) ends it with a message.
 *  - Counts may be short: go on with the rest. For recv 0 is the end of the
 *    stream, and the only sign of it.
 *  - A socket has a read side (accept, recv, readable) and a write side
 *    (connect, send). One operation at a time on each. On files any number, in
 *    no order: an fsync covers the writes whose callbacks have been.
 *  - Close only what has no operation under way: cancel, wait for the callback,
 *    then close.
 *  - Descriptors come from io_socket, io_listen, accept and open; io_adopt
 *    takes in any other. They are close-on-exec, and never cause a SIGPIPE.
 *  - One thread calls everything, except io_wake.
 */
#ifndef IO_H
#define IO_H

#include <sys/socket.h>
#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct io_loop;
struct io_completion;
struct io_backend;

#define IO_FOREVER UINT64_MAX /* a time in nanoseconds that never comes */

/* Called once for each submitted completion. context: what the completion has.
 * result: see the operation's constructor below. */
typedef void io_callback(void *context, struct io_loop *loop,
    struct io_completion *completion, int result);

enum io_kind {
    IO_NOP,
    IO_ACCEPT,
    IO_CONNECT,
    IO_RECV,
    IO_SEND,
    IO_READABLE,
    IO_OPEN,
    IO_READ,
    IO_WRITE,
    IO_FSYNC,
    IO_CLOSE,
    IO_TIMEOUT,
    IO_WAKE,
};

/* What is to be done. Made by the constructors below. */
struct io_op {
    enum io_kind kind;
    int fd;
    union {
        struct {
            const struct sockaddr *address;
            socklen_t length;
        } connect;
        struct {
            void *buffer;
            size_t length;
            uint64_t offset; /* read */
        } in;
        struct {
            const void *buffer;
            size_t length;
            uint64_t offset; /* write */
        } out;
        struct {
            const char *path;
            int flags;
            mode_t mode;
            bool beneath;
        } open;
        struct {
            uint64_t after;    /* nanoseconds, from the submission */
            uint64_t deadline; /* the loop's: by its clock */
            uint64_t order;    /* the loop's: of the submission */
        } timeout;
    };
};

/* An operation, and whom to tell. Fill in the first three, zero the rest. */
struct io_completion {
    struct io_op op;
    void *context;
    io_callback *callback;

    /* The loop's. */
    struct io_completion *next, *prev; /* in a list, or in the timer heap */
    void *link;                        /* the heap's, or the thread pool's */
    int result;
    unsigned char state;
    unsigned char flags;
};

_Static_assert(sizeof(void *) != 8 || sizeof(struct io_completion) <= 96,
    "a completion is small enough for every connection to have a few");

struct io_list {
    struct io_completion *first, *last;
};

/* What a loop has done since io_init. */
struct io_stats {
    uint64_t ticks;        /* calls of io_tick */
    uint64_t submissions;  /* calls of io_submit */
    uint64_t completions;  /* callbacks made */
    uint64_t kernel_calls; /* system calls: see the function io_stats */
};

/* An event loop. Yours to place, at one address from io_init to io_deinit; look
 * into it with the functions only. */
struct io_loop {
    struct io_backend *backend;   /* io_uring.c's or io_kqueue.c's */
    struct io_list queued;        /* submitted, the kernel does not know yet */
    struct io_list active;        /* the kernel, or the thread pool, has it */
    struct io_list canceling;     /* the same, and we want it back */
    struct io_list ready;         /* has its result, waits for its callback */
    struct io_completion *timers; /* the heap: the next one to expire */
    struct io_completion *wake;   /* the armed wake operation */
    size_t busy;                  /* completions that await their callback */
    uint64_t now, order;
    struct io_stats stats;
    struct io_sides *sides; /* by descriptor: what is under way */
    size_t sides_count;
    uintptr_t thread;
    bool woken, ticking, stopped;
};

/* ---- The loop ----------------------------------------------------------- */

/* Make a loop. entries: how many operations the kernel is told of in one call,
 * 0 for a good default; any number may be under way. The calling thread owns
 * the loop. Result: 0, end it with io_deinit; -errno: see io_hint. */
int io_init(struct io_loop *loop, unsigned entries);

/* What a user can do about an error of io_init: a phrase to end a message. */
const char *io_hint(int error);

/* End a loop that has nothing under way: see io_cancel_all. No other thread or
 * handler may call io_wake from here on. */
void io_deinit(struct io_loop *loop);

/* Start the operation. Never calls back: see io_tick. completion: idle, with
 * op, context and callback set. */
void io_submit(struct io_loop *loop, struct io_completion *completion);

/* Give an operation up. Its callback comes all the same, in a later tick, with
 * -ECANCELED or with the true result if that was faster: look at it, as an
 * accept may still bring a descriptor. Without effect on an idle completion. */
void io_cancel(struct io_loop *loop, struct io_completion *completion);

/* io_cancel everything that is under way now. */
void io_cancel_all(struct io_loop *loop);

/* Tell the kernel what was submitted, wait until something is done, and make
 * the callbacks. timeout: nanoseconds to wait at most; 0: do not wait. A wake
 * ends the wait; so may any signal.
 * Result: the number of callbacks made, perhaps 0. */
int io_tick(struct io_loop *loop, uint64_t timeout);

/* io_tick until io_stop is called or nothing is under way. */
void io_run(struct io_loop *loop);

/* The same, for so many nanoseconds at most. */
void io_run_for(struct io_loop *loop, uint64_t timeout);

/* From a callback: io_run returns after this tick. */
void io_stop(struct io_loop *loop);

/* End the wait of the current tick, or of the next one if none waits, and
 * complete the armed wake operation, or the next one to be armed. Wakes that
 * come before the loop sees the first one are one wake. From any thread, and
 * from a signal handler. */
void io_wake(struct io_loop *loop);

/* Completions that still await their callback. */
size_t io_busy(const struct io_loop *loop);

/* What the loop has done until now. A system call is each wait and, where the
 * kernel does not carry out the operations by itself, each attempt at one. As
 * one count: an accept with the fcntl(2) that its socket needs, an open that
 * walks through directories, a wait that compat/ makes of other calls. Not
 * counted: io_init, what ends a wait, and the functions below. */
struct io_stats io_stats(const struct io_loop *loop);

/* Nanoseconds of a clock that only goes forward, as of this tick. */
uint64_t io_now(const struct io_loop *loop);

/* Nanoseconds since 1970, UTC, by the system's clock, which may be set. */
int64_t io_wallclock(void);

/* ---- Descriptors, without waiting --------------------------------------- */

/* A TCP socket of this family (AF_INET, AF_INET6), to connect. Or -errno. */
int io_socket(int family);

/* A TCP socket that listens. backlog: as in listen(2). Or -errno. */
int io_listen(const struct sockaddr *address, socklen_t length, int backlog);

/* Take in a descriptor made elsewhere. From here on use it with this API only.
 * Result: fd, or -errno, and then it is still yours. */
int io_adopt(int fd);

/* shutdown(2): SHUT_RD, SHUT_WR, SHUT_RDWR. 0 or -errno. */
int io_shutdown(int fd, int how);

/* ---- Operations --------------------------------------------------------- */

/* Do nothing. Result 0, in the next tick. */
static inline struct io_op
io_op_nop(void)
{
    return (struct io_op){.kind = IO_NOP, .fd = -1};
}

/* Take a client. Result: its socket, which you close; -EMFILE and -ENFILE (at
 * once, and again and again: pause with a timeout); -ECONNABORTED: that client
 * is gone, take the next; -EINVAL: fd does not listen. See accept(2). */
static inline struct io_op
io_op_accept(int fd)
{
    return (struct io_op){.kind = IO_ACCEPT, .fd = fd};
}

/* Connect. Result 0; -ECONNREFUSED, -ETIMEDOUT, -EISCONN and others: close the
 * socket and begin with a new one. See connect(2). */
static inline struct io_op
io_op_connect(int fd, const struct sockaddr *address, socklen_t length)
{
    struct io_op op = {.kind = IO_CONNECT, .fd = fd};
    op.connect.address = address;
    op.connect.length = length;
    return op;
}

/* Receive 1 to length bytes into buffer; length above 0. Result: their number;
 * 0: the peer will send no more; -ECONNRESET and others. See recv(2). */
static inline struct io_op
io_op_recv(int fd, void *buffer, size_t length)
{
    struct io_op op = {.kind = IO_RECV, .fd = fd};
    op.in.buffer = buffer;
    op.in.length = length;
    return op;
}

/* Send. Result: how many of the bytes were taken, which may be fewer; -EPIPE,
 * -ECONNRESET: the peer is gone. See send(2). */
static inline struct io_op
io_op_send(int fd, const void *buffer, size_t length)
{
    struct io_op op = {.kind = IO_SEND, .fd = fd};
    op.out.buffer = buffer;
    op.out.length = length;
    return op;
}

/* Wait until recv or accept on a socket has something to answer, an error
 * included, without a buffer meanwhile. Result 0. */
static inline struct io_op
io_op_readable(int fd)
{
    return (struct io_op){.kind = IO_READABLE, .fd = fd};
}

/* Open a file. directory: where path starts, AT_FDCWD for the current one;
 * flags and mode as in open(2). beneath: path must stay below directory, and
 * no part of it may be a symbolic link, even if somebody changes the tree
 * meanwhile. Without O_NONBLOCK, a named pipe waits for its other end, perhaps
 * for ever. Result: a descriptor; -ENOENT and others; with beneath -EXDEV for a
 * path that is absolute or has a "..", -ELOOP for a symbolic link. */
static inline struct io_op
io_op_open(
    int directory, const char *path, int flags, mode_t mode, bool beneath)
{
    struct io_op op = {.kind = IO_OPEN, .fd = directory};
    op.open.path = path;
    op.open.flags = flags;
    op.open.mode = mode;
    op.open.beneath = beneath;
    return op;
}

/* Read from a file at offset; not from what has no offsets (pipe, terminal,
 * socket): there systems differ. Result: bytes, fewer near the end; 0: at or
 * after the end; -EISDIR and others. See pread(2). */
static inline struct io_op
io_op_read(int fd, void *buffer, size_t length, uint64_t offset)
{
    struct io_op op = {.kind = IO_READ, .fd = fd};
    op.in.buffer = buffer;
    op.in.length = length;
    op.in.offset = offset;
    return op;
}

/* Write to a file at offset. Result: bytes, perhaps fewer; -ENOSPC and others.
 * See pwrite(2). */
static inline struct io_op
io_op_write(int fd, const void *buffer, size_t length, uint64_t offset)
{
    struct io_op op = {.kind = IO_WRITE, .fd = fd};
    op.out.buffer = buffer;
    op.out.length = length;
    op.out.offset = offset;
    return op;
}

/* Have the finished writes on the disk. Result 0; -EIO: some are lost. */
static inline struct io_op
io_op_fsync(int fd)
{
    return (struct io_op){.kind = IO_FSYNC, .fd = fd};
}

/* Close. Result 0 or -errno; either way the descriptor is gone. */
static inline struct io_op
io_op_close(int fd)
{
    return (struct io_op){.kind = IO_CLOSE, .fd = fd};
}

/* Wait so many nanoseconds, never less. Result 0. Timers that are due are
 * called in order of their time; at the same time, in order of submission. */
static inline struct io_op
io_op_timeout(uint64_t after)
{
    struct io_op op = {.kind = IO_TIMEOUT, .fd = -1};
    op.timeout.after = after;
    return op;
}

/* Wait for io_wake; one at a time in a loop. Result 0. */
static inline struct io_op
io_op_wake(void)
{
    return (struct io_op){.kind = IO_WAKE, .fd = -1};
}

#endif
