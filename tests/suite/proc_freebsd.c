/* proc_freebsd.c - what FreeBSD tells about another process. */
#include "suite.h"

#include <sys/types.h>
#include <sys/user.h>

#include <libutil.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

double
process_cpu(pid_t pid)
{
    clockid_t clock;
    struct timespec t;

    if (clock_getcpuclockid(pid, &clock) != 0) return -1;
    if (clock_gettime(clock, &t) != 0) return -1;
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

long
process_memory(pid_t pid)
{
    struct kinfo_proc *p = kinfo_getproc(pid);
    long bytes = p == NULL ? -1 : (long)p->ki_rssize * getpagesize();

    free(p);
    return bytes;
}

int
process_files(pid_t pid)
{
    int entries, count = 0;
    struct kinfo_file *f = kinfo_getfile(pid, &entries);

    if (f == NULL) return -1;
    for (int i = 0; i < entries; i++)
        count += f[i].kf_fd >= 0;
    free(f);
    return count;
}
