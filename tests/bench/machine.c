/* machine.c - see machine.h. It reads Linux's /proc; no other system has such
 * files, so there everything is "not known". */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Is core number n in the list? */
static int
cores_have(const char *cores, int n)
{
    for (const char *at = cores; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (atoi(at) == n) return 1;
    }
    return 0;
}

/* In the fourth and the fifth column a core rests: it has nothing to do, or
 * waits for a disk. */
double
cores_idle(const char *cores)
{
    char line[512];
    int core;
    double idle, wait, sum = 0;
    FILE *f = cores != NULL ? fopen("/proc/stat", "re") : NULL;
    if (f == NULL) return -1;
    while (fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "cpu%d %*f %*f %*f %lf %lf", &core, &idle, &wait) ==
                3 &&
            cores_have(cores, core))
            sum += idle + wait;
    fclose(f);
    return sum / (double)sysconf(_SC_CLK_TCK);
}

int
cores_count(const char *cores)
{
    int n = 1;
    for (const char *at = cores; (at = strchr(at, ',')) != NULL; at++)
        n++;
    return n;
}

double
kernel_memory(void)
{
    char line[256];
    double kib = -1;
    FILE *f = fopen("/proc/meminfo", "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "Slab: %lf", &kib) == 1) break;
    if (f != NULL) fclose(f);
    return kib < 0 ? -1 : 1024 * kib;
}
