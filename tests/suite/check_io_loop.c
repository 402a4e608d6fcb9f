/* check_io_loop.c - when callbacks come, and that each comes once. */
#include "check_io.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

START_TEST(nop_is_answered_with_0)
{
    struct probe p;
    ask(&p, io_op_nop());
    ck_assert_int_eq(io_busy(&loop), 1);
    ck_assert_int_eq(io_tick(&loop, IO_FOREVER), 1);
    ck_assert_int_eq(p.calls, 1);
    ck_assert_int_eq(p.result, 0);
    ck_assert_int_eq(io_busy(&loop), 0);
    ck_assert_int_eq(io_tick(&loop, 0), 0);
    ck_assert_int_eq(p.calls, 1);
}
END_TEST

/* Also not when the answer is known at once. */
START_TEST(submit_never_calls_back)
{
    struct probe p[6];
    io_wake(&loop);
    ticks(2);
    ask(&p[0], io_op_nop());
    ask(&p[1], io_op_timeout(0));
    ask(&p[2], io_op_wake());
    ask(&p[3], io_op_recv(-1, "", 1));
    ask(&p[4], io_op_open(-1, "..", 0, 0, true));
    ask(&p[5], io_op_read(0, NULL, 0, UINT64_MAX));
    io_cancel(&loop, &p[0].c);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(p[i].calls, 0);
    for (int i = 0; i < 6; i++)
        answer(&p[i]);
}
END_TEST

/* A chain of operations, each submitted by the one before. */
struct chain {
    struct io_completion c;
    long left;
    int in_tick;         /* callbacks since the tick began */
    uintptr_t low, high; /* places of the stack that it was called at */
};

static void
chain_called(
    void *context, struct io_loop *l, struct io_completion *c, int result)
{
    struct chain *chain = context;
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (chain->low == 0 || here < chain->low) chain->low = here;
    if (here > chain->high) chain->high = here;
    chain->in_tick++;
    if (--chain->left > 0) io_submit(l, c);
}

static void
chain_begin(struct chain *chain, struct io_op op, long length)
{
    *chain = (struct chain){.left = length};
    chain->c = (struct io_completion){
        .op = op, .context = chain, .callback = chain_called};
    io_submit(&loop, &chain->c);
}

/* Also where the answer is known at once. */
START_TEST(what_a_callback_submits_waits_for_the_next_tick)
{
    const struct io_op ops[] = {io_op_nop(), io_op_timeout(0),
        io_op_open(-1, "..", 0, 0, true), io_op_recv(-1, &loop, 1)};
    for (size_t k = 0; k < sizeof ops / sizeof *ops; k++) {
        struct chain chain;
        chain_begin(&chain, ops[k], 10);
        for (int i = 0; i < 10; i++) {
            chain.in_tick = 0;
            ck_assert_int_eq(io_tick(&loop, IO_FOREVER), 1);
            ck_assert_int_eq(chain.in_tick, 1);
        }
    }
}
END_TEST

START_TEST(a_million_resubmissions_use_constant_stack)
{
    static struct chain chains[100];
    for (int i = 0; i < 100; i++)
        chain_begin(&chains[i], io_op_nop(), 10000);
    io_run(&loop);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(chains[i].left, 0);
        ck_assert_uint_le(chains[i].high - chains[0].low, 4096);
        ck_assert_uint_le(chains[0].high - chains[i].low, 4096);
    }
}
END_TEST

static int calls;

static void
zeroes(void *context, struct io_loop *l, struct io_completion *c, int result)
{
    memset(c, 0, sizeof *c);
    calls++;
}

START_TEST(a_completion_may_be_zeroed_in_its_callback)
{
    struct io_completion c[3] = {{.op = io_op_nop(), .callback = zeroes},
        {.op = io_op_timeout(0), .callback = zeroes},
        {.op = io_op_recv(-1, &calls, 1), .callback = zeroes}};
    for (int i = 0; i < 3; i++)
        io_submit(&loop, &c[i]);
    io_run(&loop);
    ck_assert_int_eq(calls, 3);
}
END_TEST

static void
frees(void *context, struct io_loop *l, struct io_completion *c, int result)
{
    memset(c, 0xa5, sizeof *c);
    free(c);
    calls++;
}

/* Many, so that neighbours in a list are freed one after the other. */
START_TEST(a_completion_may_be_freed_in_its_callback)
{
    for (int i = 0; i < 300; i++) {
        struct io_completion *c = calloc(1, sizeof *c);
        c->op = i % 2 ? io_op_nop() : io_op_timeout((uint64_t)i % 7);
        c->callback = frees;
        io_submit(&loop, c);
    }
    io_run(&loop);
    ck_assert_int_eq(calls, 300);
}
END_TEST

static void
reuses(void *context, struct io_loop *l, struct io_completion *c, int result)
{
    int *results = context;
    results[calls++] = result;
    if (calls == 1) c->op = io_op_recv(-1, context, 1);
    if (calls == 2) c->op = io_op_timeout(1);
    if (calls == 3) c->op = io_op_close(-1);
    if (calls < 4) io_submit(l, c);
}

START_TEST(a_completion_may_be_reused_in_its_callback)
{
    int results[4] = {-1, -1, -1, -1};
    struct io_completion c = {
        .op = io_op_nop(), .context = results, .callback = reuses};
    io_submit(&loop, &c);
    io_run(&loop);
    ck_assert_int_eq(calls, 4);
    ck_assert_int_eq(results[0], 0);
    ck_assert_int_eq(results[1], -EBADF);
    ck_assert_int_eq(results[2], 0);
    ck_assert_int_eq(results[3], -EBADF);
}
END_TEST

START_TEST(nops_are_answered_in_order)
{
    static struct probe p[1000];
    for (int i = 0; i < 1000; i++)
        ask(&p[i], io_op_nop());
    ck_assert_int_eq(io_tick(&loop, IO_FOREVER), 1000); /* all in the next */
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(p[i].place, i + 1);
}
END_TEST

/* On kqueue 300 operations that wait are more changes than go into a call. */
static void
three_hundred_receive(unsigned entries)
{
    static struct probe p[300];
    struct two two[300];
    static char buf[300];
    loop_begin(entries);
    for (int i = 0; i < 300; i++) {
        two[i] = two_sockets();
        ask(&p[i], io_op_recv(two[i].ours, &buf[i], 1));
    }
    ck_assert_int_eq(send(two[299].peer, "x", 1, 0), 1); /* the last alone */
    ck_assert_int_eq(answer(&p[299]), 1);
    ask(&p[299], io_op_recv(two[299].ours, &buf[299], 1));
    ticks(3);
    for (int i = 0; i < 300; i++) {
        char byte = (char)i;
        ck_assert_int_eq(p[i].calls, 0);
        ck_assert_int_eq(send(two[i].peer, &byte, 1, 0), 1);
    }
    for (int i = 0; i < 300; i++) {
        ck_assert_int_eq(answer(&p[i]), 1);
        ck_assert_int_eq(buf[i], (char)i);
    }
    ticks(2);
    for (int i = 0; i < 300; i++)
        ck_assert_int_eq(p[i].calls, 1);
}

START_TEST(a_ring_of_one_entry_takes_300_operations)
{
    three_hundred_receive(1);
}
END_TEST

START_TEST(three_hundred_wait_at_once)
{
    three_hundred_receive(0);
}
END_TEST

/* io_uring: more results than the completion queue has places, in one wait. */
START_TEST(a_small_completion_queue_loses_nothing)
{
    static struct probe p[3000];
    loop_begin(2);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 3000; i++)
            ask(&p[i], i % 3 ? io_op_nop() : io_op_recv(-1, p, 1));
        for (int i = 0; i < 3000; i++)
            ck_assert_int_eq(answer(&p[i]), i % 3 ? 0 : -EBADF);
    }
}
END_TEST

START_TEST(any_number_of_entries_will_do)
{
    const unsigned entries[] = {2, 3, 1000, 4096, 1 << 15, 1 << 28, UINT_MAX};
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        loop_begin(entries[i]);
        ck_assert_int_eq(result_of(io_op_nop()), 0);
    }
}
END_TEST

START_TEST(tick_waits_as_long_as_told)
{
    uint64_t start = clock_now();
    ck_assert_int_eq(io_tick(&loop, 0), 0);
    ck_assert_uint_lt(clock_now() - start, 500 * MS);
    start = clock_now();
    ck_assert_int_eq(io_tick(&loop, 20 * MS), 0);
    ck_assert_uint_ge(clock_now() - start, 19 * MS);
    ck_assert_uint_lt(clock_now() - start, 2000 * MS);
}
END_TEST

static volatile sig_atomic_t alarms;

static void
on_alarm(int sig)
{
    alarms++;
}

/* As a sum it would be before now, and the wait would not wait. */
START_TEST(a_very_long_wait_waits)
{
    const struct itimerval once = {.it_value.tv_usec = 50000};
    signal(SIGALRM, on_alarm);
    for (int i = 0; i < 2; i++) {
        static struct probe never;
        uint64_t start = cpu_now();
        if (i == 1) ask(&never, io_op_timeout(UINT64_MAX / 2));
        setitimer(ITIMER_REAL, &once, NULL);
        while (alarms == i)
            io_tick(&loop, i == 0 ? IO_FOREVER - 1 : IO_FOREVER);
        ck_assert_uint_lt(cpu_now() - start, 30 * MS);
    }
}
END_TEST

START_TEST(run_returns_when_nothing_is_under_way)
{
    struct probe p[2];
    io_run(&loop);
    ask(&p[0], io_op_nop());
    ask(&p[1], io_op_timeout(MS));
    io_run(&loop);
    ck_assert_int_eq(p[0].calls + p[1].calls, 2);
}
END_TEST

static void
stops(void *context, struct io_loop *l, struct io_completion *c, int result)
{
    io_stop(l);
}

START_TEST(stop_ends_run_after_the_tick)
{
    static struct probe never;
    struct probe after;
    struct io_completion c = {.op = io_op_nop(), .callback = stops};
    ask(&never, io_op_timeout(UINT64_MAX));
    io_submit(&loop, &c);
    ask(&after, io_op_nop());
    io_run(&loop);
    ck_assert_int_eq(after.calls, 1);
    ck_assert_int_eq(never.calls, 0);
}
END_TEST

START_TEST(run_for_ends_in_time)
{
    static struct probe never;
    uint64_t start = clock_now();
    ask(&never, io_op_timeout(UINT64_MAX));
    io_run_for(&loop, 30 * MS);
    ck_assert_uint_ge(clock_now() - start, 30 * MS);
    ck_assert_uint_lt(clock_now() - start, 2000 * MS);
}
END_TEST

/* Always something to read: the callback asks again. */
struct busy {
    struct io_completion c;
    char buf[1];
    long calls;
};

static bool over; /* the test */

static void
busy_called(void *context, struct io_loop *l, struct io_completion *c, int res)
{
    struct busy *busy = context;
    if (over) return;
    ck_assert_int_eq(res, 1);
    busy->calls++;
    io_submit(l, c);
}

static void
busy_begin(struct busy *busy, struct two two)
{
    static const char bytes[50000];
    *busy = (struct busy){.calls = 0};
    ck_assert_int_eq(send(two.peer, bytes, sizeof bytes, 0), sizeof bytes);
    busy->c = (struct io_completion){
        .op = io_op_recv(two.ours, busy->buf, sizeof busy->buf),
        .context = busy,
        .callback = busy_called};
    io_submit(&loop, &busy->c);
}

/* A client that waits, a timer and a wake are served while so many others
 * always have something to read. */
static void
is_fair(int count)
{
    static struct busy busy[300];
    struct two quiet = two_sockets();
    static struct probe recv, timer, wake;
    static char buf;
    start(&recv, io_op_recv(quiet.ours, &buf, 1));
    for (int i = 0; i < count; i++)
        busy_begin(&busy[i], two_sockets());
    ask(&timer, io_op_timeout(0));
    ask(&wake, io_op_wake());
    for (int i = 0; i < 20; i++)
        io_tick(&loop, IO_FOREVER);
    ck_assert_int_eq(timer.calls, 1);
    ask(&timer, io_op_timeout(10000 * (uint64_t)MS)); /* a limited wait */
    io_wake(&loop);
    ck_assert_int_eq(send(quiet.peer, "x", 1, 0), 1);
    for (int i = 0; i < 20; i++)
        io_tick(&loop, IO_FOREVER);
    ck_assert_int_eq(recv.calls, 1);
    ck_assert_int_eq(wake.calls, 1);
    for (int i = 0; i < count; i++)
        ck_assert_int_ge(busy[i].calls, 10);
    over = true;
}

START_TEST(a_client_that_is_always_ready_starves_nobody)
{
    is_fair(1);
}
END_TEST

START_TEST(many_that_are_always_ready_starve_nobody)
{
    is_fair(300);
}
END_TEST

START_TEST(the_clocks_go)
{
    uint64_t before = io_now(&loop);
    ck_assert_int_eq(result_of(io_op_timeout(2 * MS)), 0);
    ck_assert_uint_ge(io_now(&loop) - before, 2 * MS);
    ck_assert_uint_le(io_now(&loop), clock_now());
    ck_assert_int_le(labs((long)(io_wallclock() / 1000000000 - time(NULL))), 2);
}
END_TEST

/* io_init of a process that gets no more memory, and has none left. (Check
 * itself needs some: the caller asserts.) */
static int
init_without_memory(struct io_loop *l)
{
    void *volatile last; /* or the compiler might leave malloc out */
    struct rlimit before, none;
    getrlimit(RLIMIT_AS, &before);
    none = (struct rlimit){0, before.rlim_max};
    setrlimit(RLIMIT_AS, &none);
    for (size_t size = 1 << 20; size >= 16; size /= 2)
        do {
            last = malloc(size);
        } while (last != NULL);
    int rc = io_init(l, 0);
    setrlimit(RLIMIT_AS, &before);
    return rc;
}

START_TEST(without_memory_there_is_no_loop)
{
    struct io_loop other;
    if (getenv("SANITIZED") != NULL) return; /* its malloc never answers NULL */
    ck_assert_int_eq(init_without_memory(&other), -ENOMEM);
}
END_TEST

void
loop_tests(Suite *s)
{
    const TTest *const tests[] = {nop_is_answered_with_0,
        submit_never_calls_back,
        what_a_callback_submits_waits_for_the_next_tick,
        a_million_resubmissions_use_constant_stack,
        a_completion_may_be_zeroed_in_its_callback,
        a_completion_may_be_freed_in_its_callback,
        a_completion_may_be_reused_in_its_callback, nops_are_answered_in_order,
        a_ring_of_one_entry_takes_300_operations, three_hundred_wait_at_once,
        a_small_completion_queue_loses_nothing, any_number_of_entries_will_do,
        tick_waits_as_long_as_told, a_very_long_wait_waits,
        run_returns_when_nothing_is_under_way, stop_ends_run_after_the_tick,
        run_for_ends_in_time, a_client_that_is_always_ready_starves_nobody,
        many_that_are_always_ready_starve_nobody, the_clocks_go,
        without_memory_there_is_no_loop};
    add_tests(s, tests, sizeof tests / sizeof *tests);
}
