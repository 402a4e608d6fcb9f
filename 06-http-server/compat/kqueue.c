/* kqueue.c - kqueue(2) for Linux, made of epoll, timerfd and eventfd.
 *
 * Not part of the lesson; need not be read. With it a program for BSD and macOS
 * runs here unchanged: EVFILT_READ, EVFILT_WRITE, EVFILT_TIMER, EVFILT_USER.
 *
 * How it works: a kqueue is an epoll set, so it can itself be polled. A second
 * set inside it is for EVFILT_WRITE: READ and WRITE of one descriptor have
 * their own ONESHOT, CLEAR and udata. Disabled means taken out of the set, as
 * EPOLLHUP and EPOLLERR come even with a mask of 0. Only a ONESHOT or DISPATCH
 * event that has fired stays in, disarmed: to arm it again is one system call.
 * Each arming has a number; what epoll says of an earlier one is dropped.
 * Timers and user events need no descriptor of their own: a kqueue has a
 * timerfd for the next one that will be due, and an eventfd for when one is.
 * One lock guards all, but not a wait. Signals are blocked meanwhile: a handler
 * may trigger or close.
 *
 * How closing works: close() removes the events of a descriptor, but epoll
 * keeps them while a dup lives. So link with -Wl,--wrap=close: __wrap_close
 * removes, then closes. A kqueue ends by close(), and in the child of a fork.
 *
 * What it cannot do
 *  - Other filters, absolute timers, NOTE_LOWAT, regular files: EINVAL.
 *  - A TCP socket never connected has EV_EOF at once (epoll: a hang-up).
 *  - dup2, close_range, fclose, and close inside libraries escape the wrapper:
 *    then the events go when the last dup does. A dup of a kqueue is none.
 *  - fflags with EV_EOF is inferred: ECONNRESET, ECONNREFUSED or ETIMEDOUT.
 *  - EV_ADD calls malloc(): not for signal handlers.
 *  - Timeouts are rounded up to milliseconds. Limits: see the enum. */

#include "describe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/event.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    MAX_KQUEUES = 64,
    MAX_EVENTS = 256, /* from one kevent() */
    LISTS = 4096,     /* of events, by descriptor */
    SECOND = 1000000000,
    FIRES_ONCE = EV_ONESHOT | EV_DISPATCH,
    KEPT_FLAGS = FIRES_ONCE | EV_CLEAR,
};

/* One event. In by_fd or kq.own, or unused. */
struct note {
    struct note *next;
    struct kq *kq;
    uintptr_t ident;
    void *udata;
    int64_t data;     /* of a user event, as fflags; a timer's period */
    int64_t deadline; /* in ns: due from then on; 0: triggered */
    unsigned int fflags;
    uint32_t arming; /* the number of the last one */
    short filter;
    unsigned short flags; /* KEPT_FLAGS, from the first EV_ADD */
    bool enabled;         /* as the caller sees it */
    bool armed;           /* epoll may report it */
};

/* One kqueue. */
static struct kq {
    int fd, write_set; /* the two epoll sets; fd is the kqueue */
    int clock, bell;   /* the timerfd and the eventfd */
    int64_t alarm;     /* the clock's deadline */
    bool used, rings;  /* rings: the bell is readable, something is due */
    struct note *own;  /* its timers and user events */
} kqueues[MAX_KQUEUES];

static struct note *by_fd[LISTS]; /* of all kqueues, so that close() is fast */
static struct note *unused;       /* free() is not for signal handlers */
static uint32_t armings;
static const int64_t NEVER = INT64_MAX;
static const uint64_t OWN_SET = 0, WRITE_SET = 1; /* epoll data: no arming 0 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
int __real_close(int fd);
int __wrap_close(int fd);

/* Take the lock and block all signals; *mask is what was blocked before. */
static void
enter(sigset_t *mask)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, mask);
    pthread_mutex_lock(&lock);
}

static void
leave(const sigset_t *mask)
{
    pthread_mutex_unlock(&lock);
    pthread_sigmask(SIG_SETMASK, mask, NULL);
}

static int64_t
now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

/* Start a timer anew. 0, or EINVAL: no such unit or period. */
static int
timer_start(struct note *n, const struct kevent *c)
{
    static const int64_t units[] = {1000000, [NOTE_SECONDS] = 1000000000,
        [NOTE_MSECONDS] = 1000000, [NOTE_USECONDS] = 1000, [NOTE_NSECONDS] = 1};
    int64_t unit = c->fflags <= NOTE_NSECONDS ? units[c->fflags] : 0;
    int64_t now = now_ns(), count = c->data;
    if (unit == 0 || count < 0) return EINVAL;
    if (count == 0 && (n->flags & EV_ONESHOT) == 0) count = 1;
    n->data = count > (NEVER - now) / unit ? NEVER - now : count * unit;
    n->deadline = now + n->data;
    return 0;
}

static void
user_change(struct note *n, const struct kevent *c)
{
    unsigned int user = c->fflags & NOTE_FFLAGSMASK;
    unsigned int how = c->fflags & NOTE_FFCTRLMASK;
    if (how == NOTE_FFAND) n->fflags &= user;
    if (how == NOTE_FFOR) n->fflags |= user;
    if (how == NOTE_FFCOPY) n->fflags = user;
    n->data = c->data;
    if (c->fflags & NOTE_TRIGGER) n->deadline = 0;
}

/* The expirations of a timer; it goes on to the next deadline. */
static int64_t
timer_count(struct note *n)
{
    if (n->flags & EV_ONESHOT) return 1;
    int64_t count = 1 + (now_ns() - n->deadline) / n->data;
    n->deadline += count * n->data;
    return count;
}

/* The timer or user event that is due first, or NULL. */
static struct note *
own_first(const struct kq *q)
{
    struct note *first = NULL;
    for (struct note *n = q->own; n != NULL; n = n->next)
        if (n->enabled && (first == NULL || n->deadline < first->deadline))
            first = n;
    return first;
}

/* Make the kqueue readable, now or when it is time. Only news are told. */
static void
own_arm(struct kq *q)
{
    uint64_t one = 1;
    const struct note *n = own_first(q);
    int64_t first = n != NULL ? n->deadline : NEVER;
    bool rings = first <= now_ns();
    if (rings && !q->rings) (void)!write(q->bell, &one, sizeof one);
    if (!rings && q->rings) (void)!read(q->bell, &one, sizeof one);
    q->rings = rings;
    if (rings || first == q->alarm) return;
    struct itimerspec t = {.it_value = {first / SECOND, first % SECOND}};
    (void)timerfd_settime(q->clock, TFD_TIMER_ABSTIME, &t, NULL);
    q->alarm = first;
}

/* The list that an event is in. */
static struct note **
note_list(struct kq *q, short filter, uintptr_t ident)
{
    return is_descriptor(filter) ? &by_fd[ident % LISTS] : &q->own;
}

static struct note *
note_find(struct kq *q, short filter, uintptr_t ident)
{
    struct note *n = *note_list(q, filter, ident);
    for (; n != NULL; n = n->next)
        if (n->kq == q && n->filter == filter && n->ident == ident) break;
    return n;
}

/* Let it fire from now on, as its flags say. 0 or an errno. */
static int
note_arm(struct note *n)
{
    int fd = (int)n->ident;
    int set = n->filter == EVFILT_WRITE ? n->kq->write_set : n->kq->fd;
    n->arming = ++armings;
    struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP,
        .data.u64 = (uint64_t)n->arming << 32 | (unsigned int)fd};
    if (n->filter == EVFILT_WRITE) ev.events = EPOLLOUT;
    if (n->flags & FIRES_ONCE) ev.events |= EPOLLONESHOT;
    if (n->flags & EV_CLEAR) ev.events |= EPOLLET;
    int rc = epoll_ctl(set, EPOLL_CTL_MOD, fd, &ev);
    if (rc == -1 && errno == ENOENT)
        rc = epoll_ctl(set, EPOLL_CTL_ADD, fd, &ev);
    n->armed = rc == 0;
    return rc == 0 ? 0 : errno == EPERM ? EINVAL : errno;
}

static void
note_disarm(struct note *n)
{
    int set = n->filter == EVFILT_WRITE ? n->kq->write_set : n->kq->fd;
    if (n->armed) (void)epoll_ctl(set, EPOLL_CTL_DEL, (int)n->ident, NULL);
    n->armed = false;
}

static void
note_delete(struct note *n)
{
    struct note **link = note_list(n->kq, n->filter, n->ident);
    note_disarm(n);
    while (*link != n)
        link = &(*link)->next;
    *link = n->next;
    n->next = unused;
    unused = n;
}

/* Make the event of an EV_ADD. NULL: out of memory. */
static struct note *
note_add(struct kq *q, const struct kevent *c)
{
    struct note **list = note_list(q, c->filter, c->ident);
    struct note *n = unused != NULL ? unused : malloc(sizeof *n);
    if (n == NULL) return NULL;
    if (n == unused) unused = n->next;
    *n = (struct note){.next = *list,
        .kq = q,
        .deadline = NEVER,
        .ident = c->ident,
        .filter = c->filter,
        .enabled = true};
    n->flags = c->flags & KEPT_FLAGS;
    if (c->filter == EVFILT_TIMER) n->flags |= EV_CLEAR;
    if (c->filter == EVFILT_USER) n->fflags = c->fflags & NOTE_FFLAGSMASK;
    return *list = n;
}

/* Apply a change to an event that exists. 0 or an errno. */
static int
note_change(struct note *n, const struct kevent *c)
{
    bool restart = n->filter == EVFILT_TIMER && (c->flags & EV_ADD);
    int error = restart ? timer_start(n, c) : 0;
    if (error != 0) return error;
    if (n->filter == EVFILT_USER) user_change(n, c);
    n->udata = c->udata;
    if (c->flags & EV_ENABLE) n->enabled = true;
    if (c->flags & EV_DISABLE) n->enabled = false;
    if (!is_descriptor(n->filter)) return 0;
    if (n->enabled) return note_arm(n);
    note_disarm(n);
    return fcntl((int)n->ident, F_GETFD) == -1 ? EBADF : 0;
}

/* Apply one change. 0 or an errno. */
static int
change(struct kq *q, const struct kevent *c)
{
    bool on_fd = is_descriptor(c->filter), add = (c->flags & EV_ADD) != 0;
    int error = 0;
    if (!on_fd && c->filter != EVFILT_TIMER && c->filter != EVFILT_USER)
        return EINVAL;
    if (on_fd && c->ident > INT_MAX) return EBADF;
    if (on_fd && add && (c->fflags & NOTE_LOWAT)) return EINVAL;
    struct note *n = note_find(q, c->filter, c->ident);
    bool exists = n != NULL, delete = exists && (c->flags & EV_DELETE);
    if (!exists && !add)
        return on_fd && fcntl((int)c->ident, F_GETFD) == -1 ? EBADF : ENOENT;
    if (!exists && (n = note_add(q, c)) == NULL) return ENOMEM;
    if (!delete) error = note_change(n, c);
    if (delete || (!exists && error != 0)) note_delete(n);
    if (!on_fd) own_arm(q);
    return error;
}

/* Turn an event into a kevent. ready: what epoll said of a descriptor. */
static void
note_fire(struct note *n, uint32_t ready, struct kevent *ev)
{
    EV_SET(ev, n->ident, n->filter, n->flags, n->fflags, n->data, n->udata);
    if (is_descriptor(n->filter)) describe((int)n->ident, ready, ev);
    if (n->filter == EVFILT_TIMER) ev->data = timer_count(n);
    if (n->filter == EVFILT_USER) /* without EV_CLEAR: due again, but later */
        n->deadline = n->flags & EV_CLEAR ? NEVER : now_ns();
    if ((n->flags & FIRES_ONCE) == 0) return;
    n->enabled = n->armed = false; /* EPOLLONESHOT has done that */
    if (n->flags & EV_ONESHOT) note_delete(n);
}

/* An event of epoll's. 1, or 0: it is out of date. */
static int
fd_event(struct kq *q, const struct epoll_event *ready, short filter,
    struct kevent *ev)
{
    struct note *n = note_find(q, filter, ready->data.u64 & INT_MAX);
    if (n == NULL || !n->armed || n->arming != ready->data.u64 >> 32) return 0;
    note_fire(n, ready->events, ev);
    return 1;
}

/* Those that are due; their number. First come first: each has its turn. */
static int
own_events(struct kq *q, struct kevent *out, int room)
{
    int count = 0;
    int64_t now = now_ns();
    struct note *n;
    while (count < room && (n = own_first(q)) != NULL && n->deadline < now)
        note_fire(n, 0, &out[count++]);
    own_arm(q);
    return count;
}

/* The kqueue of a descriptor, or NULL. For -1, an unused one. */
static struct kq *
kq_find(int fd)
{
    for (struct kq *q = kqueues; q < kqueues + MAX_KQUEUES; q++)
        if ((q->used ? q->fd : -1) == fd) return q;
    return NULL;
}

/* Close a kqueue, or what there is of it. */
static int
kq_close(struct kq *q)
{
    struct kq old = *q;
    q->used = false;
    q->fd = q->write_set = -1; /* a child must not ask epoll: it is shared */
    while (q->own != NULL)
        note_delete(q->own);
    for (int i = 0; i < LISTS; i++)
        for (struct note *n = by_fd[i], *next; n != NULL; n = next) {
            next = n->next;
            if (n->kq == q) note_delete(n);
        }
    (void)__real_close(old.bell);
    (void)__real_close(old.clock);
    (void)__real_close(old.write_set);
    return __real_close(old.fd);
}

/* A child does not inherit a kqueue, nor a lock that a thread has. */
static void
fork_child(void)
{
    lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    for (struct kq *q = kqueues; q < kqueues + MAX_KQUEUES; q++)
        if (q->used) (void)kq_close(q);
}

static bool
watch(int set, int fd, uint64_t data)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = data};
    return epoll_ctl(set, EPOLL_CTL_ADD, fd, &ev) == 0;
}

int
kqueue(void)
{
    struct kq new = {.used = true, .alarm = NEVER};
    static bool watching;
    sigset_t mask;
    enter(&mask);
    if (!watching) watching = pthread_atfork(NULL, NULL, fork_child) == 0;
    struct kq *q = kq_find(-1);
    new.fd = epoll_create1(EPOLL_CLOEXEC);
    new.write_set = epoll_create1(EPOLL_CLOEXEC);
    new.clock = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    new.bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool made = q != NULL && watch(new.fd, new.write_set, WRITE_SET) &&
                watch(new.fd, new.clock, OWN_SET) &&
                watch(new.fd, new.bell, OWN_SET);
    if (made) *q = new;
    if (!made) (void)kq_close(&new);
    leave(&mask);
    if (!made) errno = EMFILE;
    return made ? new.fd : -1;
}

/* close(2), by -Wl,--wrap=close: the events of a descriptor go with it. */
int
__wrap_close(int fd)
{
    sigset_t mask;
    if (fd < 0) return __real_close(fd);
    enter(&mask);
    for (struct note *n = by_fd[fd % LISTS], *next; n != NULL; n = next) {
        next = n->next;
        if (n->ident == (uintptr_t)fd) note_delete(n);
    }
    struct kq *closed = kq_find(fd);
    int rc = closed != NULL ? kq_close(closed) : 0;
    leave(&mask);
    return closed != NULL ? rc : __real_close(fd);
}

/* Apply the changes. The number of EV_ERROR entries written, or -errno: one had
 * no room. Both lists may be one array, hence the copy. */
static int
change_all(struct kq *q, const struct kevent *changes, int nchanges,
    struct kevent *out, int nevents)
{
    int count = 0;
    for (int i = 0; i < nchanges; i++) {
        struct kevent c = changes[i];
        int error = change(q, &c);
        if (error == 0 && (c.flags & EV_RECEIPT) == 0) continue;
        if (count == nevents) return error == 0 ? count : -error;
        c.flags = EV_ERROR;
        c.data = error;
        out[count++] = c;
    }
    return count;
}

/* Turn epoll's answer into kevents. The sets inside go last: each has a place
 * among the n, so there is room for one event of each at least. */
static int
collect(struct kq *q, struct epoll_event *ready, int n, struct kevent *out,
    int room)
{
    int count = 0, writes = 0;
    bool own = false;
    for (int i = 0; i < n; i++)
        if (ready[i].data.u64 == WRITE_SET)
            writes++;
        else if (ready[i].data.u64 == OWN_SET)
            own = true;
        else
            count += fd_event(q, &ready[i], EVFILT_READ, out + count);
    if (own) count += own_events(q, out + count, room - count - writes);
    if (writes > 0) writes = epoll_wait(q->write_set, ready, room - count, 0);
    for (int i = 0; i < writes; i++)
        count += fd_event(q, &ready[i], EVFILT_WRITE, out + count);
    return count;
}

/* Wait for events that are not out of date, without the lock and with the
 * signals as in mask: they end it with EINTR. */
static int
wait_events(struct kq *q, struct kevent *out, int room,
    const struct timespec *t, const sigset_t *mask)
{
    struct epoll_event ready[MAX_EVENTS];
    int fd = q->fd, ms = -1;
    if (t != NULL && (t->tv_sec < 0 || t->tv_nsec < 0 || t->tv_nsec >= SECOND))
        return -EINVAL;
    if (t != NULL && t->tv_sec < INT_MAX / 1000) /* longer: for ever */
        ms = (int)(t->tv_sec * 1000 + (t->tv_nsec + 999999) / 1000000);
    int64_t end = ms > 0 ? now_ns() / 1000000 + ms + 1 : 0;
    if (room > MAX_EVENTS) room = MAX_EVENTS;
    for (;;) {
        pthread_mutex_unlock(&lock);
        int n = epoll_pwait(fd, ready, room, ms, mask);
        pthread_mutex_lock(&lock);
        if (n <= 0) return n == 0 ? 0 : -errno;
        if (!q->used || q->fd != fd) return -EBADF;
        n = collect(q, ready, n, out, room);
        if (n > 0) return n;
        int64_t left = end - now_ns() / 1000000;
        if (ms > 0) ms = left > 0 ? (int)left : 0;
    }
}

int
kevent(int fd, const struct kevent *changelist, int nchanges,
    struct kevent *eventlist, int nevents, const struct timespec *t)
{
    int rc = nchanges < 0 || nevents < 0 ? -EINVAL : -EBADF;
    sigset_t mask;
    enter(&mask);
    struct kq *q = fd >= 0 && rc == -EBADF ? kq_find(fd) : NULL;
    if (q != NULL) rc = change_all(q, changelist, nchanges, eventlist, nevents);
    if (rc == 0 && nevents > 0)
        rc = wait_events(q, eventlist, nevents, t, &mask);
    leave(&mask);
    if (rc < 0) errno = -rc;
    return rc < 0 ? -1 : rc;
}
