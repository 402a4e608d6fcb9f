/* bench.c - measure servers beside each other, and append what was seen to a
 * file as CSV. tests/tools/bench starts the servers and calls this; report.c
 * makes a table of the file.
 *
 * All servers are up, and are visited in turn in short slices: whatever else
 * the machine does meets them alike. Every other round goes backwards.
 * It waits for the last answers of a slice: all that was asked is counted.
 * Not here: anything that starts or ends a process. */
#include "machine.h"
#include "measure.h"

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PEERS = 16,
    SECOND = 1000 * 1000 * 1000,
    MS = 1000 * 1000,
    BAR = 30,
    ENOUGH = 900, /* clients, to tell how much memory each needs */
};

/* The command line. */
struct options {
    struct plan plan;
    double share; /* of the whole, which the bar shows: from here ... */
    double until; /* ... to here, in percent */
    FILE *out;
};

static struct io_loop loop;
static struct peer peers[PEERS];
static int peer_count;

/* ---- How far it is ------------------------------------------------------ */

static void
progress(const struct options *o, const char *who, double part)
{
    double percent = o->share + (o->until - o->share) * part;
    int full = (int)(BAR * percent / 100);
    if (!isatty(2)) return;
    fprintf(stderr, "\r[%.*s%*s] %3.0f %%  %-14.14s %-20.20s", full,
        "##############################", BAR - full, "", percent, o->plan.name,
        who);
    if (percent >= 100) fprintf(stderr, "\r%79s\r", "");
}

/* ---- What is written ---------------------------------------------------- */

static const char columns[] =
    "measure,server,round,connections,pipeline,idle,seconds,answers,bytes,"
    "cpu,load,others,p50,p99,resident,each,kernel_each\n";

/* What is not known, or was not asked for, is an empty field. */
static void
number(FILE *out, const char *format, double value)
{
    putc(',', out);
    if (value >= 0) fprintf(out, format, value);
}

static void
row(const struct options *o, const struct peer *p, int round,
    const struct slice *s)
{
    const struct plan *plan = &o->plan;
    fprintf(o->out, "%s,%s,%d,%d,%d,%d", plan->name, p->name, round,
        plan->connections, plan->pipeline, plan->idle);
    number(o->out, "%.6f", s->seconds);
    number(o->out, "%.0f", s->answers);
    number(o->out, "%.0f", s->bytes);
    number(o->out, "%.9f", s->cpu);
    number(o->out, "%.9f", s->load);
    number(o->out, "%.4f", s->others);
    number(o->out, "%.9f", s->p50);
    number(o->out, "%.9f", s->p99);
    fputs(",,,\n", o->out);
}

/* How much the process, and the kernel for both ends, grew for a client: if
 * there are enough clients for that to tell something. */
static void
memory_row(const struct options *o, const struct peer *p)
{
    const struct plan *plan = &o->plan;
    int clients = plan->connections + plan->idle - 1; /* one was there */
    double resident = peer_memory(p, plan);
    double kernel = kernel_memory() - p->kernel;
    bool enough = clients >= ENOUGH;
    fprintf(o->out, "%s,%s,-1,%d,%d,%d,,,,,,,,", plan->name, p->name,
        plan->connections, plan->pipeline, plan->idle);
    number(o->out, "%.0f", resident);
    number(o->out, "%.1f", enough ? (resident - p->before) / clients : -1);
    number(o->out, "%.1f", enough ? kernel / clients : -1);
    putc('\n', o->out);
}

/* ---- Measure ------------------------------------------------------------ */

static void
connect_to(const struct options *o, struct peer *p)
{
    progress(o, p->name, 0);
    if (!peer_connect(p, &o->plan))
        errx(1, "%s: %s gives no good answer: %s", o->plan.name, p->name,
            p->crowd.why);
}

static void
measure(const struct options *o, struct peer *p, int round, double part)
{
    progress(o, p->name, part);
    struct slice s = peer_slice(p, &o->plan);
    if (s.failed > 0)
        errx(1, "%s: %s left %.0f without a good answer: %s", o->plan.name,
            p->name, s.failed, p->crowd.why);
    if (s.answers == 0 && s.bytes == 0)
        errx(1, "%s: %s answered nothing", o->plan.name, p->name);
    if (round >= 0) row(o, p, round, &s);
}

/* A first slice, of which nothing is kept, makes all warm. */
static void
run_together(const struct options *o)
{
    for (int i = 0; i < peer_count; i++)
        connect_to(o, &peers[i]);
    for (int round = -1; round < o->plan.rounds; round++)
        for (int i = 0; i < peer_count; i++) {
            int at = round % 2 == 0 ? i : peer_count - 1 - i;
            double done = (round + 1) * peer_count + i;
            measure(o, &peers[at], round,
                done / ((o->plan.rounds + 1) * peer_count));
        }
    for (int i = 0; i < peer_count; i++)
        peer_leave(&peers[i], &o->plan);
}

/* One server after the other, each alone with its clients. */
static void
run_apart(const struct options *o)
{
    for (int i = 0; i < peer_count; i++) {
        connect_to(o, &peers[i]);
        for (int round = -1; round < o->plan.rounds; round++)
            measure(o, &peers[i], round, (double)i / peer_count);
        memory_row(o, &peers[i]);
        peer_leave(&peers[i], &o->plan);
    }
}

/* ---- The command line --------------------------------------------------- */

static const char usage[] =
    "usage: bench --name NAME --out FILE [options] NAME=PID:PORT/PATH ...\n"
    "       bench --port: print a port that is free\n"
    "  --connections N --pipeline N --rounds N   (64, 1, 10)\n"
    "  --millis N      a slice, in milliseconds (300)\n"
    "  --idle N        so many silent connections more (0)\n"
    "  --rate N        requests per second, and the time they take\n"
    "  --content FILE  what each body must be\n"
    "  --echo N        not HTTP: messages of N bytes come back\n"
    "  --apart         one server after the other, and its memory\n"
    "  --cores LIST    where the servers and this run: \"0,1\"\n"
    "  --progress A,B  this is the part of the whole from A to B percent\n";

/* A port that nobody uses. Somebody may take it before it is used here. */
_Noreturn static void
print_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t length = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd == -1 || bind(fd, (struct sockaddr *)&a, sizeof a) == -1 ||
        getsockname(fd, (struct sockaddr *)&a, &length) == -1)
        err(1, "no free port");
    printf("%d\n", ntohs(a.sin_port));
    exit(0);
}

/* The file stays mapped and, if we may, in memory. Else a system may take parts
 * of it away in between, and who reads them next would pay for filling them. */
static void
content_read(struct plan *plan, const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1 || fstat(fd, &status) == -1) err(1, "%s", path);
    plan->length = (size_t)status.st_size;
    plan->content = mmap(NULL, plan->length, PROT_READ, MAP_SHARED, fd, 0);
    if (plan->content == MAP_FAILED) err(1, "%s", path);
    (void)mlock(plan->content, plan->length);
    close(fd);
}

static void
out_open(struct options *o, const char *path)
{
    o->out = fopen(path, "a");
    if (o->out == NULL) err(1, "%s", path);
    if (ftell(o->out) == 0) fputs(columns, o->out);
}

static int
number_read(const char *text, int least, int most)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (end == text || *end != '\0' || n < least || n > most)
        errx(2, "'%s' is not a number from %d to %d", text, least, most);
    return (int)n;
}

/* Take one option. False: there is none like this. */
static bool
option_take(struct options *o, int letter)
{
    struct plan *plan = &o->plan;
    switch (letter) {
    case 'P': print_port();
    case 'n': plan->name = optarg; break;
    case 'o': out_open(o, optarg); break;
    case 'c': plan->connections = number_read(optarg, 1, 20000); break;
    case 'p': plan->pipeline = number_read(optarg, 1, 64); break;
    case 'r': plan->rounds = number_read(optarg, 1, 1000); break;
    case 'm':
        plan->slice = (uint64_t)number_read(optarg, 10, 10000) * MS;
        break;
    case 'i': plan->idle = number_read(optarg, 0, 20000); break;
    case 'R': plan->rate = number_read(optarg, 1, 10000000); break;
    case 'C': content_read(plan, optarg); break;
    case 'e': plan->echo = number_read(optarg, 1, CLIENT_IN - 1); break;
    case 'a': plan->memory = true; break;
    case 'k': plan->cores = optarg; break;
    case 'g':
        if (sscanf(optarg, "%lf,%lf", &o->share, &o->until) == 2) break;
        return false;
    default: return false;
    }
    return true;
}

static struct options
options_read(int argc, char **argv)
{
    static const struct option known[] = {
        {"port", no_argument, NULL, 'P'},
        {"name", required_argument, NULL, 'n'},
        {"out", required_argument, NULL, 'o'},
        {"connections", required_argument, NULL, 'c'},
        {"pipeline", required_argument, NULL, 'p'},
        {"rounds", required_argument, NULL, 'r'},
        {"millis", required_argument, NULL, 'm'},
        {"idle", required_argument, NULL, 'i'},
        {"rate", required_argument, NULL, 'R'},
        {"content", required_argument, NULL, 'C'},
        {"echo", required_argument, NULL, 'e'},
        {"apart", no_argument, NULL, 'a'},
        {"cores", required_argument, NULL, 'k'},
        {"progress", required_argument, NULL, 'g'},
        {NULL, 0, NULL, 0},
    };
    struct options o = {.plan = {.connections = 64,
                            .pipeline = 1,
                            .rounds = 10,
                            .slice = 300 * MS},
        .until = 100};
    bool good = true;
    int letter;
    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1)
        good = option_take(&o, letter) && good;
    peer_count = argc - optind;
    good = good && peer_count > 0 && peer_count <= PEERS;
    for (int i = 0; good && i < peer_count; i++)
        good = peer_read(&peers[i], argv[optind + i]);
    if (good && o.plan.name != NULL && o.out != NULL) return o;
    fputs(usage, stderr);
    exit(2);
}

/* A client is a descriptor: take all that we may. */
static void
descriptors_raise(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == -1) return;
    files.rlim_cur = files.rlim_max < 65536 ? files.rlim_max : 65536;
    (void)setrlimit(RLIMIT_NOFILE, &files); /* if not: a connect fails */
}

int
main(int argc, char **argv)
{
    struct options o = options_read(argc, argv);
    int rc = io_init(&loop, 0);
    if (rc < 0) errx(1, "no event loop: %s; %s", strerror(-rc), io_hint(rc));
    o.plan.loop = &loop;
    descriptors_raise();
    if (o.plan.memory)
        run_apart(&o);
    else
        run_together(&o);
    progress(&o, "", 1);
    io_deinit(&loop);
    return fclose(o.out) == 0 ? 0 : 1;
}
