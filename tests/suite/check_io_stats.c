/* check_io_stats.c - that a loop counts what it does, and its system calls as
 * the wrappers around them see them. */
#include "check_io.h"

#include <sys/socket.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static bool
on_kqueue(void)
{
    return strcmp(backend_name, "kqueue") == 0;
}

/* What the loop did since `from`, which becomes now. */
static struct io_stats
since(struct io_stats *from)
{
    struct io_stats now = io_stats(&loop), d = now;
    d.ticks -= from->ticks;
    d.submissions -= from->submissions;
    d.completions -= from->completions;
    d.kernel_calls -= from->kernel_calls;
    *from = now;
    return d;
}

static void
assert_did(struct io_stats d, uint64_t ticks, uint64_t submissions,
    uint64_t completions)
{
    ck_assert_uint_eq(d.ticks, ticks);
    ck_assert_uint_eq(d.submissions, submissions);
    ck_assert_uint_eq(d.completions, completions);
}

START_TEST(a_new_loop_has_done_nothing)
{
    struct io_stats s = io_stats(&loop);
    assert_did(s, 0, 0, 0);
    ck_assert_uint_eq(s.kernel_calls, 0);
}
END_TEST

/* Also when the answer is known at once, or the operation is given up. */
START_TEST(each_submission_and_each_callback_is_counted_once)
{
    static struct probe p[5];
    struct io_stats from = io_stats(&loop);
    struct two two = two_sockets();
    char buf[9];
    ask(&p[0], io_op_nop());
    ask(&p[1], io_op_timeout(0));
    ask(&p[2], io_op_open(-1, "..", 0, 0, true));
    ask(&p[3], io_op_recv(two.ours, buf, 9));
    ask(&p[4], io_op_wake());
    assert_did(since(&from), 0, 5, 0);
    while (io_busy(&loop) > 2)
        io_tick(&loop, 0);
    io_cancel_all(&loop);
    assert_did(since(&from), 1, 0, 3);
    while (io_busy(&loop) > 0)
        io_tick(&loop, IO_FOREVER);
    struct io_stats d = since(&from);
    assert_did(d, d.ticks, 0, 2);
    ck_assert_uint_ge(d.ticks, 1);
}
END_TEST

/* What a callback reads has the callback itself in it. */
static void
reads_stats(void *context, struct io_loop *l, struct io_completion *c, int res)
{
    *(struct io_stats *)context = io_stats(l);
}

START_TEST(a_callback_sees_itself_counted)
{
    struct io_stats seen;
    struct io_completion c = {
        .op = io_op_nop(), .context = &seen, .callback = reads_stats};
    io_submit(&loop, &c);
    io_tick(&loop, IO_FOREVER);
    assert_did(seen, 1, 1, 1);
    ck_assert_uint_eq(seen.kernel_calls, 1);
}
END_TEST

/* 02's lesson in numbers: ask, hear EAGAIN, wait, ask again; or wait only. */
START_TEST(a_receive_that_waits)
{
    struct two two = two_sockets();
    struct io_stats from = io_stats(&loop);
    struct probe p;
    char buf[9];
    start(&p, io_op_recv(two.ours, buf, 9));
    ck_assert_int_eq(send(two.peer, "hello", 5, 0), 5);
    ck_assert_int_eq(answer(&p), 5);
    struct io_stats d = since(&from);
    assert_did(d, 2, 1, 1);
    ck_assert_uint_eq(d.kernel_calls, on_kqueue() ? 4 : 2);
}
END_TEST

/* Waiting for readiness is no call, nor is nop: only the tick itself is. */
START_TEST(what_needs_no_call_counts_none)
{
    struct two two = two_sockets();
    struct io_stats from = io_stats(&loop);
    struct probe p, q;
    ck_assert_int_eq(send(two.peer, "hi", 2, 0), 2);
    ask(&p, io_op_readable(two.ours));
    ask(&q, io_op_nop());
    ck_assert_int_eq(answer(&p), 0);
    ck_assert_int_eq(answer(&q), 0);
    struct io_stats d = since(&from);
    ck_assert_uint_eq(d.kernel_calls, d.ticks);
}
END_TEST

/* On kqueue a worker makes the call; it counts when it is done. */
START_TEST(an_operation_on_a_file_is_one_call)
{
    enum { READS = 10 };
    static struct probe p[READS];
    static char buf[READS][8];
    own_directory();
    int fd = own_file("file", "hello", 5);
    struct io_stats from = io_stats(&loop);
    for (int i = 0; i < READS; i++)
        ask(&p[i], io_op_read(fd, buf[i], 8, 0));
    for (int i = 0; i < READS; i++)
        ck_assert_int_eq(answer(&p[i]), 5);
    struct io_stats d = since(&from);
    assert_did(d, d.ticks, READS, READS);
    ck_assert_uint_eq(d.kernel_calls, d.ticks + (on_kqueue() ? READS : 0));
}
END_TEST

START_TEST(a_close_is_counted)
{
    struct two two = two_sockets();
    struct io_stats from = io_stats(&loop);
    ck_assert_int_eq(result_of(io_op_close(two.ours)), 0);
    ck_assert_uint_eq(since(&from).kernel_calls, on_kqueue() ? 2 : 1);
}
END_TEST

/* Clients that talk at random, at times more of them than fit into one call.
 * (A send of the test's own would be seen, too; a write is not.) */
START_TEST(the_calls_are_those_that_are_seen)
{
    enum { CLIENTS = 300, ROUNDS = 20 };
    static struct two two[CLIENTS];
    static struct probe in[CLIENTS], out[CLIENTS];
    static char buf[CLIENTS][16];
    loop_begin(64);
    for (int i = 0; i < CLIENTS; i++)
        two[i] = two_sockets();
    calls_seen = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int asked = 1 + (int)rnd(CLIENTS);
        for (int i = 0; i < asked; i++) {
            ask(&in[i], io_op_recv(two[i].ours, buf[i], 16));
            ask(&out[i], io_op_send(two[i].ours, "answer", 6));
        }
        io_tick(&loop, rnd(2) ? 0 : MS);
        for (int i = 0; i < asked; i++)
            ck_assert_int_eq(write(two[i].peer, "ask", 3), 3);
        for (int i = 0; i < asked; i++) {
            ck_assert_int_eq(answer(&in[i]), 3);
            ck_assert_int_eq(answer(&out[i]), 6);
        }
        ck_assert_uint_eq(io_stats(&loop).kernel_calls, calls_seen);
    }
    ck_assert_uint_gt(calls_seen, io_stats(&loop).ticks);
}
END_TEST

void
stats_tests(Suite *s)
{
    const TTest *const tests[] = {a_new_loop_has_done_nothing,
        each_submission_and_each_callback_is_counted_once,
        a_callback_sees_itself_counted, a_receive_that_waits,
        what_needs_no_call_counts_none, an_operation_on_a_file_is_one_call,
        a_close_is_counted, the_calls_are_those_that_are_seen};
    add_tests(s, tests, sizeof tests / sizeof *tests);
}
