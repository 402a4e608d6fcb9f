/* check_range.c - 06-range: a part of a file. */
#include "check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZE = 1000, HEAD = 4096 };
#define FAR 5000000000 /* offset of the last byte of "far": above 4 GiB */

/* What came back. */
struct part {
    int status;
    long long length;
    char head[HEAD]; /* with all its fields */
    char body[SIZE];
};

/* Byte number `at` of the file "near". */
static char
near_byte(long at)
{
    return (char)('!' + (at * 7 + at / 90) % 90);
}

/* A file below the root, changed long ago, so that its tag is a strong one. */
static void
file_make(const char *root, const char *name, size_t size, long long last)
{
    const struct timespec then[2] = {{1600000000, 0}, {1600000000, 0}};
    char path[600], bytes[SIZE];
    int fd;

    snprintf(path, sizeof path, "%s/%s", root, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    for (size_t i = 0; i < size; i++)
        bytes[i] = near_byte((long)i);
    require(fd != -1 && write(fd, bytes, size) == (ssize_t)size &&
                (last < 0 || pwrite(fd, "!", 1, (off_t)last) == 1) &&
                futimens(fd, then) == 0,
        "cannot make %s", path);
    close(fd);
}

/* Start a server with three files: near, empty and far. */
static void
root_start(struct server *s)
{
    static char root[512];

    build_path(root, sizeof root, "root");
    (void)mkdir(root, 0755); /* it may be there from the check before */
    file_make(root, "near", SIZE, -1);
    file_make(root, "empty", 0, -1);
    file_make(root, "far", 0, FAR);
    server_option(s, "--root", root);
    server_start(s);
}

/* Receive a head. */
static void
head_read(struct client *c, struct part *p)
{
    const char *length;
    size_t n = 0;

    do {
        require(n + 1 < sizeof p->head, "the head is too long");
        client_read(c, p->head + n++, 1);
        p->head[n] = '\0';
    } while (n < 4 || strcmp(p->head + n - 4, "\r\n\r\n") != 0);
    require(sscanf(p->head, "HTTP/1.1 %d ", &p->status) == 1,
        "not a status line: %.40s", p->head);
    length = strstr(p->head, "\r\nContent-Length: ");
    p->length = length != NULL ? atoll(length + 18) : 0;
}

/* Ask for a file, with these fields, and receive the answer. */
static void
part_get(struct client *c, const char *file, const char *fields, struct part *p)
{
    char request[1024];

    snprintf(request, sizeof request,
        "GET /%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", file, fields);
    client_say(c, request);
    head_read(c, p);
    require(p->length <= SIZE, "%s with %s has a body of %lld bytes", file,
        fields, p->length);
    client_read(c, p->body, (size_t)p->length);
}

/* The field Range is `range`: the status, and these bytes of "near". */
static void
expect(struct client *c, const char *fields, int status, long first, long end)
{
    struct part p;
    char line[128];

    part_get(c, "near", fields, &p);
    require(p.status == status, "%.*s: status %d, not %d",
        (int)strcspn(fields, "\r"), fields, p.status, status);
    if (status == 416) return;
    require(p.length == end - first, "%.*s: %lld bytes, not %ld",
        (int)strcspn(fields, "\r"), fields, p.length, end - first);
    for (long i = 0; i < p.length; i++)
        require(p.body[i] == near_byte(first + i), "%.*s: byte %ld is wrong",
            (int)strcspn(fields, "\r"), fields, i);
    if (status != 206) return;
    snprintf(line, sizeof line, "\r\nContent-Range: bytes %ld-%ld/%d\r\n",
        first, end - 1, SIZE);
    require(strstr(p.head, line) != NULL, "%.*s: no line \"%.*s\" in\n%s",
        (int)strcspn(fields, "\r"), fields, (int)strlen(line) - 4, line + 2,
        p.head);
}

void
range_bytes(struct server *s)
{
    struct client c;

    root_start(s);
    client_open(&c, s);
    expect(&c, "Range: bytes=0-99\r\n", 206, 0, 100);
    expect(&c, "Range: bytes=0-0\r\n", 206, 0, 1);
    expect(&c, "Range: bytes=100-199\r\n", 206, 100, 200);
    expect(&c, "Range: bytes=900-\r\n", 206, 900, SIZE);
    expect(&c, "Range: bytes=999-5000\r\n", 206, 999, SIZE);
    expect(&c, "Range: bytes=-10\r\n", 206, SIZE - 10, SIZE);
    expect(&c, "Range: bytes=-5000\r\n", 206, 0, SIZE);
    expect(&c, "range: BYTES=7-8\r\n", 206, 7, 9);
    expect(&c, "", 200, 0, SIZE);
}

void
range_ignored(struct server *s)
{
    static const char *const fields[] = {"Range: bytes=5-4\r\n",
        "Range: bytes=-\r\n", "Range: bytes=a-b\r\n",
        "Range: bytes=0-1,5-6\r\n", "Range: bytes=1\r\n",
        "Range: bytes=1-2 \"\r\n", "Range: lines=1-2\r\n", "Range: bytes\r\n",
        "Range: bytes=0-1\r\nRange: bytes=2-3\r\n"};
    struct client c;
    struct part p;

    root_start(s);
    client_open(&c, s);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        expect(&c, fields[i], 200, 0, SIZE);
    client_say(&c, "HEAD /near HTTP/1.1\r\nHost: localhost\r\n"
                   "Range: bytes=0-1\r\n\r\n");
    head_read(&c, &p);
    require(p.status == 200 && p.length == SIZE,
        "HEAD with a Range: status %d, length %lld", p.status, p.length);
    require(strstr(p.head, "\r\nAccept-Ranges: bytes\r\n") != NULL,
        "no line \"Accept-Ranges: bytes\" in\n%s", p.head);
}

void
range_416(struct server *s)
{
    struct client c;
    struct part p;

    root_start(s);
    client_open(&c, s);
    expect(&c, "Range: bytes=1000-\r\n", 416, 0, 0);
    expect(&c, "Range: bytes=1000-1001\r\n", 416, 0, 0);
    expect(&c, "Range: bytes=99999999999999999999999999-\r\n", 416, 0, 0);
    expect(&c, "Range: bytes=-0\r\n", 416, 0, 0);
    part_get(&c, "empty", "Range: bytes=0-\r\n", &p);
    require(p.status == 416, "an empty file: status %d, not 416", p.status);
    require(strstr(p.head, "\r\nContent-Range: bytes */0\r\n") != NULL,
        "no line \"Content-Range: bytes */0\" in\n%s", p.head);
    part_get(&c, "empty", "", &p);
    require(
        p.status == 200 && p.length == 0, "an empty file: status %d", p.status);
    expect(&c, "Range: bytes=0-99\r\n", 206, 0, 100);
}

void
range_if_range(struct server *s)
{
    struct client c;
    struct part p;
    char fields[256], etag[64] = "";

    root_start(s);
    client_open(&c, s);
    part_get(&c, "near", "", &p);
    require(strstr(p.head, "\r\nETag: ") != NULL &&
                sscanf(strstr(p.head, "\r\nETag: "), " ETag: %63s", etag) == 1,
        "no ETag in\n%s", p.head);
    snprintf(
        fields, sizeof fields, "If-Range: %s\r\nRange: bytes=3-4\r\n", etag);
    expect(&c, fields, 206, 3, 5);
    snprintf(
        fields, sizeof fields, "If-Range: W/%s\r\nRange: bytes=3-4\r\n", etag);
    expect(&c, fields, 200, 0, SIZE);
    expect(&c, "If-Range: \"other\"\r\nRange: bytes=3-4\r\n", 200, 0, SIZE);
    expect(&c,
        "If-Range: Sun, 13 Sep 2020 12:26:40 GMT\r\nRange: bytes=3-4\r\n", 206,
        3, 5);
    expect(&c,
        "If-Range: Sun, 13 Sep 2020 12:26:41 GMT\r\nRange: bytes=3-4\r\n", 200,
        0, SIZE);
    snprintf(fields, sizeof fields, "If-None-Match: %s\r\nRange: bytes=3-4\r\n",
        etag);
    part_get(&c, "near", fields, &p);
    require(p.status == 304, "If-None-Match and Range: status %d, not 304",
        p.status);
}

void
range_far(struct server *s)
{
    struct client c;
    struct part p;

    root_start(s);
    client_open(&c, s);
    part_get(&c, "far", "Range: bytes=4999999990-\r\n", &p);
    require(p.status == 206 && p.length == 11 && p.body[10] == '!',
        "the last 11 bytes of a file of 5 GB: status %d, length %lld", p.status,
        p.length);
    require(strstr(p.head, "bytes 4999999990-5000000000/5000000001") != NULL,
        "Content-Range is wrong in\n%s", p.head);
    part_get(&c, "far", "Range: bytes=-1\r\n", &p);
    require(p.status == 206 && p.body[0] == '!', "the last byte: status %d",
        p.status);
}
