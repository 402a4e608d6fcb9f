/* promises_stop.c - how a server starts, refuses to start, and stops. */
#include "suite.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* What the clients do when the signal comes. */
enum activity { IDLE, TRANSFERRING, STALLED, ACTIVITIES };

static void
client_act(struct client *c, enum activity what)
{
    if (what == STALLED) client_fill_up(c, 0.1);
    if (what != TRANSFERRING) return;
    while (c->sent < 1 << 20 && client_push(c, 16384) > 0)
        (void)client_pull(c, 4096); /* 0: nothing there yet */
}

void
stops_with_clients(struct server *s, bool fails)
{
    (void)fails;
    for (int i = 0; i < 2 * ACTIVITIES; i++) {
        struct client first, second;
        int signal = i % 2 == 0 ? SIGTERM : SIGINT;
        if (s->pid == 0) server_start(s);
        client_open(&first, s);
        ask(&first);
        answer(&first);
        client_open(&second, s);
        client_act(&first, (enum activity)(i / 2));
        server_signal(s, signal);
        server_ends(s, signal == SIGTERM ? "SIGTERM" : "SIGINT");
        client_close(&first);
        client_close(&second);
    }
}

/* Let a random time pass, up to some milliseconds. */
static void
random_moment(void)
{
    const struct timespec t = {.tv_nsec = (long)random_below(3000 * 1000)};

    (void)nanosleep(&t, NULL); /* any moment will do */
}

void
stops_at_any_moment(struct server *s, bool fails)
{
    (void)fails;
    for (int i = 0; i < 30; i++) {
        struct client c;
        int asks = (int)random_below(4) - 1; /* -1: not even connected */
        server_start(s);
        if (asks >= 0) client_open(&c, s);
        for (int k = 0; k < asks; k++)
            ask(&c);
        if (i % 3 > 0) random_moment();
        server_signal(s, random_below(2) == 0 ? SIGTERM : SIGINT);
        server_ends(s, "a signal at a random moment");
        if (asks >= 0) client_close(&c);
    }
}

/* The server closes first, so its side of the connection stays in TIME_WAIT:
 * without SO_REUSEADDR the port would be taken for a minute. */
void
port_is_free(struct server *s, bool fails)
{
    (void)fails;
    for (int i = 0; i < 4; i++) {
        struct client c;
        char port[16];
        client_open(&c, s);
        ask(&c);
        answer(&c);
        snprintf(port, sizeof port, "%d", s->port);
        server_args(s, port, NULL);
        server_restart(s);
        client_close(&c);
    }
}

/* Start the server with these arguments: it must refuse. */
static void
refuses(struct server *s, const char *port, const char *host)
{
    char line[512];

    server_args(s, port, host);
    note("PORT \"%s\" HOST \"%s\"", port, host == NULL ? "" : host);
    server_refuses(s, line, sizeof line);
}

void
bad_arguments(struct server *s, bool fails)
{
    static const char *const ports[] = {"http", "70000", "65536", "-1", "",
        "80x", "1e3", "99999999999999999999"};
    static const char *const hosts[] = {"", "127.0.0.256", "192.0.2.1"};
    char line[512];

    (void)fails;
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
        refuses(s, ports[i], NULL);
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        refuses(s, "0", hosts[i]);
    server_args(s, "9090", "127.0.0.256"); /* here the port is not the reason */
    note("PORT \"9090\" HOST \"127.0.0.256\"");
    server_refuses(s, line, sizeof line);
    require(strstr(line, "bad port") == NULL, "the port is good: %s", line);
    server_args(s, "0", "127.0.0.1");
    for (int i = 0; i < 3; i++)
        server_option(s, "0", NULL);
    note("too many arguments");
    server_refuses(s, line, sizeof line);
    note("%s", "");
}

void
port_in_use(struct server *s, bool fails)
{
    struct server second = {.stage = s->stage};
    struct client c;
    char port[16], line[512];

    (void)fails;
    snprintf(port, sizeof port, "%d", s->port);
    server_args(&second, port, NULL);
    server_refuses(&second, line, sizeof line);
    client_open(&c, s); /* and the first one does not suffer */
    ask(&c);
    answer(&c);
    client_close(&c);
}

/* With 4 descriptors (0, 1, 2 and one more) most servers cannot start. */
void
tiny_descriptor_limit(struct server *s, bool fails)
{
    (void)fails;
    for (s->files = 4; s->files <= 9; s->files++) {
        char line[512];
        note("%ld descriptors", s->files);
        if (server_try(s, line, sizeof line)) server_stop(s);
    }
    note("%s", "");
}

static bool
says(const char *line, const char *what)
{
    return strstr(line, what) != NULL;
}

/* EPERM is what a container's seccomp profile answers, ENOSYS an old kernel,
 * ENOMEM one before 5.12 that counts a ring as locked memory. */
void
io_uring_is_denied(struct server *s, bool fails)
{
    static const struct {
        const char *error, *cause, *remedy;
    } denials[] = {
        {"EPERM", "seccomp", "IO=kqueue"},
        {"ENOSYS", "5.11", "IO=kqueue"},
        {"ENOMEM", "locked memory", "ulimit -l"},
    };
    char line[512];

    (void)fails;
    for (size_t i = 0; i < sizeof denials / sizeof *denials; i++) {
        s->denied = denials[i].error;
        note("%s", s->denied);
        server_refuses(s, line, sizeof line);
        require(s->code == 1, "the exit code is %d, not 1", s->code);
        require(says(line, denials[i].cause), "no word of %s: %s",
            denials[i].cause, line);
        require(says(line, denials[i].remedy), "no word of %s: %s",
            denials[i].remedy, line);
    }
    note("%s", "");
}

void
first_line(struct server *s, bool fails)
{
    static const char *const hosts[] = {"127.0.0.1", "0.0.0.0", "127.0.0.2"};
    size_t count = loopback_is_wide() ? 3 : 2;
    struct client c;

    (void)fails;
    server_start(s);
    require(strcmp(s->host, hosts[0]) == 0, "it listens on %s, not on %s",
        s->host, hosts[0]);
    for (size_t i = 0; i < count; i++) {
        server_args(s, "0", hosts[i]);
        server_restart(s);
        require(strcmp(s->host, hosts[i]) == 0, "it listens on %s, not on %s",
            s->host, hosts[i]);
        client_open(&c, s);
        ask(&c);
        answer(&c);
        client_close(&c);
    }
}
