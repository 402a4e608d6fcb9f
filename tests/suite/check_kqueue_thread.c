/* check_kqueue_thread.c - signal handlers and threads. */
#include "check_kqueue.h"

#include <sys/time.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS = 500 };

static atomic_int to_take;

static void
trigger_on_signal(int sig)
{
    (void)sig;
    int saved = errno;
    if (trigger(1, 0) != 0) abort();
    errno = saved;
}

static void
handle(int sig)
{
    struct sigaction sa = {.sa_handler = trigger_on_signal};
    ck_assert_int_eq(sigaction(sig, &sa, NULL), 0);
    ck_assert_int_eq(add(1, EVFILT_USER, EV_CLEAR), 0);
}

/* EVFILT_USER: kevent() is a system call, so a handler may trigger. */
START_TEST(handler_wakes_the_wait)
{
    struct itimerval soon = {.it_value.tv_usec = 20000};
    handle(SIGALRM);
    setitimer(ITIMER_REAL, &soon, NULL);
    int n = collect(ROOM, -1);
    ck_assert(n == 1 || (n == -1 && errno == EINTR));
    if (n == -1) fires(1, EVFILT_USER);
}
END_TEST

/* The same, wherever in kevent() and close() the signal strikes. */
START_TEST(handler_interrupts_anything)
{
    struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};
    handle(SIGALRM);
    put(b, 1);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int64_t end = now_ms() + 300; now_ms() < end;) {
        int fd = dup(a);
        ck_assert_int_eq(add(fd, READS, EV_ONESHOT), 0);
        while (collect(1, -1) != 1 || got[0].filter != EVFILT_READ)
            continue;
        close(fd);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    ck_assert_int_ge(collect(ROOM, 0), 0);
    ck_assert(quiet());
}
END_TEST

/* Answer each event on kqueue 0 by a trigger on kqueue 1. */
static void *
echo_triggers(void *pair)
{
    const int *kqs = pair;
    struct kevent e;
    for (int i = 0; i < ROUNDS; i++) {
        if (kevent(kqs[0], NULL, 0, &e, 1, NULL) != 1) abort();
        EV_SET(&e, 1, EVFILT_USER, 0, NOTE_TRIGGER, 0, NULL);
        if (kevent(kqs[1], &e, 1, NULL, 0, NULL) != 0) abort();
    }
    return NULL;
}

/* EVFILT_USER: triggered by one thread, it wakes another. */
START_TEST(thread_wakes_thread)
{
    pthread_t thread;
    int kqs[2];
    ck_assert_int_ne(kqs[0] = kqueue(), -1);
    ck_assert_int_ne(kqs[1] = kq, -1);
    for (int i = 0; i < 2; i++) {
        kq = kqs[i];
        ck_assert_int_eq(add(1, EVFILT_USER, EV_CLEAR), 0);
    }
    pthread_create(&thread, NULL, echo_triggers, kqs);
    for (int i = 0; i < ROUNDS; i++) {
        kq = kqs[0];
        ck_assert_int_eq(trigger(1, 0), 0);
        kq = kqs[1];
        fires(1, EVFILT_USER);
    }
    pthread_join(thread, NULL);
}
END_TEST

static void *
add_ready_read(void *unused)
{
    if (add(a, READS, EV_ONESHOT) != 0) abort();
    return unused;
}

/* Description: a change by one thread is seen by another's wait. */
START_TEST(thread_adds_for_waiting_thread)
{
    pthread_t thread;
    put(b, 1);
    for (int i = 0; i < 100; i++) {
        pthread_create(&thread, NULL, add_ready_read, NULL);
        fires(a, READS);
        pthread_join(thread, NULL);
    }
}
END_TEST

/* Take ROUNDS one-shot events, and count them in what udata points to. */
static void *
take_events(void *unused)
{
    struct kevent e;
    while (atomic_fetch_sub(&to_take, 1) > 0) {
        if (kevent(kq, NULL, 0, &e, 1, NULL) != 1) abort();
        atomic_fetch_add((atomic_int *)e.udata, 1);
    }
    return unused;
}

/* EV_ONESHOT: one thread of those that wait gets the event, and one only. */
START_TEST(threads_share_oneshots)
{
    static atomic_int counts[100];
    pthread_t threads[2];
    put(b, 1);
    atomic_store(&to_take, 100);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, take_events, NULL);
    for (int i = 0; i < 100; i++)
        ask(dup(a), READS, EV_ADD | EV_ONESHOT, 0, 0, &counts[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(atomic_load(&counts[i]), 1);
    ck_assert(quiet());
}
END_TEST

/* EV_CLEAR: a trigger ends one wait, and the other one goes on. */
START_TEST(threads_share_triggers)
{
    static atomic_int count;
    pthread_t threads[2];
    ck_assert_int_eq(add(1, EVFILT_USER, EV_CLEAR), 0);
    atomic_store(&to_take, ROUNDS);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, take_events, NULL);
    for (int i = 1; i <= ROUNDS; i++) {
        ck_assert_int_eq(ask(1, EVFILT_USER, 0, NOTE_TRIGGER, 0, &count), 0);
        while (atomic_load(&count) < i)
            sched_yield();
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    ck_assert(quiet());
}
END_TEST

static void
same_signals(const sigset_t *before)
{
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    for (int sig = 1; sig < 32; sig++)
        ck_assert_int_eq(sigismember(&now, sig), sigismember(before, sig));
}

/* Description: none of the calls changes which signals are blocked. */
START_TEST(calls_leave_signals_alone)
{
    sigset_t before;
    sigemptyset(&before);
    sigaddset(&before, SIGUSR1);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(kq);
    same_signals(&before);
    ck_assert_int_ne(kq = kqueue(), -1);
    same_signals(&before);
    ck_assert_int_eq(add(a, READS, 0), 0);
    ck_assert(quiet());
    same_signals(&before);
    ck_assert_int_eq(collect(ROOM, 1), 0);
    same_signals(&before);
    close(a);
    same_signals(&before);
}
END_TEST

void
thread_tests(Suite *s)
{
    const TTest *const tests[] = {handler_wakes_the_wait,
        handler_interrupts_anything, thread_wakes_thread,
        thread_adds_for_waiting_thread, threads_share_oneshots,
        threads_share_triggers, calls_leave_signals_alone};
    add_tests(s, tests, sizeof tests / sizeof *tests);
}
