/* watch.c - a look at the servers each second: see soak.h.
 *
 * The rule of flatness: after the warm-up, which is the first third, the median
 * of the last third may not be much above that of the middle third. A median
 * does not care for a moment in which many ask for much; a leak grows with the
 * time, so it is in each of the late samples. */
#include "soak.h"

#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES_LEAST = 30, MORE_MEMORY = 512 * 1024, MORE_FILES = 8 };

int passed, failed;

void
judge(struct host *h, bool ok, const char *format, ...)
{
    va_list arguments;
    ok ? passed++ : failed++;
    printf("%s %-5s ", ok ? "    ok" : "FAILED", h->name);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

void
watch_head(FILE *csv)
{
    fprintf(csv, "second,server,memory_kib,descriptors,cpu_percent,clients,"
                 "talks,probe_median_us,probe_p99_us\n");
}

static uint64_t
talks_of(const struct host *h)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < MANNERS; i++)
        sum += h->tally[i].right + h->tally[i].cut + h->tally[i].wrong;
    return sum;
}

static struct sample *
sample_new(struct host *h)
{
    if (h->sample_count == h->sample_room) {
        h->sample_room = 2 * h->sample_room + 64;
        h->samples = realloc(h->samples, h->sample_room * sizeof *h->samples);
        if (h->samples == NULL) err(2, "realloc");
    }
    return &h->samples[h->sample_count++];
}

void
watch_look(struct host *h, double second, FILE *csv)
{
    struct sample *s = sample_new(h);
    double cpu = process_cpu(h->server.pid);
    double last = h->sample_count > 1 ? s[-1].second : second - 1;
    *s = (struct sample){.second = second,
        .memory = process_memory(h->server.pid),
        .files = process_files(h->server.pid),
        .guests = h->guests,
        .cpu = (cpu - h->cpu) / (second - last),
        .talks = talks_of(h)};
    h->cpu = cpu;
    probe_figures(&h->probe, &s->median, &s->p99);
    fprintf(csv, "%.0f,%s,%ld,%d,%.1f,%d,%llu,%.0f,%.0f\n", second, h->name,
        s->memory / 1024, s->files, 100 * s->cpu, s->guests,
        (unsigned long long)s->talks, 1e6 * s->median, 1e6 * s->p99);
}

/* ---- Is it flat? -------------------------------------------------------- */

static long
memory_of(const struct sample *s)
{
    return s->memory;
}

static long
files_of(const struct sample *s)
{
    return s->files;
}

static int
by_size(const void *a, const void *b)
{
    long x = *(const long *)a, y = *(const long *)b;
    return (x > y) - (x < y);
}

/* Of this third of the samples: 0, 1, 2. */
static long
median_of(
    const struct host *h, size_t third, long (*value)(const struct sample *))
{
    size_t n = h->sample_count / 3;
    long *values = calloc(n, sizeof *values), median;
    if (values == NULL) err(2, "calloc");
    for (size_t i = 0; i < n; i++)
        values[i] = value(&h->samples[third * n + i]);
    qsort(values, n, sizeof *values, by_size);
    median = values[n / 2];
    free(values);
    return median;
}

static void
judge_flat(struct host *h)
{
    long memory = median_of(h, 1, memory_of), files = median_of(h, 1, files_of);
    long later = median_of(h, 2, memory_of), more = median_of(h, 2, files_of);
    long most = memory + memory / 10 + MORE_MEMORY;
    judge(h, later <= most,
        "memory: %ld KiB in the middle, %ld at the end; "
        "at most %ld",
        memory / 1024, later / 1024, most / 1024);
    judge(h, more <= files + MORE_FILES,
        "descriptors: %ld in the middle, %ld at the end; at most %ld", files,
        more, files + MORE_FILES);
}

/* ---- Were all served? --------------------------------------------------- */

static void
judge_manner(struct host *h, size_t i)
{
    const struct tally *t = &h->tally[i];
    judge(h, t->wrong == 0 && t->right + t->cut > 0,
        "%-11s %8llu talks right, %6llu cut short as they may be, %llu wrong",
        manners[i].name, (unsigned long long)t->right,
        (unsigned long long)t->cut, (unsigned long long)t->wrong);
}

void
watch_judge(struct host *h, double seconds)
{
    struct probe *p = &h->probe;
    for (size_t i = 0; i < MANNERS; i++)
        judge_manner(h, i);
    if (h->limit > 0 && h->sample_count >= SAMPLES_LEAST)
        judge(h, h->refused > 0, "%llu times 503, one client too many",
            (unsigned long long)h->refused);
    judge(h, p->failures == 0 && (double)p->answers > seconds,
        "probe: %llu answers, %llu failures", (unsigned long long)p->answers,
        (unsigned long long)p->failures);
    if (h->sample_count >= SAMPLES_LEAST)
        judge_flat(h);
    else
        printf("not here: is %s flat? it was too short\n", h->name);
}
