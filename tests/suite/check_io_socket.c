/* check_io_socket.c - listen, accept, connect, and descriptors of all sorts. */
#include "check_io.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static struct probe p, q;
static char buf[100];
static struct sockaddr_in address;

static struct io_op
connect_op(int fd)
{
    return io_op_connect(fd, (void *)&address, sizeof address);
}

START_TEST(connect_and_accept_meet)
{
    int from = listener(&address), fd = io_socket(AF_INET);
    start(&p, io_op_accept(from));
    ticks(2);
    ck_assert_int_eq(p.calls, 0);
    ask(&q, connect_op(fd));
    ck_assert_int_eq(answer(&q), 0);
    int ours = answer(&p);
    ck_assert_int_ge(ours, 0);
    start(&p, io_op_recv(ours, buf, 9));
    ck_assert_int_eq(result_of(io_op_send(fd, "hi", 2)), 2);
    ck_assert_int_eq(answer(&p), 2);
}
END_TEST

START_TEST(accept_takes_a_client_that_waits)
{
    int from = listener(&address), fd = io_socket(AF_INET);
    ck_assert_int_eq(result_of(connect_op(fd)), 0);
    start(&p, io_op_readable(from));
    ck_assert_int_eq(answer(&p), 0);
    ck_assert_int_ge(result_of(io_op_accept(from)), 0);
}
END_TEST

START_TEST(connect_to_a_closed_port_is_refused)
{
    close(listener(&address));
    for (int i = 0; i < 20; i++) {
        int fd = io_socket(AF_INET);
        ck_assert_int_eq(result_of(connect_op(fd)), -ECONNREFUSED);
        ck_assert_int_eq(result_of(io_op_close(fd)), 0);
    }
}
END_TEST

START_TEST(connect_of_a_connected_socket_is_an_error)
{
    struct two two = two_sockets();
    (void)listener(&address);
    ck_assert_int_eq(result_of(connect_op(two.ours)), -EISCONN);
}
END_TEST

START_TEST(connect_needs_an_address)
{
    int fd = io_socket(AF_INET);
    (void)listener(&address);
    ck_assert_int_eq(
        result_of(io_op_connect(fd, (void *)&address, 3)), -EINVAL);
    address.sin_family = 77;
    ck_assert_int_eq(result_of(connect_op(fd)), -EAFNOSUPPORT);
}
END_TEST

/* The listener's queue is full: no answer comes, the connect waits. */
START_TEST(a_connect_that_waits_can_be_canceled)
{
    int from = listener(&address);
    static struct probe waits[8];
    ck_assert_int_eq(listen(from, 0), 0);
    for (int i = 0; i < 8; i++)
        start(&waits[i], connect_op(io_socket(AF_INET)));
    ticks(10);
    ck_assert_int_eq(waits[7].calls, 0);
    io_cancel(&loop, &waits[7].c);
    ck_assert_int_eq(answer(&waits[7]), -ECANCELED);
    ck_assert_int_eq(result_of(io_op_close(waits[7].c.op.fd)), 0);
}
END_TEST

START_TEST(accept_needs_a_listener)
{
    struct two two = two_sockets();
    own_directory();
    ck_assert_int_eq(result_of(io_op_accept(io_socket(AF_INET))), -EINVAL);
    ck_assert_int_eq(result_of(io_op_accept(two.ours)), -EINVAL);
    ck_assert_int_eq(
        result_of(io_op_accept(own_file("file", "", 0))), -ENOTSOCK);
}
END_TEST

START_TEST(a_listener_cannot_send_or_receive)
{
    int from = listener(&address);
    ck_assert_int_eq(result_of(io_op_recv(from, buf, 9)), -ENOTCONN);
    ck_assert_int_eq(result_of(io_op_send(from, buf, 9)), -EPIPE);
}
END_TEST

/* Negative, never opened, and closed. */
START_TEST(a_bad_descriptor_is_an_error_of_each_operation)
{
    int closed = io_socket(AF_INET);
    (void)listener(&address);
    ck_assert_int_eq(result_of(io_op_close(closed)), 0);
    const int fds[] = {-1, INT_MIN, AT_FDCWD, 9999, INT_MAX, closed};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        int fd = fds[i];
        struct io_op ops[] = {io_op_accept(fd), connect_op(fd),
            io_op_recv(fd, buf, 1), io_op_send(fd, buf, 1), io_op_readable(fd),
            io_op_read(fd, buf, 1, 0), io_op_write(fd, buf, 1, 0),
            io_op_fsync(fd), io_op_close(fd),
            io_op_open(fd, fd == AT_FDCWD ? "no" : "file", O_RDONLY, 0, false),
            io_op_open(fd, fd == AT_FDCWD ? "no" : "file", O_RDONLY, 0, true)};
        for (size_t k = 0; k < sizeof ops / sizeof *ops; k++) {
            bool here = ops[k].kind == IO_OPEN && fd == AT_FDCWD;
            ck_assert_msg(result_of(ops[k]) == (here ? -ENOENT : -EBADF),
                "operation %zu of fd %d", k, fd);
        }
    }
}
END_TEST

START_TEST(a_file_is_no_socket)
{
    own_directory();
    int fd = own_file("file", "hello", 5);
    (void)listener(&address);
    ck_assert_int_eq(result_of(io_op_recv(fd, buf, 9)), -ENOTSOCK);
    ck_assert_int_eq(result_of(io_op_send(fd, buf, 9)), -ENOTSOCK);
    ck_assert_int_eq(result_of(connect_op(fd)), -ENOTSOCK);
}
END_TEST

static int
inherited_count(void)
{
    int count = 0;
    for (int fd = 0; fd < 100; fd++)
        count += fcntl(fd, F_GETFD) == 0;
    return count;
}

START_TEST(all_descriptors_are_close_on_exec)
{
    int pair[2];
    own_directory();
    loop_end();
    ck_assert_int_eq(pipe(pair), 0);
    int before = inherited_count();
    loop_begin(0);
    int from = listener(&address), fd = io_socket(AF_INET);
    ck_assert_int_eq(io_adopt(pair[0]), pair[0]);
    ck_assert_int_eq(result_of(connect_op(fd)), 0);
    const int fds[] = {from, fd, pair[0], result_of(io_op_accept(from)),
        result_of(io_op_open(AT_FDCWD, ".", O_RDONLY, 0, false)),
        result_of(io_op_open(AT_FDCWD, ".", O_RDONLY, 0, true)),
        result_of(io_op_open(AT_FDCWD, "a", O_RDWR | O_CREAT, 0600, false)),
        result_of(io_op_open(AT_FDCWD, "b", O_RDWR | O_CREAT, 0600, true))};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        ck_assert_msg(fcntl(fds[i], F_GETFD) == FD_CLOEXEC, "%zu", i);
    ck_assert_int_eq(inherited_count(), before - 1); /* the loop's own, too */
}
END_TEST

START_TEST(what_cannot_be_made_is_an_error)
{
    int fd = listener(&address), next = dup(fd);
    ck_assert_int_eq(close(next), 0);
    ck_assert_int_eq(io_socket(77), -EAFNOSUPPORT);
    ck_assert_int_eq(io_adopt(-1), -EBADF);
    ck_assert_int_eq(io_adopt(9999), -EBADF);
    socklen_t length = sizeof address;
    ck_assert_int_eq(io_listen((void *)&address, length, 1), -EADDRINUSE);
    ck_assert_int_eq(io_listen((void *)&address, 3, 1), -EINVAL);
    ck_assert_int_eq(dup(fd), next); /* neither left a descriptor */
}
END_TEST

/* No descriptor left: accept says so, at once, and costs nothing while the
 * program pauses; with one free again it goes on. */
START_TEST(out_of_descriptors_accept_fails_and_recovers)
{
    int from = listener(&address), fd = socket(AF_INET, SOCK_STREAM, 0);
    struct rlimit few = {64, 64};
    int fds[64], count = 0;
    int early = result_of(io_op_open(AT_FDCWD, "/", O_RDONLY, 0, false));
    ck_assert_int_eq(result_of(io_op_close(early)), 0); /* the pool runs */
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    while ((fds[count] = dup(0)) != -1)
        count++;
    ck_assert_int_eq(connect(fd, (void *)&address, sizeof address), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(result_of(io_op_accept(from)), -EMFILE);
    ck_assert_int_eq(io_socket(AF_INET), -EMFILE);
    ck_assert_int_eq(
        result_of(io_op_open(AT_FDCWD, "/", O_RDONLY, 0, false)), -EMFILE);
    ck_assert_int_eq(
        result_of(io_op_open(AT_FDCWD, ".", O_RDONLY, 0, true)), -EMFILE);
    uint64_t cpu = cpu_now();
    ck_assert_int_eq(result_of(io_op_timeout(100 * MS)), 0);
    ck_assert_uint_lt(cpu_now() - cpu, 30 * MS);
    close(fds[--count]);
    ck_assert_int_ge(result_of(io_op_accept(from)), 0);
}
END_TEST

/* The client goes before it is accepted: its socket, or ECONNABORTED; never an
 * error that means the listener. */
START_TEST(an_aborted_client_leaves_the_listener_well)
{
    int from = listener(&address);
    for (int i = 0; i < 20; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (i % 2) start(&p, io_op_accept(from));
        ck_assert_int_eq(connect(fd, (void *)&address, sizeof address), 0);
        reset(fd);
        if (i % 2 == 0) start(&p, io_op_accept(from));
        int res = answer(&p);
        ck_assert(res >= 0 || res == -ECONNABORTED);
        if (res < 0) continue;
        ck_assert_int_eq(result_of(io_op_recv(res, buf, 9)), -ECONNRESET);
        ck_assert_int_eq(result_of(io_op_close(res)), 0);
    }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, (void *)&address, sizeof address), 0);
    ck_assert_int_ge(result_of(io_op_accept(from)), 0);
}
END_TEST

START_TEST(close_is_once)
{
    int fd = io_socket(AF_INET);
    ck_assert_int_eq(result_of(io_op_close(fd)), 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    ck_assert_int_eq(result_of(io_op_close(fd)), -EBADF);
}
END_TEST

void
socket_tests(Suite *s)
{
    const TTest *const tests[] = {connect_and_accept_meet,
        accept_takes_a_client_that_waits, connect_to_a_closed_port_is_refused,
        connect_of_a_connected_socket_is_an_error, connect_needs_an_address,
        a_connect_that_waits_can_be_canceled, accept_needs_a_listener,
        a_listener_cannot_send_or_receive,
        a_bad_descriptor_is_an_error_of_each_operation, a_file_is_no_socket,
        all_descriptors_are_close_on_exec, what_cannot_be_made_is_an_error,
        out_of_descriptors_accept_fails_and_recovers,
        an_aborted_client_leaves_the_listener_well, close_is_once};
    add_tests(s, tests, sizeof tests / sizeof *tests);
}
