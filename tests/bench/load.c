/* load.c - give an HTTP server work, and show what becomes of it: requests per
 * second, and what the server's loop says in its /stats.
 *
 * A client of io.h, as the server is: one thread, a loop, callbacks. The
 * clients themselves are in client.c.
 * Not here: TLS, a load by more than one thread. */
#include "client.h"

#include <sys/socket.h>

#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATH_MOST = 1000,
    PIPELINE_MOST = 64,
    CONNECTIONS_MOST = 10000,
    SECOND = 1000 * 1000 * 1000,
};

/* What the server's loop has done since it began, as its /stats tells. */
enum { WORKER, REQUESTS, TICKS, COMPLETIONS, KERNEL_CALLS, TOTALS };

static const char *const names[TOTALS] = {"\"worker\":", "\"requests\":",
    "\"ticks\":", "\"completions\":", "\"kernel_calls\":"};

/* The command line. The strings stay in argv. */
struct options {
    int connections, seconds, pipeline;
    const char *path, *host, *port;
    bool ramp;
};

static struct {
    struct io_loop loop;
    struct crowd crowd;
    struct client *clients;
    struct client watcher; /* asks for /stats before and after a step */
    double totals[TOTALS]; /* what it heard; -1: nothing */
} load;

/* ---- Steps -------------------------------------------------------------- */

/* Let the clients work for so long. Who then still waits, 2 seconds after, is
 * given up. */
static void
crowd_run(uint64_t nanoseconds)
{
    struct crowd *crowd = &load.crowd;
    uint64_t end = crowd->end = io_now(&load.loop) + nanoseconds;
    while (crowd->at_work > 0 && io_now(&load.loop) < end + 2ull * SECOND)
        io_tick(&load.loop, SECOND / 10);
    while (crowd->at_work > 0) {
        io_cancel_all(&load.loop);
        io_tick(&load.loop, IO_FOREVER);
    }
}

/* Ask what the server's loop has done until now. False: it does not answer. */
static bool
watch(void)
{
    load.crowd.failed = 0;
    client_start(&load.watcher);
    crowd_run(SECOND);
    const char *json = load.watcher.answer;
    for (int i = 0; i < TOTALS; i++) {
        const char *found = json != NULL ? strstr(json, names[i]) : NULL;
        load.totals[i] =
            found != NULL ? strtod(found + strlen(names[i]), NULL) : -1;
    }
    return json != NULL;
}

/* How often the loop did `what` for one `each`. The figures tell nothing if the
 * server has none, or if they are those of another worker than before. */
static void
print_ratio(const double *from, int what, int each)
{
    const double *to = load.totals;
    bool known = from[what] >= 0 && to[what] >= 0 && from[WORKER] == to[WORKER];
    double count = to[each] - from[each];
    if (known && count > 0)
        printf("  %13.2f", (to[what] - from[what]) / count);
    else
        printf("  %13s", "-");
}

/* One line: so many connections, for so many seconds. True: all went well. */
static bool
step(const struct question *question, int connections, int seconds)
{
    double from[TOTALS];
    struct crowd *crowd = &load.crowd;
    uint64_t start = io_now(&load.loop);
    memcpy(from, load.totals, sizeof from);
    crowd->answers = crowd->failed = 0;
    for (int i = 0; i < connections; i++) {
        load.clients[i] = (struct client){.crowd = crowd, .question = question};
        client_start(&load.clients[i]);
    }
    crowd_run((uint64_t)seconds * SECOND);
    struct crowd seen = *crowd; /* as the watcher is one of them */
    double took = (double)(io_now(&load.loop) - start) / SECOND;
    bool there = watch();
    printf("%11d  %10.0f  %8" PRIu64, connections, (double)seen.answers / took,
        seen.failed);
    print_ratio(from, COMPLETIONS, TICKS);
    print_ratio(from, KERNEL_CALLS, REQUESTS);
    puts("");
    if (seen.failed > 0) printf("  the first that failed: %s\n", seen.why);
    fflush(stdout);
    if (!there) errx(1, "the server is gone: %s", crowd->why);
    return seen.failed == 0;
}

/* ---- The command line --------------------------------------------------- */

static const char usage[] =
    "usage: load [--ramp] [--connections N] [--seconds N] [--pipeline N]\n"
    "            [--path PATH] HOST PORT\n"
    "  --connections N  clients at once (64)\n"
    "  --ramp           1 client, then 4, 16, 64 and 256, one after the other\n"
    "  --seconds N      how long, or how long each (2)\n"
    "  --pipeline N     requests that a client sends without waiting (1)\n"
    "  --path PATH      what to ask for (/hello)\n"
    "The last two figures are of one loop of the server, from its /stats.\n";

static int
number_read(const char *text, int most)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (end == text || *end != '\0' || n < 1 || n > most)
        errx(2, "'%s' is not a number from 1 to %d", text, most);
    return (int)n;
}

static struct options
options_read(int argc, char **argv)
{
    static const struct option known[] = {
        {"connections", required_argument, NULL, 'c'},
        {"ramp", no_argument, NULL, 'r'},
        {"seconds", required_argument, NULL, 's'},
        {"pipeline", required_argument, NULL, 'n'},
        {"path", required_argument, NULL, 'p'},
        {NULL, 0, NULL, 0},
    };
    struct options o = {64, 2, 1, "/hello", NULL, NULL, false};
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'c': o.connections = number_read(optarg, CONNECTIONS_MOST); break;
        case 'r': o.ramp = true; break;
        case 's': o.seconds = number_read(optarg, 3600); break;
        case 'n': o.pipeline = number_read(optarg, PIPELINE_MOST); break;
        case 'p': o.path = optarg; break;
        default: optind = argc; break; /* getopt_long has said what is wrong */
        }
    }
    if (argc - optind != 2) {
        fputs(usage, stderr);
        exit(2);
    }
    o.host = argv[optind];
    o.port = argv[optind + 1];
    if (strlen(o.path) > PATH_MOST) errx(2, "the path is too long");
    return o;
}

/* A request, so many times. The caller frees its text. */
static struct question
question_make(const struct options *o, const char *path, int times)
{
    size_t size = strlen(path) + strlen(o->host) + strlen(o->port) + 40;
    struct question q = {
        .answers = times, .text = malloc(size * (size_t)times)};
    if (q.text == NULL) err(1, "no memory for a question");
    for (int i = 0; i < times; i++)
        q.length += (size_t)snprintf(q.text + q.length, size,
            "GET %s HTTP/1.1\r\nHost: %s:%s\r\n\r\n", path, o->host, o->port);
    return q;
}

/* Of the host's addresses the first that answers is the server. */
static void
server_find(const struct options *o)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int rc = getaddrinfo(o->host, o->port, &hints, &found);
    if (rc != 0) errx(1, "%s port %s: %s", o->host, o->port, gai_strerror(rc));
    load.crowd.address = found;
    while (!watch()) {
        if (load.crowd.address->ai_next == NULL)
            errx(1, "%s port %s: %s; \"make run\" starts the server", o->host,
                o->port, load.crowd.why);
        load.crowd.address = load.crowd.address->ai_next;
    }
}

int
main(int argc, char **argv)
{
    static const int ramp[] = {1, 4, 16, 64, 256};
    struct options o = options_read(argc, argv);
    struct question question = question_make(&o, o.path, o.pipeline);
    struct question stats = question_make(&o, "/stats", 1);
    int rc = io_init(&load.loop, 0), steps = o.ramp ? 5 : 1;
    if (rc < 0) errx(1, "no event loop: %s; %s", strerror(-rc), io_hint(rc));
    load.clients =
        calloc(o.ramp ? 256 : (size_t)o.connections, sizeof *load.clients);
    if (load.clients == NULL) err(1, "%d clients", o.connections);
    load.crowd.loop = &load.loop;
    load.watcher =
        (struct client){.crowd = &load.crowd, .question = &stats, .once = true};
    server_find(&o);
    puts("                                    completions   kernel calls");
    puts("connections  requests/s    failed      per tick    per request");
    bool well = true;
    for (int i = 0; i < steps; i++)
        well &= step(&question, o.ramp ? ramp[i] : o.connections, o.seconds);
    client_leave(&load.watcher);
    crowd_run(0);
    io_deinit(&load.loop);
    free(load.clients);
    free(question.text);
    free(stats.text);
    return well ? 0 : 1;
}
