/* report.c - a table of what bench.c has seen, and which goals are met.
 *
 *     report SLICES GOALS SERVERS_CSV GOALS_CSV
 *
 * Of each server the median of its slices. Of each goal the median of the
 * ratios of two servers in the same round, and a 95 % interval for it by the
 * bootstrap: take as many ratios from ours as there are, with repetition, look
 * at the median, and do that again and again; so far apart it may be by chance.
 * Slices in which others took too much of the cores do not count. If too few
 * are left, all count, and the number has a "~". */
#include <err.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 24, TEXT = 60, SAMPLES = 2000, SERVERS = 24, ENOUGH = 5 };

#define DISTURBED 0.06 /* this part of the cores is too much for others */

/* The columns of a slice, after the two names. */
enum column {
    ROUND,
    CONNECTIONS,
    PIPELINE,
    IDLE,
    SECONDS,
    ANSWERS,
    BYTES,
    CPU,
    LOAD,
    OTHERS,
    P50,
    P99,
    RESIDENT,
    EACH,
    KERNEL_EACH,
    COLUMNS,
};

/* One line of the file. A field that is empty is NAN. */
struct slice {
    char measure[NAME], server[NAME];
    double is[COLUMNS];
};

/* What can be asked of a slice. */
enum quantity {
    Q_CPU,
    Q_RATE,
    Q_CPU_BYTE,
    Q_CPU_BOTH,
    Q_BYTE_RATE,
    Q_P50,
    Q_P99,
    Q_EACH,
    Q_RESIDENT,
    Q_KERNEL,
    Q_BUSY,
    Q_LOAD,
    QUANTITIES
};

static const char *const quantities[QUANTITIES] = {"cpu", "rate", "cpu_byte",
    "cpu_both", "byte_rate", "p50", "p99", "each", "resident", "kernel_each",
    "busy", "load"};

/* Some numbers, and what is said of them. */
struct sample {
    double *x;
    size_t count;
    bool rough; /* with slices that were disturbed */
};

struct estimate {
    double median, low, high;
};

static struct slice *slices;
static size_t slice_count;

/* ---- Read --------------------------------------------------------------- */

/* The next field of the line, without its comma. */
static char *
field(char **rest)
{
    char *at = *rest, *end = at + strcspn(at, ",\n");
    *rest = *end == ',' ? end + 1 : end;
    *end = '\0';
    return at;
}

static void
slice_read(struct slice *s, char *line)
{
    snprintf(s->measure, sizeof s->measure, "%.23s", field(&line));
    snprintf(s->server, sizeof s->server, "%.23s", field(&line));
    for (int i = 0; i < COLUMNS; i++) {
        const char *text = field(&line);
        s->is[i] = *text != '\0' ? strtod(text, NULL) : NAN;
    }
}

static void
slices_read(const char *path)
{
    char line[512];
    FILE *f = fopen(path, "r");
    if (f == NULL || fgets(line, sizeof line, f) == NULL) err(1, "%s", path);
    while (fgets(line, sizeof line, f) != NULL) {
        slices = realloc(slices, (slice_count + 1) * sizeof *slices);
        if (slices == NULL) err(1, "no memory");
        slice_read(&slices[slice_count++], line);
    }
    fclose(f);
}

/* ---- Numbers ------------------------------------------------------------ */

static double
quantity(const struct slice *s, enum quantity q)
{
    bool answers = s->is[ANSWERS] > 9; /* a long body may take several slices */
    switch (q) {
    case Q_CPU: return answers ? s->is[CPU] / s->is[ANSWERS] : NAN;
    case Q_RATE: return answers ? s->is[ANSWERS] / s->is[SECONDS] : NAN;
    case Q_CPU_BYTE: return s->is[CPU] / s->is[BYTES];
    case Q_CPU_BOTH: return (s->is[CPU] + s->is[LOAD]) / s->is[BYTES];
    case Q_BYTE_RATE: return s->is[BYTES] / s->is[SECONDS];
    case Q_P50: return s->is[P50];
    case Q_P99: return s->is[P99];
    case Q_EACH: return s->is[EACH];
    case Q_RESIDENT: return s->is[RESIDENT];
    case Q_KERNEL: return s->is[KERNEL_EACH];
    case Q_BUSY: return s->is[CPU] / s->is[SECONDS];
    case Q_LOAD: return s->is[LOAD] / s->is[SECONDS];
    default: return NAN;
    }
}

static bool
is_quiet(const struct slice *s)
{
    return isnan(s->is[OTHERS]) || s->is[OTHERS] <= DISTURBED;
}

static int
compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Sorts them. */
static double
median_of(double *x, size_t count)
{
    if (count == 0) return NAN;
    qsort(x, count, sizeof *x, compare);
    return (x[count / 2] + x[(count - 1) / 2]) / 2;
}

/* The same each time: who runs this twice on one file sees one result. */
static size_t
random_below(size_t limit)
{
    static uint64_t x = 1;
    x = x * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(x >> 33) % limit;
}

static struct estimate
bootstrap(struct sample s)
{
    static double medians[SAMPLES];
    double *drawn = calloc(s.count + 1, sizeof *drawn);
    if (drawn == NULL) err(1, "no memory");
    for (int i = 0; i < SAMPLES; i++) {
        for (size_t k = 0; k < s.count; k++)
            drawn[k] = s.x[random_below(s.count)];
        medians[i] = median_of(drawn, s.count);
    }
    free(drawn);
    qsort(medians, SAMPLES, sizeof *medians, compare);
    return (struct estimate){median_of(s.x, s.count),
        medians[SAMPLES * 25 / 1000], medians[SAMPLES * 975 / 1000]};
}

/* The slice of this server in the same round. NULL: there is none. */
static const struct slice *
partner(const struct slice *s, const char *server)
{
    for (size_t i = 0; i < slice_count; i++)
        if (strcmp(slices[i].measure, s->measure) == 0 &&
            strcmp(slices[i].server, server) == 0 &&
            slices[i].is[ROUND] == s->is[ROUND])
            return &slices[i];
    return NULL;
}

/* Numbers of a server in a measurement, or ratios to another one. */
static struct sample
sample_take(const char *measure, const char *server, const char *against,
    enum quantity q, bool all)
{
    struct sample sample = {calloc(slice_count + 1, sizeof(double)), 0, all};
    if (sample.x == NULL) err(1, "no memory");
    for (size_t i = 0; i < slice_count; i++) {
        const struct slice *s = &slices[i], *other = s;
        if (strcmp(s->measure, measure) != 0 || strcmp(s->server, server) != 0)
            continue;
        if (against != NULL) other = partner(s, against);
        if (other == NULL || (!all && (!is_quiet(s) || !is_quiet(other))))
            continue;
        double x = quantity(s, q);
        if (against != NULL) x /= quantity(other, q);
        if (!isnan(x)) sample.x[sample.count++] = x;
    }
    return sample;
}

/* The quiet slices or, if they are too few, all. The caller frees x. */
static struct sample
sample_of(const char *measure, const char *server, const char *against,
    enum quantity q)
{
    struct sample quiet = sample_take(measure, server, against, q, false);
    struct sample all = sample_take(measure, server, against, q, true);
    bool enough = quiet.count == all.count || quiet.count >= ENOUGH;
    free(enough ? all.x : quiet.x);
    return enough ? quiet : all;
}

static double
median(const char *measure, const char *server, enum quantity q)
{
    struct sample s = sample_of(measure, server, NULL, q);
    double x = median_of(s.x, s.count);
    free(s.x);
    return x;
}

/* ---- The servers -------------------------------------------------------- */

/* A cell of the table; what is not known is "-". */
static void
cell(int width, const char *format, double value)
{
    char text[40] = "-";
    if (!isnan(value)) snprintf(text, sizeof text, format, value);
    printf("%*s", width, text);
}

static void
csv(FILE *out, double value)
{
    putc(',', out);
    if (!isnan(value)) fprintf(out, "%.6g", value);
}

/* How far the middle half lies apart, in percent of the median. */
static double
spread(struct sample s)
{
    double middle = median_of(s.x, s.count);
    if (s.count < 2) return NAN;
    return 100 * (s.x[s.count * 3 / 4] - s.x[s.count / 4]) / middle;
}

static void
server_row(FILE *out, const struct slice *s)
{
    const char *measure = s->measure, *server = s->server;
    struct sample cpu = sample_of(measure, server, NULL, Q_CPU);
    struct sample all = sample_take(measure, server, NULL, Q_BUSY, true);
    struct sample quiet = sample_take(measure, server, NULL, Q_BUSY, false);
    double is[QUANTITIES], apart = spread(cpu);
    fprintf(out, "%s,%s,%.0f,%.0f,%.0f,%zu,%zu", measure, server,
        s->is[CONNECTIONS], s->is[PIPELINE], s->is[IDLE], all.count,
        all.count - quiet.count);
    for (int q = 0; q < QUANTITIES; q++)
        csv(out, is[q] = median(measure, server, (enum quantity)q));
    csv(out, apart);
    putc('\n', out);
    printf("  %-12s", server);
    cell(10, "%.0f", is[Q_RATE]);
    cell(9, "%.2f", 1e6 * is[Q_CPU]);
    printf("%s", cpu.rough && cpu.count > 0 ? "~" : " ");
    cell(6, "%.0f %%", apart);
    cell(6, "%.0f %%", 100 * is[Q_BUSY]);
    cell(6, "%.0f %%", 100 * is[Q_LOAD]);
    cell(8, "%.0f", 1e6 * 1048576 * is[Q_CPU_BYTE]);
    cell(8, "%.0f", 1e6 * is[Q_P99]);
    cell(8, "%.0f", is[Q_EACH]);
    printf("%6zu\n", all.count - quiet.count);
    if (strcmp(measure, "idle") == 0 && !isnan(is[Q_KERNEL]))
        printf("%14s%.1f MiB in all; the kernel: %.0f bytes for both ends of a "
               "client\n",
            "", is[Q_RESIDENT] / 1048576, is[Q_KERNEL]);
    free(cpu.x);
    free(all.x);
    free(quiet.x);
}

/* Was it in an earlier line? */
static bool
is_known(size_t i, bool server)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(slices[k].measure, slices[i].measure) == 0 &&
            (!server || strcmp(slices[k].server, slices[i].server) == 0))
            return true;
    return false;
}

static void
servers_report(FILE *out)
{
    fputs("measure,server,connections,pipeline,idle,slices,disturbed", out);
    for (int q = 0; q < QUANTITIES; q++)
        fprintf(out, ",%s", quantities[q]);
    fputs(",spread_percent\n", out);
    const char *head = "%-14s%10s%9s%7s%6s%6s%8s%8s%8s%6s\n";
    printf(head, "", "requests", "CPU us", "+-", "busy", "load", "CPU us",
        "p99", "bytes", "dis-");
    printf(head, "", "/s", "/request", "", "", "", "/MiB", "us", "/client",
        "turb.");
    for (size_t i = 0; i < slice_count; i++) {
        const struct slice *s = &slices[i];
        if (!is_known(i, false)) printf("%s\n", s->measure);
        if (!is_known(i, true)) server_row(out, s);
    }
}

/* ---- The goals ---------------------------------------------------------- */

/* One line of the goals' file. */
struct goal {
    char measure[NAME], quantity[NAME], server[NAME], against[NAME];
    char kind[NAME], text[TEXT];
    double limit;
};

/* Missed only if the whole interval is on the wrong side, and others did not
 * take a part in it. */
static const char *
verdict(const struct goal *g, struct estimate e, bool rough)
{
    bool most = strcmp(g->kind, "most") == 0;
    double best = most ? e.low : e.high;
    if (isnan(e.median)) return "not here";
    if (strcmp(g->kind, "told") == 0) return "";
    if (most ? e.median <= g->limit : e.median >= g->limit) return "met";
    if (most ? best <= g->limit : best >= g->limit) return "open";
    return rough ? "disturbed" : "missed";
}

static void
goal_row(FILE *out, const struct goal *g)
{
    int q = 0;
    bool alone = strcmp(g->against, "-") == 0;
    while (q < QUANTITIES && strcmp(g->quantity, quantities[q]) != 0)
        q++;
    struct sample s = sample_of(
        g->measure, g->server, alone ? NULL : g->against, (enum quantity)q);
    struct estimate e = {NAN, NAN, NAN};
    if (s.count > 0) e = bootstrap(s);
    const char *format = g->limit > 999 ? "%.0f" : "%.3g";
    printf("%-33.33s%-11s%-11s", g->text, g->server, alone ? "" : g->against);
    if (strcmp(g->kind, "told") == 0)
        printf("%11s", "");
    else
        printf(
            "%s %-8.7g", strcmp(g->kind, "most") == 0 ? "<=" : ">=", g->limit);
    cell(8, format, e.median);
    printf("%s [", s.rough && s.count > 0 ? "~" : " ");
    cell(0, format, e.low);
    printf(", ");
    cell(0, format, e.high);
    printf("] %s\n", verdict(g, e, s.rough));
    fprintf(out, "%s,%s,%s,%s,%s,%g,%zu,%d", g->measure, g->quantity, g->server,
        g->against, g->kind, g->limit, s.count, s.rough);
    csv(out, e.median);
    csv(out, e.low);
    csv(out, e.high);
    fprintf(out, ",%s\n", verdict(g, e, s.rough));
    free(s.x);
}

static void
goals_report(const char *path, FILE *out)
{
    char line[512];
    struct goal g;
    FILE *f = fopen(path, "r");
    if (f == NULL) err(1, "%s", path);
    fputs("measure,quantity,server,against,kind,limit,slices,rough,median,low,"
          "high,verdict\n",
        out);
    while (fgets(line, sizeof line, f) != NULL)
        if (*line != '#' &&
            sscanf(line, "%23s %23s %23s %23s %23s %lf %59[^\n]", g.measure,
                g.quantity, g.server, g.against, g.kind, &g.limit, g.text) == 7)
            goal_row(out, &g);
    fclose(f);
}

static FILE *
out_open(const char *path)
{
    FILE *f = fopen(path, "a");
    if (f == NULL) err(1, "%s", path);
    return f;
}

int
main(int argc, char **argv)
{
    if (argc != 5) errx(2, "usage: report SLICES GOALS SERVERS.CSV GOALS.CSV");
    FILE *servers = out_open(argv[3]), *goals = out_open(argv[4]);
    slices_read(argv[1]);
    servers_report(servers);
    puts("");
    goals_report(argv[2], goals);
    free(slices);
    return fclose(servers) == 0 && fclose(goals) == 0 ? 0 : 1;
}
