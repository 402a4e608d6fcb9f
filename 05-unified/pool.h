/* pool.h - threads that do the waiting. Jobs go in by one queue, and come back
 * by another when they are done.
 * The same bytes in every chapter that has it. */
#ifndef POOL_H
#define POOL_H

#include <pthread.h>

enum { POOL_THREADS_MAX = 16 };

/* One piece of work: the first member of the caller's own struct. The pool
 * has it from pool_submit until pool_done answers it; it copies and frees
 * nothing. */
struct pool_job {
    struct pool_job *next;
};

/* First in, first out. */
struct pool_queue {
    struct pool_job *first, *last;
};

/* Owned by the caller; at the same address from pool_start to pool_stop. */
struct pool {
    pthread_mutex_t lock; /* guards the queues and stopping */
    pthread_cond_t wake;  /* there is a job, or the end */
    struct pool_queue submitted, done;
    int stopping;
    void (*work)(struct pool_job *job); /* on a worker; may wait */
    void (*notify)(void *context);      /* on a worker; must not wait */
    void *context;
    int thread_count;
    pthread_t threads[POOL_THREADS_MAX];
};

/* Start `threads` workers (1 to POOL_THREADS_MAX). Each takes a job, calls work
 * with it, puts it into the done queue, and calls notify if the queue was
 * empty. Signals are blocked in the workers: they belong to the other threads.
 *
 * Result: 0; end it with pool_stop. -errno: nothing was started.
 * See: pthread_create(3). */
int pool_start(struct pool *pool, int threads, void (*work)(struct pool_job *),
    void (*notify)(void *), void *context);

/* Queue a job. It is started in this order, but may finish in any. */
void pool_submit(struct pool *pool, struct pool_job *job);

/* A job that is done, the first to finish first; NULL: none now. Never waits.
 * The job is the caller's again. */
struct pool_job *pool_done(struct pool *pool);

/* Wait until every submitted job is done, and end the workers. What is in the
 * done queue stays there for pool_done. */
void pool_stop(struct pool *pool);

#endif
