/* check_io_stream.c - bytes on a connected socket. */
#include "check_io.h"

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct probe p, q;
static char buf[1000];

START_TEST(recv_takes_what_is_there)
{
    struct two two = two_sockets();
    ck_assert_int_eq(send(two.peer, "hello", 5, 0), 5);
    ck_assert_int_eq(result_of(io_op_recv(two.ours, buf, sizeof buf)), 5);
    ck_assert_mem_eq(buf, "hello", 5);
}
END_TEST

START_TEST(recv_waits_for_what_comes)
{
    struct two two = two_sockets();
    start(&p, io_op_recv(two.ours, buf, sizeof buf));
    ticks(3);
    ck_assert_int_eq(p.calls, 0);
    ck_assert_int_eq(send(two.peer, "hello", 5, 0), 5);
    ck_assert_int_eq(answer(&p), 5);
    ck_assert_mem_eq(buf, "hello", 5);
}
END_TEST

START_TEST(recv_without_bytes_waits)
{
    struct two two = two_sockets();
    start(&p, io_op_recv(two.ours, buf, sizeof buf));
    uint64_t cpu = cpu_now();
    ck_assert_int_eq(io_tick(&loop, 50 * MS), 0);
    ck_assert_uint_lt(cpu_now() - cpu, 30 * MS);
    ck_assert_int_eq(p.calls, 0);
}
END_TEST

START_TEST(bytes_come_before_the_end)
{
    struct two two = two_sockets();
    start(&p, io_op_recv(two.ours, buf, 3));
    ck_assert_int_eq(send(two.peer, "hello", 5, 0), 5);
    close(two.peer);
    ck_assert_int_eq(answer(&p), 3);
    ck_assert_int_eq(result_of(io_op_recv(two.ours, buf, 3)), 2);
    ck_assert_int_eq(result_of(io_op_recv(two.ours, buf, 3)), 0);
    ck_assert_int_eq(result_of(io_op_recv(two.ours, buf, 3)), 0);
}
END_TEST

START_TEST(the_end_is_seen_while_waiting)
{
    struct two two = two_sockets();
    start(&p, io_op_recv(two.ours, buf, 3));
    ck_assert_int_eq(shutdown(two.peer, SHUT_WR), 0);
    ck_assert_int_eq(answer(&p), 0);
    ck_assert_int_eq(result_of(io_op_send(two.ours, "late", 4)), 4);
    ck_assert_int_eq(recv(two.peer, buf, sizeof buf, 0), 4);
}
END_TEST

START_TEST(a_reset_is_an_error)
{
    struct two two = two_sockets(), other = two_sockets();
    start(&p, io_op_recv(two.ours, buf, 3));
    reset(two.peer);
    ck_assert_int_eq(answer(&p), -ECONNRESET);
    reset(other.peer);
    ck_assert_int_eq(result_of(io_op_recv(other.ours, buf, 3)), -ECONNRESET);
}
END_TEST

/* One side of the pump: sends or receives BIG bytes. */
struct pump {
    struct io_completion c;
    char *bytes;
    size_t done;
    int fd, short_counts;
};

static void
pump_called(void *context, struct io_loop *l, struct io_completion *c, int res)
{
    struct pump *pump = context;
    size_t asked = c->op.kind == IO_SEND ? c->op.out.length : c->op.in.length;
    ck_assert_int_gt(res, 0);
    ck_assert_uint_le((size_t)res, asked);
    pump->short_counts += (size_t)res < asked;
    pump->done += (size_t)res;
    char *next = pump->bytes + pump->done;
    size_t left = BIG - pump->done;
    if (left == 0) return;
    c->op = c->op.kind == IO_SEND ? io_op_send(pump->fd, next, left)
                                  : io_op_recv(pump->fd, next, left);
    io_submit(l, c);
}

static void
pump_begin(struct pump *pump, struct io_op op)
{
    pump->fd = op.fd;
    pump->c = (struct io_completion){
        .op = op, .context = pump, .callback = pump_called};
    io_submit(&loop, &pump->c);
}

/* Both ways at once: each socket has a reader and a writer. */
START_TEST(megabytes_go_both_ways_in_short_counts)
{
    static struct pump pumps[4];
    struct two two = two_sockets();
    int small = 64 * 1024;
    ck_assert_int_eq(io_adopt(two.peer), two.peer);
    for (int i = 0; i < 4; i++)
        ck_assert_ptr_nonnull(pumps[i].bytes = malloc(BIG));
    for (size_t i = 0; i < BIG; i++) {
        pumps[0].bytes[i] = (char)rnd(256);
        pumps[2].bytes[i] = (char)(pumps[0].bytes[i] ^ 85);
    }
    for (int i = 0; i < 2; i++) {
        int fd = i == 0 ? two.ours : two.peer;
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        pump_begin(&pumps[2 * i], io_op_send(fd, pumps[2 * i].bytes, BIG));
        pump_begin(
            &pumps[3 - 2 * i], io_op_recv(fd, pumps[3 - 2 * i].bytes, BIG));
    }
    io_run(&loop);
    ck_assert_int_eq(memcmp(pumps[0].bytes, pumps[1].bytes, BIG), 0);
    ck_assert_int_eq(memcmp(pumps[2].bytes, pumps[3].bytes, BIG), 0);
    ck_assert_int_gt(pumps[0].short_counts + pumps[1].short_counts, 0);
    for (int i = 0; i < 4; i++)
        free(pumps[i].bytes);
}
END_TEST

/* SIGPIPE has its default action, which would end this process. */
START_TEST(send_to_a_client_that_is_gone_is_an_error)
{
    struct two two = two_sockets();
    int res = 1;
    signal(SIGPIPE, SIG_DFL);
    close(two.peer);
    for (int i = 0; i < 100 && res > 0; i++)
        res = result_of(io_op_send(two.ours, buf, sizeof buf));
    ck_assert(res == -EPIPE || res == -ECONNRESET);
    res = result_of(io_op_send(two.ours, buf, sizeof buf));
    ck_assert_int_eq(res, -EPIPE);
}
END_TEST

/* Fill the socket until a send waits. */
static void
send_until_it_waits(struct two two)
{
    static char block[1 << 20];
    int res = 1;
    while (res > 0) {
        start(&q, io_op_send(two.ours, block, sizeof block));
        ticks(2);
        res = q.calls ? q.result : 0;
        ck_assert_int_ge(res, 0);
    }
}

START_TEST(a_send_that_waits_sees_the_reset)
{
    struct two two = two_sockets();
    send_until_it_waits(two);
    reset(two.peer);
    int res = answer(&q);
    ck_assert(res == -EPIPE || res == -ECONNRESET);
}
END_TEST

START_TEST(a_reader_does_not_wait_for_the_writer)
{
    struct two two = two_sockets();
    char byte;
    start(&p, io_op_recv(two.ours, buf, sizeof buf));
    send_until_it_waits(two);
    ck_assert_int_eq(p.calls, 0);
    ck_assert_int_eq(send(two.peer, "hi", 2, 0), 2);
    ck_assert_int_eq(answer(&p), 2);
    ck_assert_int_eq(q.calls, 0);
    start(&p, io_op_recv(two.ours, buf, sizeof buf));
    while (q.calls == 0) {
        ck_assert_int_eq(recv(two.peer, &byte, 1, 0), 1);
        while (recv(two.peer, buf, sizeof buf, MSG_DONTWAIT) > 0)
            continue;
        io_tick(&loop, MS);
    }
    ck_assert_int_gt(q.result, 0);
    ck_assert_int_eq(p.calls, 0);
}
END_TEST

START_TEST(send_of_nothing_is_0)
{
    struct two two = two_sockets();
    ck_assert_int_eq(result_of(io_op_send(two.ours, buf, 0)), 0);
    send_until_it_waits(two);
    io_cancel(&loop, &q.c);
    answer(&q);
    ck_assert_int_eq(result_of(io_op_send(two.ours, buf, 0)), 0);
}
END_TEST

/* More than an int can count: the kernel must not take it for negative. */
START_TEST(a_huge_length_is_a_short_count)
{
    struct two two = two_sockets();
    ck_assert_int_eq(send(two.peer, "hello", 5, 0), 5);
    ck_assert_int_eq(result_of(io_op_recv(two.ours, buf, SIZE_MAX / 2)), 5);
    ck_assert_int_eq(send(two.peer, "hello", 5, 0), 5);
    ck_assert_int_eq(result_of(io_op_recv(two.ours, buf, (size_t)1 << 32)), 5);
    own_directory();
    int fd = own_file("file", "hello", 5);
    ck_assert_int_eq(result_of(io_op_read(fd, buf, (size_t)1 << 32, 0)), 5);
}
END_TEST

START_TEST(readable_waits_without_a_buffer)
{
    struct two two = two_sockets();
    start(&p, io_op_readable(two.ours));
    ticks(3);
    ck_assert_int_eq(p.calls, 0);
    ck_assert_int_eq(send(two.peer, "hi", 2, 0), 2);
    ck_assert_int_eq(answer(&p), 0);
    ck_assert_int_eq(result_of(io_op_readable(two.ours)), 0);
    ck_assert_int_eq(result_of(io_op_recv(two.ours, buf, 9)), 2);
    start(&p, io_op_readable(two.ours));
    ticks(3);
    ck_assert_int_eq(p.calls, 0);
    close(two.peer);
    ck_assert_int_eq(answer(&p), 0);
    ck_assert_int_eq(result_of(io_op_recv(two.ours, buf, 9)), 0);
}
END_TEST

START_TEST(readable_tells_of_an_error)
{
    struct two two = two_sockets();
    start(&p, io_op_readable(two.ours));
    reset(two.peer);
    ck_assert_int_eq(answer(&p), 0);
    ck_assert_int_eq(result_of(io_op_recv(two.ours, buf, 9)), -ECONNRESET);
}
END_TEST

START_TEST(shutdown_ends_what_waits)
{
    struct two two = two_sockets();
    start(&p, io_op_recv(two.ours, buf, 9));
    ck_assert_int_eq(io_shutdown(two.ours, SHUT_RD), 0);
    ck_assert_int_eq(answer(&p), 0);
    ck_assert_int_eq(io_shutdown(two.ours, SHUT_WR), 0);
    ck_assert_int_eq(result_of(io_op_send(two.ours, buf, 9)), -EPIPE);
    ck_assert_int_eq(recv(two.peer, buf, 9, 0), 0);
    ck_assert_int_eq(io_shutdown(-1, SHUT_WR), -EBADF);
    ck_assert_int_eq(io_shutdown(two.ours, 77), -EINVAL);
}
END_TEST

/* Whatever mode the descriptor came in, an operation waits. */
START_TEST(nonblocking_descriptors_wait_as_well)
{
    struct two two = two_sockets();
    fcntl(two.ours, F_SETFL, O_NONBLOCK);
    start(&p, io_op_recv(two.ours, buf, 9));
    send_until_it_waits(two);
    ticks(5);
    ck_assert_int_eq(p.calls + q.calls, 0);
    uint64_t cpu = cpu_now();
    io_tick(&loop, 50 * MS);
    ck_assert_uint_lt(cpu_now() - cpu, 30 * MS);
    ck_assert_int_eq(send(two.peer, "hi", 2, 0), 2);
    ck_assert_int_eq(answer(&p), 2);
}
END_TEST

START_TEST(local_sockets_can_be_adopted)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(io_adopt(pair[i]), pair[i]);
    start(&p, io_op_recv(pair[0], buf, 9));
    ck_assert_int_eq(result_of(io_op_send(pair[1], "hi", 2)), 2);
    ck_assert_int_eq(answer(&p), 2);
    ck_assert_int_eq(result_of(io_op_close(pair[1])), 0);
    ck_assert_int_eq(result_of(io_op_recv(pair[0], buf, 9)), 0);
}
END_TEST

/* Closed by one operation, the number names another socket in the next. */
START_TEST(a_number_used_again_is_another_socket)
{
    for (int i = 0; i < 50; i++) {
        struct two two = two_sockets();
        start(&p, io_op_recv(two.ours, buf, 9));
        io_cancel(&loop, &p.c);
        ck_assert_int_eq(answer(&p), -ECANCELED);
        ck_assert_int_eq(result_of(io_op_close(two.ours)), 0);
        struct two next = two_sockets();
        start(&p, io_op_recv(next.ours, buf, 9));
        ck_assert_int_eq(send(next.peer, "hi", 2, 0), 2);
        ck_assert_int_eq(answer(&p), 2);
        ck_assert_int_eq(result_of(io_op_close(next.ours)), 0);
        close(next.peer);
        close(two.peer);
    }
}
END_TEST

START_TEST(high_descriptors_are_watched_too)
{
    struct two two = two_sockets();
    const int numbers[] = {63, 64, 65, 1023, 4097, 900};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        ck_assert_int_eq(dup2(two.ours, numbers[i]), numbers[i]);
        start(&p, io_op_recv(numbers[i], buf, 9));
        ck_assert_int_eq(result_of(io_op_send(numbers[i], "hi", 2)), 2);
        ck_assert_int_eq(send(two.peer, "hi", 2, 0), 2);
        ck_assert_int_eq(answer(&p), 2);
        ck_assert_int_eq(result_of(io_op_close(numbers[i])), 0);
    }
    ck_assert_int_eq(result_of(io_op_recv(1 << 20, buf, 9)), -EBADF);
    ck_assert_int_eq(result_of(io_op_close(INT32_MAX)), -EBADF);
}
END_TEST

void
stream_tests(Suite *s)
{
    const TTest *const tests[] = {recv_takes_what_is_there,
        recv_waits_for_what_comes, recv_without_bytes_waits,
        bytes_come_before_the_end, the_end_is_seen_while_waiting,
        a_reset_is_an_error, megabytes_go_both_ways_in_short_counts,
        send_to_a_client_that_is_gone_is_an_error,
        a_send_that_waits_sees_the_reset, a_reader_does_not_wait_for_the_writer,
        send_of_nothing_is_0, a_huge_length_is_a_short_count,
        readable_waits_without_a_buffer, readable_tells_of_an_error,
        shutdown_ends_what_waits, nonblocking_descriptors_wait_as_well,
        local_sockets_can_be_adopted, a_number_used_again_is_another_socket,
        high_descriptors_are_watched_too};
    add_tests(s, tests, sizeof tests / sizeof *tests);
}
