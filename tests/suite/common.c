/* common.c - the time, and what the environment says. */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

double time_scale = 1;

/* Seconds since some moment in the past. */
double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What the environment says; otherwise, or when it is empty, the default. */
const char *
setting(const char *name, const char *otherwise)
{
    const char *value = getenv(name);

    return value == NULL || *value == '\0' ? otherwise : value;
}

/* The program that SERVER names; NULL: our own servers. */
const char *
suite_server(void)
{
    return setting("SERVER", NULL);
}

/* The path of something that was built. The answer is buf. */
const char *
build_path(char *buf, size_t size, const char *name)
{
    snprintf(buf, size, "%s/%s", setting("BUILT", "build"), name);
    return buf;
}
