/* kqueue.c - kqueue(2) for Linux, made of epoll, timerfd and eventfd.
 *
 * Not part of the lesson; need not be read. With it a program written for BSD
 * and macOS runs here unchanged: EVFILT_READ, _WRITE, _TIMER and _USER behave
 * as kqueue(2) says. On those systems it is not compiled.
 *
 * How it works: a kqueue is an epoll set, so it can itself be polled. A second
 * set inside it is for EVFILT_WRITE: READ and WRITE of one descriptor have
 * their own ONESHOT, CLEAR and udata. Timers are timerfds, user events
 * eventfds. Disabled means taken out of the set, as EPOLLHUP and EPOLLERR come
 * even with a mask of 0; only a ONESHOT or DISPATCH event that has fired stays
 * in, disarmed: to arm it again is one system call. Each arming has a number;
 * what epoll says of an earlier one is dropped. There is one lock, not held
 * during a wait. Signals are blocked while it is held, so that a handler may
 * trigger or close, whatever it interrupts.
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
 *  - To ask Linux for a socket's error clears it, and the program's recv() or
 *    SO_ERROR would miss it. So it stays there; fflags with EV_EOF is inferred:
 *    ECONNRESET, ECONNREFUSED or ETIMEDOUT.
 *  - Timeouts are rounded up to milliseconds. The limits are in the enum. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/event.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    MAX_KQUEUES = 64,
    MAX_FDS = 1 << 20, /* Linux' own default limit */
    MAX_EVENTS = 256,  /* from one kevent() */
    FIRES_ONCE = EV_ONESHOT | EV_DISPATCH,
    KEPT_FLAGS = EV_ONESHOT | EV_DISPATCH | EV_CLEAR,
};

static const int64_t SECOND = 1000000000;
static const uint64_t WRITE_SET = UINT64_MAX; /* its epoll data */

/* One event. Its place in kq.by_fd is its descriptor's, which is our timerfd
 * or eventfd for a timer or user event. */
struct note {
    uintptr_t ident;
    void *udata;
    int64_t data; /* of a user event, as fflags */
    unsigned int fflags;
    uint32_t arming; /* the number of the last one */
    int next;        /* timers and user events: a list; -1 ends it */
    short filter;
    unsigned short flags; /* KEPT_FLAGS, from the first EV_ADD */
    bool exists, enabled; /* as the caller sees it */
    bool armed;           /* may fire */
};

/* One kqueue. */
static struct kq {
    bool open;
    int fd, write_set; /* the two epoll sets; fd is the kqueue */
    int own;           /* where the list of timers and user events begins */
    struct note (*by_fd)[2]; /* MAX_FDS; [1] is for EVFILT_WRITE */
} kqueues[MAX_KQUEUES];

static uint32_t armings;
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

static bool
is_descriptor(short filter)
{
    return filter == EVFILT_READ || filter == EVFILT_WRITE;
}

static bool
get_option(int fd, int level, int name, void *value, socklen_t size)
{
    return getsockopt(fd, level, name, value, &size) == 0;
}

/* Bytes, or a listener's connections. What cannot be counted is 1. */
static int64_t
read_count(int fd)
{
    int bytes = 0;
    struct tcp_info tcp = {0};
    if (ioctl(fd, FIONREAD, &bytes) == 0) return bytes;
    (void)get_option(fd, IPPROTO_TCP, TCP_INFO, &tcp, sizeof tcp);
    return tcp.tcpi_unacked > 0 ? tcp.tcpi_unacked : 1;
}

/* Free bytes of a send buffer or a pipe. epoll says that there are some. */
static int64_t
write_space(int fd)
{
    int size = 0, used = 0;
    bool is_socket = get_option(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (!is_socket) size = fcntl(fd, F_GETPIPE_SZ);
    (void)ioctl(fd, is_socket ? TIOCOUTQ : FIONREAD, &used); /* else: 0 */
    return size > used ? size - used : 1;
}

/* Did the program shut down its own sending? epoll does not say. On a local
 * stream an empty send() sends nothing, and tells. */
static bool
write_is_shut(int fd, int type, int tcp_state)
{
    if (tcp_state != 0)
        return tcp_state != TCP_ESTABLISHED && tcp_state != TCP_CLOSE_WAIT;
    return type == SOCK_STREAM &&
           send(fd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT) == -1 && errno == EPIPE;
}

static unsigned int
likely_error(int type, const struct tcp_info *tcp)
{
    if (tcp->tcpi_retransmits > 2 || tcp->tcpi_probes > 2) return ETIMEDOUT;
    if (type == SOCK_DGRAM) return ECONNREFUSED;
    return tcp->tcpi_state && !tcp->tcpi_rtt ? ECONNREFUSED : ECONNRESET;
}

/* Fill in data, EV_EOF and fflags. */
static void
describe(int fd, uint32_t ready, struct kevent *ev)
{
    struct tcp_info tcp = {0};
    int type = 0;
    bool is_read = ev->filter == EVFILT_READ, error = (ready & EPOLLERR) != 0;
    ev->data = is_read ? read_count(fd) : write_space(fd);
    if (ready & (EPOLLHUP | EPOLLRDHUP | EPOLLERR)) ev->flags |= EV_EOF;
    if (is_read && !error) return;
    bool is_socket = get_option(fd, SOL_SOCKET, SO_TYPE, &type, sizeof type);
    (void)get_option(fd, IPPROTO_TCP, TCP_INFO, &tcp, sizeof tcp);
    if (is_socket && error)
        ev->fflags = likely_error(type, &tcp);
    else if (write_is_shut(fd, type, tcp.tcpi_state))
        ev->flags |= EV_EOF;
}

/* Start a timer anew. 0, or EINVAL: no such unit or period. */
static int
timer_start(struct note *n, int fd, const struct kevent *c)
{
    static const int64_t units[] = {1000000, [NOTE_SECONDS] = 1000000000,
        [NOTE_MSECONDS] = 1000000, [NOTE_USECONDS] = 1000, [NOTE_NSECONDS] = 1};
    bool repeats = (n->flags & EV_ONESHOT) == 0;
    int64_t unit = c->fflags <= NOTE_NSECONDS ? units[c->fflags] : 0;
    if (unit == 0 || c->data < 0) return EINVAL;
    int64_t ns = c->data > INT64_MAX / unit ? INT64_MAX : c->data * unit;
    if (ns == 0) ns = repeats ? unit : 1; /* timerfd takes 0 for "never" */
    struct itimerspec t = {.it_value = {ns / SECOND, ns % SECOND}};
    if (repeats) t.it_interval = t.it_value;
    return timerfd_settime(fd, 0, &t, NULL) == 0 ? 0 : errno;
}

static void
user_change(struct note *n, int fd, const struct kevent *c)
{
    const uint64_t one = 1;
    unsigned int user = c->fflags & NOTE_FFLAGSMASK;
    unsigned int how = c->fflags & NOTE_FFCTRLMASK;
    if (how == NOTE_FFAND) n->fflags &= user;
    if (how == NOTE_FFOR) n->fflags |= user;
    if (how == NOTE_FFCOPY) n->fflags = user;
    n->data = c->data;
    if (c->fflags & NOTE_TRIGGER)
        (void)!write(fd, &one, sizeof one); /* full: it fires anyway */
}

/* Read the timerfd or eventfd, which sets it back, and fill in *ev. Only a user
 * event without EV_CLEAR stays as it is. false: there was nothing to read, as
 * another thread was faster. */
static bool
own_event(struct note *n, int fd, struct kevent *ev)
{
    int64_t count = 0;
    bool timer = n->filter == EVFILT_TIMER;
    if (timer || (n->flags & (EV_CLEAR | EV_ONESHOT)))
        if (read(fd, &count, sizeof count) == -1) return false;
    ev->data = timer ? count : n->data;
    ev->fflags = n->fflags;
    if (timer) ev->flags |= EV_CLEAR;
    return true;
}

/* The descriptor under which an event is in by_fd, or -1. */
static int
note_find(struct kq *q, short filter, uintptr_t ident)
{
    bool is_write = filter == EVFILT_WRITE;
    int fd = is_descriptor(filter) ? (int)ident : q->own;
    if (is_descriptor(filter)) return q->by_fd[fd][is_write].exists ? fd : -1;
    for (; fd != -1; fd = q->by_fd[fd][0].next)
        if (q->by_fd[fd][0].filter == filter && q->by_fd[fd][0].ident == ident)
            break;
    return fd;
}

/* Let it fire from now on, as its flags say. 0 or an errno. */
static int
note_arm(struct kq *q, struct note *n, int fd)
{
    int set = n->filter == EVFILT_WRITE ? q->write_set : q->fd;
    n->arming = ++armings;
    struct epoll_event ev = {.events = EPOLLIN,
        .data.u64 = (uint64_t)n->arming << 32 | (unsigned int)fd};
    if (n->filter == EVFILT_READ) ev.events |= EPOLLRDHUP;
    if (n->filter == EVFILT_WRITE) ev.events = EPOLLOUT;
    if (is_descriptor(n->filter)) { /* the others are set back by a read */
        if (n->flags & FIRES_ONCE) ev.events |= EPOLLONESHOT;
        if (n->flags & EV_CLEAR) ev.events |= EPOLLET;
    }
    int rc = epoll_ctl(set, EPOLL_CTL_MOD, fd, &ev);
    if (rc == -1 && errno == ENOENT)
        rc = epoll_ctl(set, EPOLL_CTL_ADD, fd, &ev);
    n->armed = rc == 0;
    return rc == 0 ? 0 : errno == EPERM ? EINVAL : errno;
}

static void
note_disarm(struct kq *q, struct note *n, int fd)
{
    int set = n->filter == EVFILT_WRITE ? q->write_set : q->fd;
    if (n->armed) (void)epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL);
    n->armed = false;
}

static void
note_delete(struct kq *q, struct note *n, int fd)
{
    int *link = &q->own;
    note_disarm(q, n, fd);
    n->exists = false;
    if (is_descriptor(n->filter)) return;
    while (*link != fd)
        link = &q->by_fd[*link][0].next;
    *link = n->next;
    (void)__real_close(fd);
}

/* Make the event of an EV_ADD. Its descriptor, or -1 and errno. */
static int
note_add(struct kq *q, const struct kevent *c)
{
    int fd = (int)c->ident;
    if (c->filter == EVFILT_USER) fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->filter == EVFILT_TIMER)
        fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd == -1) return -1;
    struct note *n = &q->by_fd[fd][c->filter == EVFILT_WRITE];
    *n = (struct note){.ident = c->ident,
        .filter = c->filter,
        .flags = c->flags & KEPT_FLAGS,
        .exists = true,
        .enabled = true};
    if (is_descriptor(c->filter)) return fd;
    if (c->filter == EVFILT_USER) n->fflags = c->fflags & NOTE_FFLAGSMASK;
    n->next = q->own;
    return q->own = fd;
}

/* Apply a change to an event that exists. 0 or an errno. */
static int
note_change(struct kq *q, struct note *n, int fd, const struct kevent *c)
{
    int error = 0;
    if (n->filter == EVFILT_USER) user_change(n, fd, c);
    if (n->filter == EVFILT_TIMER && (c->flags & EV_ADD))
        error = timer_start(n, fd, c);
    if (error != 0) return error;
    n->udata = c->udata;
    if (c->flags & EV_ENABLE) n->enabled = true;
    if (c->flags & EV_DISABLE) n->enabled = false;
    if (n->enabled) return note_arm(q, n, fd);
    note_disarm(q, n, fd);
    return fcntl(fd, F_GETFD) == -1 ? EBADF : 0;
}

/* Apply one change. 0 or an errno. */
static int
change(struct kq *q, const struct kevent *c)
{
    bool on_fd = is_descriptor(c->filter), add = (c->flags & EV_ADD) != 0;
    if (!on_fd && c->filter != EVFILT_TIMER && c->filter != EVFILT_USER)
        return EINVAL;
    if (on_fd && c->ident >= MAX_FDS) return EBADF;
    if (on_fd && add && (c->fflags & NOTE_LOWAT)) return EINVAL;
    int fd = note_find(q, c->filter, c->ident);
    bool exists = fd != -1;
    if (!exists && !add)
        return on_fd && fcntl((int)c->ident, F_GETFD) == -1 ? EBADF : ENOENT;
    if (!exists && (fd = note_add(q, c)) == -1) return errno;
    struct note *n = &q->by_fd[fd][c->filter == EVFILT_WRITE];
    bool delete = exists && (c->flags & EV_DELETE);
    int error = delete ? 0 : note_change(q, n, fd, c);
    if (delete || (!exists && error != 0)) note_delete(q, n, fd);
    return error;
}

/* Turn what epoll said into a kevent. 1, or 0: it is out of date. */
static int
note_event(struct kq *q, const struct epoll_event *ready, bool is_write,
    struct kevent *ev)
{
    int fd = (int)(ready->data.u64 & (MAX_FDS - 1));
    struct note *n = &q->by_fd[fd][is_write];
    if (!n->armed || n->arming != ready->data.u64 >> 32) return 0;
    EV_SET(ev, n->ident, n->filter, n->flags, 0, 0, n->udata);
    bool on_fd = is_descriptor(n->filter);
    if (on_fd)
        describe(fd, ready->events, ev);
    else if (!own_event(n, fd, ev))
        return 0;
    if ((n->flags & FIRES_ONCE) == 0) return 1;
    n->enabled = false;
    if (on_fd) n->armed = false; /* EPOLLONESHOT has done that */
    if (n->flags & EV_ONESHOT)
        note_delete(q, n, fd);
    else
        note_disarm(q, n, fd);
    return 1;
}

/* The kqueue of a descriptor, or NULL. For -1, an unused one. */
static struct kq *
kq_find(int fd)
{
    for (struct kq *q = kqueues; q < kqueues + MAX_KQUEUES; q++)
        if ((q->open ? q->fd : -1) == fd) return q;
    return NULL;
}

/* Close a kqueue, or what there is of it. epoll is not asked to remove what is
 * in it: after a fork, that would remove it in the parent. */
static int
kq_close(struct kq *q)
{
    struct kq old = *q;
    q->open = false;
    for (int fd = old.own; fd != -1; fd = old.by_fd[fd][0].next)
        (void)__real_close(fd);
    (void)munmap(old.by_fd, MAX_FDS * sizeof *old.by_fd);
    (void)__real_close(old.write_set);
    return __real_close(old.fd);
}

int
kqueue(void)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = WRITE_SET};
    struct kq new = {.open = true, .own = -1};
    sigset_t mask;
    enter(&mask);
    struct kq *q = kq_find(-1);
    new.fd = epoll_create1(EPOLL_CLOEXEC);
    new.write_set = epoll_create1(EPOLL_CLOEXEC);
    new.by_fd = mmap(NULL, MAX_FDS * sizeof *new.by_fd, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    bool made = q != NULL && new.by_fd !=
                                 MAP_FAILED &&epoll_ctl(new.fd, EPOLL_CTL_ADD,
                                     new.write_set, &ev) == 0;
    if (made)
        *q = new;
    else
        (void)kq_close(&new);
    leave(&mask);
    if (made) return new.fd;
    errno = new.by_fd == MAP_FAILED ? ENOMEM : EMFILE;
    return -1;
}

/* A child does not inherit a kqueue, nor a lock that a thread has. */
static void
fork_child(void)
{
    lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    for (struct kq *q = kqueues; q < kqueues + MAX_KQUEUES; q++)
        if (q->open) (void)kq_close(q);
}

__attribute__((constructor)) static void
fork_watch(void)
{
    (void)pthread_atfork(NULL, NULL, fork_child);
}

/* close(2), by -Wl,--wrap=close: the events of a descriptor go with it. */
int
__wrap_close(int fd)
{
    sigset_t mask;
    if (fd < 0 || fd >= MAX_FDS) return __real_close(fd);
    enter(&mask);
    for (struct kq *q = kqueues; q < kqueues + MAX_KQUEUES; q++)
        for (int i = 0; q->open && i < 2; i++) {
            note_disarm(q, &q->by_fd[fd][i], fd);
            q->by_fd[fd][i].exists = false;
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
now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A timeout in milliseconds, rounded up: never early. -1: for ever, and what
 * is far off counts as that. -2: not valid. */
static int
timeout_ms(const struct timespec *t)
{
    if (t == NULL) return -1;
    if (t->tv_sec < 0 || t->tv_nsec < 0 || t->tv_nsec >= SECOND) return -2;
    if (t->tv_sec >= INT_MAX / 1000) return -1;
    return (int)t->tv_sec * 1000 + (int)((t->tv_nsec + 999999) / 1000000);
}

/* Wait for events that are not out of date, with the lock set free and the
 * signals as in mask meanwhile: they end the wait with EINTR. */
static int
wait_events(struct kq *q, int fd, struct kevent *out, int room, int timeout,
    const sigset_t *mask)
{
    struct epoll_event ready[MAX_EVENTS];
    int64_t end = timeout > 0 ? now_ms() + timeout : 0;
    if (room > MAX_EVENTS) room = MAX_EVENTS;
    for (;;) {
        pthread_mutex_unlock(&lock);
        int n = epoll_pwait(fd, ready, room, timeout, mask);
        pthread_mutex_lock(&lock);
        if (n <= 0) return n == 0 ? 0 : -errno;
        if (!q->open || q->fd != fd) return -EBADF;
        n = collect(q, ready, n, out, room);
        if (n > 0) return n;
        if (timeout > 0) timeout = end > now_ms() ? (int)(end - now_ms()) : 0;
    }
}

int
kevent(int fd, const struct kevent *changelist, int nchanges,
    struct kevent *eventlist, int nevents, const struct timespec *timeout)
{
    int rc = nchanges < 0 || nevents < 0 ? -EINVAL : -EBADF;
    int ms = timeout_ms(timeout);
    sigset_t mask;
    enter(&mask);
    struct kq *q = fd >= 0 && rc == -EBADF ? kq_find(fd) : NULL;
    if (q != NULL) rc = change_all(q, changelist, nchanges, eventlist, nevents);
    if (rc == 0 && nevents > 0 && ms == -2) rc = -EINVAL;
    if (rc == 0 && nevents > 0)
        rc = wait_events(q, fd, eventlist, nevents, ms, &mask);
    leave(&mask);
    if (rc >= 0) return rc;
    errno = -rc;
    return -1;
}
