/* check_log.c - 06-access-log: --log FILE. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TEXT = 1 << 20 };

/* Start a server with a log; "" is a file of ours. The answer is its path. */
static const char *
log_start(struct server *s, const char *path)
{
    static char own[512];

    build_path(own, sizeof own, "access.log");
    if (path[0] == '\0') (void)unlink(path = own); /* if it is there */
    server_option(s, "--log", path);
    server_start(s);
    return path;
}

/* Send a request of this client, and receive its answer. */
static void
get(struct client *c, const char *line, const char *more, bool head)
{
    char text[4096];
    struct answer a;

    snprintf(text, sizeof text, "%s\r\nHost: localhost\r\n%s", line, more);
    client_say(c, text);
    (void)http_answer(c, &a, head);
}

/* Wait until the file has so many lines; answers its text. */
static char *
log_read(const char *path, int lines, double seconds)
{
    static char text[TEXT];
    double deadline = now() + seconds * time_scale;

    for (;;) {
        FILE *f = fopen(path, "r");
        size_t n = f == NULL ? 0 : fread(text, 1, sizeof text - 1, f);
        int have = 0;
        if (f != NULL) fclose(f);
        text[n] = '\0';
        for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
            have++;
        if (have >= lines) return text;
        if (now() > deadline)
            broken("the log has %d lines, not %d, after %.0f s", have, lines,
                seconds * time_scale);
        rest(0.01);
    }
}

/* The next line of the text must tell of this; `seconds` is when the test
 * began, and the line may not be older. */
static char *
line_is(char *text, const char *request, const char *tail, time_t seconds)
{
    char time_text[64], expected[512];
    char *next = strchr(text, '\n');
    struct tm tm = {0};
    time_t told;

    require(next != NULL, "there is no line for \"%s\"", request);
    *next = '\0';
    require(sscanf(text, "127.0.0.1 - - [%63[^]]] ", time_text) == 1,
        "the line begins with \"%.60s\"", text);
    require(strptime(time_text, "%d/%b/%Y:%H:%M:%S +0000", &tm) != NULL,
        "the time is \"%s\"", time_text);
    told = timegm(&tm);
    require(told >= seconds && told <= seconds + 20 * time_scale,
        "the time is \"%s\", %ld s too early", time_text,
        (long)(seconds - told));
    snprintf(expected, sizeof expected, "\"%s\" %s", request, tail);
    require(strcmp(strchr(text, ']') + 2, expected) == 0,
        "the line ends with [%s] and not [%s]", strchr(text, ']') + 2,
        expected);
    return next + 1;
}

void
log_lines(struct server *s)
{
    const char *path = log_start(s, "");
    time_t from = time(NULL);
    struct client c;
    char *text;

    client_open(&c, s);
    get(&c, "GET /hello HTTP/1.1", "\r\n", false);
    get(&c, "HEAD /hello?a=b HTTP/1.1", "\r\n", true);
    get(&c, "GET /none HTTP/1.1", "\r\n", false);
    get(&c, "POST /echo HTTP/1.1", "Content-Length: 5\r\n\r\nhello", false);
    server_restart(s); /* it is added to, not begun anew */
    client_open(&c, s);
    get(&c, "GET /hello HTTP/1.0", "\r\n", false);
    client_open(&c, s);
    get(&c, "nonsense", "\r\n", false);
    text = log_read(path, 6, 2);
    text = line_is(text, "GET /hello HTTP/1.1", "200 13", from);
    text = line_is(text, "HEAD /hello?a=b HTTP/1.1", "200 -", from);
    text = line_is(text, "GET /none HTTP/1.1", "404 14", from);
    text = line_is(text, "POST /echo HTTP/1.1", "200 5", from);
    text = line_is(text, "GET /hello HTTP/1.0", "200 13", from);
    require(strstr(text, "400 16\n") != NULL, "of a 400 it says \"%s\"", text);
}

/* Open a client until this worker has it: one worker may take a whole burst.
 * Answers how often it asked for /stats. */
static int
client_open_at(struct client *c, struct server *s, int worker)
{
    for (int tries = 1; tries <= 200; tries++) {
        client_open(c, s);
        if (http_worker(c) == worker) return tries;
        client_close(c);
    }
    broken("no client comes to worker %d", worker);
}

/* Each line tells of a request of its own, and is whole. */
void
log_concurrent(struct server *s)
{
    enum { CLIENTS = 20, ROUNDS = 50 };
    static bool seen[CLIENTS][ROUNDS];
    static struct client c[CLIENTS];
    const char *path;
    char *text, request[64];
    int lines = CLIENTS * ROUNDS;

    server_option(s, "--workers", "2");
    path = log_start(s, "");
    for (int i = 0; i < CLIENTS; i++)
        lines += client_open_at(&c[i], s, i % 2);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            snprintf(request, sizeof request,
                "GET /hello?%d-%d HTTP/1.1\r\n"
                "Host: x\r\n\r\n",
                i, round);
            client_say(&c[i], request);
        }
        for (int i = 0; i < CLIENTS; i++)
            expect_status(&c[i], 200, "/hello");
    }
    text = log_read(path, lines, 3);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        int i, round, status, length;
        if (strstr(line, "\"GET /stats ") != NULL) continue;
        require(sscanf(line,
                    "127.0.0.1 - - [%*[^]]] \"GET /hello?%d-%d "
                    "HTTP/1.1\" %d %d",
                    &i, &round, &status, &length) == 4 &&
                    status == 200 && length == 13,
            "a line is \"%.100s\"", line);
        require(i < CLIENTS && round < ROUNDS && !seen[i][round],
            "request %d-%d has two lines", i, round);
        seen[i][round] = true;
    }
}

enum { LONG = 2000, ASKED = 200 }; /* 400 KB of lines */

/* So many answers, each of them soon. */
static void
ask_long(struct server *s)
{
    struct client c;
    char line[LONG + 64];

    memset(line, 'x', sizeof line);
    memcpy(line, "GET /hello?", 11);
    snprintf(line + LONG, 64, " HTTP/1.1");
    client_open(&c, s);
    for (int i = 0; i < ASKED; i++)
        get(&c, line, "\r\n", false);
    client_close(&c);
}

/* A pipe that nobody reads is a disk that takes its time. What it has taken at
 * last, and the lines that were dropped, are all. (On kqueue a file is written
 * with pwrite(2), which a pipe refuses: there all are dropped.) */
void
log_slow(struct server *s)
{
    static char path[512], text[TEXT];
    double deadline;
    size_t have = 0;
    long lines = 0, dropped = 0, n;
    int fd;

    build_path(path, sizeof path, "access.fifo");
    (void)unlink(path); /* if it is there */
    require(mkfifo(path, 0600) == 0, "mkfifo: %s", strerror(errno));
    fd = open(path, O_RDWR | O_NONBLOCK);
    require(fd != -1, "open: %s", strerror(errno));
    (void)log_start(s, path);
    ask_long(s);
    if (s->stage->backend == ON_KQUEUE) return;
    deadline = now() + 5 * time_scale;
    while (lines + dropped < ASKED && now() < deadline) {
        ssize_t got = read(fd, text + have, sizeof text - 1 - have);
        have += got > 0 ? (size_t)got : 0;
        text[have] = '\0';
        lines = dropped = 0;
        for (char *at = text, *end; (end = strchr(at, '\n')); at = end + 1)
            if (sscanf(at, "# %ld lines dropped", &n) == 1)
                dropped += n;
            else
                lines++;
        rest(0.005);
    }
    require(lines + dropped == ASKED,
        "%d answers; the log has %ld lines, and says that %ld were dropped",
        ASKED, lines, dropped);
    require(dropped > 0 && lines > 0, "%ld lines were dropped", dropped);
    ask_long(s); /* and so it has to end */
}

void
log_full(struct server *s)
{
    char line[256];
    double cpu;

    server_option(s, "--log", "/nowhere/at/all");
    server_refuses(s, line, sizeof line);
    s->args[0] = NULL;
    if (access("/dev/full", W_OK) == -1) return; /* then it is not seen here */
    (void)log_start(s, "/dev/full");
    ask_long(s);
    cpu = server_cpu(s, 0.3);
    require(cpu < 0.05, "then it uses %.0f %% of a core", 100 * cpu);
    ask_long(s);
}
