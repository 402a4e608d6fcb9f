/* check_io_wake.c - wake-ups from other threads and from signal handlers. */
#include "check_io.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static struct probe p;

START_TEST(a_wake_before_the_wait_ends_it)
{
    io_wake(&loop);
    io_tick(&loop, IO_FOREVER);
    ask(&p, io_op_wake()); /* and it is kept for the next to be armed */
    ck_assert_int_eq(io_tick(&loop, IO_FOREVER), 1);
    ck_assert_int_eq(p.result, 0);
}
END_TEST

START_TEST(wakes_that_come_together_are_one)
{
    ask(&p, io_op_wake());
    for (int i = 0; i < 100; i++)
        io_wake(&loop);
    ck_assert_int_eq(answer(&p), 0);
    ask(&p, io_op_wake());
    ticks(5);
    ck_assert_int_eq(p.calls, 0);
}
END_TEST

static void *
wakes_later(void *context)
{
    usleep(20000);
    io_wake(&loop);
    return NULL;
}

START_TEST(a_wake_during_the_wait_ends_it)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, wakes_later, NULL), 0);
    io_tick(&loop, IO_FOREVER);
    pthread_join(thread, NULL);
}
END_TEST

enum { WAKES = 100000 };

static atomic_int wakes, seen;

static void *
wakes_often(void *context)
{
    for (int i = 0; i < WAKES; i++) {
        atomic_store(&wakes, i + 1);
        io_wake(&loop);
        while (i % 16 == 0 && atomic_load(&seen) <= i)
            (void)usleep(0); /* now the loop waits, in all likelihood */
    }
    return NULL;
}

static void
wake_seen(void *context, struct io_loop *l, struct io_completion *c, int result)
{
    if (result == -ECANCELED) return; /* the test is over */
    ck_assert_int_eq(result, 0);
    io_submit(l, c);
    atomic_store(&seen, atomic_load(&wakes));
}

/* None is lost: after the last one the callback sees what it announced. */
START_TEST(a_hundred_thousand_wakes_from_a_thread)
{
    pthread_t thread;
    static struct io_completion c;
    c.op = io_op_wake();
    c.callback = wake_seen;
    io_submit(&loop, &c);
    ck_assert_int_eq(pthread_create(&thread, NULL, wakes_often, NULL), 0);
    while (seen < WAKES)
        io_tick(&loop, IO_FOREVER);
    pthread_join(thread, NULL);
}
END_TEST

static volatile sig_atomic_t signals;

static void
on_alarm(int sig)
{
    int before = errno;
    errno = 77;
    signals++;
    io_wake(&loop);
    if (errno != 77) abort();
    errno = before;
}

static void
alarm_every(int microseconds, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    struct itimerval every = {{0, microseconds}, {0, microseconds}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
}

static void
wake_again(void *context, struct io_loop *l, struct io_completion *c, int res)
{
    int *count = context;
    if (++*count < 500) io_submit(l, c);
}

START_TEST(wakes_from_a_signal_handler)
{
    int count = 0;
    struct io_completion c = {
        .op = io_op_wake(), .context = &count, .callback = wake_again};
    io_submit(&loop, &c);
    alarm_every(200, on_alarm);
    io_run(&loop);
    alarm_every(0, SIG_IGN);
    ck_assert_int_eq(count, 500);
    ck_assert_int_ge(signals, 500);
}
END_TEST

static void
on_signal(int sig)
{
    signals++;
}

/* EINTR all the time: nothing is lost or done twice, no timer is early, and
 * run_for ends when it should. */
START_TEST(signals_every_millisecond)
{
    static char buf[10];
    struct two two = two_sockets();
    struct probe recv, never, timer;
    own_directory();
    int fd = own_file("file", "hello", 5);
    alarm_every(1000, on_signal);
    uint64_t start_time = clock_now();
    start(&recv, io_op_recv(two.ours, buf, 9));
    ask(&never, io_op_timeout(UINT64_MAX));
    ask(&timer, io_op_timeout(100 * MS));
    io_run_for(&loop, 50 * MS);
    ck_assert_int_eq(recv.calls + never.calls + timer.calls, 0);
    ck_assert_uint_ge(clock_now() - start_time, 50 * MS);
    ck_assert_int_eq(answer(&timer), 0);
    ck_assert_uint_ge(clock_now() - start_time, 100 * MS);
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(result_of(io_op_read(fd, buf, 9, 0)), 5);
        ck_assert_int_eq(result_of(io_op_fsync(-1)), -EBADF);
    }
    ck_assert_int_eq(send(two.peer, "x", 1, 0), 1);
    ck_assert_int_eq(answer(&recv), 1);
    io_cancel(&loop, &never.c);
    ck_assert_int_eq(answer(&never), -ECANCELED);
    alarm_every(0, SIG_IGN);
    ck_assert_int_gt(signals, 10); /* on a busy machine some become one */
}
END_TEST

/* A wake that came with the loop's end is no trouble. */
START_TEST(loops_end_with_wakes_unseen)
{
    for (int i = 0; i < 100; i++) {
        loop_begin(1 + (unsigned)i % 3);
        if (i % 2) ticks(i % 3);
        io_wake(&loop);
        if (i % 5 == 0) ticks(1);
    }
}
END_TEST

void
wake_tests(Suite *s)
{
    const TTest *const tests[] = {a_wake_before_the_wait_ends_it,
        wakes_that_come_together_are_one, a_wake_during_the_wait_ends_it,
        a_hundred_thousand_wakes_from_a_thread, wakes_from_a_signal_handler,
        signals_every_millisecond, loops_end_with_wakes_unseen};
    add_tests(s, tests, sizeof tests / sizeof *tests);
}
