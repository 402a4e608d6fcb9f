/* client.c - sets and gets, in straight lines, by many tasks at once.
 *
 *     client PORT [TASKS]
 *
 * On PORT of this machine is a server for keys and values. It answers
 * "set KEY VALUE\n" with "ok\n", and "get KEY\n" with "VALUE\n". Each task
 * connects, sets a value of its own, gets it, and compares. Prints how many got
 * what they had set. Exit code: 0 all, 1 not all.
 *
 * You need not change this file: it is what your await.c is for. */
#include "await.h"

#include <netinet/in.h>

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 128 };

static struct sockaddr_in server;
static long right; /* tasks that got what they had set */

/* Send all of text. 0 or -errno. */
static int
say(int fd, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        int n = await(io_op_send(fd, text, len));
        if (n < 0) return n;
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Receive one line, without its end. 0 or -errno; -EPIPE: the server went. */
static int
hear(int fd, char line[LINE])
{
    for (size_t n = 0; n < LINE; n++) {
        int rc = await(io_op_recv(fd, &line[n], 1));
        if (rc <= 0) return rc < 0 ? rc : -EPIPE;
        if (line[n] != '\n') continue;
        line[n] = '\0';
        return 0;
    }
    return -EMSGSIZE;
}

/* Connect, set, get: this is why we came. 0 or -errno; -EBADMSG: the server
 * says something else. */
static int
set_and_get(int fd, long key)
{
    char line[LINE], value[LINE / 2];
    int rc =
        await(io_op_connect(fd, (struct sockaddr *)&server, sizeof server));
    if (rc < 0) return rc;

    snprintf(value, sizeof value, "the value of task %ld", key);
    snprintf(line, sizeof line, "set key-%ld %s\n", key, value);
    if ((rc = say(fd, line)) < 0 || (rc = hear(fd, line)) < 0) return rc;
    if (strcmp(line, "ok") != 0) return -EBADMSG;

    snprintf(line, sizeof line, "get key-%ld\n", key);
    if ((rc = say(fd, line)) < 0 || (rc = hear(fd, line)) < 0) return rc;
    return strcmp(line, value) == 0 ? 0 : -EBADMSG;
}

/* One task. context: its number. */
static void
client_run(void *context)
{
    int fd = io_socket(AF_INET);
    if (fd < 0) {
        warnx("no socket: %s", strerror(-fd));
        return;
    }
    int rc = set_and_get(fd, (long)(intptr_t)context);
    if (rc < 0) warnx("task %ld: %s", (long)(intptr_t)context, strerror(-rc));
    if (rc == 0) right++;
    (void)await(io_op_close(fd)); /* nothing can be done about an error */
}

static long
number(const char *text, long most)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (end == text || *end != '\0' || n < 1 || n > most)
        errx(2, "bad number '%s': give 1 to %ld", text, most);
    return n;
}

int
main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) errx(2, "usage: client PORT [TASKS]");
    long tasks = argc > 2 ? number(argv[2], 10000) : 1;
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)number(argv[1], 65535));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    struct io_loop loop;
    int rc = io_init(&loop, 0);
    if (rc < 0) errx(1, "no event loop: %s; %s", strerror(-rc), io_hint(rc));
    for (long i = 0; i < tasks; i++)
        if ((rc = task_start(&loop, client_run, (void *)(intptr_t)i)) < 0)
            errx(1, "cannot start task %ld: %s", i, strerror(-rc));
    io_run(&loop);
    io_deinit(&loop);
    printf("%ld of %ld tasks got what they had set\n", right, tasks);
    return right == tasks ? 0 : 1;
}
