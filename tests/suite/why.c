/* why.c - shows the promise that a chapter keeps and the one before breaks.
 *
 *     why 03
 *
 * The same steps as in the tests, told aloud, with the time at which each of
 * them happens. tests/tools/why builds what this needs. */
#include "count.h"
#include "suite.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static double began;
static struct server *running; /* of the last scene */

/* What the clients and servers of the suite need: here a failure just ends the
 * story, and nothing is random. */
_Noreturn void
broken(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    printf("\n  This should not happen: ");
    vprintf(format, args);
    printf("\n");
    if (running != NULL && running->pid != 0) kill(running->pid, SIGKILL);
    exit(1);
}

int
suite_stderr(void)
{
    return 2;
}

/* A new scene: its clock starts at 0. */
static void
scene(struct server *s, const char *stage)
{
    memset(s, 0, sizeof *s);
    running = s;
    s->stage = stage_named(stage);
    if (s->stage == NULL) broken("%s is not for this system", stage);
    printf("\n  %s\n", s->stage->title);
    began = now();
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One step, with the time since the scene began. */
static void
say(const char *format, ...)
{
    va_list args;

    printf("    %5.2f s  ", now() - began);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
}

static void
why_01(void)
{
    static struct server s;
    struct client c;
    double from;

    printf("01-blocking makes the first promise: what a client sends comes "
           "back,\nevery byte, in order.\n");
    scene(&s, "01");
    server_start(&s);
    say("The server waits in accept(2).");
    client_open(&c, &s);
    say("Ann connects. The server waits in recv(2) for what she says.");
    ask(&c);
    answer(&c);
    say("Ann sends %zu bytes, and has the same %zu bytes back.", c.asked,
        c.asked);
    from = now();
    client_exchange(&c, 8 << 20);
    say("Ann sends 8 MiB in pieces of random length, and reads at the same");
    printf("             time: all 8,388,608 bytes are right, in %.0f ms.\n",
        1000 * (now() - from));
    client_finish(&c);
    client_eof(&c);
    say("Ann says that she is done; the server says so, too.");
    server_stop(&s);
    say("SIGTERM: the server ends with exit code 0.");
    printf("\nIt serves one client, exactly. And a second one? make why-02\n");
}

static void
ann_and_bob(const char *stage, const char *reason)
{
    static struct server s;
    struct client ann, bob;

    scene(&s, stage);
    server_start(&s);
    client_open(&ann, &s);
    say("Ann connects, and says nothing.");
    client_open(&bob, &s);
    ask(&bob);
    say("Bob connects, and says something.");
    if (answered_within(&bob, 1.5)) {
        answer(&bob);
        say("Bob has his answer. Ann is still silent; %s", reason);
    } else {
        say("Bob waits. %s", reason);
        client_close(&ann);
        say("Ann leaves.");
        answer(&bob);
        say("Bob has his answer.");
    }
    server_stop(&s);
}

static void
why_02(void)
{
    printf("02-nonblocking keeps a promise that 01-blocking breaks:\n"
           "a second client is served while the first is silent.\n");
    ann_and_bob("01", "The server sleeps in recv(2), for Ann alone.");
    ann_and_bob("02", "nobody waits for her.");
    printf("\nWith O_NONBLOCK a read never waits: when there is nothing, it "
           "fails with EAGAIN,\nand the server tries the next client. "
           "The change: make diff-02\n");
}

/* The CPU time as a bar, so that it can be seen. */
static void
show_cpu(struct server *s)
{
    double cpu = server_cpu(s, 1.0);
    char bar[41];

    memset(bar, '#', 40);
    bar[cpu < 0 ? 0 : cpu > 1 ? 40 : (int)(cpu * 40 + 0.5)] = '\0';
    say("A second later: %3.0f %% of a core  [%-40s]", 100 * cpu, bar);
}

static void
hundred_idle(const char *stage, const char *reason)
{
    static struct server s;
    struct client *c;

    scene(&s, stage);
    server_start(&s);
    c = clients_open(&s, 100);
    ask(&c[99]);
    answer(&c[99]);
    say("100 clients connect. All is said, all are served; now they idle.");
    show_cpu(&s);
    say("%s", reason);
    server_stop(&s);
    clients_close(c, 100);
    free(c);
}

static void
why_03(void)
{
    printf("03-kqueue keeps a promise that 02-nonblocking breaks:\n"
           "a server with nothing to do sleeps.\n");
    hundred_idle("02", "It asks all of them, again and again: anything now?");
    hundred_idle("03", "It sleeps in kevent(2); the kernel says who has come.");
    printf("\nThe server still tries first. Only when the kernel says EAGAIN "
           "does it ask to be\ntold once, and one kevent(2) waits for all. "
           "The change: make diff-03\n");
}

/* The most frequent call first. Empties the counts. */
static void
show_counts(struct counts *all, double echoes)
{
    for (;;) {
        size_t most = 0;
        for (size_t i = 1; i < COUNT_NAMES; i++)
            if (all->by_name[i].calls > all->by_name[most].calls) most = i;
        if (all->by_name[most].calls == 0) return;
        printf("             %7.3f  %s\n",
            (double)all->by_name[most].calls / echoes, all->by_name[most].name);
        all->by_name[most].calls = 0;
    }
}

static void
count_calls(const char *stage)
{
    enum { CLIENTS = 64, ROUNDS = 20 };
    static struct server s;
    struct counts all;
    double one, many;

    scene(&s, stage);
    one = calls_per_echo(&s, 1, ROUNDS, NULL) - 1; /* SIGCONT breaks one off */
    say("One client, one echo at a time: %.0f system calls per echo.", one);
    many = calls_per_echo(&s, CLIENTS, ROUNDS, &all);
    say("64 clients ask in the same moment, %d times:", ROUNDS);
    show_counts(&all, CLIENTS * ROUNDS);
    say("together %.2f system calls per echo.", many);
}

static void
why_04(void)
{
    printf("04-io_uring keeps a promise that 03-kqueue breaks:\n"
           "with many clients ready, an echo costs far less than one system "
           "call.\n");
    count_calls("03");
    count_calls("04");
    printf("\n03 asks what is possible, then calls the kernel to do it: "
           "recv (EAGAIN), recv,\nsend. 04 writes down what it wants for all "
           "clients in shared memory; one call\nhands it over and brings the "
           "results. The change: make diff-04\n");
}

/* The answer to one round trip, on a stage that this system may not have. */
static void
same_echo(const char *stage)
{
    static struct server s;
    struct client c;

    if (stage_named(stage) == NULL) return;
    scene(&s, stage);
    server_start(&s);
    client_open(&c, &s);
    client_exchange(&c, 1 << 20);
    say("1 MiB in random pieces comes back, every byte right.");
    server_stop(&s);
}

static void
why_05(void)
{
    same_echo("05");
    same_echo("05-kqueue");
    printf("\nThe server says what it wants (io.h); one of two files knows how "
           "this kernel is\nasked. The change: make diff-05\n");
}

/* Send a request as a browser does, and show what comes back. */
static void
show_answer(const char *stage)
{
    static struct server s;
    struct client c;
    char text[1024];
    ssize_t n;

    scene(&s, stage);
    server_start(&s);
    client_open(&c, &s);
    client_write(&c, http_request, strlen(http_request));
    say("A browser connects, and asks: GET /hello HTTP/1.1");
    if (!answered_within(&c, 5)) broken("no answer");
    n = read(c.fd, text, sizeof text - 1);
    text[n < 0 ? 0 : n] = '\0';
    say("The server answers:");
    for (char *line = strtok(text, "\r\n"); line; line = strtok(NULL, "\r\n"))
        printf("             | %s\n", line);
    server_stop(&s);
}

static void
why_06(void)
{
    printf("06-http-server keeps a promise that 05-unified breaks:\n"
           "a browser understands it.\n");
    show_answer("05");
    printf("             Its own words. A browser shows an error.\n");
    show_answer("06");
    printf("             A status, headers, and 13 bytes of text.\n"
           "\nSee it yourself: make run-06, then http://localhost:8080/ in a "
           "browser.\nThe change: make diff-06\n");
}

int
main(int argc, char **argv)
{
    static void (*const why[])(void) = {
        why_01, why_02, why_03, why_04, why_05, why_06};
    int chapter = argc == 2 ? atoi(argv[1]) : 0;

    if (chapter < 1 || chapter > 6) {
        fprintf(stderr, "usage: why CHAPTER, 01 to 06\n");
        return 2;
    }
    why[chapter - 1]();
    return 0;
}
