/* ring.c - see ring.h. */
#include "ring.h"

#include <errno.h>

/* What a ring for one thread can do without, from the newest kernel to the
 * oldest. SINGLE_ISSUER: one thread submits. DEFER_TASKRUN (6.1): the kernel
 * does its part of the work when that thread waits, and at no other moment.
 * COOP_TASKRUN (5.19): it does not interrupt the thread for it. SUBMIT_ALL
 * (5.18): a bad submission does not hold up those behind it. */
static const unsigned modes[] = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
        IORING_SETUP_SUBMIT_ALL,
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL,
    0,
};

/* NODROP (5.5): a completion is never lost for want of room. EXT_ARG (5.11): a
 * wait can have a time limit. */
enum { NEEDED = IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG };

int
ring_open(struct io_uring *ring, unsigned submissions, unsigned completions)
{
    int rc = -EINVAL;
    for (size_t i = 0; i < sizeof modes / sizeof *modes && rc == -EINVAL; i++) {
        struct io_uring_params params = {
            .flags = modes[i] | IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE,
            .cq_entries = completions,
        };
        rc = io_uring_queue_init_params(submissions, ring, &params);
        if (rc < 0) continue; /* -EINVAL: this kernel does not know the mode */
        if ((params.features & NEEDED) == NEEDED) return 0;
        io_uring_queue_exit(ring);
        return -ENOSYS;
    }
    return rc;
}

const char *
ring_hint(int error)
{
    switch (-error) {
    case EPERM:
    case EACCES:
        return "allow io_uring in the container's seccomp profile, or with "
               "sysctl kernel.io_uring_disabled=0 (make doctor says which); or "
               "take kqueue: chapter 03, from 05 on make IO=kqueue";
    case ENOSYS:
        return "Linux 5.11 or later has what is needed (see make doctor); "
               "or take kqueue: chapter 03, from 05 on make IO=kqueue";
    case ENOMEM: return "raise the limit of locked memory: ulimit -l";
    case EMFILE:
    case ENFILE: return "raise the limit of descriptors: ulimit -n";
    default: return "see io_uring_setup(2)";
    }
}
