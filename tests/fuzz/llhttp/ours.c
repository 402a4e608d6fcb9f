/* ours.c - what our parser makes of requests, for compare.js.
 *
 * On stdin: requests, each behind its length in four bytes, least first. On
 * stdout, in the same form, what became of each: a letter, and for A and B the
 * message in plain words.
 *
 *     A    a whole message was accepted
 *     B    its head was; the body goes on
 *     M    the head goes on
 *     R    refused */
#include "chunked.h"
#include "http.h"

#include <err.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    char *at;
    size_t len, room;
} answer;

static void
say(const void *at, size_t len)
{
    if (answer.room < answer.len + len) {
        answer.room = 2 * (answer.len + len);
        answer.at = realloc(answer.at, answer.room);
        if (answer.at == NULL) err(1, "realloc");
    }
    if (len > 0) memcpy(answer.at + answer.len, at, len);
    answer.len += len;
}

static void
say_line(struct http_slice line)
{
    say(line.at, line.len);
    say("\n", 1);
}

static void
say_head(const struct http_request *r)
{
    char text[64];
    int n = snprintf(
        text, sizeof text, "%d\n%s\n", r->minor, r->keep_alive ? "on" : "end");

    say_line(r->method_name);
    say_line(r->target);
    say(text, (size_t)n);
    for (size_t i = 0; i < r->field_count; i++) {
        say(r->fields[i].name.at, r->fields[i].name.len);
        say(":", 1);
        say_line(r->fields[i].value);
    }
    say("\n", 1);
}

/* The body in chunks; the answer is as http_chunked_decode's, over all. *done:
 * it is whole. */
static long
chunks(const char *buf, size_t len, bool *done)
{
    struct http_chunked chunked;
    struct http_slice data;
    size_t used = 0;

    http_chunked_init(&chunked);
    while (!chunked.done && used < len) {
        ssize_t n =
            http_chunked_decode(&chunked, buf + used, len - used, &data);
        if (n < 0) return (long)n;
        say(data.at, data.len);
        used += (size_t)n;
    }
    *done = chunked.done;
    return (long)used;
}

static long
counted(int64_t length, const char *buf, size_t len, bool *done)
{
    *done = (uint64_t)length <= len;
    if (*done) len = (size_t)length;
    say(buf, len);
    return (long)len;
}

/* One request. The answer's letter is its first byte; where the message ends
 * follows as eight digits, then what is in it. */
static void
judge(const char *buf, size_t len)
{
    struct http_request r;
    bool done = false;
    char end[16];

    answer.len = 0;
    http_request_init(&r);
    int n = http_request_parse(&r, buf, len);
    say(n < 0 ? "R00000000" : "M00000000", 9);
    if (n <= 0) return;
    say_head(&r);
    buf += n;
    len -= (size_t)n;
    long used = r.chunked ? chunks(buf, len, &done)
                          : counted(r.content_length, buf, len, &done);
    snprintf(end, sizeof end, "%c%08ld", done ? 'A' : 'B', done ? n + used : 0);
    memcpy(answer.at, end, 9);
    if (used < 0) {
        answer.at[0] = 'R';
        answer.len = 9;
    }
}

static void
reply(void)
{
    unsigned char size[4];

    for (int i = 0; i < 4; i++)
        size[i] = (unsigned char)(answer.len >> 8 * i);
    fwrite(size, 1, 4, stdout);
    fwrite(answer.at, 1, answer.len, stdout);
}

/* Exactly as large as the request: a sanitizer sees a read behind its end. */
int
main(void)
{
    unsigned char size[4];

    while (fread(size, 1, 4, stdin) == 4) {
        size_t len = size[0] | size[1] << 8 | size[2] << 16;
        char *buf = malloc(len > 0 ? len : 1);
        if (buf == NULL) err(1, "malloc");
        if (fread(buf, 1, len, stdin) != len) errx(1, "half a request");
        judge(buf, len);
        reply();
        free(buf);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
