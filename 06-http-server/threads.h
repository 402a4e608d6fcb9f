/* threads.h - the same function in several threads at once. */
#ifndef THREADS_H
#define THREADS_H

/* Call run(i) for each i below count: for 0 in this thread, for the others in
 * threads of their own, which take no signals. Returns when all have returned.
 * If a thread cannot be started: one line on stderr, exit(1). */
void threads_run(int count, void (*run)(int i));

/* In each run(i), equally often: wait until all have called it. */
void threads_meet(void);

#endif
