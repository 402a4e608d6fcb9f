/* machine.h - what the system tells of itself; where it does not, -1. */
#ifndef MACHINE_H
#define MACHINE_H

#include <sys/types.h>

/* Of another process: CPU seconds of all its threads, and resident bytes. (They
 * are ../suite/proc_*.c's; suite.h has too much else.) */
double process_cpu(pid_t pid);
long process_memory(pid_t pid);

/* Seconds that these cores have rested until now, added up. cores: "0,1". */
double cores_idle(const char *cores);

/* How many cores are named there. */
int cores_count(const char *cores);

/* Bytes that the kernel uses for objects of its own, sockets among them. */
double kernel_memory(void);

#endif
