/* assert.h - in place of the system's for the simulated program: an assert that
 * fails ends its world, and not this process. */
#undef assert
#define assert(condition) \
    ((condition) ? (void)0 : sim_fail("assert(%s) of %s", #condition, __func__))

#ifndef SIM_ASSERT_H
#define SIM_ASSERT_H
#include "../sim.h"
#endif
