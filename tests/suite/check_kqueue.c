/* check_kqueue.c - what kqueue(2) promises, one test case for each promise.
 * This file has the helpers and main.
 *
 * On Linux it checks 03-kqueue/compat, on BSD and macOS the kernel: the tests
 * are the same. Above each is what the manual says, with its section. Where
 * systems differ the test says so and asks only for what they share: FreeBSD
 * strips EV_ADD from returned flags and NetBSD keeps it; an EV_ERROR entry
 * keeps its other flags on macOS only; fflags of a user event may have more
 * bits than the lower 24. Hence flags and fflags are masked, here and in any
 * program.
 *
 * CK_RUN_CASE=name runs one test. */
#include "check_kqueue.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int kq;
int a, b;
struct kevent got[ROOM];
char mark;

static void
set_up(void)
{
    int pair[2];
    ck_assert_int_ne(kq = kqueue(), -1);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    a = pair[0];
    b = pair[1];
}

int
ask(int id, int filter, int flags, unsigned int fflags, int data, void *udata)
{
    struct kevent c;
    EV_SET(&c, (uintptr_t)id, filter, flags, fflags, data, udata);
    return kevent(kq, &c, 1, NULL, 0, NULL) == -1 ? errno : 0;
}

int
add(int id, int filter, int flags)
{
    return ask(id, filter, EV_ADD | flags, 0, 0, NULL);
}

int
collect(int room, int ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    return kevent(kq, NULL, 0, got, room, ms == -1 ? NULL : &t);
}

int
quiet(void)
{
    return collect(ROOM, 0) == 0;
}

int
fires(int id, int filter)
{
    ck_assert_int_eq(collect(ROOM, -1), 1);
    ck_assert_uint_eq(got[0].ident, (uintptr_t)id);
    ck_assert_int_eq(got[0].filter, filter);
    ck_assert_int_eq(got[0].flags & EV_ERROR, 0);
    return got[0].flags;
}

int
trigger(int id, unsigned int fflags)
{
    return ask(id, EVFILT_USER, 0, NOTE_TRIGGER | fflags, 0, NULL);
}

void
put(int fd, int n)
{
    static char bytes[100];
    ck_assert_int_eq(write(fd, bytes, (size_t)n), n);
}

void
take(int fd, int n)
{
    char bytes[100];
    ck_assert_int_eq(read(fd, bytes, (size_t)n), n);
}

int
timer(int id, int flags, unsigned int unit, int data)
{
    return ask(id, EVFILT_TIMER, EV_ADD | flags, unit, data, NULL);
}

int64_t
now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t
now_ms(void)
{
    return now_ns() / 1000000;
}

void
add_tests(Suite *s, const TTest *const *tests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        TCase *tc = tcase_create(tests[i]->name);
        tcase_set_timeout(tc, LIMIT);
        tcase_add_checked_fixture(tc, set_up, NULL);
        tcase_add_test(tc, tests[i]);
        suite_add_tcase(s, tc);
    }
}

int
main(void)
{
    void (*const files[])(Suite *) = {fd_tests, flags_tests, call_tests,
        timer_tests, user_tests, thread_tests};
    Suite *s = suite_create("kqueue");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        files[i](s);
    SRunner *runner = srunner_create(s);
    srunner_set_fork_status(runner, CK_FORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
