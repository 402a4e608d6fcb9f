/* common.c - the time, chance, and what the environment says. */
#include "suite.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

double time_scale = 1;
uint64_t random_state;

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

/* A number below limit; the same again for the same random_state. */
uint64_t
random_below(uint64_t limit)
{
    uint64_t x = random_state += 0x9e3779b97f4a7c15u;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (x ^ x >> 31) % limit;
}

/* The promise is broken, unless ok: say how, and end. */
void
require(bool ok, const char *format, ...)
{
    char text[1024];
    va_list args;

    if (ok) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    broken("%s", text);
}
