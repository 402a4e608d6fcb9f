/* check_03.c - the exercises of chapter 03: the port to epoll, and silent
 * clients that go. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- 03-epoll: the promises of the suite say the rest ------------------- */

/* Does the file hold this text? Programs hold the names that they link to. */
static bool
file_has(const char *path, const char *text)
{
    static char bytes[1 << 20]; /* the first of a program that is far smaller */
    FILE *f = fopen(path, "rb");
    size_t n;

    require(f != NULL, "cannot read %s", path);
    n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    return memmem(bytes, n, text, strlen(text)) != NULL;
}

void
epoll_only(struct server *s)
{
    char path[512];

    build_path(path, sizeof path, s->stage->binary);
    require(!file_has(path, "kevent"),
        "the program still calls kevent (is compat/ in the Makefile?)");
    require(file_has(path, "epoll_wait") || file_has(path, "epoll_pwait"),
        "the program does not call epoll_wait");
    server_start(s);
}

/* ---- 03-idle-timeout: the third argument is a number of seconds --------- */

void
kqueue_idle_dropped(struct server *s)
{
    struct client silent, talker;
    double from;

    start_with(s, "1");
    client_open(&silent, s);
    client_open(&talker, s);
    ask(&silent);
    answer(&silent);
    from = now();
    while (!answered_within(&silent, 0.3)) {
        require(now() - from < 3 * time_scale,
            "a client silent for %.1f s is still connected", now() - from);
        ask(&talker);
        answer(&talker);
    }
    require(now() - from > 0.8, "it is dropped after %.1f s, not 1 s",
        now() - from);
    client_eof(&silent);
    for (int i = 0; i < 5; i++) {
        ask(&talker);
        answer(&talker);
        rest(0.3);
    }
}

void
kqueue_idle_many(struct server *s)
{
    enum { MANY = 300 };
    struct client *c, other;
    int files;
    double from;

    start_with(s, "1");
    client_open(&other, s);
    ask(&other);
    answer(&other);
    files = process_files(s->pid);
    c = clients_open(s, MANY);
    for (int i = 0; i < MANY; i++)
        client_exchange(&c[i], 10);
    from = now();
    while (process_files(s->pid) > files) {
        require(now() - from < 4 * time_scale,
            "%d clients, silent for %.1f s, "
            "are still connected",
            process_files(s->pid) - files, now() - from);
        ask(&other);
        answer(&other);
        rest(0.1);
    }
    for (int i = 0; i < MANY; i++)
        client_eof(&c[i]);
}

void
kqueue_idle_stalled(struct server *s)
{
    struct client stalled;
    int files;

    start_with(s, "1");
    client_open(&stalled, s);
    ask(&stalled);
    answer(&stalled);
    files = process_files(s->pid);
    client_fill_up(&stalled, 0.2);
    files_at_most(s, files - 1, 4);
}
