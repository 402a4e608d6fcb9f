/* soak.c - all kinds of clients at once, for as long as you like, on the two
 * faces of 06's server: what is built in, and files. Each answer is compared
 * with the model (tests/model); each second is a line of a CSV.
 *
 *     soak STAGE MINUTES CSV         STAGE is 06 or 06-kqueue
 *
 * Ends with "N passed, N failed". In the environment: BUILT, SEED, SERVER, as
 * in tests/suite/suite.c; GUESTS, how many clients there are at once (100). */
#include "soak.h"
#include "../model/tree.h"

#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { HOSTS = 2, GUESTS_LEAST = 80, GUESTS_MAX = 1000, REPORTS = 20 };

static const double LATE = 0.1; /* seconds: that was no usual turn */

static struct host hosts[HOSTS] = {
    {.name = "plain", .probe_target = "/hello"},
    {.name = "root", .probe_target = "/4096.css", .limit = CONNECTIONS},
};
static struct guest *guests;
static size_t guest_count;
static char page_text[64 * 1024];
static double slept; /* when the loop was here last */
static double late;  /* seconds in which all were excused */
static int reports;
static int crowd[CONNECTIONS];
static volatile sig_atomic_t stop;

/* ---- What the suite's server.c needs ------------------------------------ */

static void
servers_kill(void)
{
    for (int i = 0; i < HOSTS; i++)
        if (hosts[i].server.pid != 0) kill(hosts[i].server.pid, SIGKILL);
    tree_remove();
}

_Noreturn void
broken(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "soak: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    printf("%d passed, %d failed\n", passed, failed + 1);
    exit(2);
}

int
suite_stderr(void)
{
    return 2;
}

/* ---- For guests and probes ---------------------------------------------- */

int
host_connect(const struct host *h)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1) return -1;
    to.sin_port = htons((uint16_t)h->server.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int rc = connect(fd, (struct sockaddr *)&to, sizeof to);
    if (rc == 0 || errno == EINPROGRESS) return fd;
    close(fd);
    return -1;
}

/* A talk went wrong. */
void
host_report(const struct guest *g)
{
    char text[400];
    if (reports++ >= REPORTS) return;
    printf("WRONG  %s, %s client, seed %llu: %s (%s)\n", g->host->name,
        g->manner->name, (unsigned long long)g->talk.seed, talk_why(&g->talk),
        talk_describe(&g->talk, text, sizeof text));
}

/* ---- The servers -------------------------------------------------------- */

static void
host_begin(struct host *h, const struct stage *stage)
{
    static char limit[16], timeout[16];
    snprintf(limit, sizeof limit, "%d", CONNECTIONS);
    snprintf(timeout, sizeof timeout, "%d", TIMEOUT);
    h->server.stage = stage;
    server_option(&h->server, "--timeout", timeout);
    if (h->limit > 0) {
        server_option(&h->server, "--root", tree_make());
        server_option(&h->server, "--connections", limit);
        h->world.root = true;
        h->world.files = model_files(&h->world.file_count);
    } else {
        h->world.page = page_text;
        h->world.page_length = strlen(page_text);
    }
    h->world.requests = 6;
    server_start(&h->server);
    h->files_before = process_files(h->server.pid);
    h->cpu = process_cpu(h->server.pid);
    probe_open(h);
}

static void
page_read(void)
{
    FILE *f = fopen("06-http-server/www/index.html", "r");
    if (f == NULL) err(2, "06-http-server/www/index.html");
    page_text[fread(page_text, 1, sizeof page_text - 1, f)] = '\0';
    fclose(f);
}

static void
guests_make(void)
{
    guest_count = strtoul(setting("GUESTS", "100"), NULL, 10);
    if (guest_count < GUESTS_LEAST || guest_count > GUESTS_MAX)
        errx(2, "GUESTS: from %d to %d", GUESTS_LEAST, GUESTS_MAX);
    guests = calloc(guest_count, sizeof *guests);
    if (guests == NULL) err(2, "calloc");
    for (size_t i = 0; i < guest_count; i++) {
        guests[i].host = &hosts[i % HOSTS];
        guests[i].manner = manner_at((double)i / (double)guest_count);
        guests[i].seed = random_below(UINT64_MAX);
        guest_begin(&guests[i], now() + (double)random_below(1000) / 1000);
    }
}

static void
on_signal(int sig)
{
    stop = sig;
}

/* ---- Round and round ---------------------------------------------------- */

/* Has a probe waited for long? */
static bool
is_slow(const struct host *h, double at)
{
    return h->probe.asked > 0 && at - h->probe.asked > LATE;
}

/* This program or a server may have to wait for the machine, and clients are
 * slow then without meaning to. Nobody knows whose fault it was: so whatever
 * happens to those who are there is excused. */
static void
excuse_if_late(double at)
{
    double gap = slept > 0 ? at - slept : 0;
    slept = at;
    if (gap < LATE && !is_slow(&hosts[0], at) && !is_slow(&hosts[1], at))
        return;
    late += gap;
    for (size_t i = 0; i < guest_count; i++)
        guest_excuse(&guests[i]);
    for (size_t i = 0; i < HOSTS && gap > 1; i++)
        probe_close(&hosts[i]); /* it begins anew */
}

/* One turn: wait 5 ms at most, and serve who is ready. */
static void
turn(void)
{
    static struct pollfd fds[GUESTS_MAX + HOSTS];
    double at = now();
    size_t n = 0;
    if (stop) exit(130); /* which ends the servers, too */
    for (size_t i = 0; i < guest_count; i++, n++) {
        short events = guest_events(&guests[i], at);
        fds[n] = (struct pollfd){events ? guests[i].fd : -1, events, 0};
    }
    for (size_t i = 0; i < HOSTS; i++, n++) {
        short events = probe_events(&hosts[i], at);
        fds[n] = (struct pollfd){events ? hosts[i].probe.fd : -1, events, 0};
    }
    if (poll(fds, (nfds_t)n, 5) == -1 && errno != EINTR) err(2, "poll");
    at = now();
    excuse_if_late(at);
    for (size_t i = 0; i < HOSTS; i++)
        probe_serve(&hosts[i], fds[guest_count + i].revents, now());
    for (size_t i = 0; i < guest_count; i++)
        guest_serve(&guests[i], fds[i].revents, at);
}

static void
look(double second, FILE *csv)
{
    for (size_t i = 0; i < HOSTS; i++) {
        alive(&hosts[i].server);
        watch_look(&hosts[i], second, csv);
    }
    if ((int)second % 60 == 0)
        printf("%3d minutes: %llu and %llu talks\n", (int)second / 60,
            (unsigned long long)hosts[0].samples[(int)second - 1].talks,
            (unsigned long long)hosts[1].samples[(int)second - 1].talks);
    fflush(NULL);
}

/* Clients who say nothing take all places of the server that has a limit: who
 * comes then gets a 503. */
static void
crowd_comes(const struct host *h)
{
    for (int i = 0; i < CONNECTIONS; i++)
        crowd[i] = host_connect(h);
}

static void
crowd_leaves(void)
{
    for (int i = 0; i < CONNECTIONS; i++)
        if (crowd[i] != -1) close(crowd[i]);
}

/* The crowd is there for each tenth second. */
static void
run(double seconds, FILE *csv)
{
    double begin = now();
    for (int second = 1; second <= seconds; second++) {
        bool crowded = second % 10 == 5;
        if (crowded) crowd_comes(&hosts[1]);
        while (now() < begin + second)
            turn();
        if (crowded) crowd_leaves();
        look(second, csv);
    }
}

/* No new talks; those under way go on to their end. */
static void
let_all_end(void)
{
    double most = now() + 60;
    guests_end = true;
    while (hosts[0].guests + hosts[1].guests > 0 && now() < most)
        turn();
}

/* Too many excuses prove nothing. */
static void
judge_machine(double seconds)
{
    bool ok = late < seconds / 2;
    ok ? passed++ : failed++;
    printf("%s all   the machine was too busy for %.1f of %.0f seconds: what "
           "happened then is excused\n",
        ok ? "    ok" : "FAILED", late, seconds);
}

/* Nobody is there any more: nor may a descriptor be. */
static void
judge_end(struct host *h)
{
    double most = now() + TIMEOUT + 3;
    int files;
    probe_close(h);
    while ((files = process_files(h->server.pid)) > h->files_before &&
           now() < most)
        (void)poll(NULL, 0, 50);
    judge(h, files <= h->files_before && h->guests == 0,
        "all have gone: %d descriptors, before the first client %d", files,
        h->files_before);
    server_stop(&h->server); /* or it is broken, and that ends it */
    judge(h, true, "SIGTERM: exit code 0, in time");
}

int
main(int argc, char **argv)
{
    if (argc != 4) errx(2, "usage: soak STAGE MINUTES CSV");
    const struct stage *stage = stage_named(argv[1]);
    double seconds = 60 * strtod(argv[2], NULL);
    FILE *csv = fopen(argv[3], "a");
    if (csv == NULL) err(2, "%s", argv[3]);
    if (stage == NULL || !stage->options)
        errx(2, "%s is not 06 or 06-kqueue", argv[1]);
    if (!(seconds >= 1 && seconds < 1e6)) errx(2, "MINUTES=%s", argv[2]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    const char *seed = setting("SEED", NULL);
    random_state =
        seed != NULL ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
    atexit(servers_kill);
    page_read();
    for (int i = 0; i < HOSTS; i++)
        host_begin(&hosts[i], stage);
    guests_make();
    watch_head(csv);
    run(seconds, csv);
    let_all_end();
    for (int i = 0; i < HOSTS; i++) {
        watch_judge(&hosts[i], seconds);
        judge_end(&hosts[i]);
    }
    judge_machine(seconds);
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
