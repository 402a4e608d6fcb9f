/* threads.c - see threads.h. */
#include "threads.h"

#include <err.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct thread {
    pthread_t id;
    void (*run)(int i);
    int i;
};

/* Not a pthread_barrier: macOS has none. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_here = PTHREAD_COND_INITIALIZER;
static int expected, here;
static unsigned turn; /* how often all have been here */

static void *
thread_main(void *argument)
{
    const struct thread *t = argument;
    t->run(t->i);
    return NULL;
}

/* A thread begins with the signal mask of the one that starts it. */
static void
thread_start(struct thread *t)
{
    sigset_t all, before;
    sigfillset(&all);
    int rc = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (rc == 0) rc = pthread_create(&t->id, NULL, thread_main, t);
    if (rc == 0) rc = pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) errx(1, "cannot start thread %d: %s", t->i, strerror(rc));
}

void
threads_run(int count, void (*run)(int i))
{
    struct thread *threads = calloc((size_t)count, sizeof *threads);
    if (threads == NULL) err(1, "calloc");
    expected = count;
    for (int i = 1; i < count; i++) {
        threads[i] = (struct thread){.run = run, .i = i};
        thread_start(&threads[i]);
    }
    run(0);
    for (int i = 1; i < count; i++)
        (void)pthread_join(threads[i].id, NULL); /* it cannot fail here */
    free(threads);
}

void
threads_meet(void)
{
    pthread_mutex_lock(&mutex);
    unsigned mine = turn;
    if (++here == expected) {
        here = 0;
        turn++;
        pthread_cond_broadcast(&all_here);
    }
    while (turn == mine)
        pthread_cond_wait(&all_here, &mutex);
    pthread_mutex_unlock(&mutex);
}
