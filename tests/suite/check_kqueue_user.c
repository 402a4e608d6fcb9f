/* check_kqueue_user.c - EVFILT_USER, alone and beside timers. */
#include "check_kqueue.h"

#include <sys/resource.h>

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* EVFILT_USER: NOTE_TRIGGER causes the event, nothing else does; it stays
 * triggered without EV_CLEAR. */
START_TEST(user_stays_triggered)
{
    ck_assert_int_eq(add(1, EVFILT_USER, 0), 0);
    ck_assert(quiet());
    ck_assert_int_eq(trigger(1, 0), 0);
    fires(1, EVFILT_USER);
    fires(1, EVFILT_USER);
}
END_TEST

/* EV_CLEAR: a user event is reset when it is retrieved; triggers coalesce. */
START_TEST(user_clear)
{
    ck_assert_int_eq(add(1, EVFILT_USER, EV_CLEAR), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(trigger(1, 0), 0);
        ck_assert_int_eq(trigger(1, 0), 0);
        fires(1, EVFILT_USER);
        ck_assert(quiet());
    }
}
END_TEST

/* EV_ONESHOT: a user event too is deleted once it is retrieved. */
START_TEST(user_oneshot)
{
    ck_assert_int_eq(add(1, EVFILT_USER, EV_ONESHOT), 0);
    ck_assert_int_eq(trigger(1, 0), 0);
    fires(1, EVFILT_USER);
    ck_assert(quiet());
    ck_assert_int_eq(trigger(1, 0), ENOENT);
}
END_TEST

/* EVFILT_USER: NOTE_FFNOP, NOTE_FFAND, NOTE_FFOR, NOTE_FFCOPY on the lower 24
 * bits, which are returned. */
START_TEST(user_fflags)
{
    static const struct {
        unsigned int how, bits, result;
    } steps[] = {{NOTE_FFCOPY, 0x55, 0x55}, {NOTE_FFOR, 0x0a, 0x5f},
        {NOTE_FFAND, 0x3c, 0x1c}, {NOTE_FFNOP, 0xff, 0x1c}};
    ck_assert_int_eq(ask(1, EVFILT_USER, EV_ADD | EV_CLEAR, 0x33, 0, NULL), 0);
    ck_assert_int_eq(trigger(1, 0), 0);
    fires(1, EVFILT_USER);
    ck_assert_uint_eq(got[0].fflags & NOTE_FFLAGSMASK, 0x33);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(trigger(1, steps[i].how | steps[i].bits), 0);
        fires(1, EVFILT_USER);
        ck_assert_uint_eq(got[0].fflags & NOTE_FFLAGSMASK, steps[i].result);
    }
}
END_TEST

/* EV_DISABLE: a trigger is kept until EV_ENABLE. */
START_TEST(user_triggered_while_disabled)
{
    ck_assert_int_eq(add(1, EVFILT_USER, EV_CLEAR), 0);
    ck_assert_int_eq(ask(1, EVFILT_USER, EV_DISABLE, 0, 0, NULL), 0);
    ck_assert_int_eq(trigger(1, 0), 0);
    ck_assert(quiet());
    ck_assert_int_eq(ask(1, EVFILT_USER, EV_ENABLE, 0, 0, NULL), 0);
    fires(1, EVFILT_USER);
}
END_TEST

/* Description: a kevent is (ident, filter): a timer 1 is not a user event 1. */
START_TEST(user_and_timer_of_one_number)
{
    ck_assert_int_eq(add(1, EVFILT_USER, EV_CLEAR), 0);
    ck_assert_int_eq(add(2, EVFILT_USER, EV_CLEAR), 0);
    ck_assert_int_eq(timer(1, EV_ONESHOT, 0, 1), 0);
    fires(1, EVFILT_TIMER);
    ck_assert_int_eq(trigger(2, 0), 0);
    fires(2, EVFILT_USER);
    ck_assert(quiet());
}
END_TEST

/* EV_ADD: of its errors, EMFILE is none: a program that is out of descriptors
 * can still ask for a timer, to try again later. */
START_TEST(timer_and_user_need_no_descriptor)
{
    struct rlimit old, few;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    few = old;
    few.rlim_cur = 64;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    while (dup(a) != -1)
        continue;
    ck_assert_int_eq(errno, EMFILE);
    ck_assert_int_eq(timer(a, EV_ONESHOT, 0, 10), 0);
    fires(a, EVFILT_TIMER);
    ck_assert_int_eq(add(1, EVFILT_USER, EV_CLEAR), 0);
    ck_assert_int_eq(trigger(1, 0), 0);
    fires(1, EVFILT_USER);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
}
END_TEST

/* EVFILT_READ, kqueues: readable for poll(2) while a user event is triggered,
 * and returned by kevent(). */
START_TEST(user_makes_the_kqueue_readable)
{
    struct pollfd p = {.fd = kq, .events = POLLIN};
    ck_assert_int_eq(add(1, EVFILT_USER, EV_CLEAR), 0);
    ck_assert_int_eq(add(2, EVFILT_USER, 0), 0);
    ck_assert_int_eq(poll(&p, 1, 0), 0);
    ck_assert_int_eq(trigger(1, 0), 0);
    ck_assert_int_eq(poll(&p, 1, 0), 1);
    fires(1, EVFILT_USER);
    ck_assert_int_eq(poll(&p, 1, 0), 0);
    ck_assert_int_eq(trigger(2, 0), 0);
    fires(2, EVFILT_USER);
    ck_assert_int_eq(poll(&p, 1, 0), 1);
    ck_assert_int_eq(ask(2, EVFILT_USER, EV_DELETE, 0, 0, NULL), 0);
    ck_assert_int_eq(poll(&p, 1, 0), 0);
}
END_TEST

/* Description: what is not returned for lack of room is first the next time: an
 * event that stays triggered does not hide others. */
START_TEST(each_has_its_turn)
{
    int seen[4] = {0};
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(add(i, EVFILT_USER, 0), 0);
        ck_assert_int_eq(trigger(i, 0), 0);
    }
    for (int i = 0; i < 12; i++) {
        ck_assert_int_eq(collect(1, -1), 1);
        seen[got[0].ident]++;
    }
    for (int i = 0; i < 4; i++)
        ck_assert_int_gt(seen[i], 0);
    ck_assert_int_eq(add(a, WRITES, 0), 0);
    do
        ck_assert_int_eq(collect(2, -1), 2);
    while (got[0].filter != EVFILT_WRITE && got[1].filter != EVFILT_WRITE);
    ck_assert_int_eq(collect(ROOM, 0), 5);
}
END_TEST

/* EV_ADD, udata: it is that of the last change, of a trigger too. */
START_TEST(user_hands_back_udata)
{
    ck_assert_int_eq(add(1, EVFILT_USER, EV_CLEAR), 0);
    ck_assert_int_eq(ask(1, EVFILT_USER, 0, NOTE_TRIGGER, 0, &mark), 0);
    fires(1, EVFILT_USER);
    ck_assert_ptr_eq(got[0].udata, &mark);
}
END_TEST

void
user_tests(Suite *s)
{
    const TTest *const tests[] = {user_stays_triggered, user_clear,
        user_oneshot, user_fflags, user_triggered_while_disabled,
        user_and_timer_of_one_number, timer_and_user_need_no_descriptor,
        user_makes_the_kqueue_readable, each_has_its_turn,
        user_hands_back_udata};
    add_tests(s, tests, sizeof tests / sizeof *tests);
}
