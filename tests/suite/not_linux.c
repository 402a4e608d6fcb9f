/* not_linux.c - what only Linux tells about a process, or has: the tests that
 * need it are "not here". */
#include "suite.h"

long
process_space(pid_t pid)
{
    (void)pid;
    return -1;
}

bool
process_limit(pid_t pid, long space)
{
    (void)pid;
    (void)space;
    return false;
}

const char *
io_uring_denied(void)
{
    return "no io_uring on this system";
}

bool
loopback_is_wide(void)
{
    return false;
}
