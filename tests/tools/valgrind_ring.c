/* valgrind_ring.c - linked to the programs of io_uring that tests/tools/valgrind
 * runs, in place of liburing's two calls that wait (-Wl,--wrap).
 *
 * valgrind 3.19 lets a signal through only in system calls that it knows to
 * wait. io_uring_enter is not among them: a server that sleeps there would never
 * hear of SIGTERM. So here it looks, and looks again two milliseconds later; the
 * signal comes in between, in poll. */
#include <errno.h>
#include <liburing.h>
#include <poll.h>

enum { SLICE = 2 }; /* milliseconds */

int __wrap_io_uring_submit_and_wait(struct io_uring *ring, unsigned count);
int __wrap_io_uring_submit_and_wait_timeout(struct io_uring *ring,
    struct io_uring_cqe **cqe, unsigned count, struct __kernel_timespec *time,
    sigset_t *mask);

/* Our programs wait for one completion, and look for it themselves. */
static int
submit_and_look(struct io_uring *ring, long long milliseconds)
{
    int submitted = io_uring_submit(ring);
    for (int rc = submitted; rc >= 0;) {
        rc = io_uring_get_events(ring);
        if (rc < 0 || io_uring_cq_ready(ring) > 0) break;
        if (milliseconds <= 0) return -ETIME;
        if (poll(NULL, 0, SLICE) == -1) return -errno;
        milliseconds -= SLICE;
    }
    return submitted;
}

int
__wrap_io_uring_submit_and_wait(struct io_uring *ring, unsigned count)
{
    (void)count;
    return submit_and_look(ring, INT64_MAX);
}

int
__wrap_io_uring_submit_and_wait_timeout(struct io_uring *ring,
    struct io_uring_cqe **cqe, unsigned count, struct __kernel_timespec *time,
    sigset_t *mask)
{
    (void)cqe, (void)count, (void)mask;
    return submit_and_look(
        ring, time->tv_sec * 1000 + time->tv_nsec / 1000000 + 1);
}
