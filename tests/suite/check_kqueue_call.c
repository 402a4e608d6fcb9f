/* check_kqueue_call.c - kevent() itself: lists, errors, waiting. */
#include "check_kqueue.h"

#include <sys/resource.h>
#include <sys/time.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

/* EBADF: what is not a kqueue. */
START_TEST(other_descriptors_are_no_kqueue)
{
    struct kevent e;
    struct timespec t = {0, 0};
    ck_assert_int_eq(kevent(a, NULL, 0, &e, 1, &t), -1);
    ck_assert_int_eq(errno, EBADF);
    ck_assert_int_eq(kevent(-1, NULL, 0, &e, 1, &t), -1);
    ck_assert_int_eq(errno, EBADF);
}
END_TEST

/* EINVAL: the specified filter is invalid. */
START_TEST(unknown_filter_is_refused)
{
    ck_assert_int_eq(add(a, 100, 0), EINVAL);
}
END_TEST

/* EINVAL: the specified time limit is invalid. */
START_TEST(bad_timeout_is_refused)
{
    struct kevent e;
    struct timespec t = {0, 1000000000};
    ck_assert_int_eq(kevent(kq, NULL, 0, &e, 1, &t), -1);
    ck_assert_int_eq(errno, EINVAL);
    t = (struct timespec){-1, 0};
    ck_assert_int_eq(kevent(kq, NULL, 0, &e, 1, &t), -1);
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

/* ENOENT: nothing to modify or delete, whatever the filter. */
START_TEST(missing_events_are_refused)
{
    static const int filters[] = {
        EVFILT_READ, EVFILT_WRITE, EVFILT_TIMER, EVFILT_USER};
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(ask(a, filters[i], EV_DELETE, 0, 0, NULL), ENOENT);
        ck_assert_int_eq(ask(a, filters[i], EV_ENABLE, 0, 0, NULL), ENOENT);
        ck_assert_int_eq(ask(a, filters[i], EV_DISABLE, 0, 0, NULL), ENOENT);
    }
    ck_assert_int_eq(trigger(1, 0), ENOENT);
}
END_TEST

/* Return values: a failed change becomes an EV_ERROR entry with the errno in
 * data, and only such entries come back, at once. Later changes still apply. */
START_TEST(failed_changes_become_entries)
{
    struct kevent c[3];
    put(b, 1);
    ck_assert_int_eq(add(b, WRITES, 0), 0);
    EV_SET(&c[0], a, EVFILT_WRITE, EV_DELETE, 0, 0, &mark);
    EV_SET(&c[1], a, EVFILT_READ, EV_ADD, 0, 0, NULL);
    EV_SET(&c[2], 7, EVFILT_TIMER, EV_DELETE, 0, 0, NULL);
    ck_assert_int_eq(kevent(kq, c, 3, got, ROOM, NULL), 2);
    ck_assert(got[0].flags & EV_ERROR && got[1].flags & EV_ERROR);
    ck_assert_int_eq(got[0].data, ENOENT);
    ck_assert_uint_eq(got[0].ident, (uintptr_t)a);
    ck_assert_int_eq(got[0].filter, EVFILT_WRITE);
    ck_assert_ptr_eq(got[0].udata, &mark);
    ck_assert_uint_eq(got[1].ident, 7);
    ck_assert_int_eq(collect(ROOM, 0), 2); /* of a READ, of b WRITE */
}
END_TEST

/* Return values: with no room for the entry: -1 and errno. It ends there. */
START_TEST(failed_change_without_room_stops)
{
    struct kevent c[3];
    put(b, 1);
    EV_SET(&c[0], a, EVFILT_READ, EV_ADD, 0, 0, NULL);
    EV_SET(&c[1], a, EVFILT_WRITE, EV_DELETE, 0, 0, NULL);
    EV_SET(&c[2], a, EVFILT_WRITE, EV_ADD, 0, 0, NULL);
    ck_assert_int_eq(kevent(kq, c, 3, NULL, 0, NULL), -1);
    ck_assert_int_eq(errno, ENOENT);
    fires(a, READS);
}
END_TEST

/* EV_RECEIPT: an EV_ERROR entry with data 0 for a change that went well, and no
 * pending events are drained. */
START_TEST(receipt_is_an_entry)
{
    struct kevent c;
    put(b, 1);
    EV_SET(&c, a, EVFILT_READ, EV_ADD | EV_RECEIPT, 0, 0, NULL);
    ck_assert_int_eq(kevent(kq, &c, 1, got, ROOM, NULL), 1);
    ck_assert(got[0].flags & EV_ERROR);
    ck_assert_int_eq(got[0].data, 0);
    fires(a, READS);
    ck_assert_int_eq(ask(a, READS, EV_ADD | EV_RECEIPT, 0, 0, NULL), 0);
}
END_TEST

/* Description: the same array may be used for both lists. All changes are
 * applied before events are read. */
START_TEST(both_lists_may_be_one_array)
{
    struct kevent e[2];
    put(b, 1);
    EV_SET(&e[0], a, EVFILT_READ, EV_ADD, 0, 0, NULL);
    EV_SET(&e[1], a, EVFILT_WRITE, EV_ADD, 0, 0, NULL);
    ck_assert_int_eq(kevent(kq, e, 2, e, 2, NULL), 2);
    ck_assert_int_ne(e[0].filter, e[1].filter);
    EV_SET(&e[0], a, EVFILT_TIMER, EV_DELETE, 0, 0, NULL);
    EV_SET(&e[1], b, EVFILT_TIMER, EV_DELETE, 0, 0, NULL);
    ck_assert_int_eq(kevent(kq, e, 2, e, 2, NULL), 2);
    ck_assert_uint_eq(e[1].ident, (uintptr_t)b);
    ck_assert_int_eq(e[1].data, ENOENT);
}
END_TEST

/* Description: with nevents 0 it returns at once, whatever the timeout. */
START_TEST(no_room_never_waits)
{
    ck_assert_int_eq(kevent(kq, NULL, 0, NULL, 0, NULL), 0);
    ck_assert_int_eq(add(a, READS, 0), 0);
}
END_TEST

/* Return values: if the time limit expires, 0; and not before. */
START_TEST(timeout_is_never_early)
{
    struct timespec t = {0, 900000};
    int64_t start = now_ms();
    ck_assert_int_eq(collect(1, 30), 0);
    ck_assert_int_ge(now_ms() - start, 29);
    for (int i = 0; i < 50; i++) {
        start = now_ns();
        ck_assert_int_eq(kevent(kq, NULL, 0, got, 1, &t), 0);
        ck_assert_int_ge(now_ns() - start, t.tv_nsec);
    }
}
END_TEST

/* Return values: not more events than nevents; the rest is for later. */
START_TEST(no_more_events_than_room)
{
    put(b, 1);
    put(a, 1);
    add(a, READS, EV_ONESHOT);
    add(b, READS, EV_ONESHOT);
    add(a, WRITES, EV_ONESHOT);
    add(b, WRITES, EV_ONESHOT);
    ck_assert_int_eq(collect(3, 0), 3);
    ck_assert_int_eq(collect(3, 0), 1);
    ck_assert(quiet());
}
END_TEST

/* Description: changelist has nchanges elements; more than a kernel's batch. */
START_TEST(hundreds_of_changes_in_one_call)
{
    static struct kevent c[ROOM];
    int fd, n = 0;
    put(b, 1);
    while (n < ROOM - 10 && (fd = dup(a)) != -1) {
        EV_SET(&c[n], fd, EVFILT_READ, EV_ADD | EV_ONESHOT, 0, 0, &c[n]);
        n++;
    }
    ck_assert_int_eq(kevent(kq, c, n, NULL, 0, NULL), 0);
    for (int seen = 0, k; seen < n; seen += k) {
        ck_assert_int_gt(k = collect(ROOM, -1), 0);
        for (int i = 0; i < k; i++)
            ck_assert_uint_eq(
                got[i].ident, ((struct kevent *)got[i].udata)->ident);
    }
    ck_assert(quiet());
}
END_TEST

/* Description: two kqueues know nothing of each other. */
START_TEST(two_kqueues_are_apart)
{
    int first = kq;
    put(b, 1);
    ck_assert_int_eq(add(a, READS, EV_ONESHOT), 0);
    ck_assert_int_ne(kq = kqueue(), -1);
    ck_assert_int_eq(add(a, READS, 0), 0);
    fires(a, READS);
    ck_assert_int_eq(ask(a, READS, EV_DELETE, 0, 0, NULL), 0);
    kq = first;
    fires(a, READS);
}
END_TEST

/* EVFILT_READ, kqueues: a kqueue can be waited for, by poll(2) too. */
START_TEST(kqueue_can_be_waited_for)
{
    int inner = kq;
    struct pollfd p = {.fd = inner, .events = POLLIN};
    ck_assert_int_eq(add(a, READS, 0), 0);
    ck_assert_int_ne(kq = kqueue(), -1);
    ck_assert_int_eq(add(inner, READS, 0), 0);
    ck_assert_int_eq(poll(&p, 1, 0), 0);
    ck_assert(quiet());
    put(b, 1);
    ck_assert_int_eq(poll(&p, 1, -1), 1);
    fires(inner, READS);
    ck_assert_int_ge(got[0].data, 1);
    kq = inner;
    fires(a, READS);
    take(a, 1);
    ck_assert_int_eq(poll(&p, 1, 0), 0);
}
END_TEST

static void
on_alarm(int sig)
{
    (void)sig;
}

/* Errors: EINTR when a signal comes first; the changes are applied. */
START_TEST(signal_interrupts_but_changes_stay)
{
    struct kevent c;
    struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    struct itimerval soon = {.it_value.tv_usec = 20000};
    sigaction(SIGALRM, &sa, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    EV_SET(&c, a, EVFILT_READ, EV_ADD, 0, 0, NULL);
    ck_assert_int_eq(kevent(kq, &c, 1, got, ROOM, NULL), -1);
    ck_assert_int_eq(errno, EINTR);
    put(b, 1);
    fires(a, READS);
}
END_TEST

/* EVFILT_READ, NOTE_LOWAT: a low-water mark. The emulation has none and must
 * say so: EINVAL. Either it is refused, or it is honoured. */
START_TEST(lowat_is_refused_or_honoured)
{
    if (ask(a, READS, EV_ADD, NOTE_LOWAT, 50, NULL) == EINVAL) return;
    put(b, 49);
    ck_assert(quiet());
    put(b, 1);
    fires(a, READS);
}
END_TEST

/* kqueue(), EMFILE: the descriptor table is full. What was opened meanwhile is
 * closed: as soon as there is room enough, it works. (One descriptor is enough
 * for a system; the emulation takes four.) */
START_TEST(full_table_is_refused)
{
    struct rlimit old, few;
    int fds[64], n = 0, made = -1;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    few = old;
    few.rlim_cur = 64;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    while ((fds[n] = dup(a)) != -1)
        n++;
    ck_assert_int_eq(kqueue(), -1);
    ck_assert_int_eq(errno, EMFILE);
    for (int i = 0; i < 4; i++) {
        if (made != -1) close(made);
        close(fds[--n]);
        if ((made = kqueue()) == -1) ck_assert_int_eq(errno, EMFILE);
    }
    ck_assert_int_ne(made, -1);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
}
END_TEST

/* Description: changelist has nchanges elements. -1 is refused, or is none. */
START_TEST(negative_lengths_change_nothing)
{
    struct kevent c;
    EV_SET(&c, a, EVFILT_READ, EV_ADD, 0, 0, NULL);
    ck_assert_int_le(kevent(kq, &c, -1, NULL, 0, NULL), 0);
    ck_assert_int_eq(ask(a, READS, EV_DELETE, 0, 0, NULL), ENOENT);
}
END_TEST

void
call_tests(Suite *s)
{
    const TTest *const tests[] = {other_descriptors_are_no_kqueue,
        unknown_filter_is_refused, bad_timeout_is_refused,
        missing_events_are_refused, failed_changes_become_entries,
        failed_change_without_room_stops, receipt_is_an_entry,
        both_lists_may_be_one_array, no_room_never_waits,
        timeout_is_never_early, no_more_events_than_room,
        hundreds_of_changes_in_one_call, two_kqueues_are_apart,
        kqueue_can_be_waited_for, signal_interrupts_but_changes_stay,
        lowat_is_refused_or_honoured, full_table_is_refused,
        negative_lengths_change_nothing};
    add_tests(s, tests, sizeof tests / sizeof *tests);
}
