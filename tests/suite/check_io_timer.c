/* check_io_timer.c - timers: their order, and that they are never early. */
#include "check_io.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MANY = 2000 };

static struct probe timers[MANY];

START_TEST(timers_end_in_the_order_of_their_time)
{
    const uint64_t after[] = {30, 10, 20, 5, 25, 15};
    const int places[] = {6, 2, 4, 1, 5, 3};
    for (int i = 0; i < 6; i++)
        ask(&timers[i], io_op_timeout(after[i] * MS));
    io_run(&loop);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(timers[i].place, places[i]);
}
END_TEST

START_TEST(equal_timers_end_in_the_order_of_submission)
{
    for (int i = 0; i < MANY; i++)
        ask(&timers[i], io_op_timeout(2 * MS));
    io_run(&loop);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(timers[i].place, i + 1);
    for (int i = 0; i < MANY; i++)
        ask(&timers[i], io_op_timeout(UINT64_MAX)); /* equal without doubt */
    io_cancel_all(&loop);                           /* in their order */
    io_run(&loop);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(timers[i].place, MANY + i + 1);
}
END_TEST

START_TEST(a_timer_of_0_ends_in_the_next_tick)
{
    ask(&timers[0], io_op_timeout(0));
    ck_assert_int_eq(io_tick(&loop, IO_FOREVER), 1);
    ck_assert_int_eq(timers[0].result, 0);
}
END_TEST

/* One callback for a tick: what it submits is for the next. */
static void
again(void *context, struct io_loop *l, struct io_completion *c, int result)
{
    int *left = context;
    if (--*left > 0) io_submit(l, c);
}

START_TEST(a_timer_of_0_from_a_callback_waits_for_the_next_tick)
{
    int left = 10;
    struct io_completion c = {
        .op = io_op_timeout(0), .context = &left, .callback = again};
    io_submit(&loop, &c);
    for (int i = 9; i >= 0; i--) {
        ck_assert_int_eq(io_tick(&loop, IO_FOREVER), 1);
        ck_assert_int_eq(left, i);
    }
}
END_TEST

struct timed {
    struct io_completion c;
    uint64_t deadline;
};

static void
is_not_early(void *context, struct io_loop *l, struct io_completion *c, int res)
{
    struct timed *timed = context;
    ck_assert_uint_ge(clock_now(), timed->deadline);
}

START_TEST(a_timer_is_never_early)
{
    static struct timed timed[300];
    for (int i = 0; i < 300; i++) {
        uint64_t after = rnd(20 * MS);
        usleep(rnd(100)); /* the loop's time gets old */
        timed[i] = (struct timed){.deadline = clock_now() + after};
        timed[i].c = (struct io_completion){.op = io_op_timeout(after),
            .context = &timed[i],
            .callback = is_not_early};
        io_submit(&loop, &timed[i].c);
    }
    io_run(&loop);
}
END_TEST

START_TEST(a_timer_is_not_late)
{
    uint64_t start = clock_now();
    ck_assert_int_eq(result_of(io_op_timeout(5 * MS)), 0);
    ck_assert_uint_lt(clock_now() - start, 500 * MS);
}
END_TEST

START_TEST(the_longest_timers_do_not_overflow)
{
    ask(&timers[0], io_op_timeout(UINT64_MAX));
    ask(&timers[1], io_op_timeout(UINT64_MAX - 1));
    ask(&timers[2], io_op_timeout(UINT64_MAX - clock_now()));
    ask(&timers[3], io_op_timeout((uint64_t)INT64_MAX + 1));
    ask(&timers[4], io_op_timeout(INT64_MAX));
    ask(&timers[5], io_op_timeout(10 * MS));
    uint64_t cpu = cpu_now();
    ck_assert_int_eq(answer(&timers[5]), 0);
    ticks(3);
    io_tick(&loop, 30 * MS);
    ck_assert_uint_lt(cpu_now() - cpu, 20 * MS);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(timers[i].calls, 0);
    io_cancel_all(&loop);
    io_run(&loop);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(timers[i].calls, 1);
}
END_TEST

START_TEST(timers_end_though_much_is_ready)
{
    ask(&timers[0], io_op_timeout(0));
    for (int i = 1; i < MANY; i++)
        ask(&timers[i], io_op_nop());
    io_tick(&loop, IO_FOREVER);
    ck_assert_int_eq(timers[0].calls, 1);
}
END_TEST

/* Random additions, removals and expirations, against a plain list. */
START_TEST(random_timers_keep_their_order)
{
    for (int i = 0; i < MANY; i++) {
        ask(&timers[i], io_op_timeout(MS + rnd(200) * 50000ULL));
        int other = (int)rnd(MANY);
        if (other <= i && rnd(3) == 0) io_cancel(&loop, &timers[other].c);
    }
    io_run(&loop);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(timers[i].calls, 1);
    for (int i = 0; i < 100 * MANY; i++) {
        const struct probe *a = &timers[rnd(MANY)], *b = &timers[rnd(MANY)];
        if (a->result != 0 || b->result != 0 || a == b) continue;
        uint64_t x = a->c.op.timeout.deadline, y = b->c.op.timeout.deadline;
        bool before = x < y || (x == y && a < b);
        ck_assert_int_eq(a->place < b->place, before);
    }
}
END_TEST

void
timer_tests(Suite *s)
{
    const TTest *const tests[] = {timers_end_in_the_order_of_their_time,
        equal_timers_end_in_the_order_of_submission,
        a_timer_of_0_ends_in_the_next_tick,
        a_timer_of_0_from_a_callback_waits_for_the_next_tick,
        a_timer_is_never_early, a_timer_is_not_late,
        the_longest_timers_do_not_overflow, timers_end_though_much_is_ready,
        random_timers_keep_their_order};
    add_tests(s, tests, sizeof tests / sizeof *tests);
}
