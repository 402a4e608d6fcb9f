/* check_io_uring.c - faults that the kernel seldom has, on io_uring: calls
 * of liburing are wrapped by the linker (-Wl,--wrap), and answer what a test
 * says. */
#include "check_io.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const backend_name = "io_uring";
const char *const copy_directory = "05-unified";
unsigned long calls_seen;

/* Seconds. Some systems refuse a wait that is longer. */
enum { LONGEST = 100 * 1000 * 1000 };

static struct {
    int setups, errors[4]; /* of the next set-ups; 0: the true one */
    unsigned missing;      /* features that set-up takes away */
    unsigned flags[4];     /* that set-up was asked for */
    int enters[8];         /* of the next calls; 0: the true one */
    int enter_count;
    int eventfd_error;
    int results[8]; /* in place of the next true ones; 0: leave it */
    int result_count;
    const void *of; /* of this completion only; NULL: of any */
} fault;

int __real_io_uring_queue_init_params(
    unsigned, struct io_uring *, struct io_uring_params *);
int __wrap_io_uring_queue_init_params(
    unsigned, struct io_uring *, struct io_uring_params *);
int __real_io_uring_submit(struct io_uring *);
int __wrap_io_uring_submit(struct io_uring *);
int __real_io_uring_submit_and_wait(struct io_uring *, unsigned);
int __wrap_io_uring_submit_and_wait(struct io_uring *, unsigned);
int __real_io_uring_submit_and_get_events(struct io_uring *);
int __wrap_io_uring_submit_and_get_events(struct io_uring *);
int __real_io_uring_submit_and_wait_timeout(struct io_uring *,
    struct io_uring_cqe **, unsigned, struct __kernel_timespec *, sigset_t *);
int __wrap_io_uring_submit_and_wait_timeout(struct io_uring *,
    struct io_uring_cqe **, unsigned, struct __kernel_timespec *, sigset_t *);
unsigned __real_io_uring_peek_batch_cqe(
    struct io_uring *, struct io_uring_cqe **, unsigned);
unsigned __wrap_io_uring_peek_batch_cqe(
    struct io_uring *, struct io_uring_cqe **, unsigned);
int __real_eventfd(unsigned, int);
int __wrap_eventfd(unsigned, int);

int
__wrap_io_uring_queue_init_params(
    unsigned entries, struct io_uring *ring, struct io_uring_params *params)
{
    int i = fault.setups < 4 ? fault.setups++ : 3;
    fault.flags[i] = params->flags;
    if (fault.errors[i] != 0) return fault.errors[i];
    int rc = __real_io_uring_queue_init_params(entries, ring, params);
    params->features &= ~fault.missing;
    return rc;
}

int
__wrap_eventfd(unsigned count, int flags)
{
    if (fault.eventfd_error == 0) return __real_eventfd(count, flags);
    errno = fault.eventfd_error;
    return -1;
}

/* The error for this call, or 0. */
static int
next_error(void)
{
    calls_seen++; /* backend_wait calls only when the kernel is to be entered */
    return fault.enter_count < 8 ? fault.enters[fault.enter_count++] : 0;
}

int
__wrap_io_uring_submit(struct io_uring *ring)
{
    int error = next_error();
    return error != 0 ? error : __real_io_uring_submit(ring);
}

int
__wrap_io_uring_submit_and_wait(struct io_uring *ring, unsigned count)
{
    int error = next_error();
    return error != 0 ? error : __real_io_uring_submit_and_wait(ring, count);
}

int
__wrap_io_uring_submit_and_get_events(struct io_uring *ring)
{
    int error = next_error();
    return error != 0 ? error : __real_io_uring_submit_and_get_events(ring);
}

int
__wrap_io_uring_submit_and_wait_timeout(struct io_uring *ring,
    struct io_uring_cqe **cqe, unsigned count, struct __kernel_timespec *time,
    sigset_t *mask)
{
    int error = next_error();
    if (error != 0) return error;
    if (time->tv_sec > LONGEST) return -EINVAL;
    return __real_io_uring_submit_and_wait_timeout(
        ring, cqe, count, time, mask);
}

unsigned
__wrap_io_uring_peek_batch_cqe(
    struct io_uring *ring, struct io_uring_cqe **cqes, unsigned count)
{
    unsigned n = __real_io_uring_peek_batch_cqe(ring, cqes, count);
    for (unsigned i = 0; i < n && fault.of != NULL; i++) {
        if (io_uring_cqe_get_data(cqes[i]) != fault.of) continue;
        if (fault.result_count == 8) break;
        int result = fault.results[fault.result_count++];
        if (result != 0) cqes[i]->res = result;
    }
    return n;
}

START_TEST(set_up_says_why_it_cannot)
{
    const int errors[] = {-EPERM, -ENOSYS, -ENOMEM, -EMFILE};
    loop_end();
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct io_loop other;
        memset(&fault, 0, sizeof fault);
        fault.errors[0] = errors[i];
        ck_assert_int_eq(io_init(&other, 0), errors[i]);
        ck_assert_int_eq(fault.setups, 1);
        ck_assert_uint_gt(strlen(io_hint(errors[i])), 10);
    }
}
END_TEST

START_TEST(set_up_steps_down_for_an_older_kernel)
{
    loop_end();
    memset(&fault, 0, sizeof fault);
    for (int i = 0; i < 3; i++) {
        fault.setups = 0;
        loop_begin(0);
        ck_assert_int_eq(fault.setups, i + 1);
        ck_assert_int_eq(result_of(io_op_nop()), 0);
        struct two two = two_sockets();
        struct probe p;
        char buf[9];
        start(&p, io_op_recv(two.ours, buf, 9));
        ck_assert_int_eq(send(two.peer, "hi", 2, 0), 2);
        ck_assert_int_eq(answer(&p), 2);
        fault.errors[i] = -EINVAL;
    }
    ck_assert(fault.flags[0] & IORING_SETUP_DEFER_TASKRUN);
    ck_assert(fault.flags[1] & IORING_SETUP_COOP_TASKRUN);
    struct io_loop other;
    fault.setups = 0;
    ck_assert_int_eq(io_init(&other, 0), -EINVAL);
    ck_assert_uint_gt(strlen(io_hint(-EINVAL)), 10);
}
END_TEST

START_TEST(a_kernel_without_what_is_needed_is_refused)
{
    struct io_loop other;
    int before = dup(0);
    close(before);
    fault.missing = IORING_FEAT_EXT_ARG;
    ck_assert_int_eq(io_init(&other, 0), -ENOSYS);
    fault.missing = 0;
    fault.eventfd_error = EMFILE;
    ck_assert_int_eq(io_init(&other, 0), -EMFILE);
    ck_assert_int_eq(dup(0), before); /* nothing was left open */
}
END_TEST

/* Whatever a call answers, no operation is lost or done twice. */
START_TEST(failing_enters_lose_nothing)
{
    static struct probe p[100];
    const int errors[] = {-EINTR, -EAGAIN, -EBUSY, -ETIME};
    loop_begin(8);
    for (int i = 0; i < 200; i++) {
        memset(&fault, 0, sizeof fault);
        for (int k = 0; k < 8; k++)
            if (rnd(2)) fault.enters[k] = errors[rnd(4)];
        for (int k = 0; k < 100; k++)
            ask(&p[k], k % 2 ? io_op_nop() : io_op_close(-1));
        for (int k = 0; k < 100; k++)
            ck_assert_int_eq(answer(&p[k]), k % 2 ? 0 : -EBADF);
    }
}
END_TEST

/* What cannot be helped: the program says what it was, and ends. */
START_TEST(a_ring_that_is_broken_ends_the_program)
{
    int out[2], status;
    char said[100] = "";
    loop_end();
    ck_assert_int_eq(pipe(out), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], STDERR_FILENO);
        if (io_init(&loop, 0) != 0) _exit(2);
        fault.enter_count = 0;
        fault.enters[0] = -EBADF;
        io_tick(&loop, 0);
        _exit(0);
    }
    close(out[1]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_gt(read(out[0], said, sizeof said - 1), 0);
    ck_assert_ptr_nonnull(strstr(said, "io_uring_enter: Bad file"));
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}
END_TEST

/* What older kernels say of a descriptor in non-blocking mode. */
START_TEST(eagain_of_the_ring_waits_for_readiness)
{
    const int results[] = {-EAGAIN, -EINTR};
    for (int i = 0; i < 2; i++) {
        static struct probe p;
        struct two two = two_sockets();
        char buf[9];
        memset(&fault, 0, sizeof fault);
        ck_assert_int_eq(send(two.peer, "hi", 2, 0), 2);
        fault.of = &p.c;
        fault.results[0] = results[i]; /* the two bytes are gone */
        start(&p, io_op_recv(two.ours, buf, 9));
        ticks(5);
        ck_assert_int_eq(p.calls, 0);
        ck_assert_int_ge(fault.result_count, 1);
        ck_assert_int_eq(send(two.peer, "you", 3, 0), 3);
        ck_assert_int_eq(answer(&p), 3);
        ck_assert_int_eq(fault.result_count, 3); /* the poll's, and recv's */
    }
}
END_TEST

START_TEST(what_waits_for_readiness_can_be_canceled)
{
    static struct probe p;
    struct two two = two_sockets();
    char buf[9];
    fault.of = &p.c;
    fault.results[0] = -EAGAIN;
    ck_assert_int_eq(send(two.peer, "hi", 2, 0), 2);
    start(&p, io_op_recv(two.ours, buf, 9));
    ticks(3);
    io_cancel(&loop, &p.c);
    ck_assert_int_eq(answer(&p), -ECANCELED);
    start(&p, io_op_recv(two.ours, buf, 9));
    fault.result_count = 0;
    fault.results[0] = -EINTR; /* the kernel's word for it, at times */
    io_cancel(&loop, &p.c);
    ck_assert_int_eq(answer(&p), -ECANCELED);
}
END_TEST

/* A file is always ready: polling would try again and again. */
START_TEST(eagain_of_a_file_is_the_answer)
{
    static struct probe p;
    char buf[9];
    own_directory();
    int fd = own_file("file", "hello", 5);
    fault.of = &p.c;
    fault.results[0] = -EAGAIN;
    ask(&p, io_op_read(fd, buf, 9, 0));
    ck_assert_int_eq(answer(&p), -EAGAIN);
    fault.result_count = 0;
    fault.results[0] = -EINTR;
    ask(&p, io_op_read(fd, buf, 9, 0));
    ck_assert_int_eq(answer(&p), 5);
    fault.result_count = 0;
    ask(&p, io_op_close(fd));
    ck_assert_int_eq(answer(&p), -EINTR); /* and closed: not again */
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

void
fault_tests(Suite *s)
{
    const TTest *const tests[] = {set_up_says_why_it_cannot,
        set_up_steps_down_for_an_older_kernel,
        a_kernel_without_what_is_needed_is_refused, failing_enters_lose_nothing,
        a_ring_that_is_broken_ends_the_program,
        eagain_of_the_ring_waits_for_readiness,
        what_waits_for_readiness_can_be_canceled,
        eagain_of_a_file_is_the_answer};
    add_tests(s, tests, sizeof tests / sizeof *tests);
}
