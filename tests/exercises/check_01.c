/* check_01.c - the exercises of chapter 01: a client may be silent for a while
 * only, and counts on SIGUSR1. */
#include "check.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* ---- 01-idle-timeout: the third argument is a number of seconds --------- */

void
idle_dropped(struct server *s)
{
    struct client c;
    double seconds;

    start_with(s, "1");
    client_open(&c, s);
    ask(&c);
    answer(&c);
    seconds = seconds_to_end(&c, 3 * time_scale);
    require(seconds >= 0, "a client silent for %.0f s is still connected",
        3 * time_scale);
    require(
        seconds > 0.8, "a client is dropped after %.1f s, not 1 s", seconds);
}

void
idle_next(struct server *s)
{
    struct client silent, next;

    start_with(s, "1");
    client_open(&silent, s);
    client_open(&next, s);
    ask(&next);
    require(!answered_within(&next, 0.5),
        "the second client is served before the first one's time is over");
    answer(&next);
}

void
idle_stalled(struct server *s)
{
    struct client stalled, next;

    start_with(s, "1");
    client_open(&stalled, s);
    client_fill_up(&stalled, 0.3);
    client_open(&next, s);
    ask(&next);
    require(answered_within(&next, 4 * time_scale),
        "a client that does not read keeps the next one waiting for %.0f s",
        4 * time_scale);
    answer(&next);
}

void
idle_talker(struct server *s)
{
    struct client c;

    start_with(s, "2");
    client_open(&c, s);
    for (int i = 0; i < 4; i++) {
        ask(&c);
        answer(&c);
        rest(0.8);
    }
    ask(&c);
    answer(&c);
    client_finish(&c);
    client_eof(&c);
}

/* ---- 01-stats ----------------------------------------------------------- */

/* Ask for the counts. The answer is how many clients the line tells of. */
static unsigned long
stats_ask(struct server *s, unsigned long bytes)
{
    char text[4096];
    unsigned long clients, received, sent;
    size_t before = strlen(stderr_text(text, sizeof text, 0));
    double deadline = now() + 2 * time_scale;

    rest(0.02); /* we have its last bytes, it may still have to count them */
    server_signal(s, SIGUSR1);
    while (strchr(stderr_text(text, sizeof text, before), '\n') == NULL) {
        alive(s);
        if (now() > deadline)
            broken("no line on stderr %.0f s after SIGUSR1", 2 * time_scale);
        rest(0.002);
    }
    require(sscanf(text, "clients %lu, received %lu, sent %lu\n", &clients,
                &received, &sent) == 3,
        "the line is \"%.60s\"", text);
    require(received == bytes && sent == bytes,
        "received %lu, sent %lu; it was %lu of each", received, sent, bytes);
    return clients;
}

void
stats_counts(struct server *s)
{
    struct client c;

    server_start(s);
    client_open(&c, s);
    client_exchange(&c, 100000);
    require(stats_ask(s, 100000) == 1, "it was not 1 client");
    client_exchange(&c, 123456);
    require(stats_ask(s, 123456) == 1, "it was not 1 client");
}

void
stats_while_busy(struct server *s)
{
    struct client c;

    server_start(s);
    require(stats_ask(s, 0) == 0, "it was not 0 clients");
    for (int i = 1; i <= 3; i++) {
        client_open(&c, s);
        client_finish(&c);
        client_eof(&c);
        client_close(&c);
        require(stats_ask(s, 0) == (unsigned long)i, "it was %d clients", i);
    }
}

void
stats_harmless(struct server *s)
{
    struct client c;

    server_start(s);
    client_open(&c, s);
    for (int i = 1; i <= 1000; i++) {
        server_signal(s, SIGUSR1);
        client_exchange(&c, (uint64_t)i * 2000);
    }
    client_finish(&c);
    client_eof(&c);
}
