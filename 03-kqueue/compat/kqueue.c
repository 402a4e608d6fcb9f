/* kqueue.c - kqueue(2) for Linux, made of epoll, timerfd and eventfd.
 *
 * Not part of the lesson; need not be read. It exists so that a program
 * written for BSD and macOS runs on Linux unchanged: EVFILT_READ, _WRITE,
 * _TIMER and _USER behave as kqueue(2) says. tests/suite/check_kqueue.c holds
 * it to that.
 *
 * How it works
 *  - The kqueue is an epoll set. EVFILT_READ descriptors are in it directly,
 *    EVFILT_WRITE ones in a second set inside it: both filters of one
 *    descriptor keep their own ONESHOT, CLEAR and udata. A timer is a timerfd
 *    and a user event an eventfd, in the first set too. So the kqueue itself
 *    can be polled.
 *  - A disabled event is taken out of its set: a mask of 0 would not do, as
 *    EPOLLHUP and EPOLLERR come unasked. Only a ONESHOT or DISPATCH event that
 *    has fired stays in, disarmed, so that arming it again is one system call.
 *  - Each arming has a number. What epoll_wait returned for an earlier one
 *    (another thread changed the event meanwhile) is dropped.
 *  - close(2) removes the events of a descriptor, but an epoll set keeps them
 *    while a dup of it lives. So every program is linked with -Wl,--wrap=close,
 *    which sends its close() to __wrap_close below.
 *  - Each kqueue has a lock, never held while waiting. A lone NOTE_TRIGGER
 *    takes no lock: it may come from a signal handler, even one that
 *    interrupts kevent() in the same thread. For that, struct kq and struct
 *    note are never freed, only used again.
 *
 * What it cannot do
 *  - Other filters and NOTE_LOWAT (EINVAL), absolute timers (EINVAL).
 *  - Regular files: epoll refuses them (EINVAL here; BSD reports data).
 *  - TCP sockets never connected: epoll reports a hang-up, so EV_EOF comes at
 *    once where BSD stays silent.
 *  - dup2, close_range, fclose and calls of close inside libraries escape the
 *    wrapper: the events of that descriptor go only with its last dup.
 *  - close() of anything in a handler that interrupts kevent(): may deadlock.
 *    A dup of a kqueue is no kqueue (EBADF).
 *  - fflags on EV_EOF is inferred. Linux can tell a socket's error only by
 *    clearing it, and a recv() or SO_ERROR after that would say 0. So the
 *    error stays in the socket, and fflags names the likely one: ECONNRESET,
 *    ECONNREFUSED or ETIMEDOUT. recv() then answers as Linux does.
 *  - At most MAX_EVENTS events a call. Timers and user events are in one list
 *    that is searched from the start: fine for a hundred. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/event.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    MAX_EVENTS = 256,
    KEPT_FLAGS = EV_ONESHOT | EV_CLEAR | EV_DISPATCH,
    ALIVE = 0x02000000, /* in note.state, above NOTE_TRIGGER */
};

static const int64_t SECOND = 1000000000;

/* EVFILT_READ or EVFILT_WRITE on one descriptor. */
struct fdnote {
    void *udata;
    uint32_t arming;      /* counts how often it was armed */
    unsigned short flags; /* KEPT_FLAGS of the first EV_ADD */
    bool exists;          /* to the caller */
    bool enabled;         /* to the caller */
    bool in_set;          /* in the epoll set, perhaps disarmed */
    bool armed;           /* in the epoll set and may fire */
};

struct fdpair {
    struct fdnote read, write;
};

/* A timer or user event. state, ident, data and udata are atomic as a signal
 * handler uses them without the lock. state: the user's 24 fflags, then
 * NOTE_TRIGGER, ALIVE, and in the upper half a number for each EV_ADD. */
struct note {
    struct note *next;
    _Atomic uint64_t state;
    _Atomic uintptr_t ident;
    _Atomic int64_t data;
    void *_Atomic udata;
    short filter;
    unsigned short flags;
    int fd; /* timerfd or eventfd; stays open until the kqueue is closed */
    bool enabled;
    bool in_set;
};

/* One kqueue. Never freed: when closed, fd is -1 and kqueue() may use it. */
struct kq {
    struct kq *next;
    _Atomic int fd;   /* the epoll set that is the kqueue */
    atomic_int users; /* triggers under way: close waits for them */
    pthread_mutex_t lock;
    uint32_t life; /* counts its uses by kqueue() */
    int write_set; /* -1 until the first EVFILT_WRITE */
    struct fdpair *pairs;
    size_t pair_count;
    struct note *_Atomic notes;
};

static struct kq *_Atomic kqueues;
static pthread_mutex_t kqueues_lock = PTHREAD_MUTEX_INITIALIZER;

int __real_close(int fd);
int __wrap_close(int fd);

static int
fail(int error)
{
    errno = error;
    return -1;
}

/* ---- what an event says: data, EV_EOF, fflags ---- */

/* The error that waits in the socket, without taking it from there. */
static unsigned int
socket_error(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    int type = 0;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0) {
        if (info.tcpi_retransmits > 2 || info.tcpi_probes > 2) return ETIMEDOUT;
        return info.tcpi_rcv_mss == 0 ? ECONNREFUSED : ECONNRESET;
    }
    len = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == -1) return 0;
    return type == SOCK_DGRAM ? ECONNREFUSED : ECONNRESET;
}

/* How many connections wait in a listener. What has no count has 1. */
static int64_t
backlog(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == -1) return 1;
    return info.tcpi_unacked == 0 ? 1 : info.tcpi_unacked;
}

static void
describe_read(int fd, uint32_t ready, struct kevent *ev)
{
    int bytes = 0;
    ev->data = ioctl(fd, FIONREAD, &bytes) == 0 ? bytes : backlog(fd);
    if (ready & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) ev->flags |= EV_EOF;
}

/* The free space of the send buffer or pipe. epoll says there is some. */
static int64_t
write_space(int fd)
{
    int size = 0, used = 0;
    socklen_t len = sizeof size;
    if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &len) == 0)
        (void)ioctl(fd, TIOCOUTQ, &used); /* unknown: say all is free */
    else if ((size = fcntl(fd, F_GETPIPE_SZ)) != -1)
        (void)ioctl(fd, FIONREAD, &used);
    return size > used ? size - used : 1;
}

/* Did the program itself shut down the writing side? epoll does not tell. An
 * empty send sends nothing on a local stream, and says EPIPE if so. */
static bool
write_is_shut(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    int type = 0;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0)
        return info.tcpi_state != TCP_ESTABLISHED &&
               info.tcpi_state != TCP_CLOSE_WAIT;
    len = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == -1) return false;
    return type == SOCK_STREAM &&
           send(fd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT) == -1 && errno == EPIPE;
}

static void
describe_write(int fd, uint32_t ready, struct kevent *ev)
{
    ev->data = write_space(fd);
    if ((ready & (EPOLLHUP | EPOLLERR)) || write_is_shut(fd))
        ev->flags |= EV_EOF;
}

/* ---- EVFILT_READ and EVFILT_WRITE ---- */

/* The note of a descriptor and filter; NULL: there never was one. */
static struct fdnote *
fd_find(struct kq *q, uintptr_t fd, short filter)
{
    if (fd >= q->pair_count) return NULL;
    return filter == EVFILT_READ ? &q->pairs[fd].read : &q->pairs[fd].write;
}

/* Room for a descriptor in the table. 0, or ENOMEM. */
static int
fd_reserve(struct kq *q, uintptr_t fd)
{
    if (fd < q->pair_count) return 0;
    size_t count = fd + fd / 2 + 64;
    struct fdpair *pairs = realloc(q->pairs, count * sizeof *pairs);
    if (pairs == NULL) return ENOMEM;
    memset(pairs + q->pair_count, 0, (count - q->pair_count) * sizeof *pairs);
    q->pairs = pairs;
    q->pair_count = count;
    return 0;
}

/* The epoll set of a filter, made when first needed; -1: errno says why. */
static int
fd_set_for(struct kq *q, short filter)
{
    if (filter == EVFILT_READ) return atomic_load(&q->fd);
    if (q->write_set != -1) return q->write_set;
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = 0};
    int set = epoll_create1(EPOLL_CLOEXEC);
    if (set == -1) return -1;
    if (epoll_ctl(atomic_load(&q->fd), EPOLL_CTL_ADD, set, &ev) == -1) {
        int error = errno;
        (void)__real_close(set); /* it was never used */
        return fail(error);
    }
    return q->write_set = set;
}

/* Let the event fire, from now on, as its flags say. 0 or an errno. */
static int
fd_arm(struct kq *q, struct fdnote *n, int fd, short filter)
{
    int set = fd_set_for(q, filter);
    if (set == -1) return errno;
    n->arming++;
    struct epoll_event ev = {
        .data.u64 = (uint64_t)n->arming << 32 | (uint64_t)fd << 1 | 1};
    ev.events = filter == EVFILT_READ ? EPOLLIN | EPOLLRDHUP : EPOLLOUT;
    if (n->flags & (EV_ONESHOT | EV_DISPATCH)) ev.events |= EPOLLONESHOT;
    if (n->flags & EV_CLEAR) ev.events |= EPOLLET;
    int op = n->in_set ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int rc = epoll_ctl(set, op, fd, &ev);
    if (rc == -1 && errno == ENOENT) /* a close escaped the wrapper */
        rc = epoll_ctl(set, EPOLL_CTL_ADD, fd, &ev);
    else if (rc == -1 && errno == EEXIST)
        rc = epoll_ctl(set, EPOLL_CTL_MOD, fd, &ev);
    n->in_set = n->armed = rc == 0;
    return rc == 0 ? 0 : errno == EPERM ? EINVAL : errno;
}

/* Let it not fire any more. 0, or EBADF if the descriptor is closed. */
static int
fd_disarm(struct kq *q, struct fdnote *n, int fd, short filter)
{
    if (!n->armed) return fcntl(fd, F_GETFD) == -1 ? errno : 0;
    n->in_set = n->armed = false;
    int rc = epoll_ctl(fd_set_for(q, filter), EPOLL_CTL_DEL, fd, NULL);
    return rc == -1 && errno == EBADF ? EBADF : 0;
}

static int
fd_change(struct kq *q, const struct kevent *c)
{
    if (c->ident > INT_MAX) return EBADF;
    int fd = (int)c->ident;
    struct fdnote *n = fd_find(q, c->ident, c->filter);
    bool exists = n != NULL && n->exists;
    if (!exists && (c->flags & EV_ADD) == 0)
        return fcntl(fd, F_GETFD) == -1 ? errno : ENOENT;
    if ((c->flags & EV_ADD) && (c->fflags & NOTE_LOWAT)) return EINVAL;
    if (exists && (c->flags & EV_DELETE)) {
        n->exists = false;
        return fd_disarm(q, n, fd, c->filter);
    }
    if (fd_reserve(q, c->ident) != 0) return ENOMEM;
    n = fd_find(q, c->ident, c->filter);
    if (!exists) n->flags = c->flags & KEPT_FLAGS;
    if (c->flags & (EV_ADD | EV_ENABLE)) n->enabled = true;
    if (c->flags & EV_DISABLE) n->enabled = false;
    n->udata = c->udata;
    int error = n->enabled ? fd_arm(q, n, fd, c->filter)
                           : fd_disarm(q, n, fd, c->filter);
    n->exists = exists || error == 0;
    return error;
}

/* One answer of epoll as a kevent. 1, or 0: it is out of date. */
static int
fd_event(struct kq *q, const struct epoll_event *ready, short filter,
    struct kevent *ev)
{
    int fd = (int)((ready->data.u64 & UINT32_MAX) >> 1);
    struct fdnote *n = fd_find(q, (uintptr_t)fd, filter);
    if (n == NULL || !n->armed || n->arming != ready->data.u64 >> 32) return 0;
    EV_SET(ev, fd, filter, n->flags, 0, 0, n->udata);
    if (filter == EVFILT_READ)
        describe_read(fd, ready->events, ev);
    else
        describe_write(fd, ready->events, ev);
    if (ready->events & EPOLLERR) ev->fflags = socket_error(fd);
    if (n->flags & (EV_ONESHOT | EV_DISPATCH)) n->armed = n->enabled = false;
    if (n->flags & EV_ONESHOT) n->exists = false;
    return 1;
}

/* The descriptor is about to be closed. */
static void
fd_forget(struct kq *q, int fd, short filter)
{
    struct fdnote *n = fd_find(q, (uintptr_t)fd, filter);
    if (n == NULL) return;
    if (n->armed) (void)fd_disarm(q, n, fd, filter); /* it goes anyway */
    n->exists = n->in_set = false;
}

/* ---- EVFILT_TIMER and EVFILT_USER ---- */

static bool
note_is(struct note *n, short filter, uintptr_t ident)
{
    return n->filter == filter && (atomic_load(&n->state) & ALIVE) &&
           atomic_load(&n->ident) == ident;
}

static struct note *
note_find(struct kq *q, short filter, uintptr_t ident)
{
    struct note *n = atomic_load(&q->notes);
    while (n != NULL && !note_is(n, filter, ident))
        n = n->next;
    return n;
}

/* A note that nobody uses, for this filter. NULL: errno says why. */
static struct note *
note_unused(struct kq *q, short filter)
{
    struct note *n = atomic_load(&q->notes);
    while (
        n != NULL && (n->filter != filter || (atomic_load(&n->state) & ALIVE)))
        n = n->next;
    if (n == NULL) {
        if ((n = calloc(1, sizeof *n)) == NULL) return NULL;
        n->filter = filter;
        n->fd = -1;
        n->next = atomic_load(&q->notes);
        atomic_store(&q->notes, n);
    }
    if (n->fd == -1)
        n->fd = filter == EVFILT_USER ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
                                      : timerfd_create(CLOCK_MONOTONIC,
                                            TFD_CLOEXEC | TFD_NONBLOCK);
    return n->fd == -1 ? NULL : n;
}

/* Enabled: in the epoll set; disabled: not in it. 0 or an errno. */
static int
note_watch(struct kq *q, struct note *n, bool enable)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = n};
    n->enabled = enable;
    if (n->in_set == enable) return 0;
    int op = enable ? EPOLL_CTL_ADD : EPOLL_CTL_DEL;
    if (epoll_ctl(atomic_load(&q->fd), op, n->fd, &ev) == -1) return errno;
    n->in_set = enable;
    return 0;
}

/* Set the eventfd or timerfd back. What it had counted; 0: nothing. */
static uint64_t
note_drain(struct note *n)
{
    uint64_t count = 0;
    return read(n->fd, &count, sizeof count) == sizeof count ? count : 0;
}

/* What a change does to a user event's state. */
static uint64_t
user_state(uint64_t state, unsigned int fflags)
{
    uint64_t flags = fflags & NOTE_FFLAGSMASK;
    uint64_t keep = state & ~(uint64_t)NOTE_FFLAGSMASK;
    switch (fflags & NOTE_FFCTRLMASK) {
    case NOTE_FFAND: state = keep | (state & flags); break;
    case NOTE_FFOR: state |= flags; break;
    case NOTE_FFCOPY: state = keep | flags; break;
    default: break;
    }
    return state | (fflags & NOTE_TRIGGER);
}

/* Apply a change to a user event that exists. Without a lock: may run in a
 * signal handler. 0, or ENOENT: it was deleted meanwhile. */
static int
user_touch(struct note *n, const struct kevent *c)
{
    const uint64_t one = 1;
    uint64_t state = atomic_load(&n->state);
    do {
        if ((state & ALIVE) == 0 || atomic_load(&n->ident) != c->ident)
            return ENOENT;
    } while (!atomic_compare_exchange_weak(
        &n->state, &state, user_state(state, c->fflags)));
    atomic_store(&n->udata, c->udata);
    atomic_store(&n->data, c->data);
    if (c->fflags & NOTE_TRIGGER)
        (void)!write(n->fd, &one, sizeof one); /* full: it is awake anyway */
    return 0;
}

/* Start a timer anew. 0, or EINVAL: no such unit or period. */
static int
timer_start(struct note *n, const struct kevent *c, unsigned short flags)
{
    int64_t unit, period = c->data;
    switch (c->fflags) {
    case 0:
    case NOTE_MSECONDS: unit = SECOND / 1000; break;
    case NOTE_SECONDS: unit = SECOND; break;
    case NOTE_USECONDS: unit = 1000; break;
    case NOTE_NSECONDS: unit = 1; break;
    default: return EINVAL;
    }
    if (period < 0) return EINVAL;
    if (period == 0 && (flags & EV_ONESHOT) == 0) period = 1;
    period = period > INT64_MAX / unit ? INT64_MAX : period * unit;
    if (period == 0) period = 1; /* timerfd takes 0 for "never" */
    struct itimerspec t = {.it_value.tv_sec = period / SECOND,
        .it_value.tv_nsec = period % SECOND};
    if ((flags & EV_ONESHOT) == 0) t.it_interval = t.it_value;
    return timerfd_settime(n->fd, 0, &t, NULL) == 0 ? 0 : errno;
}

static void
note_delete(struct note *n)
{
    const struct itimerspec never = {0};
    atomic_fetch_and(&n->state, ~(uint64_t)(ALIVE | NOTE_TRIGGER));
    if (n->filter == EVFILT_TIMER)
        (void)timerfd_settime(n->fd, 0, &never, NULL); /* cannot fail */
    else
        (void)note_drain(n);
}

static int
note_add(struct kq *q, const struct kevent *c)
{
    struct note *n = note_unused(q, c->filter);
    if (n == NULL) return errno;
    unsigned short flags = c->flags & KEPT_FLAGS;
    int error = c->filter == EVFILT_TIMER ? timer_start(n, c, flags) : 0;
    if (error == 0) error = note_watch(q, n, (c->flags & EV_DISABLE) == 0);
    if (error != 0) return error;
    n->flags = flags;
    uint64_t generation = (atomic_load(&n->state) >> 32) + 1;
    atomic_store(&n->ident, c->ident);
    atomic_store(
        &n->state, generation << 32 | ALIVE | (c->fflags & NOTE_FFLAGSMASK));
    if (n->filter == EVFILT_TIMER)
        atomic_store(&n->udata, c->udata);
    else
        (void)user_touch(n, c); /* for udata, data and NOTE_TRIGGER */
    return 0;
}

static int
note_change(struct kq *q, const struct kevent *c)
{
    struct note *n = note_find(q, c->filter, c->ident);
    int error = 0;
    if (n == NULL) return c->flags & EV_ADD ? note_add(q, c) : ENOENT;
    if (c->flags & EV_DELETE) {
        note_delete(n);
        return 0;
    }
    if (n->filter == EVFILT_USER)
        error = user_touch(n, c);
    else if (c->flags & EV_ADD)
        error = timer_start(n, c, n->flags);
    if (error != 0) return error;
    atomic_store(&n->udata, c->udata);
    if (c->flags & EV_DISABLE) return note_watch(q, n, false);
    if (c->flags & (EV_ADD | EV_ENABLE)) return note_watch(q, n, true);
    return 0;
}

/* A user event is triggered: fill *ev. 1, or 0: it is not. */
static int
user_event(struct note *n, struct kevent *ev)
{
    uint64_t state = atomic_load(&n->state);
    bool once = (n->flags & (EV_CLEAR | EV_ONESHOT)) != 0;
    if (once || (state & NOTE_TRIGGER) == 0) (void)note_drain(n);
    /* After the drain, so that a trigger from now on is seen next time. */
    state = once ? atomic_fetch_and(&n->state, ~(uint64_t)NOTE_TRIGGER)
                 : atomic_load(&n->state);
    if ((state & ALIVE) == 0 || (state & NOTE_TRIGGER) == 0) return 0;
    EV_SET(ev, atomic_load(&n->ident), EVFILT_USER, n->flags,
        state & NOTE_FFLAGSMASK, atomic_load(&n->data), atomic_load(&n->udata));
    return 1;
}

static int
timer_event(struct note *n, struct kevent *ev)
{
    uint64_t expirations = note_drain(n);
    if (expirations == 0) return 0; /* it was started anew meanwhile */
    EV_SET(ev, atomic_load(&n->ident), EVFILT_TIMER, n->flags | EV_CLEAR, 0,
        expirations, atomic_load(&n->udata));
    return 1;
}

static int
note_event(struct kq *q, struct note *n, struct kevent *ev)
{
    if (!n->enabled) return 0;
    int count =
        n->filter == EVFILT_USER ? user_event(n, ev) : timer_event(n, ev);
    if (count == 0) return 0;
    if (n->flags & EV_ONESHOT)
        note_delete(n);
    else if (n->flags & EV_DISPATCH)
        (void)note_watch(q, n, false); /* removing cannot fail */
    return 1;
}

/* ---- the kqueue: found, closed, forked ---- */

/* The kqueue of a descriptor, or NULL; pinned until kq_unpin. */
static struct kq *
kq_pin(int fd)
{
    for (struct kq *q = atomic_load(&kqueues); q != NULL; q = q->next) {
        if (fd < 0 || atomic_load(&q->fd) != fd) continue;
        atomic_fetch_add(&q->users, 1);
        if (atomic_load(&q->fd) == fd) return q;
        atomic_fetch_sub(&q->users, 1);
    }
    return NULL;
}

static void
kq_unpin(struct kq *q)
{
    atomic_fetch_sub(&q->users, 1);
}

/* Take all away that belongs to the kqueue, but not its own descriptor. */
static void
kq_clear(struct kq *q)
{
    atomic_store(&q->fd, -1);
    q->life++;
    for (struct note *n = atomic_load(&q->notes); n != NULL; n = n->next) {
        atomic_fetch_and(&n->state, ~(uint64_t)(ALIVE | NOTE_TRIGGER));
        if (n->fd != -1) (void)__real_close(n->fd);
        n->fd = -1;
        n->in_set = false;
    }
    if (q->write_set != -1) (void)__real_close(q->write_set);
    q->write_set = -1;
    free(q->pairs);
    q->pairs = NULL;
    q->pair_count = 0;
}

/* The locked kqueue is closed: it is not found any more. */
static void
kq_close(struct kq *q)
{
    atomic_store(&q->fd, -1);
    while (atomic_load(&q->users) > 0)
        (void)sched_yield();
    kq_clear(q);
}

/* No thread is amid a change while fork copies it. */
static void
fork_prepare(void)
{
    pthread_mutex_lock(&kqueues_lock);
    for (struct kq *q = atomic_load(&kqueues); q != NULL; q = q->next)
        pthread_mutex_lock(&q->lock);
}

static void
fork_parent(void)
{
    for (struct kq *q = atomic_load(&kqueues); q != NULL; q = q->next)
        pthread_mutex_unlock(&q->lock);
    pthread_mutex_unlock(&kqueues_lock);
}

/* A child does not inherit a kqueue. */
static void
fork_child(void)
{
    for (struct kq *q = atomic_load(&kqueues); q != NULL; q = q->next) {
        int fd = atomic_load(&q->fd);
        atomic_store(&q->users, 0); /* their threads are not here */
        if (fd == -1) continue;
        kq_clear(q);
        (void)__real_close(fd);
    }
    fork_parent();
}

static void
fork_watch(void)
{
    (void)pthread_atfork(fork_prepare, fork_parent, fork_child);
}

/* An unused struct kq, or a new one; NULL: no memory. */
static struct kq *
kq_unused(void)
{
    struct kq *q = atomic_load(&kqueues);
    while (q != NULL && atomic_load(&q->fd) != -1)
        q = q->next;
    if (q != NULL || (q = calloc(1, sizeof *q)) == NULL) return q;
    pthread_mutex_init(&q->lock, NULL);
    q->write_set = -1;
    atomic_store(&q->fd, -1);
    q->next = atomic_load(&kqueues);
    atomic_store(&kqueues, q);
    return q;
}

int
kqueue(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, fork_watch);
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd == -1) return -1;
    pthread_mutex_lock(&kqueues_lock);
    struct kq *q = kq_unused();
    if (q != NULL) atomic_store(&q->fd, fd);
    pthread_mutex_unlock(&kqueues_lock);
    if (q != NULL) return fd;
    (void)__real_close(fd);
    return fail(ENOMEM);
}

/* close(2): -Wl,--wrap=close sends the program's calls here. */
int
__wrap_close(int fd)
{
    for (struct kq *q = atomic_load(&kqueues); q != NULL; q = q->next) {
        if (fd < 0 || atomic_load(&q->fd) == -1) continue;
        pthread_mutex_lock(&q->lock);
        if (atomic_load(&q->fd) == fd) {
            kq_close(q);
        } else {
            fd_forget(q, fd, EVFILT_READ);
            fd_forget(q, fd, EVFILT_WRITE);
        }
        pthread_mutex_unlock(&q->lock);
    }
    return __real_close(fd);
}

/* ---- kevent ---- */

static int
change(struct kq *q, const struct kevent *c)
{
    switch (c->filter) {
    case EVFILT_READ:
    case EVFILT_WRITE: return fd_change(q, c);
    case EVFILT_TIMER:
    case EVFILT_USER: return note_change(q, c);
    default: return EINVAL;
    }
}

/* Apply the changes. The number of EV_ERROR entries written, or -1: one more
 * was needed than fit. Both lists may be one array, so copy first. */
static int
change_all(struct kq *q, const struct kevent *changes, int nchanges,
    struct kevent *out, int nevents)
{
    int count = 0;
    for (int i = 0; i < nchanges; i++) {
        struct kevent c = changes[i];
        int error = change(q, &c);
        if (error == 0 && (c.flags & EV_RECEIPT) == 0) continue;
        if (count == nevents) return error == 0 ? count : fail(error);
        c.flags = EV_ERROR;
        c.data = error;
        out[count++] = c;
    }
    return count;
}

/* Events of the write set, which is ready. */
static int
collect_writes(struct kq *q, struct kevent *out, int room)
{
    struct epoll_event ready[MAX_EVENTS];
    int count = 0, n = epoll_wait(q->write_set, ready, room, 0);
    for (int i = 0; i < n; i++)
        count += fd_event(q, &ready[i], EVFILT_WRITE, out + count);
    return count;
}

/* Turn what epoll answered into kevents. The write set goes last: its own
 * place among the n is free then, so there is room for one at least. */
static int
collect(struct kq *q, const struct epoll_event *ready, int n,
    struct kevent *out, int room)
{
    int count = 0;
    bool writes = false;
    for (int i = 0; i < n; i++)
        if (ready[i].data.u64 == 0)
            writes = true;
        else if (ready[i].data.u64 & 1)
            count += fd_event(q, &ready[i], EVFILT_READ, out + count);
        else
            count += note_event(q, ready[i].data.ptr, out + count);
    if (writes) count += collect_writes(q, out + count, room - count);
    return count;
}

static int64_t
now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

/* epoll_wait with nanoseconds; -1: for ever. Linux before 5.11 has only
 * milliseconds: never early, so rounded up. */
static int
wait_for(int set, struct epoll_event *ready, int room, int64_t ns)
{
    if (ns <= 0) return epoll_wait(set, ready, room, (int)ns);
    struct timespec t = {.tv_sec = ns / SECOND, .tv_nsec = ns % SECOND};
    int n = (int)syscall(SYS_epoll_pwait2, set, ready, room, &t, NULL, 0);
    if (n != -1 || (errno != ENOSYS && errno != EPERM)) return n;
    int64_t ms = (ns + 999999) / 1000000;
    return epoll_wait(set, ready, room, ms > INT_MAX ? INT_MAX : (int)ms);
}

/* A timeout in nanoseconds; -1: for ever; -2: it is invalid. */
static int64_t
timeout_ns(const struct timespec *t)
{
    if (t == NULL) return -1;
    if (t->tv_sec < 0 || t->tv_nsec < 0 || t->tv_nsec >= SECOND) return -2;
    if (t->tv_sec > INT32_MAX) return -1;
    return t->tv_sec * SECOND + t->tv_nsec;
}

/* Wait for events. epoll's answer may be out of date, as another thread can
 * change an event before the lock is taken: then wait for the time left. */
static int
wait_events(struct kq *q, int fd, uint32_t life, struct kevent *out,
    int nevents, int64_t timeout)
{
    struct epoll_event ready[MAX_EVENTS];
    int64_t left = timeout, start = timeout > 0 ? now() : 0;
    int room = nevents < MAX_EVENTS ? nevents : MAX_EVENTS;
    for (;;) {
        int n = wait_for(fd, ready, room, left);
        if (n <= 0) return n;
        pthread_mutex_lock(&q->lock);
        bool open = q->life == life && atomic_load(&q->fd) == fd;
        if (open) n = collect(q, ready, n, out, room);
        pthread_mutex_unlock(&q->lock);
        if (!open) return fail(EBADF);
        if (n > 0) return n;
        if (timeout > 0) left = timeout - (now() - start);
        if (timeout > 0 && left < 0) left = 0;
    }
}

/* A change that only touches a user event. The common one is NOTE_TRIGGER. */
static int
trigger(struct kq *q, const struct kevent *c)
{
    struct note *n = note_find(q, EVFILT_USER, c->ident);
    int error = n == NULL ? ENOENT : user_touch(n, c);
    return error == 0 ? 0 : fail(error);
}

int
kevent(int fd, const struct kevent *changelist, int nchanges,
    struct kevent *eventlist, int nevents, const struct timespec *timeout)
{
    struct kq *q = kq_pin(fd);
    if (q == NULL) return fail(EBADF);
    if (nchanges == 1 && nevents == 0 && changelist->flags == 0 &&
        changelist->filter == EVFILT_USER) {
        int rc = trigger(q, changelist);
        kq_unpin(q);
        return rc;
    }
    kq_unpin(q); /* from here the lock guards it */
    if (nchanges < 0 || nevents < 0) return fail(EINVAL);
    pthread_mutex_lock(&q->lock);
    uint32_t life = q->life;
    bool open = atomic_load(&q->fd) == fd;
    int n = open ? change_all(q, changelist, nchanges, eventlist, nevents)
                 : fail(EBADF);
    pthread_mutex_unlock(&q->lock);
    if (n != 0 || nevents == 0) return n;
    int64_t ns = timeout_ns(timeout);
    return ns == -2 ? fail(EINVAL)
                    : wait_events(q, fd, life, eventlist, nevents, ns);
}
