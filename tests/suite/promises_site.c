/* promises_site.c - bodies and files: bytes that do not fit into any buffer. */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILE_REQUEST "GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n"

enum { MIB = 1 << 20, PIECE = 16384 };

char
file_byte(size_t at)
{
    return (char)(at * 31 + at / 251);
}

void
root_create(struct root *r, size_t size)
{
    static char all[32 * MIB];
    int fd;

    strcpy(r->directory, "/tmp/async-io-root-XXXXXX");
    require(mkdtemp(r->directory) != NULL, "mkdtemp: %s", strerror(errno));
    snprintf(r->file, sizeof r->file, "%s/file", r->directory);
    fd = open(r->file, O_WRONLY | O_CREAT | O_EXCL, 0644);
    for (size_t i = 0; i < size; i++)
        all[i] = file_byte(i);
    require(fd != -1 && write(fd, all, size) == (ssize_t)size, "%s: %s",
        r->file, strerror(errno));
    close(fd);
}

void
root_destroy(const struct root *r)
{
    require(unlink(r->file) == 0 && rmdir(r->directory) == 0, "%s: %s",
        r->directory, strerror(errno));
}

/* Ask for the file, and read the head of the answer. What follows of it is in
 * c->in. */
void
file_ask(struct client *c, const struct server *s, size_t size)
{
    struct answer a;

    client_open(c, s);
    client_say(c, FILE_REQUEST);
    (void)http_answer(c, &a, true);
    require(a.status == 200 && a.length == (long)size,
        "the file: status %d, length %ld", a.status, a.length);
}

static void
file_compare(const char *bytes, size_t from, size_t len)
{
    for (size_t i = 0; i < len; i++)
        require(bytes[i] == file_byte(from + i),
            "byte %zu of the file is wrong", from + i);
}

/* Read the file from byte `from` to byte `to`. */
static void
file_read(struct client *c, size_t from, size_t to)
{
    char piece[PIECE];

    while (from < to) {
        size_t n = to - from < PIECE ? to - from : PIECE;
        client_read(c, piece, n);
        file_compare(piece, from, n);
        from += n;
    }
}

/* Take the file from byte `from` to byte `to`. Some of it may be in c->in, and
 * more than that. */
void
file_take(struct client *c, size_t from, size_t to)
{
    size_t have = c->have < to - from ? c->have : to - from;

    file_compare(c->in, from, have);
    c->have -= have;
    memmove(c->in, c->in + have, c->have);
    file_read(c, from + have, to);
}

/* A body that comes back while it is still being sent. */
void
http_echo(struct server *s, bool fails)
{
    struct client c;
    struct answer a;
    uint64_t body = 1000;

    (void)fails;
    client_open(&c, s);
    client_say(&c, "POST /echo HTTP/1.1\r\nHost: localhost\r\n"
                   "Content-Length: 8388608\r\n\r\n");
    c.protocol = SPEAKS_ECHO; /* the pattern is noise, not requests */
    while (c.sent < body)
        (void)client_push(&c, (size_t)(body - c.sent)); /* 0: again */
    (void)http_answer(&c, &a, true);
    require(a.status == 200 && a.length == 8 * MIB, "status %d, length %ld",
        a.status, a.length);
    client_exchange(&c, 8 * MIB);
    c.protocol = SPEAKS_HTTP;
    ask(&c); /* the connection lives on */
    answer(&c);
    client_close(&c);
}

/* It is answered with in constant memory, for a fast client and a slow one. */
void
http_file(struct server *s, bool fails)
{
    enum { SIZE = 20 * MIB };
    struct root root;
    struct client fast, slow;
    long before, grown;

    (void)fails;
    root_create(&root, SIZE);
    server_option(s, "--root", root.directory);
    server_option(s, "--timeout", "300"); /* the slow one has to wait for us */
    server_start(s);
    file_ask(&slow, s, SIZE);
    file_ask(&fast, s, SIZE);
    file_take(&fast, 0, SIZE);
    before = process_memory(s->pid);
    client_say(&fast, FILE_REQUEST FILE_REQUEST FILE_REQUEST FILE_REQUEST);
    for (int i = 0; i < 4; i++) {
        (void)http_answer(&fast, &(struct answer){0}, true);
        file_take(&fast, 0, SIZE);
    }
    file_take(&slow, 0, SIZE);
    grown = process_memory(s->pid) - before;
    note("%+ld KiB for 100 MiB", grown >> 10);
    if (setting("SANITIZED", NULL) == NULL)
        require(grown < MIB, "the server grew by %ld KiB", grown >> 10);
    client_close(&fast);
    client_close(&slow);
    root_destroy(&root);
}

/* Its length is told before its bytes are read: they cannot be made up. */
void
http_file_shrinks(struct server *s, bool fails)
{
    enum { SIZE = 32 * MIB };
    struct root root;
    struct client c;
    char piece[PIECE];
    size_t got;
    ssize_t n = 1;

    (void)fails;
    root_create(&root, SIZE);
    server_option(s, "--root", root.directory);
    server_start(s);
    file_ask(&c, s, SIZE);
    require(truncate(root.file, 1000) == 0, "truncate: %s", strerror(errno));
    got = c.have;
    file_compare(c.in, 0, got);
    while (n > 0) {
        if (!fd_wait(c.fd, POLLIN, 5)) broken("the answer never ends");
        n = recv(c.fd, piece, sizeof piece, 0);
        require(n >= 0, "no orderly end: %s", strerror(errno));
        file_compare(piece, got, (size_t)n);
        got += (size_t)n;
    }
    require(got < SIZE, "all bytes came, though they were gone");
    alive(s);
    client_close(&c);
    client_open(&c, s);
    client_say(&c, "GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect_status(&c, 404, "/none");
    client_close(&c);
    root_destroy(&root);
}

/* Does nobody listen any more? */
static bool
is_refused(const struct server *s)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0), rc;

    to.sin_port = htons((uint16_t)s->port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    rc = connect(fd, (struct sockaddr *)&to, sizeof to);
    rc = rc == -1 ? errno : 0;
    close(fd);
    return rc == ECONNREFUSED;
}

/* The download goes on, in no hurry, and the server ends after it. It gives a
 * client one second for each step: we read on while we wait for the refusal. */
void
http_drain(struct server *s, bool fails)
{
    enum { SIZE = 24 * MIB, SIP = 32 * 1024 };
    const double start = now();
    struct root root;
    struct client c;
    size_t at = 0;

    (void)fails;
    root_create(&root, SIZE);
    server_option(s, "--root", root.directory);
    server_start(s);
    file_ask(&c, s, SIZE);
    server_signal(s, SIGTERM);
    for (; !is_refused(s) && at < SIZE / 2; at += SIP) {
        require(now() - start < 10 * time_scale, "it still takes clients");
        file_take(&c, at, at + SIP);
        (void)fd_wait(c.fd, 0, 0.01 / time_scale);
    }
    require(is_refused(s), "it still takes clients");
    while (at < SIZE) {
        size_t to = at + 4 * MIB < SIZE ? at + 4 * MIB : SIZE;
        (void)fd_wait(c.fd, 0, 0.15 / time_scale); /* it does not hurry */
        file_take(&c, at, to);
        at = to;
    }
    client_eof(&c);
    server_ends(s, "SIGTERM");
    client_close(&c);
    root_destroy(&root);
}

/* With which code does a server end that is told so twice, while a client reads
 * nothing? */
static int
code_of_second_signal(struct server *s, size_t size)
{
    struct client c;

    server_start(s);
    file_ask(&c, s, size);
    (void)fd_wait(c.fd, 0, 0.1 / time_scale); /* all buffers are full */
    server_signal(s, SIGTERM);
    (void)fd_wait(c.fd, 0, 0.1 / time_scale); /* it waits for the client */
    server_signal(s, SIGTERM);
    (void)server_wait(s, 5, "the second signal");
    client_close(&c);
    return s->code;
}

/* Whoever asks twice does not want to wait: the exit code 1 says that it did
 * not. A busy machine may make one signal of the two; then again. */
void
http_second_signal(struct server *s, bool fails)
{
    enum { SIZE = 32 * MIB, TRIES = 5 };
    struct root root;
    int code = 0;

    (void)fails;
    root_create(&root, SIZE);
    server_option(s, "--root", root.directory);
    for (int i = 0; i < TRIES && code == 0; i++)
        code = code_of_second_signal(s, SIZE);
    require(code == 1, "the exit code is %d, not 1", code);
    root_destroy(&root);
}
