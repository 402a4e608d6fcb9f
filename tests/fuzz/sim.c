/* sim.c - fuzz io.c and io_timer.c in a world without a kernel: tests/sim. The
 * input is the list of all choices in it: what the program (sim_calls.c) calls,
 * what its clients do, how many bytes move, what is done first, what fails. Two
 * bytes more, or less, and it is another world; the same input is the same
 * world. Promises: those of tests/sim/invariants.c (each callback comes once,
 * and nothing is left), and right results. */
#include "fuzz.h"

#include "../sim/sim.h"
#include "sim_calls.h"

#include <signal.h>

/* A world catches signals; one that shows a failure is for libFuzzer. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sigaction ours;
    if (ours.sa_handler == SIG_DFL) sigaction(SIGABRT, NULL, &ours);
    struct sim_choices choices = {.bytes = data, .length = size};
    if (data == NULL) choices.bytes = (const uint8_t *)"";
    const char *why = sim_run(&choices, sim_calls);
    if (why != NULL) sigaction(SIGABRT, &ours, NULL);
    must(why == NULL, why);
    return 0;
}
