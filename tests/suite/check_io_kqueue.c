/* check_io_kqueue.c - faults that the kernel seldom has, on kqueue: system
 * calls are wrapped by the linker (-Wl,--wrap), and answer what a test says. */
#include "check_io.h"

#include <sys/event.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const backend_name = "kqueue";
const char *const copy_directory = "05-unified-kqueue";
unsigned long calls_seen;

/* Seconds. Some systems refuse a wait that is longer. */
enum { LONGEST = 100 * 1000 * 1000 };

static struct {
    int kqueue_error, thread_error;
    int eintr;      /* so many next calls apply the changes, and say EINTR */
    int add_error;  /* each EV_ADD of a descriptor is answered with it */
    int call_error; /* one recv, send or accept */
    int accepted;   /* accept answers it, in place of a client */
    size_t at_most; /* bytes of each recv and send; 0: any */
    int most_changes;
    struct kevent spurious; /* comes once, when ident is not 0 */
} fault;

int __real_kqueue(void);
int __wrap_kqueue(void);
int __real_kevent(int, const struct kevent *, int, struct kevent *, int,
    const struct timespec *);
int __wrap_kevent(int, const struct kevent *, int, struct kevent *, int,
    const struct timespec *);
ssize_t __real_recv(int, void *, size_t, int);
ssize_t __wrap_recv(int, void *, size_t, int);
ssize_t __real_send(int, const void *, size_t, int);
ssize_t __wrap_send(int, const void *, size_t, int);
int __real_accept(int, struct sockaddr *, socklen_t *);
int __wrap_accept(int, struct sockaddr *, socklen_t *);
int __real_pthread_create(
    pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(
    pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

static int
fails(int error)
{
    errno = error;
    return -1;
}

int
__wrap_kqueue(void)
{
    return fault.kqueue_error ? fails(fault.kqueue_error) : __real_kqueue();
}

int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
    void *(*run)(void *), void *context)
{
    if (fault.thread_error) return fault.thread_error;
    return __real_pthread_create(thread, attributes, run, context);
}

/* Answer each EV_ADD with an error, as kevent(2) does; the rest is done. */
static int
refuse_changes(
    int kq, const struct kevent *changes, int count, struct kevent *events)
{
    int n = 0;
    for (int i = 0; i < count; i++) {
        if (!(changes[i].flags & EV_ADD)) {
            (void)__real_kevent(kq, &changes[i], 1, NULL, 0, NULL);
            continue;
        }
        events[n] = changes[i];
        events[n].flags = EV_ERROR;
        events[n++].data = fault.add_error;
    }
    return n;
}

int
__wrap_kevent(int kq, const struct kevent *changes, int count,
    struct kevent *events, int room, const struct timespec *timeout)
{
    static const struct timespec zero;
    if (room == 0) return __real_kevent(kq, changes, count, events, 0, timeout);
    calls_seen++;
    if (count > fault.most_changes) fault.most_changes = count;
    if (timeout != NULL && timeout->tv_sec > LONGEST) return fails(EINVAL);
    bool waits = count == 0 || !(changes[0].flags & EV_RECEIPT);
    if (waits && fault.eintr > 0 && fault.eintr-- > 0) {
        if (count > 0) __real_kevent(kq, changes, count, NULL, 0, &zero);
        return fails(EINTR);
    }
    if (fault.add_error != 0 && count > 0)
        return refuse_changes(kq, changes, count, events);
    if (fault.spurious.ident == 0)
        return __real_kevent(kq, changes, count, events, room, timeout);
    if (count > 0) __real_kevent(kq, changes, count, NULL, 0, &zero);
    events[0] = fault.spurious;
    fault.spurious.ident = 0;
    return 1;
}

static int
call_fails(void)
{
    int error = fault.call_error;
    calls_seen++;
    fault.call_error = 0;
    if (error != 0) errno = error;
    return error != 0;
}

ssize_t
__wrap_recv(int fd, void *buf, size_t length, int flags)
{
    if (call_fails()) return -1;
    if (fault.at_most > 0 && length > fault.at_most) length = fault.at_most;
    return __real_recv(fd, buf, length, flags);
}

ssize_t
__wrap_send(int fd, const void *buf, size_t length, int flags)
{
    if (call_fails()) return -1;
    if (fault.at_most > 0 && length > fault.at_most) length = fault.at_most;
    return __real_send(fd, buf, length, flags);
}

int
__wrap_accept(int fd, struct sockaddr *address, socklen_t *length)
{
    if (call_fails()) return -1;
    return fault.accepted ? fault.accepted : __real_accept(fd, address, length);
}

START_TEST(set_up_says_why_it_cannot)
{
    const int errors[] = {EPERM, ENOSYS, ENOMEM, EMFILE};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct io_loop other;
        fault.kqueue_error = errors[i];
        ck_assert_int_eq(io_init(&other, 0), -errors[i]);
        ck_assert_uint_gt(strlen(io_hint(-errors[i])), 5);
    }
}
END_TEST

START_TEST(without_threads_a_file_operation_fails_and_recovers)
{
    int fd;
    char buf[9];
    own_directory();
    fd = own_file("file", "hello", 5);
    fault.thread_error = EAGAIN;
    ck_assert_int_eq(result_of(io_op_read(fd, buf, 9, 0)), -EAGAIN);
    ck_assert_int_eq(result_of(io_op_fsync(fd)), -EAGAIN);
    fault.thread_error = 0;
    ck_assert_int_eq(result_of(io_op_read(fd, buf, 9, 0)), 5);
}
END_TEST

/* A signal ended the wait; the changes are applied all the same. */
START_TEST(eintr_keeps_the_changes)
{
    static struct probe p[300];
    struct two two[300];
    char buf[300];
    for (int i = 0; i < 300; i++) {
        two[i] = two_sockets();
        ask(&p[i], io_op_recv(two[i].ours, &buf[i], 1));
    }
    fault.eintr = 1;
    ticks(1);
    ck_assert_int_eq(fault.eintr, 0);
    fault.most_changes = 0;
    ticks(1);
    ck_assert_int_eq(fault.most_changes, 0);
    for (int i = 0; i < 300; i++)
        ck_assert_int_eq(send(two[i].peer, "x", 1, 0), 1);
    for (int i = 0; i < 300; i++)
        ck_assert_int_eq(answer(&p[i]), 1);
}
END_TEST

/* Also of those that went ahead, as they did not fit into one call. */
START_TEST(a_change_that_fails_is_the_answer)
{
    static struct probe p[300];
    char buf[300];
    fault.add_error = ENOMEM;
    for (int i = 0; i < 300; i++) {
        struct two two = two_sockets();
        ask(&p[i], io_op_recv(two.ours, &buf[i], 1));
    }
    for (int i = 0; i < 300; i++)
        ck_assert_int_eq(answer(&p[i]), -ENOMEM);
    ck_assert_int_eq(fault.most_changes, 256);
}
END_TEST

/* Canceled before its change is refused: one callback, -ECANCELED. */
static void
refuse_what_is_canceled(struct probe *p, int count, int error)
{
    char buf[300];
    for (int i = 0; i < count; i++) {
        struct two two = two_sockets();
        ask(&p[i], io_op_recv(two.ours, &buf[i], 1));
    }
    ticks(1);
    /* An event that says too much: the next wait arms it anew. */
    EV_SET(&fault.spurious, (uintptr_t)p->c.op.fd, EVFILT_READ, 0, 0, 0, &p->c);
    ticks(1);
    fault.add_error = error;
    io_cancel_all(&loop);
    ticks(3);
    fault.add_error = 0;
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(answer(&p[i]), -ECANCELED);
}

START_TEST(a_canceled_change_that_fails_is_canceled)
{
    static struct probe p[300];
    for (int i = 0; i < 4; i++) /* 300: before the wait; 3: in its call */
        refuse_what_is_canceled(p, i < 2 ? 300 : 3, i % 2 ? ENOMEM : 0);
}
END_TEST

START_TEST(a_spurious_event_waits_again)
{
    static struct probe p, q;
    static struct sockaddr_in address;
    struct two two = two_sockets();
    char buf[9];
    start(&p, io_op_recv(two.ours, buf, 9));
    for (int i = 0; i < 5; i++) {
        EV_SET(&fault.spurious, (uintptr_t)two.ours, EVFILT_READ,
            i % 2 ? EV_EOF : 0, ECONNRESET, 0, &p.c);
        ticks(2);
        ck_assert_int_eq(p.calls, 0);
    }
    ck_assert_int_eq(send(two.peer, "hi", 2, 0), 2);
    ck_assert_int_eq(answer(&p), 2);
    /* A connect that is not yet connected is neither done nor lost. */
    int from = listener(&address), last = 0;
    ck_assert_int_eq(listen(from, 0), 0);
    static struct probe waits[4];
    for (int i = 0; i < 4; i++) {
        last = io_socket(AF_INET);
        start(&waits[i], io_op_connect(last, (void *)&address, sizeof address));
    }
    ticks(3);
    ck_assert_int_eq(waits[3].calls, 0);
    EV_SET(
        &fault.spurious, (uintptr_t)last, EVFILT_WRITE, 0, 0, 0, &waits[3].c);
    ticks(3);
    ck_assert_int_eq(waits[3].calls, 0);
    start(&q, io_op_accept(from));
    answer(&q);
}
END_TEST

START_TEST(calls_that_are_interrupted_are_made_again)
{
    struct two two = two_sockets();
    struct sockaddr_in address;
    char buf[9];
    int from = listener(&address), fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(send(two.peer, "hi", 2, 0), 2);
    fault.call_error = EINTR;
    ck_assert_int_eq(result_of(io_op_recv(two.ours, buf, 9)), 2);
    fault.call_error = EINTR;
    ck_assert_int_eq(result_of(io_op_send(two.ours, buf, 9)), 9);
    ck_assert_int_eq(connect(fd, (void *)&address, sizeof address), 0);
    fault.call_error = EINTR;
    ck_assert_int_ge(result_of(io_op_accept(from)), 0);
    fault.call_error = ECONNABORTED;
    ck_assert_int_eq(result_of(io_op_accept(from)), -ECONNABORTED);
}
END_TEST

/* A client whose socket cannot be made ready for use is lost; the listener is
 * as it was. */
START_TEST(what_cannot_be_adopted_is_an_error)
{
    struct sockaddr_in address;
    int from = listener(&address), fd = socket(AF_INET, SOCK_STREAM, 0);
    fault.accepted = 9999; /* no descriptor has this number */
    ck_assert_int_eq(result_of(io_op_accept(from)), -ECONNABORTED);
    fault.accepted = 0;
    ck_assert_int_eq(connect(fd, (void *)&address, sizeof address), 0);
    ck_assert_int_ge(result_of(io_op_accept(from)), 0);
    ck_assert_int_eq(io_adopt(-1), -EBADF);
#ifdef O_PATH /* such a descriptor has flags that cannot be set */
    ck_assert_int_eq(io_adopt(open(".", O_PATH)), -EBADF);
#endif
}
END_TEST

/* Its answer says so, whatever has become of the descriptor. */
START_TEST(a_connect_without_a_socket_is_an_error)
{
    static struct sockaddr_in address;
    static struct probe waits[4];
    int from = listener(&address), last = 0, fds[2];
    ck_assert_int_eq(listen(from, 0), 0);
    for (int i = 0; i < 4; i++) {
        last = io_socket(AF_INET);
        start(&waits[i], io_op_connect(last, (void *)&address, sizeof address));
    }
    ticks(3);
    ck_assert_int_eq(waits[3].calls, 0);
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(dup2(fds[1], last), last);
    EV_SET(
        &fault.spurious, (uintptr_t)last, EVFILT_WRITE, 0, 0, 0, &waits[3].c);
    ck_assert_int_eq(answer(&waits[3]), -ENOTSOCK);
}
END_TEST

START_TEST(short_counts_are_the_answer)
{
    struct two two = two_sockets();
    char buf[9];
    fault.at_most = 3;
    ck_assert_int_eq(result_of(io_op_send(two.ours, "hello", 5)), 3);
    ck_assert_int_eq(write(two.peer, "hello", 5), 5);
    ck_assert_int_eq(result_of(io_op_recv(two.ours, buf, 9)), 3);
    ck_assert_int_eq(result_of(io_op_recv(two.ours, buf, 9)), 2);
}
END_TEST

void
fault_tests(Suite *s)
{
    const TTest *const tests[] = {set_up_says_why_it_cannot,
        without_threads_a_file_operation_fails_and_recovers,
        eintr_keeps_the_changes, a_change_that_fails_is_the_answer,
        a_canceled_change_that_fails_is_canceled, a_spurious_event_waits_again,
        calls_that_are_interrupted_are_made_again,
        what_cannot_be_adopted_is_an_error,
        a_connect_without_a_socket_is_an_error, short_counts_are_the_answer};
    add_tests(s, tests, sizeof tests / sizeof *tests);
}
