/* kqueue.c - kqueue(2) for Linux, made of epoll, timerfd and eventfd.
 *
 * Not part of the lesson; need not be read. With it a program written for BSD
 * and macOS runs here unchanged: EVFILT_READ, _WRITE, _TIMER and _USER behave
 * as kqueue(2) says. On those systems it is not compiled.
 *
 * How it works
 *  - A kqueue is an epoll set, so it can itself be polled. EVFILT_WRITE has a
 *    second set inside it, so READ and WRITE of one descriptor have their own
 *    ONESHOT, CLEAR and udata. Timers are timerfds, user events eventfds.
 *  - Disabled is taken out of the set: EPOLLHUP and EPOLLERR fire even with a
 *    mask of 0. Only a ONESHOT or DISPATCH event that has fired stays in,
 *    disarmed: to arm it again is one system call.
 *  - Each arming has a number. An answer of epoll to an earlier one is dropped:
 *    another thread has changed the event meanwhile.
 *  - One lock, never held during a wait. A lone change of a user event needs
 *    none: NOTE_TRIGGER may come from a signal handler, even from one that
 *    interrupts kevent() in the same thread.
 *  - close() removes a descriptor's events, but epoll keeps them while a dup
 *    lives. So link with -Wl,--wrap=close: __wrap_close below removes, then
 *    closes. Closing a kqueue ends it, and so does fork() in the child.
 *
 * What it cannot do
 *  - Other filters, absolute timers, NOTE_LOWAT, regular files: EINVAL.
 *  - A TCP socket never connected has EV_EOF at once (epoll: a hang-up).
 *  - dup2, close_range, fclose, and close inside libraries escape the wrapper:
 *    then the events go when the last dup does. A dup of a kqueue is none.
 *  - close(), or kevent() but for a NOTE_TRIGGER, in a signal handler.
 *  - To ask Linux for a socket's error clears it, and the program's recv() or
 *    SO_ERROR would miss it. So it stays there; fflags with EV_EOF is inferred:
 *    ECONNRESET, ECONNREFUSED or ETIMEDOUT.
 *  - More than 32 kqueues, more than 256 events a call, and many timers and
 *    user events: they are in a list, searched from the start. */

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
    KQUEUES = 32,
    MAX_EVENTS = 256,
    ALIVE = 0x02000000, /* in note.state, next to NOTE_TRIGGER */
    FIRES_ONCE = EV_ONESHOT | EV_DISPATCH,
    KEPT_FLAGS = EV_ONESHOT | EV_DISPATCH | EV_CLEAR,
};

static const int64_t SECOND = 1000000000;
static const uint64_t WRITE_SET = UINT64_MAX; /* its epoll data */

/* One event. A descriptor's is kept when deleted; a timer or user event is
 * freed. What is atomic, user_touch uses without the lock. */
struct note {
    struct note *_Atomic next; /* in kq.own: timers and user events */
    _Atomic uint32_t state;    /* the user's 24 fflags, NOTE_TRIGGER, ALIVE */
    _Atomic int64_t data;
    void *_Atomic udata;
    uintptr_t ident;
    int fd; /* the ident, or the timerfd or eventfd */
    short filter;
    unsigned short flags; /* KEPT_FLAGS, from the first EV_ADD */
    uint32_t arming;
    bool enabled; /* as the caller sees it */
    bool in_set;  /* in the epoll set, perhaps disarmed */
    bool armed;   /* in the epoll set, and may fire */
};

static struct kq {
    _Atomic int fd;   /* the epoll set that is the kqueue; 0: unused */
    atomic_int users; /* user_touch calls under way: nothing is freed */
    int write_set;
    uint32_t life;            /* counts kqueue() and close() */
    uint32_t armings;         /* the last number given to an arming */
    struct note *(*by_fd)[2]; /* of each descriptor: WRITE is the second */
    size_t fds;               /* so many has by_fd */
    struct note *_Atomic own;
} kqueues[KQUEUES];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int __real_close(int fd);
int __wrap_close(int fd);

static int
fail(int error)
{
    errno = error;
    return -1;
}

/* ---- descriptors: data, EV_EOF, fflags ---- */

/* SO_TYPE or SO_SNDBUF; -1: it is not a socket. */
static int
socket_option(int fd, int option)
{
    int value = 0;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : -1;
}

static bool
tcp_info(int fd, struct tcp_info *tcp)
{
    socklen_t len = sizeof *tcp;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, tcp, &len) == 0;
}

/* Bytes, or a listener's connections. What cannot be counted is 1. */
static int64_t
read_count(int fd)
{
    int bytes = 0;
    struct tcp_info tcp = {0};
    if (ioctl(fd, FIONREAD, &bytes) == 0) return bytes;
    return tcp_info(fd, &tcp) && tcp.tcpi_unacked ? tcp.tcpi_unacked : 1;
}

/* Free bytes of a send buffer or a pipe. epoll says that there are some. */
static int64_t
write_space(int fd)
{
    int size = socket_option(fd, SO_SNDBUF), used = 0;
    int request = size == -1 ? FIONREAD : TIOCOUTQ;
    if (size == -1) size = fcntl(fd, F_GETPIPE_SZ);
    (void)ioctl(fd, request, &used); /* not known: as if empty */
    return size > used ? size - used : 1;
}

/* Has the program shut down its own sending? epoll does not say. On a local
 * stream an empty send() sends nothing, and tells. */
static bool
write_is_shut(int fd)
{
    struct tcp_info tcp = {0};
    if (tcp_info(fd, &tcp))
        return tcp.tcpi_state != TCP_ESTABLISHED &&
               tcp.tcpi_state != TCP_CLOSE_WAIT;
    return socket_option(fd, SO_TYPE) == SOCK_STREAM &&
           send(fd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT) == -1 && errno == EPIPE;
}

static unsigned int
likely_error(int fd)
{
    struct tcp_info tcp = {0};
    int type = socket_option(fd, SO_TYPE);
    if (type == -1) return 0; /* a pipe */
    if (type == SOCK_DGRAM) return ECONNREFUSED;
    if (!tcp_info(fd, &tcp)) return ECONNRESET;
    if (tcp.tcpi_retransmits > 2 || tcp.tcpi_probes > 2) return ETIMEDOUT;
    return tcp.tcpi_rtt == 0 ? ECONNREFUSED : ECONNRESET; /* 0: no answer */
}

static bool
descriptor_event(const struct note *n, uint32_t ready, struct kevent *ev)
{
    bool is_read = n->filter == EVFILT_READ;
    bool eof = (ready & (EPOLLHUP | EPOLLRDHUP | EPOLLERR)) != 0;
    ev->data = is_read ? read_count(n->fd) : write_space(n->fd);
    if (eof || (!is_read && write_is_shut(n->fd))) ev->flags |= EV_EOF;
    if (ready & EPOLLERR) ev->fflags = likely_error(n->fd);
    return true;
}

/* ---- timers and user events ---- */

/* Start a timer anew. 0, or EINVAL: no such unit or period. */
static int
timer_start(struct note *n, const struct kevent *c)
{
    static const int64_t units[] = {[0] = 1000000,
        [NOTE_MSECONDS] = 1000000,
        [NOTE_SECONDS] = 1000000000,
        [NOTE_USECONDS] = 1000,
        [NOTE_NSECONDS] = 1};
    bool repeats = (n->flags & EV_ONESHOT) == 0;
    int64_t unit = c->fflags <= NOTE_NSECONDS ? units[c->fflags] : 0;
    if (unit == 0 || c->data < 0) return EINVAL;
    int64_t ns = c->data > INT64_MAX / unit ? INT64_MAX : c->data * unit;
    if (ns == 0) ns = repeats ? unit : 1; /* timerfd takes 0 for "never" */
    struct timespec t = {ns / SECOND, ns % SECOND};
    struct itimerspec spec = {.it_value = t};
    if (repeats) spec.it_interval = t;
    return timerfd_settime(n->fd, 0, &spec, NULL) == 0 ? 0 : errno;
}

/* Apply a change to a user event, without a lock. */
static void
user_touch(struct note *n, const struct kevent *c)
{
    const uint64_t one = 1;
    uint32_t user = c->fflags & NOTE_FFLAGSMASK, keep = UINT32_MAX, add = 0;
    uint32_t how = c->fflags & NOTE_FFCTRLMASK;
    if (how == NOTE_FFAND) keep = ~NOTE_FFLAGSMASK | user;
    if (how == NOTE_FFCOPY) keep = ~NOTE_FFLAGSMASK;
    if (how == NOTE_FFCOPY || how == NOTE_FFOR) add = user;
    add |= c->fflags & NOTE_TRIGGER;
    atomic_store(&n->data, c->data);
    atomic_store(&n->udata, c->udata);
    uint32_t state = atomic_load(&n->state);
    while (
        !atomic_compare_exchange_weak(&n->state, &state, (state & keep) | add))
        continue;
    if (c->fflags & NOTE_TRIGGER)
        (void)!write(n->fd, &one, sizeof one); /* full: it fires anyway */
}

/* Set an eventfd or timerfd back. What it had counted; 0: nothing. */
static int64_t
note_drain(const struct note *n)
{
    int64_t count = 0;
    return read(n->fd, &count, sizeof count) == sizeof count ? count : 0;
}

static bool
timer_event(const struct note *n, struct kevent *ev)
{
    ev->data = note_drain(n);
    ev->flags |= EV_CLEAR;
    return ev->data > 0;
}

/* Drained first: a trigger after that is seen by the next wait. */
static bool
user_event(struct note *n, struct kevent *ev)
{
    uint32_t state = atomic_load(&n->state);
    if (n->flags & (EV_CLEAR | EV_ONESHOT)) {
        note_drain(n);
        state = atomic_fetch_and(&n->state, ~NOTE_TRIGGER);
    }
    ev->fflags = state & NOTE_FFLAGSMASK;
    ev->data = atomic_load(&n->data);
    return (state & NOTE_TRIGGER) != 0;
}

/* ---- any event ---- */

static bool
is_descriptor(short filter)
{
    return filter == EVFILT_READ || filter == EVFILT_WRITE;
}

/* The note of an event, for a descriptor perhaps a deleted one; or NULL. */
static struct note *
note_find(struct kq *q, short filter, uintptr_t ident)
{
    struct note *n = NULL;
    if (is_descriptor(filter) && ident < q->fds)
        n = q->by_fd[ident][filter == EVFILT_WRITE];
    if (is_descriptor(filter)) return n;
    for (n = atomic_load(&q->own); n != NULL; n = atomic_load(&n->next))
        if (n->filter == filter && n->ident == ident) break;
    return n;
}

/* Make by_fd long enough. 0, or ENOMEM. */
static int
kq_reserve(struct kq *q, int fd)
{
    size_t have = q->fds, want = (size_t)fd + (size_t)fd / 2 + 64;
    if ((size_t)fd < have) return 0;
    void *table = realloc(q->by_fd, want * sizeof *q->by_fd);
    if (table == NULL) return ENOMEM;
    q->by_fd = table;
    q->fds = want;
    memset(q->by_fd + have, 0, (want - have) * sizeof *q->by_fd);
    return 0;
}

/* A new note in by_fd. NULL: errno says why. */
static struct note *
note_new(struct kq *q, short filter, uintptr_t ident)
{
    struct note *n = NULL;
    int fd = (int)ident;
    if (filter == EVFILT_USER) fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (filter == EVFILT_TIMER)
        fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd != -1 && kq_reserve(q, fd) == 0) n = calloc(1, sizeof *n);
    if (n != NULL) {
        n->filter = filter;
        n->ident = ident;
        n->fd = fd;
        q->by_fd[fd][filter == EVFILT_WRITE] = n;
    } else if (fd != -1 && !is_descriptor(filter)) {
        (void)__real_close(fd);
    }
    return n;
}

/* Let it fire from now on, as its flags say. 0 or an errno. */
static int
note_arm(struct kq *q, struct note *n)
{
    n->arming = ++q->armings;
    uint64_t key = (uint64_t)n->arming << 32 | (unsigned int)n->fd;
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = key};
    int set = n->filter == EVFILT_WRITE ? q->write_set : atomic_load(&q->fd);
    int op = n->in_set ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (n->filter == EVFILT_READ) ev.events |= EPOLLRDHUP;
    if (n->filter == EVFILT_WRITE) ev.events = EPOLLOUT;
    if (is_descriptor(n->filter)) { /* the others are set back by a read */
        if (n->flags & FIRES_ONCE) ev.events |= EPOLLONESHOT;
        if (n->flags & EV_CLEAR) ev.events |= EPOLLET;
    }
    int rc = epoll_ctl(set, op, n->fd, &ev);
    if (rc == -1 && errno == ENOENT) /* a close escaped, the number is back */
        rc = epoll_ctl(set, EPOLL_CTL_ADD, n->fd, &ev);
    else if (rc == -1 && errno == EEXIST)
        rc = epoll_ctl(set, EPOLL_CTL_MOD, n->fd, &ev);
    n->in_set = n->armed = rc == 0;
    return rc == 0 ? 0 : errno == EPERM ? EINVAL : errno;
}

/* Let it not fire any more. 0, or EBADF: the descriptor is closed. */
static int
note_disarm(struct kq *q, struct note *n)
{
    int set = n->filter == EVFILT_WRITE ? q->write_set : atomic_load(&q->fd);
    if (!n->armed) return fcntl(n->fd, F_GETFD) == -1 ? EBADF : 0;
    n->in_set = n->armed = false;
    int rc = epoll_ctl(set, EPOLL_CTL_DEL, n->fd, NULL);
    return rc == -1 && errno == EBADF ? EBADF : 0;
}

/* Delete an event. 0, or EBADF: the descriptor is closed. */
static int
note_delete(struct kq *q, struct note *n)
{
    int rc = note_disarm(q, n);
    atomic_store(&n->state, 0);
    if (is_descriptor(n->filter)) return rc;
    struct note *_Atomic *link = &q->own;
    while (atomic_load(link) != NULL && atomic_load(link) != n)
        link = &atomic_load(link)->next;
    if (atomic_load(link) == n) atomic_store(link, atomic_load(&n->next));
    while (atomic_load(&q->users) > 0)
        (void)sched_yield();
    q->by_fd[n->fd][0] = NULL;
    (void)__real_close(n->fd);
    free(n);
    return 0;
}

/* Apply a change to an event that exists. 0 or an errno. */
static int
note_change(struct kq *q, struct note *n, const struct kevent *c)
{
    int error = 0;
    if (n->filter == EVFILT_USER) user_touch(n, c);
    if (n->filter == EVFILT_TIMER && (c->flags & EV_ADD))
        error = timer_start(n, c);
    if (error != 0) return error;
    atomic_store(&n->udata, c->udata);
    if (c->flags & EV_ENABLE) n->enabled = true;
    if (c->flags & EV_DISABLE) n->enabled = false;
    return n->enabled ? note_arm(q, n) : note_disarm(q, n);
}

/* Make a new event. 0 or an errno. */
static int
note_add(struct kq *q, const struct kevent *c)
{
    struct note *n = note_find(q, c->filter, c->ident);
    if (n == NULL) n = note_new(q, c->filter, c->ident);
    if (n == NULL) return errno;
    n->flags = c->flags & KEPT_FLAGS;
    n->enabled = true;
    atomic_store(&n->state, ALIVE | (c->fflags & NOTE_FFLAGSMASK));
    int error = note_change(q, n, c);
    if (error != 0) {
        (void)note_delete(q, n);
    } else if (!is_descriptor(c->filter)) {
        atomic_store(&n->next, atomic_load(&q->own));
        atomic_store(&q->own, n); /* from here user_touch may find it */
    }
    return error;
}

/* Apply one change. 0 or an errno. */
static int
change(struct kq *q, const struct kevent *c)
{
    if (is_descriptor(c->filter)) {
        if (c->ident > INT_MAX || fcntl((int)c->ident, F_GETFD) == -1)
            return EBADF;
        if ((c->flags & EV_ADD) && (c->fflags & NOTE_LOWAT)) return EINVAL;
    } else if (c->filter != EVFILT_TIMER && c->filter != EVFILT_USER) {
        return EINVAL;
    }
    struct note *n = note_find(q, c->filter, c->ident);
    if (n == NULL || (atomic_load(&n->state) & ALIVE) == 0)
        return c->flags & EV_ADD ? note_add(q, c) : ENOENT;
    return c->flags & EV_DELETE ? note_delete(q, n) : note_change(q, n, c);
}

/* Turn what epoll said into a kevent. 1, or 0: it is out of date. */
static int
note_event(struct kq *q, const struct epoll_event *ready, bool is_write,
    struct kevent *ev)
{
    struct note *n = q->by_fd[ready->data.u64 & UINT32_MAX][is_write];
    if (n == NULL || !n->armed || n->arming != ready->data.u64 >> 32) return 0;
    EV_SET(ev, n->ident, n->filter, n->flags, 0, 0, atomic_load(&n->udata));
    bool fires = n->filter == EVFILT_TIMER ? timer_event(n, ev)
                 : n->filter == EVFILT_USER
                     ? user_event(n, ev)
                     : descriptor_event(n, ready->events, ev);
    if (!fires || (n->flags & FIRES_ONCE) == 0) return fires;
    n->enabled = false;
    if (is_descriptor(n->filter)) n->armed = false; /* EPOLLONESHOT did that */
    if (n->flags & EV_ONESHOT) atomic_store(&n->state, 0);
    if (!is_descriptor(n->filter))
        (void)(n->flags & EV_ONESHOT ? note_delete(q, n) : note_disarm(q, n));
    return 1;
}

/* ---- the kqueue ---- */

/* The kqueue of a descriptor, or NULL. It lasts until users is taken back. */
static struct kq *
kq_pin(int fd)
{
    for (struct kq *q = kqueues; fd > 0 && q < kqueues + KQUEUES; q++) {
        if (atomic_load(&q->fd) != fd) continue;
        atomic_fetch_add(&q->users, 1);
        if (atomic_load(&q->fd) == fd) return q;
        atomic_fetch_sub(&q->users, 1);
    }
    return NULL;
}

/* Take away all that a kqueue has, but not its own descriptor. */
static void
kq_end(struct kq *q)
{
    atomic_store(&q->fd, 0);
    while (atomic_load(&q->own) != NULL)
        (void)note_delete(q, atomic_load(&q->own));
    for (size_t i = 0; i < q->fds; i++) {
        free(q->by_fd[i][0]);
        free(q->by_fd[i][1]);
    }
    free(q->by_fd);
    q->by_fd = NULL;
    q->fds = 0;
    q->life++;
    (void)__real_close(q->write_set);
}

static void
fork_prepare(void)
{
    pthread_mutex_lock(&lock); /* no thread is amid a change */
}

static void
fork_parent(void)
{
    pthread_mutex_unlock(&lock);
}

/* A child does not inherit a kqueue. */
static void
fork_child(void)
{
    for (struct kq *q = kqueues; q < kqueues + KQUEUES; q++) {
        int fd = atomic_load(&q->fd);
        atomic_store(&q->users, 0); /* their threads are not here */
        if (fd == 0) continue;
        kq_end(q);
        (void)__real_close(fd);
    }
    pthread_mutex_unlock(&lock);
}

static void
fork_watch(void)
{
    (void)pthread_atfork(fork_prepare, fork_parent, fork_child);
}

int
kqueue(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = WRITE_SET};
    struct kq *q = kqueues;
    (void)pthread_once(&once, fork_watch);
    int fd = epoll_create1(EPOLL_CLOEXEC), set = epoll_create1(EPOLL_CLOEXEC);
    int rc = epoll_ctl(fd, EPOLL_CTL_ADD, set, &ev), error = errno;
    pthread_mutex_lock(&lock);
    while (q < kqueues + KQUEUES && atomic_load(&q->fd) != 0)
        q++;
    bool made = rc == 0 && q < kqueues + KQUEUES;
    if (made) {
        q->write_set = set;
        atomic_store(&q->fd, fd);
    }
    pthread_mutex_unlock(&lock);
    if (made) return fd;
    (void)__real_close(fd);
    (void)__real_close(set);
    return fail(rc == 0 ? ENFILE : set == -1 ? EMFILE : error);
}

/* close(2), by -Wl,--wrap=close: the events of a descriptor go with it. */
int
__wrap_close(int fd)
{
    pthread_mutex_lock(&lock);
    for (struct kq *q = kqueues; fd > 0 && q < kqueues + KQUEUES; q++) {
        if (atomic_load(&q->fd) == 0) continue;
        for (short filter = EVFILT_WRITE; filter <= EVFILT_READ; filter++) {
            struct note *n = note_find(q, filter, (uintptr_t)fd);
            if (n != NULL && n->filter == filter) (void)note_delete(q, n);
        }
        if (atomic_load(&q->fd) == fd) kq_end(q);
    }
    pthread_mutex_unlock(&lock);
    return __real_close(fd);
}

/* ---- kevent ---- */

/* Apply the changes. The number of EV_ERROR entries written, or -1: one had no
 * room. Both lists may be one array, hence the copy. */
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

/* Turn epoll's answer into kevents. The write set goes last: its own place
 * among the n is free then, so there is room for one event of it at least. */
static int
collect(struct kq *q, struct epoll_event *ready, int n, struct kevent *out,
    int room)
{
    int count = 0, writes = 0;
    for (int i = 0; i < n; i++)
        if (ready[i].data.u64 == WRITE_SET)
            writes = 1;
        else
            count += note_event(q, &ready[i], false, out + count);
    if (writes) writes = epoll_wait(q->write_set, ready, room - count, 0);
    for (int i = 0; i < writes; i++)
        count += note_event(q, &ready[i], true, out + count);
    return count;
}

static int64_t
now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

/* epoll_wait in nanoseconds, -1 for ever. Linux before 5.11 has milliseconds
 * only: rounded up, so that no timeout is early. */
static int
wait_for(int set, struct epoll_event *ready, int room, int64_t ns)
{
    if (ns <= 0) return epoll_wait(set, ready, room, (int)ns);
    struct timespec t = {ns / SECOND, ns % SECOND};
    int n = (int)syscall(SYS_epoll_pwait2, set, ready, room, &t, NULL, 0);
    if (n != -1 || (errno != ENOSYS && errno != EPERM)) return n;
    int64_t ms = (ns + 999999) / 1000000;
    return epoll_wait(set, ready, room, ms > INT_MAX ? INT_MAX : (int)ms);
}

/* Wait until there is an event that is not out of date. */
static int
wait_events(struct kq *q, uint32_t life, int fd, struct kevent *out, int room,
    const struct timespec *timeout)
{
    struct epoll_event ready[MAX_EVENTS];
    int64_t left = -1, end = 0;
    if (timeout != NULL && timeout->tv_sec <= INT32_MAX)
        left = timeout->tv_sec * SECOND + timeout->tv_nsec;
    if (left > 0) end = now() + left;
    for (;;) {
        int n =
            wait_for(fd, ready, room < MAX_EVENTS ? room : MAX_EVENTS, left);
        if (n <= 0) return n;
        pthread_mutex_lock(&lock);
        n = q->life == life ? collect(q, ready, n, out, room) : fail(EBADF);
        pthread_mutex_unlock(&lock);
        if (n != 0) return n;
        if (left > 0) left = end > now() ? end - now() : 0;
    }
}

/* A lone change of a user event, without the lock. 0 or an errno. */
static int
touch(struct kq *q, const struct kevent *c)
{
    struct note *n = note_find(q, EVFILT_USER, c->ident);
    if (n == NULL) return ENOENT;
    user_touch(n, c);
    return 0;
}

int
kevent(int fd, const struct kevent *changelist, int nchanges,
    struct kevent *eventlist, int nevents, const struct timespec *timeout)
{
    bool lone = nchanges == 1 && nevents == 0 && changelist->flags == 0 &&
                changelist->filter == EVFILT_USER;
    struct kq *q = kq_pin(fd);
    if (q == NULL) return fail(EBADF);
    int rc = lone ? touch(q, changelist) : 0;
    atomic_fetch_sub(&q->users, 1);
    if (lone) return rc == 0 ? 0 : fail(rc);

    if (nchanges < 0 || nevents < 0) return fail(EINVAL);
    pthread_mutex_lock(&lock);
    uint32_t life = q->life;
    bool open = atomic_load(&q->fd) == fd;
    rc = open ? change_all(q, changelist, nchanges, eventlist, nevents) : -1;
    pthread_mutex_unlock(&lock);
    if (!open) return fail(EBADF);
    if (rc != 0 || nevents == 0) return rc;
    if (timeout != NULL && (timeout->tv_sec < 0 || timeout->tv_nsec < 0 ||
                               timeout->tv_nsec >= SECOND))
        return fail(EINVAL);
    return wait_events(q, life, fd, eventlist, nevents, timeout);
}
