/* promises_fault.c - bad hours: no descriptors left, storms of resets, clients
 * that come and go, readers that stall. Others are served meanwhile. After each
 * of them the server is as it was before: see recovers. More of them are in
 * promises_fault_http.c and promises_fault_memory.c. */
#include "suite.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { KIB = 1 << 10, MIB = 1 << 20 };

/* The part of a core that tells spinning from sleeping. */
static const double SPINS = 0.05;

/* Long: it ends only for a server that does not recover at all. */
static const double RECOVER_SECONDS = 5;

static bool
has_root(const struct server *s)
{
    for (size_t i = 0; s->args[i] != NULL; i++)
        if (strcmp(s->args[i], "--root") == 0) return true;
    return false;
}

/* These clients are served once. Where there are only files there is no /hello,
 * and that is an answer, too. */
static void
served(const struct server *s, struct client *c, size_t count)
{
    bool files = has_root(s);

    for (size_t i = 0; i < count; i++)
        if (files)
            client_say(&c[i], "GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n");
        else
            ask(&c[i]);
    for (size_t i = 0; i < count; i++)
        if (files)
            expect_status(&c[i], 404, "/none");
        else
            answer(&c[i]);
}

static void
all_served(const struct server *s, struct client *c, size_t count, int times)
{
    while (times-- > 0)
        served(s, c, count);
}

/* One client comes, is served, and goes. */
void
visit_once(struct server *s)
{
    struct client c;

    client_open(&c, s);
    served(s, &c, 1);
    client_close(&c);
}

/* To be called when nobody else is there, or just has gone. */
struct rest
rest_of(struct server *s)
{
    struct client c;
    struct rest r;

    client_open(&c, s);
    served(s, &c, 1);
    r.files = process_files(s->pid) - 1;
    r.memory = process_memory(s->pid);
    client_close(&c);
    return r;
}

/* Wait for the moment when the server does nothing. Other work on the machine
 * only makes its part smaller, so one quiet look is enough: what spins has
 * none. */
void
sleeps(struct server *s)
{
    double least = 1;

    for (int i = 0; i < 20 && least > SPINS; i++) {
        double cpu = server_cpu(s, 0.1);
        if (cpu < least) least = cpu;
    }
    alive(s);
    require(least <= SPINS, "it does nothing, and uses %.0f %% of a core",
        100 * least);
}

/* A sanitizer keeps what is freed: nothing can be told then. */
static long
grown(struct server *s, const struct rest *before)
{
    if (setting("SANITIZED", NULL) != NULL) return 0;
    return process_memory(s->pid) - before->memory;
}

/* All clients have gone. The server gives back what it had for them, but for
 * `slack` bytes: wait for it, some time. */
static void
settles(struct server *s, const struct rest *before, long slack)
{
    const double end = now() + RECOVER_SECONDS * time_scale;

    while (now() < end && (process_files(s->pid) != before->files ||
                              grown(s, before) > slack)) {
        alive(s);
        (void)fd_wait(s->out, 0, 0.01 / time_scale); /* look again later */
    }
    require(process_files(s->pid) == before->files,
        "%d descriptors are open, %d before the clients came",
        process_files(s->pid), before->files);
}

/* ... it sleeps, and serves the next one. */
void
recovers(struct server *s, const struct rest *before, long slack)
{
    settles(s, before, slack);
    require(grown(s, before) <= slack, "the clients left %ld KiB behind",
        grown(s, before) / KIB);
    sleeps(s);
    visit_once(s);
}

/* The first clients bring the server to what it needs for so many. After that
 * it may still grow for once, as its memory is in pieces; a leak grows each
 * time. */
static void
leaves_nothing(struct server *s, void (*clients)(struct server *s, int count),
    int first, int count)
{
    enum { TRIES = 3, SLACK = 256 * KIB };
    struct rest before = rest_of(s);

    clients(s, first);
    recovers(s, &before, 2 * MIB);
    for (int i = 0; i < TRIES && (i == 0 || grown(s, &before) > SLACK); i++) {
        before.memory = process_memory(s->pid);
        clients(s, count);
        settles(s, &before, SLACK);
    }
    note("%+ld KiB", grown(s, &before) / KIB);
    recovers(s, &before, SLACK);
}

/* ---- Descriptors -------------------------------------------------------- */

/* In the middle of the traffic more clients come than there are descriptors.
 * Those who are in are served; the others are when some have gone. */
void
fault_descriptors(struct server *s, bool fails)
{
    enum { LIMIT = 96, ACTIVE = 8, FLOOD = 120, FIRST = 60 };
    struct client *active, *flood;
    struct rest before;

    (void)fails;
    s->files = LIMIT;
    server_start(s);
    before = rest_of(s);
    active = clients_open(s, ACTIVE);
    all_served(s, active, ACTIVE, 1);
    flood = clients_open(s, FLOOD);
    all_served(s, active, ACTIVE, 20);
    sleeps(s);
    all_served(s, active, ACTIVE, 20);
    clients_close(flood, FIRST);
    all_served(s, flood + FIRST, FLOOD - FIRST, 1);
    all_served(s, active, ACTIVE, 20);
    clients_close(flood + FIRST, FLOOD - FIRST);
    clients_close(active, ACTIVE);
    recovers(s, &before, MIB);
}

/* ---- Resets ------------------------------------------------------------- */

/* Say nothing, half a question, a whole one, or many. */
static void
say_part(struct client *c, int way)
{
    if (way == 1) client_write(c, http_request, 20);
    if (way == 2) ask(c);
    if (way == 3) (void)client_push(c, 8000); /* any number will do */
}

/* A hundred at a time, and all are gone at once. */
static void
resets(struct server *s, struct client *beside, int count)
{
    enum { AT_ONCE = 100 };
    static struct client c[AT_ONCE];

    for (; count > 0; count -= AT_ONCE) {
        for (int i = 0; i < AT_ONCE; i++)
            client_open(&c[i], s);
        for (int i = 0; i < AT_ONCE; i++)
            say_part(&c[i], i % 4);
        served(s, beside, 1);
        for (int i = 0; i < AT_ONCE; i++)
            client_reset(&c[i]);
    }
}

static void
storm(struct server *s, int count)
{
    struct client beside;

    client_open(&beside, s);
    resets(s, &beside, count);
    client_close(&beside);
}

void
fault_resets(struct server *s, bool fails)
{
    (void)fails;
    leaves_nothing(s, storm, 500, 4000);
}

/* ---- Come and go -------------------------------------------------------- */

/* They say nothing, and most go with a reset: each that does not holds a port
 * for a minute. One that is served is behind all of them in the queue, which
 * therefore never gets too long. */
static void
come_and_go(struct server *s, int count)
{
    struct client c;

    for (int i = 1; i <= count; i++) {
        client_open(&c, s);
        if (i % 10 == 0)
            client_close(&c);
        else
            client_reset(&c);
        if (i % 500 == 0) visit_once(s);
    }
}

void
fault_come_and_go(struct server *s, bool fails)
{
    (void)fails;
    leaves_nothing(s, come_and_go, 1000, 10000);
}

/* ---- Readers that stall ------------------------------------------------- */

enum { STALLED = 4, ACTIVE = 4, SIZE = 16 * MIB };

/* One asks all the time and reads nothing, until the server cannot go on with
 * it. Then it reads all that was due. */
static void
stall_in_stream(struct server *s)
{
    struct client *active = clients_open(s, ACTIVE);
    struct client *stalled = clients_open(s, 1);

    client_fill_up(stalled, 0.05);
    all_served(s, active, ACTIVE, 50);
    client_drain(stalled);
    clients_close(stalled, 1);
    clients_close(active, ACTIVE);
    free(stalled);
    free(active);
}

/* Some read a part of a file, and no more for a while. Others get all of it,
 * and so do they in the end. */
static void
stall_in_file(struct server *s)
{
    static struct client stalled[STALLED], whole;
    struct client *active = clients_open(s, ACTIVE);

    for (int i = 0; i < STALLED; i++) {
        file_ask(&stalled[i], s, SIZE);
        file_take(&stalled[i], 0, MIB);
        all_served(s, active, ACTIVE, 20);
    }
    file_ask(&whole, s, SIZE);
    file_take(&whole, 0, SIZE);
    client_close(&whole);
    all_served(s, active, ACTIVE, 20);
    for (int i = 0; i < STALLED; i++)
        file_take(&stalled[i], MIB, SIZE);
    clients_close(stalled, STALLED);
    clients_close(active, ACTIVE);
    free(active);
}

/* The first one starts threads and fills buffers that stay. */
static void
stall_in_files(struct server *s)
{
    struct root root;
    struct rest before;

    root_create(&root, SIZE);
    server_option(s, "--root", root.directory);
    server_restart(s);
    before = rest_of(s);
    stall_in_file(s);
    recovers(s, &before, 2 * MIB);
    before.memory = process_memory(s->pid);
    stall_in_file(s);
    recovers(s, &before, MIB);
    root_destroy(&root);
}

/* A test that has to wait for a busy machine is no slow client: five minutes
 * for each step. */
void
fault_stalled(struct server *s, bool fails)
{
    struct rest before;

    (void)fails;
    if (s->stage->options) server_option(s, "--timeout", "300");
    server_start(s);
    before = rest_of(s);
    stall_in_stream(s);
    recovers(s, &before, MIB);
    if (s->stage->options) stall_in_files(s);
}
