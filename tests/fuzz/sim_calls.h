/* sim_calls.h - see sim_calls.c. */
#ifndef SIM_CALLS_H
#define SIM_CALLS_H

/* A program that calls anything of io.h, to its end. */
void sim_calls(void);

#endif
