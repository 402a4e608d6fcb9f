/* proc_linux.c - what Linux tells about another process, and of io_uring. */
#include "suite.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* CPU seconds of all threads. Not the tick counts of /proc: they are coarse. */
double
process_cpu(pid_t pid)
{
    clockid_t clock;
    struct timespec t;

    if (clock_getcpuclockid(pid, &clock) != 0) return -1;
    if (clock_gettime(clock, &t) != 0) return -1;
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Pages of address space, and pages that are resident. */
static bool
process_pages(pid_t pid, long *space, long *resident)
{
    char path[64];
    FILE *f;
    int n;

    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    if ((f = fopen(path, "re")) == NULL) return false;
    n = fscanf(f, "%ld %ld", space, resident);
    fclose(f);
    return n == 2;
}

long
process_memory(pid_t pid)
{
    long space, resident;

    if (!process_pages(pid, &space, &resident)) return -1;
    return resident * sysconf(_SC_PAGESIZE);
}

long
process_space(pid_t pid)
{
    long space, resident;

    if (!process_pages(pid, &space, &resident)) return -1;
    return space * sysconf(_SC_PAGESIZE);
}

/* Of a process that runs. Only the soft limit: the hard one could not be raised
 * again. */
bool
process_limit(pid_t pid, long space)
{
    struct rlimit limit;

    if (prlimit(pid, RLIMIT_AS, NULL, &limit) == -1) return false;
    limit.rlim_cur = space > 0 ? (rlim_t)space : limit.rlim_max;
    return prlimit(pid, RLIMIT_AS, &limit, NULL) == 0;
}

int
process_files(pid_t pid)
{
    char path[64];
    int count = 0;
    DIR *d;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    if ((d = opendir(path)) == NULL) return -1;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        count += e->d_name[0] != '.';
    closedir(d);
    return count;
}

/* A set-up without room for its parameters is never done: EFAULT says that
 * io_uring is here. */
const char *
io_uring_denied(void)
{
    if (syscall(__NR_io_uring_setup, 1, NULL) != -1 || errno == EFAULT)
        return NULL;
    return errno == ENOSYS ? "this kernel has no io_uring"
                           : "io_uring is denied here";
}

bool
loopback_is_wide(void)
{
    return true;
}
