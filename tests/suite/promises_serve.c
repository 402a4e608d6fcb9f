/* promises_serve.c - who is served, and what comes back.
 *
 * `fails` says that this stage breaks the promise by design. Then the cause
 * is held, the client gets no answer, and the server lives; the cause is
 * removed, and the answer comes. A promise that is kept against its design
 * is an error, too. */
#include "suite.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void
exact_echo(struct server *s, bool fails)
{
    struct client c;

    (void)fails; /* no stage fails this */
    client_open(&c, s);
    client_exchange(&c, 8 << 20);
    client_finish(&c);
    client_eof(&c);
    client_close(&c);
}

void
half_close(struct server *s, bool fails)
{
    struct client c;

    (void)fails;
    client_open(&c, s); /* nothing sent: the end, and nothing else */
    client_finish(&c);
    client_eof(&c);
    client_close(&c);
    client_open(&c, s);
    ask(&c);
    client_finish(&c);
    answer(&c);
    client_eof(&c);
    client_close(&c);
    client_open(&c, s);
    ask(&c);
    answer(&c);
    server_pause(s); /* data and end will be there in one moment */
    ask(&c);
    client_finish(&c);
    server_continue(s);
    answer(&c);
    client_eof(&c);
    client_close(&c);
    if (s->stage->protocol == SPEAKS_HTTP) return;
    client_open(&c, s);
    while (c.sent < 256 << 10 && client_push(&c, 4096) > 0)
        continue;
    client_finish(&c);
    client_drain(&c);
    client_eof(&c);
    client_close(&c);
}

/* Four ways to go in the middle of a transfer. The last two make the server
 * send to a connection that is gone: EPIPE, and SIGPIPE if nobody cares. */
static void
client_vanish(struct server *s, int way)
{
    struct client c;

    client_open(&c, s);
    while (way > 0 && c.sent < 512 << 10 && client_push(&c, 8192) > 0)
        continue;
    if (way > 1) (void)fd_wait(c.fd, POLLIN, 0.2); /* it may be busy */
    if (way > 2) client_finish(&c);
    if (way > 2)
        client_close(&c);
    else
        client_reset(&c);
}

/* They say a lot and are gone before the server looks: its second send meets a
 * reset. */
static void
clients_gone_early(struct server *s)
{
    struct client c;

    server_pause(s);
    for (int i = 0; i < 4; i++) {
        client_open(&c, s);
        while (c.sent < 40000 && client_push(&c, 40000) > 0)
            continue;
        client_close(&c);
    }
    server_continue(s);
}

void
reset_survived(struct server *s, bool fails)
{
    struct client c;

    (void)fails;
    for (int i = 0; i < 40; i++)
        client_vanish(s, i % 4);
    clients_gone_early(s);
    alive(s);
    client_open(&c, s);
    ask(&c);
    answer(&c);
    client_close(&c);
}

void
stalled_reader(struct server *s, bool fails)
{
    struct client c;
    long before, grown;

    (void)fails;
    client_open(&c, s);
    ask(&c);
    answer(&c);
    before = process_memory(s->pid);
    client_fill_up(&c, 0.5);
    grown = process_memory(s->pid) - before;
    alive(s);
    note("%+ld KiB after %.1f MiB", grown >> 10, (double)c.sent / (1 << 20));
    require(grown < (1 << 20) * time_scale,
        "the server grew by %ld KiB for one client that does not read",
        grown >> 10);
    client_drain(&c);
    client_finish(&c);
    client_eof(&c);
    client_close(&c);
}

/* Is `other` served while these clients do nothing? */
static void
served_beside(struct server *s, size_t silent, bool fails)
{
    struct client *first = clients_open(s, silent);
    struct client other;

    client_open(&other, s);
    ask(&other);
    if (fails) {
        no_answer(&other);
        alive(s);
        clients_close(first, silent);
    }
    answer(&other);
    client_close(&other);
}

void
second_client(struct server *s, bool fails)
{
    served_beside(s, 1, fails);
}

void
fifth_client(struct server *s, bool fails)
{
    served_beside(s, 4, fails);
}

/* Where it fails, a hundred clients show it as well as a thousand; so many
 * fit in every system's backlog. */
void
thousand_clients(struct server *s, bool fails)
{
    size_t count = fails ? 100 : 1000;
    struct client *c = clients_open(s, count);

    for (size_t i = 0; i < count; i++)
        ask(&c[i]);
    if (fails) {
        no_answer(&c[count - 1]);
        alive(s);
        clients_close(c, count - 1);
        answer(&c[count - 1]);
        return;
    }
    for (size_t i = 0; i < count; i++)
        answer(&c[count - 1 - i]);
    for (size_t i = 0; i < count; i++)
        ask(&c[i]);
    for (size_t i = 0; i < count; i++)
        answer(&c[i]);
}

/* In a process of its own: send without end, and read without end. */
static _Noreturn void
greed(struct client *c)
{
    static char waste[1 << 18];

    while (fd_wait(c->fd, POLLIN | POLLOUT, 60)) {
        (void)client_push(c, IN_SIZE); /* 0: full; we go on with reading */
        if (read(c->fd, waste, sizeof waste) == 0) break;
    }
    _exit(0);
}

static pid_t
greed_start(struct client *c)
{
    pid_t pid = fork();

    require(pid != -1, "no process for the greedy client");
    if (pid == 0) greed(c);
    return pid;
}

static void
greed_stop(struct client *c, pid_t pid)
{
    kill(pid, SIGKILL);
    require(waitpid(pid, NULL, 0) == pid, "the greedy client is lost");
    client_reset(c);
}

/* One of the others came before the greedy client, and one after it, so it does
 * not matter in which order the server looks at them. */
static void
served_beside_greed(struct server *s)
{
    struct client greedy, other[2];
    pid_t pid;

    client_open(&other[0], s);
    client_open(&greedy, s);
    ask(&greedy);
    answer(&greedy);
    client_open(&other[1], s);
    pid = greed_start(&greedy);
    for (int i = 0; i < 200; i++) {
        ask(&other[i % 2]);
        answer(&other[i % 2]);
    }
    alive(s);
    greed_stop(&greedy, pid);
}

/* Take all that the server has echoed so far; it is held meanwhile. */
static uint64_t
echoed(struct client *c)
{
    while (fd_wait(c->fd, POLLIN, 0.02))
        if (client_pull(c, IN_SIZE) == 0) break; /* not for us */
    return c->protocol == SPEAKS_HTTP ? c->received * strlen(http_request)
                                      : c->received;
}

/* How many bytes of two greedy clients are served before one question of
 * another client? All of it is there when the server begins to look. */
static uint64_t
served_before(struct server *s)
{
    struct client *greedy = clients_open(s, 1), *other, *later;
    uint64_t bytes;

    ask(&greedy[0]);
    answer(&greedy[0]);
    other = clients_open(s, 1);
    ask(&other[0]);
    answer(&other[0]);
    later = clients_open(s, 1);
    ask(&later[0]);
    answer(&later[0]);
    server_pause(s);
    client_fill_up(&greedy[0], 0.02);
    client_fill_up(&later[0], 0.02);
    ask(&other[0]);
    server_continue(s);
    answer(&other[0]);
    server_pause(s);
    bytes = echoed(&greedy[0]) + echoed(&later[0]);
    server_continue(s);
    client_reset(&greedy[0]);
    client_reset(&later[0]);
    client_close(&other[0]);
    free(greedy);
    free(other);
    free(later);
    return bytes;
}

/* Some of the bytes are served between the answer and our look: so it is the
 * least of some tries that counts. */
static void
shared_with_greed(struct server *s)
{
    enum { FAIR = 256 * 1024, TRIES = 30 };
    uint64_t least = UINT64_MAX;

    for (int i = 0; i < TRIES && least > FAIR; i++) {
        uint64_t bytes = served_before(s);
        if (bytes < least) least = bytes;
    }
    note("%d KiB before its turn", (int)(least >> 10));
    require(least <= FAIR, "one question waits for %d KiB of others",
        (int)(least >> 10));
}

static void
starved_by_greed(struct server *s)
{
    struct client greedy, other;
    pid_t pid;

    client_open(&greedy, s);
    ask(&greedy);
    answer(&greedy);
    pid = greed_start(&greedy);
    client_open(&other, s);
    ask(&other);
    no_answer(&other);
    alive(s);
    greed_stop(&greedy, pid);
    answer(&other);
}

void
greedy_client(struct server *s, bool fails)
{
    if (fails) {
        starved_by_greed(s);
    } else {
        served_beside_greed(s);
        /* Where each client has a thread, the kernel divides the time. */
        if (s->stage->column >= 2) shared_with_greed(s);
    }
}
