/* world.c - see sim.h: choices, time, the log, and how a world ends. */
#include "world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    HANG = 10,             /* seconds of real time: no world takes so long */
    STACK = 64 * 1024,     /* for the handler: the program's may be full */
    START = 1000,          /* seconds: what the clock says at first */
    WALLCLOCK = 1700000000 /* and how far ahead of it the other one is */
};

struct sim_faults sim_faults;
struct sim_damage sim_damage;
uint64_t sim_now, sim_signaled_at;
const char *(*sim_waiting)(void);

static struct sim_choices choices;
static uint64_t state; /* of the generator */
static size_t used;    /* of choices.bytes */
static struct sim_actor *actors;
static void (*handler)(int);
static uint64_t limit;   /* when the program must have ended */
static unsigned signals; /* so far */
static int coming;       /* a signal, after so many calls of the program: */
static unsigned calls_left;
static uint64_t coming_limit;
static sigjmp_buf out;
static bool inside, failed, left;
static char trouble[300];

/* ---- Choices ------------------------------------------------------------ */

/* SplitMix64: any seed is as good as any other. */
static uint64_t
random_next(void)
{
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint32_t
byte_next(void)
{
    return used < choices.length ? choices.bytes[used++] : 0;
}

uint32_t
sim_choose(uint32_t count)
{
    if (count <= 1) return 0;
    if (choices.bytes == NULL)
        return (uint32_t)((random_next() >> 32) * count >> 32);
    uint32_t value = byte_next();
    if (count > 256) value = value << 8 | byte_next();
    return value % count;
}

/* The last one is the true one, so that bytes that are used up mean no. */
bool
sim_one_in(uint32_t count)
{
    return count > 0 && sim_choose(count) == count - 1;
}

size_t
sim_piece(size_t most)
{
    if (sim_faults.piece == 0 || most <= 1) return most;
    if (sim_faults.piece == 2 && most > 3) most = 3;
    if (sim_one_in(4)) return most;
    return 1 + sim_choose(most < UINT32_MAX ? (uint32_t)most : UINT32_MAX);
}

uint64_t
sim_delay(void)
{
    unsigned pace = sim_faults.pace < 3 ? sim_faults.pace : sim_choose(3);
    if (pace == 0) return sim_choose(2) * 100;
    return pace == 1 ? sim_choose(200 * SIM_MICRO) : sim_choose(20 * SIM_MILLI);
}

/* Each fault is there in some worlds only: a world that has all of them never
 * gets far enough to meet the rare ones. */
static void
choose_faults(void)
{
    static const size_t pipes[] = {64 * 1024, 4096, 65521, 700, 17};
    sim_faults = (struct sim_faults){
        .early = sim_choose(3) * 8,
        .lost_race = sim_choose(3) * 2,
        .piece = sim_choose(3),
        .pace = sim_choose(4),
        .descriptors = SIM_DESCRIPTORS,
        .pipe = pipes[sim_choose(5)],
    };
    if (sim_one_in(5)) sim_faults.memory = 2 + sim_choose(12);
    if (sim_one_in(4)) sim_faults.accept = 2 + sim_choose(6);
    if (sim_one_in(4)) sim_faults.file = 2 + sim_choose(30);
    if (sim_one_in(4)) sim_faults.descriptors = 3 + sim_choose(5);
}

/* ---- Time --------------------------------------------------------------- */

void
sim_actor_add(struct sim_actor *actor)
{
    actor->next = actors;
    actors = actor;
}

void
sim_actor_wake(struct sim_actor *actor)
{
    uint64_t at = sim_now + sim_delay();
    if (at < actor->at) actor->at = at;
}

struct sim_actor *
sim_actor_next(void)
{
    struct sim_actor *first = NULL;
    for (struct sim_actor *a = actors; a != NULL; a = a->next)
        if (a->at != SIM_NEVER && (first == NULL || a->at < first->at))
            first = a;
    return first;
}

int64_t
world_wallclock(void)
{
    return (int64_t)sim_now + WALLCLOCK * INT64_C(1000000000);
}

/* ---- Signals ------------------------------------------------------------ */

void
world_handle(void (*with)(int))
{
    handler = with;
}

void
sim_signal(int number, uint64_t time)
{
    sim_log("signal", "%d", number);
    if (sim_signaled_at == SIM_NEVER) limit = sim_now + time;
    if (sim_signaled_at == SIM_NEVER) sim_signaled_at = sim_now;
    signals++;
    if (handler != NULL) handler(number);
}

unsigned
world_signals(void)
{
    return signals;
}

void
sim_signal_soon(int number, uint64_t time, unsigned calls)
{
    coming = number;
    coming_limit = time;
    calls_left = calls;
}

static void
signal_come(void)
{
    calls_left = 0;
    sim_signal(coming, coming_limit);
}

void
world_call(void)
{
    if (calls_left > 0 && --calls_left == 0) signal_come();
}

bool
world_wait(void)
{
    if (calls_left == 0) return false;
    signal_come();
    return true;
}

void
world_check_time(void)
{
    if (sim_now > limit) sim_fail("it has not ended in time after the signal");
}

/* ---- The log ------------------------------------------------------------ */

void
sim_log(const char *who, const char *format, ...)
{
    va_list arguments;
    if (!choices.log) return;
    uint64_t time = sim_now - START * UINT64_C(1000000000);
    printf("%5u.%09u  %-9s ", (unsigned)(time / SIM_SECOND),
        (unsigned)(time % SIM_SECOND), who);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

/* ---- A world ------------------------------------------------------------ */

void
sim_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (!failed) vsnprintf(trouble, sizeof trouble, format, arguments);
    va_end(arguments);
    failed = true;
    sim_log("FAILED", "%s", trouble);
    if (!inside) { /* outside of sim_try there is no way back */
        fprintf(stderr, "sim: %s\n", trouble);
        _exit(1);
    }
    siglongjmp(out, 1);
}

void
sim_leave(void)
{
    left = true;
    siglongjmp(out, 1);
}

/* Other worlds must still be tried. */
static void
on_crash(int number)
{
    sim_fail(number == SIGALRM ? "it does not come back (signal %d)"
                               : "the program crashes: signal %d",
        number);
}

static void
catch_crashes(void)
{
    static const int numbers[] = {
        SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM};
    static char stack[STACK];
    static bool caught;
    struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_ONSTACK};
    if (caught) return;
    caught = true;
    (void)sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = STACK}, NULL);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        (void)sigaction(numbers[i], &action, NULL);
}

void
sim_begin(const struct sim_choices *with)
{
    choices = *with;
    state = with->seed;
    used = 0;
    actors = NULL;
    handler = NULL;
    calls_left = signals = 0;
    sim_waiting = NULL;
    sim_now = START * UINT64_C(1000000000);
    sim_signaled_at = limit = SIM_NEVER;
    sim_damage = (struct sim_damage){0};
    failed = left = false;
    catch_crashes();
    choose_faults();
    memory_begin();
    streams_begin();
    files_begin();
    operations_begin();
    invariants_begin();
}

bool
sim_try(void (*step)(void))
{
    if (failed) return false;
    inside = true;
    alarm(HANG);
    if (sigsetjmp(out, 1) == 0) step();
    inside = false;
    return !failed;
}

/* Outermost first: a descriptor that is left explains the memory. Of a program
 * that has ended itself, the system takes all back. */
static void
check_end(void)
{
    if (left) return;
    streams_end();
    memory_end();
}

const char *
sim_end(void)
{
    (void)sim_try(check_end);
    alarm(0);
    return failed ? trouble : NULL;
}

const char *
sim_run(const struct sim_choices *with, void (*body)(void))
{
    sim_begin(with);
    (void)sim_try(body);
    return sim_end();
}
