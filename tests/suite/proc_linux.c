/* proc_linux.c - what Linux tells about another process, and of io_uring. */
#include "suite.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
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

long
process_memory(pid_t pid)
{
    char path[64];
    long all, resident = -1;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    if ((f = fopen(path, "re")) == NULL) return -1;
    if (fscanf(f, "%ld %ld", &all, &resident) != 2) resident = -1;
    fclose(f);
    return resident == -1 ? -1 : resident * sysconf(_SC_PAGESIZE);
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
