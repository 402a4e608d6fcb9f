/* ring.h - set up an io_uring(7), or say why there is none.
 * The same bytes in every chapter that has it. */
#ifndef RING_H
#define RING_H

#include <liburing.h>

/* Set up a ring for the calling thread alone, with places for so many
 * submissions and completions (rounded up to powers of two; fewer if the kernel
 * has a lower limit). The fastest mode that this kernel knows is chosen.
 *
 * Result: 0; the caller ends with io_uring_queue_exit(3). -errno, as liburing
 * answers (errno itself is not set): see ring_hint.
 * See: io_uring_setup(2). */
int ring_open(
    struct io_uring *ring, unsigned submissions, unsigned completions);

/* What a user can do about an error of ring_open: a phrase for the end of a
 * message. error: the -errno. */
const char *ring_hint(int error);

#endif
