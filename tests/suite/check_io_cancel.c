/* check_io_cancel.c - give an operation up, in every state that it can have. */
#include "check_io.h"

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct probe p, q;
static char buf[100];

START_TEST(cancel_before_the_first_tick)
{
    struct two two = two_sockets();
    ck_assert_int_eq(send(two.peer, "x", 1, 0), 1);
    ask(&p, io_op_recv(two.ours, buf, 9));
    io_cancel(&loop, &p.c);
    ck_assert_int_eq(answer(&p), -ECANCELED);
    ck_assert_int_eq(result_of(io_op_recv(two.ours, buf, 9)), 1);
}
END_TEST

START_TEST(cancel_while_the_kernel_has_it)
{
    struct two two = two_sockets();
    struct sockaddr_in address;
    struct io_op ops[] = {io_op_recv(two.ours, buf, 9),
        io_op_readable(two.ours), io_op_accept(listener(&address))};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        start(&p, ops[i]);
        ticks(2);
        io_cancel(&loop, &p.c);
        ck_assert_int_eq(p.calls, 0);
        ck_assert_int_eq(answer(&p), -ECANCELED);
    }
    ck_assert_int_eq(send(two.peer, "x", 1, 0), 1);
    ck_assert_int_eq(result_of(io_op_recv(two.ours, buf, 9)), 1);
}
END_TEST

START_TEST(cancel_of_a_send_that_waits)
{
    static char block[1 << 20];
    struct two two = two_sockets();
    do {
        start(&p, io_op_send(two.ours, block, sizeof block));
        ticks(2);
    } while (p.calls > 0);
    io_cancel(&loop, &p.c);
    int res = answer(&p);
    ck_assert(res == -ECANCELED || res > 0);
}
END_TEST

START_TEST(cancel_of_timer_and_wake)
{
    start(&p, io_op_timeout(UINT64_MAX));
    start(&q, io_op_wake());
    io_cancel(&loop, &p.c);
    io_cancel(&loop, &q.c);
    ck_assert_int_eq(answer(&p), -ECANCELED);
    ck_assert_int_eq(answer(&q), -ECANCELED);
    ask(&q, io_op_wake());
    io_wake(&loop);
    ck_assert_int_eq(answer(&q), 0);
}
END_TEST

/* A file's operation may have begun: the true result, or -ECANCELED. */
START_TEST(cancel_of_a_file_operation)
{
    own_directory();
    int fd = own_file("file", "hello", 5);
    for (int i = 0; i < 300; i++) {
        ask(&p, i % 2 ? io_op_fsync(fd) : io_op_read(fd, buf, 9, 0));
        if (i % 3) io_tick(&loop, 0);
        io_cancel(&loop, &p.c);
        int res = answer(&p);
        ck_assert(res == -ECANCELED || res == (i % 2 ? 0 : 5));
    }
}
END_TEST

START_TEST(what_is_closed_is_closed)
{
    int fd = io_socket(AF_INET);
    ask(&p, io_op_close(fd));
    io_cancel(&loop, &p.c);
    ck_assert_int_eq(answer(&p), 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

/* The result is there, its callback is not: the result stays. */
static void
cancels_q(void *context, struct io_loop *l, struct io_completion *c, int result)
{
    io_cancel(l, &q.c);
}

START_TEST(cancel_of_what_is_ready_changes_nothing)
{
    struct io_completion c = {.op = io_op_nop(), .callback = cancels_q};
    io_submit(&loop, &c);
    ask(&q, io_op_nop());
    ck_assert_int_eq(io_tick(&loop, IO_FOREVER), 2);
    ck_assert_int_eq(q.calls, 1);
    ck_assert_int_eq(q.result, 0);
}
END_TEST

START_TEST(cancel_of_what_is_idle_changes_nothing)
{
    memset(&p, 0, sizeof p);
    io_cancel(&loop, &p.c);
    ask(&p, io_op_nop());
    ck_assert_int_eq(answer(&p), 0);
    io_cancel(&loop, &p.c);
    ck_assert_int_eq(io_tick(&loop, 0), 0);
    ck_assert_int_eq(p.calls, 1);
    ck_assert_int_eq(io_busy(&loop), 0);
}
END_TEST

START_TEST(cancel_twice_is_once)
{
    struct two two = two_sockets();
    start(&p, io_op_recv(two.ours, buf, 9));
    io_cancel(&loop, &p.c);
    io_cancel(&loop, &p.c);
    ck_assert_int_eq(answer(&p), -ECANCELED);
    start(&p, io_op_recv(two.ours, buf, 9));
    ticks(3);
    ck_assert_int_eq(p.calls, 0);
    ck_assert_int_eq(send(two.peer, "x", 1, 0), 1);
    ck_assert_int_eq(answer(&p), 1);
}
END_TEST

/* No byte is lost, whoever wins. */
START_TEST(cancel_races_with_data)
{
    struct two two = two_sockets();
    int canceled = 0;
    for (int i = 0; i < 2000; i++) {
        char byte = (char)i;
        start(&p, io_op_recv(two.ours, buf, 1));
        if (rnd(2))
            ck_assert_int_eq(send(two.peer, &byte, 1, 0), 1);
        else
            byte = 'x';
        if (rnd(3) == 0) io_tick(&loop, 0);
        io_cancel(&loop, &p.c);
        int res = answer(&p);
        ck_assert(res == 1 || res == -ECANCELED);
        canceled += res == -ECANCELED;
        if (res == -ECANCELED && byte == (char)i &&
            recv(two.ours, buf, 1, MSG_PEEK | MSG_DONTWAIT) == 1)
            ck_assert_int_eq(result_of(io_op_recv(two.ours, buf, 1)), res = 1);
        if (res == 1) ck_assert_int_eq(buf[0], byte);
    }
    ck_assert_int_gt(canceled, 0);
    ck_assert_int_lt(canceled, 2000);
}
END_TEST

static int calls, last;

static void
submits_again(
    void *context, struct io_loop *l, struct io_completion *c, int res)
{
    last = res;
    if (++calls == 1) io_submit(l, c);
}

START_TEST(what_a_canceled_callback_submits_is_not_canceled)
{
    struct two two = two_sockets();
    struct io_completion c = {
        .op = io_op_recv(two.ours, buf, 9), .callback = submits_again};
    io_submit(&loop, &c);
    ticks(2);
    io_cancel(&loop, &c);
    while (calls == 0)
        io_tick(&loop, IO_FOREVER);
    ck_assert_int_eq(last, -ECANCELED);
    ticks(5);
    ck_assert_int_eq(calls, 1);
    ck_assert_int_eq(send(two.peer, "x", 1, 0), 1);
    io_run(&loop);
    ck_assert_int_eq(calls, 2);
    ck_assert_int_eq(last, 1);
}
END_TEST

/* The trap: two events in one batch. The callback of the first cancels the
 * other, and the callback of that frees it. */
struct trap {
    struct trap *other;
    struct io_completion c;
    struct two two;
    char byte;
};

static int alive;

static void
trap_called(void *context, struct io_loop *l, struct io_completion *c, int res)
{
    struct trap *trap = context;
    ck_assert(res == 1 || res == -ECANCELED);
    if (trap->other != NULL) {
        trap->other->other = NULL;
        io_cancel(l, &trap->other->c);
    }
    close(trap->two.ours);
    close(trap->two.peer);
    memset(trap, 0xa5, sizeof *trap);
    free(trap);
    alive--;
}

START_TEST(two_events_of_one_batch_cancel_each_other)
{
    for (int round = 0; round < 200; round++) {
        struct trap *two[2];
        for (int i = 0; i < 2; i++) {
            two[i] = calloc(1, sizeof *two[i]);
            two[i]->two = two_sockets();
            two[i]->c = (struct io_completion){
                .op = io_op_recv(two[i]->two.ours, &two[i]->byte, 1),
                .context = two[i],
                .callback = trap_called};
            io_submit(&loop, &two[i]->c);
        }
        two[0]->other = two[1];
        two[1]->other = two[0];
        alive = 2;
        ticks(1);
        int peers[2] = {two[0]->two.peer, two[1]->two.peer};
        for (int i = 0; i < 2; i++)
            if (i == 0 || round % 2)
                ck_assert_int_eq(send(peers[i], "x", 1, 0), 1);
        io_run(&loop);
        ck_assert_int_eq(alive, 0);
        ticks(2);
    }
}
END_TEST

START_TEST(a_canceled_accept_may_bring_a_client)
{
    struct sockaddr_in address;
    int from = listener(&address), won = 0;
    for (int i = 0; i < 200; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        start(&p, io_op_accept(from));
        ck_assert_int_eq(connect(fd, (void *)&address, sizeof address), 0);
        if (i % 4 == 0) io_cancel(&loop, &p.c);
        if (i % 4 == 1) ticks(1);
        io_cancel(&loop, &p.c);
        int res = answer(&p);
        ck_assert(res >= 0 || res == -ECANCELED);
        won += res >= 0;
        if (res < 0) res = result_of(io_op_accept(from));
        ck_assert_int_ge(res, 0);
        ck_assert_int_eq(result_of(io_op_close(res)), 0);
        close(fd);
    }
    ck_assert_int_gt(won, 0);
}
END_TEST

START_TEST(cancel_all_then_deinit)
{
    static struct probe probes[900];
    static char got[300][9];
    struct sockaddr_in address;
    own_directory();
    int fd = own_file("file", "hello", 5);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 300; i++) {
            struct two two = two_sockets();
            ask(&probes[i], io_op_recv(two.ours, buf, 9));
            ask(&probes[300 + i], io_op_read(fd, got[i], 9, 0));
            ask(&probes[600 + i], io_op_timeout(rnd(UINT32_MAX)));
            if (i == 200) ticks(round);
        }
        ask(&p, io_op_accept(listener(&address)));
        ask(&q, io_op_wake());
        ticks(round % 2);
        io_cancel_all(&loop);
        while (io_busy(&loop) > 0)
            io_tick(&loop, IO_FOREVER);
        ck_assert_int_eq(p.calls + q.calls, 2);
        ck_assert_int_eq(p.result, -ECANCELED);
        ck_assert_int_eq(q.result, -ECANCELED);
        for (int i = 0; i < 900; i++)
            ck_assert_int_eq(probes[i].calls, 1);
        for (int i = 0; i < 300; i++)
            ck_assert_int_eq(probes[i].result, -ECANCELED);
        loop_begin(round < 3 ? 0 : 1);
        for (int i = fd + 20; i < fd + 2000; i++)
            (void)close(i); /* the sockets of this round; the rest are none */
    }
}
END_TEST

/* What a callback submits after it is not meant. */
START_TEST(cancel_all_covers_what_is_active_at_the_call)
{
    struct two two = two_sockets();
    static struct io_completion c;
    c.op = io_op_recv(two.ours, buf, 9);
    c.callback = submits_again;
    io_submit(&loop, &c);
    ticks(1);
    io_cancel_all(&loop);
    ticks(5);
    ck_assert_int_eq(calls, 1);
    ck_assert_int_eq(io_busy(&loop), 1);
}
END_TEST

void
cancel_tests(Suite *s)
{
    const TTest *const tests[] = {cancel_before_the_first_tick,
        cancel_while_the_kernel_has_it, cancel_of_a_send_that_waits,
        cancel_of_timer_and_wake, cancel_of_a_file_operation,
        what_is_closed_is_closed, cancel_of_what_is_ready_changes_nothing,
        cancel_of_what_is_idle_changes_nothing, cancel_twice_is_once,
        cancel_races_with_data,
        what_a_canceled_callback_submits_is_not_canceled,
        two_events_of_one_batch_cancel_each_other,
        a_canceled_accept_may_bring_a_client, cancel_all_then_deinit,
        cancel_all_covers_what_is_active_at_the_call};
    add_tests(s, tests, sizeof tests / sizeof *tests);
}
