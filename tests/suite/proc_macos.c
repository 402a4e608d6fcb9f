/* proc_macos.c - what macOS tells about another process. */
#include "suite.h"

#include <libproc.h>
#include <mach/mach_time.h>
#include <sys/resource.h>

/* The kernel counts in ticks of the machine's clock. */
double
process_cpu(pid_t pid)
{
    struct rusage_info_v2 r;
    mach_timebase_info_data_t tick;

    if (proc_pid_rusage(pid, RUSAGE_INFO_V2, (rusage_info_t *)&r) != 0)
        return -1;
    mach_timebase_info(&tick);
    return (double)(r.ri_user_time + r.ri_system_time) * tick.numer /
           tick.denom / 1e9;
}

long
process_memory(pid_t pid)
{
    struct rusage_info_v2 r;

    if (proc_pid_rusage(pid, RUSAGE_INFO_V2, (rusage_info_t *)&r) != 0)
        return -1;
    return (long)r.ri_resident_size;
}

int
process_files(pid_t pid)
{
    static struct proc_fdinfo files[16384];
    int bytes = proc_pidinfo(pid, PROC_PIDLISTFDS, 0, files, sizeof files);

    return bytes <= 0 ? -1 : bytes / (int)PROC_PIDLISTFD_SIZE;
}
