/* await.c - see await.h. The solution of the exercise 05-await.
 *
 * swapcontext(3) saves where we are, stack and registers, and goes on where
 * another context was saved. A task that waits has been swapped out in await();
 * its completion's callback swaps it in again. Always between a task and the
 * loop, never from task to task: so one place to return to is enough.
 *
 * The program that uses this should be one of two kinds: a language runtime, or
 * an exercise. POSIX has dropped ucontext, macOS calls it deprecated, and glibc
 * makes a system call in each swap, to save the signal mask. */
#include "await.h"

#include <sys/mman.h>

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unistd.h>

/* Made in task_start, freed in task_resume when fn has returned. */
struct task {
    ucontext_t context; /* where it goes on */
    struct io_loop *loop;
    struct io_completion completion; /* what it waits for */
    int result;                      /* of that */
    task_fn *fn;
    void *argument;
    bool over;
    char *stack; /* a page that nobody may touch, then TASK_STACK bytes */
};

static ucontext_t outside;   /* where the loop goes on when a task waits */
static struct task *running; /* NULL: none, we are outside */

static size_t
page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* The stack grows down, towards the page that nobody may touch: a task that
 * needs too much ends the program there, and not the task below it in memory.
 * NULL: no memory. */
static char *
stack_open(void)
{
    char *stack = mmap(NULL, page_size() + TASK_STACK, PROT_READ | PROT_WRITE,
        MAP_ANON | MAP_PRIVATE, -1, 0);
    if (stack == MAP_FAILED) return NULL;
    if (mprotect(stack, page_size(), PROT_NONE) == 0) return stack;
    (void)munmap(stack, page_size() + TASK_STACK);
    return NULL;
}

static void
task_free(struct task *t)
{
    (void)munmap(t->stack, page_size() + TASK_STACK);
    free(t);
}

/* The first function on a new stack. When it returns, uc_link says who goes on:
 * the loop. (makecontext(3) can hand over ints only, so not the task.) */
static void
task_main(void)
{
    running->fn(running->argument);
    running->over = true;
}

/* From the loop: let t go on until it waits again, or is over. */
static void
task_resume(struct task *t)
{
    assert(running == NULL);
    running = t;
    if (swapcontext(&outside, &t->context) == -1) err(1, "swapcontext");
    running = NULL;
    if (t->over) task_free(t);
}

/* What t waits for is done. */
static void
task_answered(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    struct task *t = context;
    t->result = res;
    task_resume(t);
}

static void
task_ask(struct task *t, struct io_op op)
{
    t->completion = (struct io_completion){
        .op = op, .context = t, .callback = task_answered};
    io_submit(t->loop, &t->completion);
}

/* It begins as if it had waited for a nop: so even a task that another one
 * starts begins outside. */
int
task_start(struct io_loop *loop, task_fn *fn, void *context)
{
    struct task *t = calloc(1, sizeof *t);
    if (t == NULL) return -ENOMEM;
    t->stack = stack_open();
    if (t->stack == NULL) {
        free(t);
        return -ENOMEM;
    }
    (void)getcontext(&t->context); /* makecontext wants it to be filled in */
    t->loop = loop;
    t->fn = fn;
    t->argument = context;
    t->context.uc_stack.ss_sp = t->stack + page_size();
    t->context.uc_stack.ss_size = TASK_STACK;
    t->context.uc_link = &outside;
    makecontext(&t->context, task_main, 0);
    task_ask(t, io_op_nop());
    return 0;
}

int
await(struct io_op op)
{
    struct task *t = running;
    assert(t != NULL);
    task_ask(t, op);
    if (swapcontext(&t->context, &outside) == -1) err(1, "swapcontext");
    return t->result;
}
