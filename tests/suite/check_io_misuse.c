/* check_io_misuse.c - a mistake in the program that uses io.h ends it at once,
 * with a message that names the mistake. */
#include "check_io.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct probe p, q;
static char buf[8];

/* In a child that has a loop of its own: mistake must abort, and say so. */
static void
dies(void (*mistake)(void), const char *message)
{
    int out[2], status;
    char said[200] = "";
    ck_assert_int_eq(pipe(out), 0);
    loop_end();
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        dup2(out[1], STDERR_FILENO);
        if (io_init(&loop, 0) != 0) _exit(1);
        mistake();
        _exit(0);
    }
    close(out[1]);
    for (size_t n = 0; n < sizeof said - 1;) {
        ssize_t rc = read(out[0], said + n, sizeof said - 1 - n);
        if (rc <= 0) break;
        n += (size_t)rc;
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
        "no abort; it said: %s", said);
    ck_assert_msg(strstr(said, message) != NULL, "it said: %s", said);
}

static void
submit_twice(void)
{
    ask(&p, io_op_timeout(UINT64_MAX));
    io_submit(&loop, &p.c);
}

START_TEST(a_busy_completion_cannot_be_submitted)
{
    dies(submit_twice, "submit of a completion that is busy");
}
END_TEST

static void
submit_without_callback(void)
{
    p.c.op = io_op_nop();
    io_submit(&loop, &p.c);
}

START_TEST(a_completion_needs_a_callback)
{
    dies(submit_without_callback, "without a callback");
}
END_TEST

static void
receive_twice(void)
{
    struct two two = two_sockets();
    start(&p, io_op_recv(two.ours, buf, 1));
    ask(&q, io_op_readable(two.ours));
}

START_TEST(a_socket_has_one_reader)
{
    dies(receive_twice, "a second operation on a socket's read side");
}
END_TEST

static void
send_twice(void)
{
    struct two two = two_sockets();
    ask(&p, io_op_send(two.ours, buf, 1));
    ask(&q, io_op_send(two.ours, buf, 1));
}

START_TEST(a_socket_has_one_writer)
{
    dies(send_twice, "a second operation on a socket's write side");
}
END_TEST

static void
receive_nothing(void)
{
    ask(&p, io_op_recv(0, buf, 0));
}

START_TEST(recv_needs_a_length)
{
    dies(receive_nothing, "recv of length 0");
}
END_TEST

static void
close_reader(void)
{
    struct two two = two_sockets();
    start(&p, io_op_recv(two.ours, buf, 1));
    ask(&q, io_op_close(two.ours));
}

static void
close_writer(void)
{
    struct two two = two_sockets();
    ask(&p, io_op_send(two.ours, buf, 1));
    ask(&q, io_op_close(two.ours));
}

static void
close_file(void)
{
    ask(&p, io_op_read(0, buf, 1, 0));
    ask(&q, io_op_close(0));
}

/* Canceled is not enough: the callback must have been. */
static void
close_canceled(void)
{
    struct two two = two_sockets();
    start(&p, io_op_recv(two.ours, buf, 1));
    io_cancel(&loop, &p.c);
    ask(&q, io_op_close(two.ours));
}

START_TEST(close_waits_for_what_is_under_way)
{
    dies(close_reader, "close of a descriptor with an operation under way");
    dies(close_writer, "close of a descriptor with an operation under way");
    dies(close_file, "close of a descriptor with an operation under way");
    dies(close_canceled, "close of a descriptor with an operation under way");
}
END_TEST

static void
ticks_again(void *context, struct io_loop *l, struct io_completion *c, int res)
{
    io_tick(l, 0);
}

static void
tick_in_callback(void)
{
    struct io_completion c = {.op = io_op_nop(), .callback = ticks_again};
    io_submit(&loop, &c);
    io_run(&loop);
}

START_TEST(a_callback_cannot_tick)
{
    dies(tick_in_callback, "tick in a callback");
}
END_TEST

static void
deinits(void *context, struct io_loop *l, struct io_completion *c, int res)
{
    io_deinit(l);
}

static void
deinit_in_callback(void)
{
    struct io_completion c = {.op = io_op_nop(), .callback = deinits};
    io_submit(&loop, &c);
    io_run(&loop);
}

static void
deinit_while_busy(void)
{
    start(&p, io_op_timeout(UINT64_MAX));
    io_deinit(&loop);
}

START_TEST(deinit_waits_for_what_is_under_way)
{
    dies(deinit_in_callback, "deinit in a callback");
    dies(deinit_while_busy, "deinit while operations are under way");
}
END_TEST

static void
wake_twice(void)
{
    ask(&p, io_op_wake());
    ask(&q, io_op_wake());
}

START_TEST(there_is_one_wake_operation)
{
    dies(wake_twice, "a second wake operation");
}
END_TEST

static void *
submits(void *context)
{
    ask(&p, io_op_nop());
    return NULL;
}

static void *
cancels(void *context)
{
    io_cancel(&loop, &p.c);
    return NULL;
}

static void *
cancels_all(void *context)
{
    io_cancel_all(&loop);
    return NULL;
}

static void *
runs_tick(void *context)
{
    io_tick(&loop, 0);
    return NULL;
}

static void *
stops_loop(void *context)
{
    io_stop(&loop);
    return NULL;
}

static void *(*in_thread)(void *);

static void
from_thread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, in_thread, NULL) == 0)
        pthread_join(thread, NULL);
}

START_TEST(other_threads_may_only_wake)
{
    void *(*const calls[])(void *) = {
        submits, cancels, cancels_all, runs_tick, stops_loop};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        in_thread = calls[i];
        dies(from_thread, "only io_wake may be called from another thread");
    }
}
END_TEST

void
misuse_tests(Suite *s)
{
    const TTest *const tests[] = {a_busy_completion_cannot_be_submitted,
        a_completion_needs_a_callback, a_socket_has_one_reader,
        a_socket_has_one_writer, recv_needs_a_length,
        close_waits_for_what_is_under_way, a_callback_cannot_tick,
        deinit_waits_for_what_is_under_way, there_is_one_wake_operation,
        other_threads_may_only_wake};
    add_tests(s, tests, sizeof tests / sizeof *tests);
}
