/* count_uring.c - count.c for a program that uses liburing.
 *
 * liburing enters the kernel by inline assembly, so the wrappers are around
 * the functions that a program calls. A function counts one call when the
 * rules of liburing 2.3 make it enter: there is something to submit, or it
 * must wait for more completions than there are, or the kernel has set a flag
 * that says that it wants to be entered. A test compares this with strace. */
#include "count.h"

#include <liburing.h>
#include <stdbool.h>

/* The kernel holds completions back until it is entered. */
static bool
wants_enter(struct io_uring *ring)
{
    const unsigned flags = IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN;

    return (ring->flags & IORING_SETUP_IOPOLL) != 0 ||
           (__atomic_load_n(ring->sq.kflags, __ATOMIC_RELAXED) & flags) != 0;
}

static bool
has_submissions(struct io_uring *ring)
{
    return io_uring_sq_ready(ring) > 0;
}

/* Only a macro can define a function by name. */
#define COUNT(name, parameters, arguments, enters)      \
    int __real_##name parameters __attribute__((weak)); \
    int __wrap_##name parameters;                       \
    int __wrap_##name parameters                        \
    {                                                   \
        if (enters) count_call(#name);                  \
        return __real_##name arguments;                 \
    }

COUNT(io_uring_submit, (struct io_uring * r), (r),
    has_submissions(r) || wants_enter(r))
COUNT(io_uring_submit_and_wait, (struct io_uring * r, unsigned n), (r, n),
    n > 0 || has_submissions(r) || wants_enter(r))
COUNT(io_uring_submit_and_wait_timeout,
    (struct io_uring * r, struct io_uring_cqe **c, unsigned n,
        struct __kernel_timespec *t, sigset_t *s),
    (r, c, n, t, s), n > io_uring_cq_ready(r) || has_submissions(r))
COUNT(io_uring_submit_and_get_events, (struct io_uring * r), (r), true)
COUNT(io_uring_get_events, (struct io_uring * r), (r), true)
COUNT(__io_uring_get_cqe,
    (struct io_uring * r, struct io_uring_cqe **c, unsigned s, unsigned n,
        sigset_t *m),
    (r, c, s, n, m), s > 0 || n > io_uring_cq_ready(r) || wants_enter(r))
COUNT(io_uring_wait_cqes,
    (struct io_uring * r, struct io_uring_cqe **c, unsigned n,
        struct __kernel_timespec *t, sigset_t *s),
    (r, c, n, t, s), n > io_uring_cq_ready(r) || wants_enter(r))
COUNT(io_uring_enter,
    (unsigned fd, unsigned s, unsigned n, unsigned f, sigset_t *m),
    (fd, s, n, f, m), true)
COUNT(io_uring_enter2,
    (unsigned fd, unsigned s, unsigned n, unsigned f, sigset_t *m, size_t z),
    (fd, s, n, f, m, z), true)
