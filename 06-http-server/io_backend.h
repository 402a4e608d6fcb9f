/* io_backend.h - what io.c asks of a backend, and what a backend finds there.
 * Only those files include it. No table of function pointers: a program has one
 * io_uring.c or one io_kqueue.c, and the linker joins the calls to it. */
#ifndef IO_BACKEND_H
#define IO_BACKEND_H

#include "io.h"

/* A completion's way; the list that it is in, in brackets. */
enum io_state {
    IO_IDLE,      /* the caller's */
    IO_QUEUED,    /* [queued] submitted; the kernel does not know of it */
    IO_ACTIVE,    /* [active] the kernel or the pool works on it */
    IO_CANCELING, /* [canceling] the same, and the backend is to give it up */
    IO_TIMING,    /* in the timer heap */
    IO_ARMED,     /* the wake operation, in loop->wake */
    IO_READY,     /* [ready] it has its result */
};

/* ---- A backend provides ------------------------------------------------- */

/* Make and end loop->backend. 0 or -errno. */
int backend_open(struct io_loop *loop, unsigned entries);
void backend_close(struct io_loop *loop);

/* Give up an active operation: io_finish follows, at once or in a later
 * wait. */
void backend_cancel(struct io_loop *loop, struct io_completion *completion);

/* Start what is queued, wait until something happens, at most so long, and
 * io_finish all that is done. */
void backend_wait(struct io_loop *loop, uint64_t timeout);

/* End the wait; call io_woken in it. Any thread, any signal handler. */
void backend_wake(struct io_backend *backend);

/* A descriptor is to be used with this backend. fd or -errno. */
int backend_adopt(int fd);

/* ---- and calls ---------------------------------------------------------- */

/* The operation is done: its callback will be made in this tick. */
void io_finish(struct io_loop *loop, struct io_completion *c, int result);

/* Change the state, and with it the list. */
void io_activate(struct io_loop *loop, struct io_completion *c);
void io_give_up(struct io_loop *loop, struct io_completion *c);
void io_requeue(struct io_loop *loop, struct io_completion *c);

/* backend_wake was called, perhaps more than once. */
void io_woken(struct io_loop *loop);

/* ---- Timers (io_timer.c) ------------------------------------------------ */

uint64_t io_clock(void); /* nanoseconds; only goes forward */
void timer_add(struct io_loop *loop, struct io_completion *c);
void timer_remove(struct io_loop *loop, struct io_completion *c);

/* Finish the timers that are due at loop->now. */
void timer_expire(struct io_loop *loop);

/* Nanoseconds until the next timer, at most `most`. */
uint64_t timer_next(const struct io_loop *loop, uint64_t most);

#endif
