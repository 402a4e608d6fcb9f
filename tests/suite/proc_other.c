/* proc_other.c - a system that the suite knows nothing about: what needs the
 * look at another process is "not here". */
#include "suite.h"

double
process_cpu(pid_t pid)
{
    (void)pid;
    return -1;
}

long
process_memory(pid_t pid)
{
    (void)pid;
    return -1;
}

int
process_files(pid_t pid)
{
    (void)pid;
    return -1;
}
