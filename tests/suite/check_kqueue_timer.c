/* check_kqueue_timer.c - EVFILT_TIMER. */
#include "check_kqueue.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

/* EVFILT_TIMER: periodic, in milliseconds; data counts expirations. */
START_TEST(timer_is_periodic)
{
    int64_t start = now_ms(), count = 0;
    ck_assert_int_eq(timer(1, 0, 0, 10), 0);
    while (count < 5) {
        fires(1, EVFILT_TIMER);
        ck_assert_int_ge(got[0].data, 1);
        count += got[0].data;
    }
    ck_assert_int_ge(now_ms() - start, count * 10 - 1);
}
END_TEST

/* EVFILT_TIMER: data is the number of expirations since the last kevent(). */
START_TEST(timer_counts_expirations)
{
    int first = kq;
    ck_assert_int_eq(timer(1, 0, 0, 5), 0);
    ck_assert_int_ne(kq = kqueue(), -1);
    ck_assert_int_eq(timer(2, EV_ONESHOT, 0, 30), 0);
    fires(2, EVFILT_TIMER);
    kq = first;
    fires(1, EVFILT_TIMER);
    ck_assert_int_ge(got[0].data, 4);
}
END_TEST

/* EVFILT_TIMER: EV_CLEAR is set automatically. */
START_TEST(timer_clears_itself)
{
    ck_assert_int_eq(timer(1, 0, 0, 300), 0);
    ck_assert(fires(1, EVFILT_TIMER) & EV_CLEAR);
    ck_assert(quiet());
}
END_TEST

/* EVFILT_TIMER: periodic unless EV_ONESHOT. */
START_TEST(timer_oneshot)
{
    ck_assert_int_eq(timer(1, EV_ONESHOT, 0, 1), 0);
    ck_assert_int_eq(poll(NULL, 0, 20), 0);
    fires(1, EVFILT_TIMER);
    ck_assert_int_eq(got[0].data, 1);
    ck_assert_int_eq(collect(ROOM, 20), 0);
    ck_assert_int_eq(ask(1, EVFILT_TIMER, EV_DELETE, 0, 0, NULL), ENOENT);
}
END_TEST

/* EVFILT_TIMER: NOTE_SECONDS, NOTE_USECONDS, NOTE_NSECONDS. */
START_TEST(timer_units)
{
    int64_t start = now_ms();
    ck_assert_int_eq(timer(1, EV_ONESHOT, NOTE_SECONDS, 1), 0);
    ck_assert_int_eq(timer(2, EV_ONESHOT, NOTE_USECONDS, 50000), 0);
    ck_assert_int_eq(timer(3, EV_ONESHOT, NOTE_NSECONDS, 1000000), 0);
    fires(3, EVFILT_TIMER);
    fires(2, EVFILT_TIMER);
    ck_assert_int_ge(now_ms() - start, 49);
    fires(1, EVFILT_TIMER);
    ck_assert_int_ge(now_ms() - start, 999);
}
END_TEST

/* EVFILT_TIMER: a period of 0 counts as 1 (FreeBSD's manual). */
START_TEST(timer_with_period_0)
{
    ck_assert_int_eq(timer(1, 0, 0, 0), 0);
    fires(1, EVFILT_TIMER);
}
END_TEST

/* EVFILT_TIMER: adding it again restarts it, and what had expired is lost. */
START_TEST(timer_added_again_starts_anew)
{
    int first = kq;
    ck_assert_int_eq(timer(1, 0, 0, 1), 0);
    ck_assert_int_ne(kq = kqueue(), -1);
    ck_assert_int_eq(timer(2, EV_ONESHOT, 0, 10), 0);
    fires(2, EVFILT_TIMER);
    kq = first;
    ck_assert_int_eq(timer(1, 0, NOTE_SECONDS, 1000), 0);
    ck_assert(quiet());
    ck_assert_int_eq(timer(1, 0, 0, 1), 0);
    fires(1, EVFILT_TIMER);
}
END_TEST

/* EV_DELETE and EV_DISABLE of a timer. */
START_TEST(timer_disabled_and_deleted)
{
    ck_assert_int_eq(timer(1, 0, 0, 1), 0);
    ck_assert_int_eq(timer(2, 0, 0, 1), 0);
    ck_assert_int_eq(ask(1, EVFILT_TIMER, EV_DISABLE, 0, 0, NULL), 0);
    ck_assert_int_eq(ask(2, EVFILT_TIMER, EV_DELETE, 0, 0, NULL), 0);
    ck_assert_int_eq(collect(ROOM, 20), 0);
    ck_assert_int_eq(ask(1, EVFILT_TIMER, EV_ENABLE, 0, 0, &mark), 0);
    fires(1, EVFILT_TIMER);
    ck_assert_ptr_eq(got[0].udata, &mark);
}
END_TEST

/* EVFILT_READ, kqueues: one that has a timer can be waited for by poll(2). It
 * is readable from the expiration on, until that is collected. */
START_TEST(timer_makes_the_kqueue_readable)
{
    struct pollfd p = {.fd = kq, .events = POLLIN};
    int64_t start = now_ms();
    ck_assert_int_eq(timer(1, 0, 0, 40), 0);
    ck_assert_int_eq(poll(&p, 1, 0), 0);
    ck_assert_int_eq(poll(&p, 1, -1), 1);
    ck_assert_int_ge(now_ms() - start, 39);
    fires(1, EVFILT_TIMER);
    ck_assert_int_eq(poll(&p, 1, 0), 0);
    ck_assert_int_eq(poll(&p, 1, -1), 1);
    ck_assert_int_eq(ask(1, EVFILT_TIMER, EV_DELETE, 0, 0, NULL), 0);
    ck_assert_int_eq(poll(&p, 1, 0), 0);
}
END_TEST

/* EVFILT_TIMER: ident is any number: there can be many, and an earlier one that
 * comes later is not overlooked. */
START_TEST(timers_are_many)
{
    int seen[100] = {0};
    ck_assert_int_eq(timer(100, EV_ONESHOT, NOTE_SECONDS, 1000), 0);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(timer(i, EV_ONESHOT, 0, 1 + (i * 37) % 50), 0);
    for (int left = 100; left > 0; left--) {
        ck_assert_int_eq(collect(1, -1), 1);
        ck_assert_uint_lt(got[0].ident, 100);
        ck_assert_int_eq(seen[got[0].ident]++, 0);
    }
    ck_assert(quiet());
}
END_TEST

/* EV_DISPATCH, EV_ENABLE: expirations go on meanwhile, and are counted. */
START_TEST(timer_dispatch)
{
    ck_assert_int_eq(timer(1, EV_DISPATCH, 0, 1), 0);
    fires(1, EVFILT_TIMER);
    ck_assert_int_eq(collect(ROOM, 20), 0);
    ck_assert_int_eq(ask(1, EVFILT_TIMER, EV_ENABLE, 0, 0, NULL), 0);
    fires(1, EVFILT_TIMER);
    ck_assert_int_ge(got[0].data, 15);
    ck_assert(quiet());
}
END_TEST

/* EVFILT_TIMER: a very long time is refused or waited for, not done at once. */
START_TEST(timer_of_decades)
{
    struct kevent c;
    (void)timer(1, EV_ONESHOT, NOTE_SECONDS, INT_MAX);
    EV_SET(&c, 2, EVFILT_TIMER, EV_ADD, NOTE_SECONDS, INTPTR_MAX / 3, NULL);
    (void)kevent(kq, &c, 1, NULL, 0, NULL);
    ck_assert_int_eq(collect(ROOM, 20), 0);
}
END_TEST

/* EINVAL: two units at once are none. What is refused is not there. */
START_TEST(timer_with_two_units_is_refused)
{
    ck_assert_int_eq(timer(1, 0, NOTE_SECONDS | NOTE_USECONDS, 1), EINVAL);
    ck_assert_int_eq(timer(1, 0, NOTE_SECONDS | NOTE_NSECONDS, 1), EINVAL);
    ck_assert_int_eq(ask(1, EVFILT_TIMER, EV_DELETE, 0, 0, NULL), ENOENT);
}
END_TEST

void
timer_tests(Suite *s)
{
    const TTest *const tests[] = {timer_is_periodic, timer_counts_expirations,
        timer_clears_itself, timer_oneshot, timer_units, timer_with_period_0,
        timer_added_again_starts_anew, timer_disabled_and_deleted,
        timer_makes_the_kqueue_readable, timers_are_many, timer_dispatch,
        timer_of_decades, timer_with_two_units_is_refused};
    add_tests(s, tests, sizeof tests / sizeof *tests);
}
