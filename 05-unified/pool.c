/* pool.c - see pool.h. */
#include "pool.h"

#include <assert.h>
#include <signal.h>
#include <stddef.h>

static void
queue_put(struct pool_queue *queue, struct pool_job *job)
{
    job->next = NULL;
    if (queue->first == NULL)
        queue->first = job;
    else
        queue->last->next = job;
    queue->last = job;
}

static struct pool_job *
queue_take(struct pool_queue *queue)
{
    struct pool_job *job = queue->first;
    if (job != NULL) queue->first = job->next;
    return job;
}

/* Wait for a job. NULL: there will be none. */
static struct pool_job *
job_wait(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->submitted.first == NULL && !pool->stopping)
        pthread_cond_wait(&pool->wake, &pool->lock);
    struct pool_job *job = queue_take(&pool->submitted);
    pthread_mutex_unlock(&pool->lock);
    return job;
}

/* Hand back a job. One notify is enough for all that wait in the queue. */
static void
job_finish(struct pool *pool, struct pool_job *job)
{
    pthread_mutex_lock(&pool->lock);
    int first = pool->done.first == NULL;
    queue_put(&pool->done, job);
    pthread_mutex_unlock(&pool->lock);
    if (first) pool->notify(pool->context);
}

static void *
worker(void *argument)
{
    struct pool *pool = argument;
    struct pool_job *job;
    while ((job = job_wait(pool)) != NULL) {
        pool->work(job);
        job_finish(pool, job);
    }
    return NULL;
}

int
pool_start(struct pool *pool, int threads, void (*work)(struct pool_job *),
    void (*notify)(void *), void *context)
{
    assert(threads >= 1 && threads <= POOL_THREADS_MAX);
    *pool = (struct pool){.work = work, .notify = notify, .context = context};
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* threads inherit the mask */
    int rc = 0;
    for (int i = 0; i < threads && rc == 0; i++) {
        rc = pthread_create(&pool->threads[i], NULL, worker, pool);
        if (rc == 0) pool->thread_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) pool_stop(pool);
    return -rc;
}

void
pool_submit(struct pool *pool, struct pool_job *job)
{
    pthread_mutex_lock(&pool->lock);
    queue_put(&pool->submitted, job);
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_signal(&pool->wake);
}

struct pool_job *
pool_done(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct pool_job *job = queue_take(&pool->done);
    pthread_mutex_unlock(&pool->lock);
    return job;
}

void
pool_stop(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->stopping = 1;
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    for (int i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
}
