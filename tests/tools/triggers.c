/* triggers.c - "how often do you tell me?": the same bytes in three pairs of
 * sockets, and what kevent(2) says of each: level, edge (EV_CLEAR) and one-shot
 * (EV_ONESHOT).
 *
 * tests/tools/triggers builds and runs it. */
#include <sys/types.h>

#include <sys/event.h>
#include <sys/socket.h>

#include <err.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LEVEL, EDGE, ONE_SHOT, WAYS };

static const int flags[WAYS] = {
    [LEVEL] = 0, [EDGE] = EV_CLEAR, [ONE_SHOT] = EV_ONESHOT};

/* One line of the table: what happens before kevent() is called. */
struct step {
    const char *text;
    size_t sent; /* bytes, by the other side */
    size_t read; /* bytes, by us */
    int ends;    /* the other side will send no more */
    int asks;    /* we say EV_ADD (again) */
};

static const struct step steps[] = {
    {"EV_ADD; nothing has come", .asks = 1},
    {"10 bytes come", .sent = 10},
    {"nothing happens", .asks = 0},
    {"4 of the 10 are read", .read = 4},
    {"5 more come", .sent = 5},
    {"EV_ADD again", .asks = 1},
    {"all 11 are read", .read = 11},
    {"EV_ADD, and 3 bytes come", .sent = 3, .asks = 1},
    {"the other side ends", .ends = 1},
    {"EV_ADD again", .asks = 1},
    {"the 3 are read", .read = 3},
    {"EV_ADD again", .asks = 1},
};

/* Let it happen in one pair of sockets; ours is the first. */
static void
step_do(const struct step *s, int kq, int pair[2], int flag)
{
    char bytes[16] = {0};
    struct kevent change;
    if (s->sent > 0 && send(pair[1], bytes, s->sent, 0) == -1) err(1, "send");
    if (s->read > 0 && recv(pair[0], bytes, s->read, 0) == -1) err(1, "recv");
    if (s->ends && shutdown(pair[1], SHUT_WR) == -1) err(1, "shutdown");
    EV_SET(&change, pair[0], EVFILT_READ, EV_ADD | flag, 0, 0, NULL);
    if (s->asks && kevent(kq, &change, 1, NULL, 0, NULL) == -1)
        err(1, "kevent");
}

/* What does kevent() say now? It does not wait. One cell of the table. */
static void
step_show(int kq, int way)
{
    const struct timespec at_once = {0};
    struct kevent event;
    char text[32] = "-";
    int n = kevent(kq, NULL, 0, &event, 1, &at_once);
    if (n == -1) err(1, "kevent");
    if (n == 1)
        snprintf(text, sizeof text, "data %d%s", (int)event.data,
            event.flags & EV_EOF ? ", EV_EOF" : "");
    printf(way == WAYS - 1 ? "  %s\n" : "  %-15s", text);
}

int
main(void)
{
    int kqs[WAYS], pairs[WAYS][2];
    for (int i = 0; i < WAYS; i++)
        if ((kqs[i] = kqueue()) == -1 ||
            socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]) == -1)
            err(1, "cannot start");
    printf("%-25s  %-15s  %-15s  %s\n", "what happens, then kevent", "level",
        "edge: EV_CLEAR", "EV_ONESHOT");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        printf("%-25s", steps[i].text);
        for (int way = 0; way < WAYS; way++) {
            step_do(&steps[i], kqs[way], pairs[way], flags[way]);
            step_show(kqs[way], way);
        }
    }
    return 0;
}
