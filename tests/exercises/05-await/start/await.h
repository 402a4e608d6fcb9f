/* await.h - straight lines again: a task may wait in the middle of a function,
 * and meanwhile the other tasks of its loop go on.
 *
 *     static void
 *     greet(void *context)
 *     {
 *         int fd = io_socket(AF_INET);
 *         int rc = await(io_op_connect(fd, address, length));
 *         if (rc == 0) rc = await(io_op_send(fd, "hello\n", 6));
 *         ...
 *     }
 *
 *     task_start(&loop, greet, NULL);
 *     io_run(&loop);
 *
 * A task has a stack of its own, so its local variables stay where they are
 * while it waits. There is one thread: nobody else runs until a task waits. */
#ifndef AWAIT_H
#define AWAIT_H

#include "io.h"

enum { TASK_STACK = 64 * 1024 }; /* bytes, for all calls of a task */

typedef void task_fn(void *context);

/* Run fn(context) as a task of this loop, from the next io_tick on. When fn
 * returns, the task is over and its stack is freed.
 * Result: 0, or -ENOMEM. */
int task_start(struct io_loop *loop, task_fn *fn, void *context);

/* From a task: do the operation, and return its result when it is done. */
int await(struct io_op op);

#endif
