/* check_await.c - 05-await: client PORT [TASKS]. We are the server for keys and
 * values, and decide when it answers, and how. */
#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 128, LINE = 256 };

/* One connection: what it has asked and not been answered, and what it set. */
struct guest {
    int fd; /* -1: gone */
    size_t have;
    char in[LINE], key[LINE], value[LINE];
};

/* Lives in the check. */
struct store {
    int listener, guests;
    int together; /* nobody is answered until so many have asked */
    bool split;   /* an answer leaves byte by byte */
    int leaves;   /* this guest is left alone instead of answered; -1: none */
    struct guest guest[MOST];
};

/* Listen, and start the client of this many tasks. */
static void
store_open(struct store *st, struct server *s, int tasks)
{
    static struct stage stage;
    static char binary[256], port[16], count[16];
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;

    st->leaves = -1;
    st->listener = socket(AF_INET, SOCK_STREAM, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    require(bind(st->listener, (struct sockaddr *)&at, size) == 0 &&
                listen(st->listener, MOST) == 0 &&
                getsockname(st->listener, (struct sockaddr *)&at, &size) == 0,
        "cannot listen: %s", strerror(errno));
    snprintf(binary, sizeof binary, "%.*s/client",
        (int)(strrchr(s->stage->binary, '/') - s->stage->binary),
        s->stage->binary);
    snprintf(port, sizeof port, "%d", ntohs(at.sin_port));
    snprintf(count, sizeof count, "%d", tasks);
    stage = *s->stage;
    stage.binary = binary;
    s->stage = &stage;
    s->args[0] = port;
    s->args[1] = count;
    server_launch(s);
}

static void
guest_say(struct guest *g, const char *text, bool split)
{
    size_t n = strlen(text), step = split ? 1 : n;

    for (size_t i = 0; i < n; i += step) {
        require(send(g->fd, text + i, step, 0) == (ssize_t)step, "send: %s",
            strerror(errno));
        if (split) rest(0.002);
    }
}

/* Answer one whole line, without its end. */
static void
guest_answer(struct guest *g, char *line, bool split)
{
    char answer[LINE + 1], key[LINE];

    if (sscanf(line, "set %255s %255[^\n]", g->key, g->value) == 2) {
        guest_say(g, "ok\n", split);
        return;
    }
    require(sscanf(line, "get %255s", key) == 1, "\"%s\" is no request", line);
    require(
        strcmp(key, g->key) == 0, "%s is got where %s was set", key, g->key);
    snprintf(answer, sizeof answer, "%s\n", g->value);
    guest_say(g, answer, split);
}

static void
guest_serve(struct store *st, struct guest *g)
{
    char *end = memchr(g->in, '\n', g->have);

    if (end == NULL) return;
    if (st->leaves == g - st->guest) {
        close(g->fd);
        g->fd = -1;
        return;
    }
    *end = '\0';
    g->have = 0; /* a client waits for its answer before it asks again */
    guest_answer(g, g->in, st->split);
}

static void
guest_read(struct guest *g)
{
    ssize_t n = recv(g->fd, g->in + g->have, sizeof g->in - g->have, 0);

    if (n <= 0) {
        close(g->fd);
        g->fd = -1;
        return;
    }
    g->have += (size_t)n;
    require(g->have < sizeof g->in, "a line without an end");
}

/* Wait for news, at most 0.1 s. */
static void
store_wait(struct store *st)
{
    struct pollfd p[MOST + 1];

    for (int i = 0; i < st->guests; i++)
        p[i] = (struct pollfd){.fd = st->guest[i].fd, .events = POLLIN};
    p[st->guests] = (struct pollfd){.fd = st->listener, .events = POLLIN};
    (void)poll(p, (nfds_t)st->guests + 1, 100); /* none: the caller looks */
    for (int i = 0; i < st->guests; i++)
        if (p[i].revents != 0) guest_read(&st->guest[i]);
    if (p[st->guests].revents == 0) return;
    require(st->guests < MOST, "more connections than tasks");
    st->guest[st->guests++] =
        (struct guest){.fd = accept(st->listener, NULL, NULL)};
}

/* Answer until the client's stdout ends; what it said goes to `said`. */
static int
store_run(struct store *st, struct server *s, char said[LINE])
{
    double deadline = now() + 10 * time_scale;
    ssize_t n;

    while (!fd_wait(s->out, POLLIN, 0)) {
        int asking = 0;
        store_wait(st);
        for (int i = 0; i < st->guests; i++)
            asking += memchr(st->guest[i].in, '\n', st->guest[i].have) != NULL;
        if (asking >= st->together) st->together = 0;
        for (int i = 0; i < st->guests && st->together == 0; i++)
            guest_serve(st, &st->guest[i]);
        require(now() < deadline,
            "%d tasks have connected, %d wait for an "
            "answer at the same time, and no more do",
            st->guests, asking);
    }
    n = read(s->out, said, LINE - 1);
    said[n < 0 ? 0 : n] = '\0';
    said[strcspn(said, "\n")] = '\0';
    return server_wait(s, 2, "its last word");
}

/* All tasks must get what they set. */
static void
all_right(struct store *st, struct server *s, int tasks)
{
    char said[LINE], expected[LINE];
    int status = store_run(st, s, said);

    snprintf(expected, sizeof expected, "%d of %d tasks got what they had set",
        tasks, tasks);
    require(strcmp(said, expected) == 0, "the client said \"%s\"", said);
    require(WIFEXITED(status) && WEXITSTATUS(status) == 0,
        "all is right, but its exit is %d", status);
}

void
await_one(struct server *s)
{
    static struct store st;

    store_open(&st, s, 1);
    all_right(&st, s, 1);
}

void
await_many(struct server *s)
{
    static struct store st;

    store_open(&st, s, 100);
    st.together = 100;
    all_right(&st, s, 100);
}

void
await_split(struct server *s)
{
    static struct store st;

    store_open(&st, s, 10);
    st.split = true;
    all_right(&st, s, 10);
}

void
await_refused(struct server *s)
{
    static struct store st;
    char said[LINE];
    int status;

    st.listener = -1;
    store_open(&st, s, 3);
    (void)shutdown(st.listener, SHUT_RDWR); /* who is too early gets a reset */
    close(st.listener);
    st.listener = -1;
    status = store_run(&st, s, said);
    require(strcmp(said, "0 of 3 tasks got what they had set") == 0,
        "nobody listens, and the client said \"%s\"", said);
    require(WIFEXITED(status) && WEXITSTATUS(status) == 1, "its exit is %d",
        status);
}

void
await_lost(struct server *s)
{
    static struct store st;
    char said[LINE];

    store_open(&st, s, 20);
    st.together = 20;
    st.leaves = 7;
    (void)store_run(&st, s, said); /* exit code 1, as one is not right */
    require(strcmp(said, "19 of 20 tasks got what they had set") == 0,
        "one of 20 is left alone, and the client said \"%s\"", said);
}
