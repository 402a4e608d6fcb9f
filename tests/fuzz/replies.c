/* replies.c - see replies.h. */
#include "replies.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The value of the field; at is NULL without one. Twice is once too often. */
static struct http_slice
field(struct http_slice head, const char *name)
{
    struct http_slice found = {0};
    size_t len = strlen(name);
    const char *line = head.at, *end = head.at + head.len;
    for (const char *next; line < end; line = next) {
        next = memmem(line, (size_t)(end - line), "\r\n", 2);
        must(next != NULL, "each line has an end");
        size_t n = (size_t)(next - line);
        next += 2;
        if (n < len + 2 || memcmp(line, name, len) != 0) continue;
        if (memcmp(line + len, ": ", 2) != 0) continue;
        must(found.at == NULL, "a field comes once");
        found = (struct http_slice){line + len + 2, n - len - 2};
    }
    return found;
}

/* "HTTP/1.1 200 OK", and lines of visible bytes with a name. */
static void
head_read(struct reply *reply)
{
    struct http_slice head = reply->head;
    const char *line = head.at, *end = head.at + head.len - 2;
    must(head.len > 15 && memcmp(line, "HTTP/1.1 ", 9) == 0, "a status line");
    for (int i = 9; i < 12; i++)
        must(isdigit((unsigned char)line[i]), "a status");
    must(line[12] == ' ', "a blank behind the status");
    reply->status = (int)strtol(line + 9, NULL, 10);
    while ((line = memmem(line, (size_t)(end - line), "\r\n", 2)) != NULL) {
        line += 2;
        must(line == end || isalpha((unsigned char)*line), "a name");
    }
    for (size_t i = 0; i + 1 < head.len; i++) {
        must((head.at[i] == '\r') == (head.at[i + 1] == '\n'), "CR and LF");
        must(head.at[i] != '\0', "no NUL in a head");
    }
}

/* Result: bytes used; *done: the body is complete. */
static size_t
read_counted(struct reply *reply, const char *text, size_t len, size_t length)
{
    reply->complete = length <= len;
    reply->len = reply->complete ? length : len;
    reply->body = copy_of(text, reply->len);
    return reply->len;
}

/* Chunks as simple as we write them: a length, no extension, no trailer. */
static size_t
read_chunks(struct reply *reply, const char *text, size_t len)
{
    size_t at = 0, size = 1;
    reply->body = malloc(len + 1);
    must(reply->body != NULL, "there is memory");
    while (size > 0) {
        const char *line = text + at;
        const char *end = memmem(line, len - at, "\r\n", 2);
        if (end == NULL) return len;
        must(end - line <= 8 && isxdigit((unsigned char)*line), "a length");
        char *rest;
        size = strtoul(line, &rest, 16);
        must(rest == end, "nothing behind the length");
        at += (size_t)(end - line) + 2;
        if (len - at < size + 2) return len;
        memcpy(reply->body + reply->len, text + at, size);
        reply->len += size;
        at += size;
        must(memcmp(text + at, "\r\n", 2) == 0, "a chunk has an end");
        at += 2;
    }
    reply->complete = true;
    return at;
}

static size_t
body_read_of(struct reply *reply, const char *text, size_t len, bool head_only)
{
    struct http_slice length = field(reply->head, "Content-Length");
    struct http_slice coding = field(reply->head, "Transfer-Encoding");
    bool none = head_only || reply->status == 304 || reply->status < 200;
    reply->complete = none;
    if (reply->status < 200 || reply->status == 304)
        must(!length.at && !coding.at, "no length where no body can be");
    else
        must(!length.at != !coding.at, "one way to tell its end");
    if (none) return 0;
    if (coding.at != NULL) {
        must(http_slice_equals(coding, "chunked"), "the only coding");
        return read_chunks(reply, text, len);
    }
    return read_counted(reply, text, len, strtoul(length.at, NULL, 10));
}

size_t
reply_read(struct reply *reply, const char *text, size_t len, bool head_only)
{
    *reply = (struct reply){0};
    const char *end = memmem(text, len, "\r\n\r\n", 4);
    if (end == NULL) return 0;
    size_t n = (size_t)(end - text) + 4;
    reply->head = (struct http_slice){text, n};
    head_read(reply);
    struct http_slice connection = field(reply->head, "Connection");
    struct http_slice type = field(reply->head, "Content-Type");
    if (reply->status < 200) {
        must(n == 25, "an interim answer has no fields");
    } else {
        must(field(reply->head, "Date").at != NULL, "a date");
        must(connection.at != NULL, "a word about the connection");
    }
    reply->last = http_slice_equals(connection, "close");
    reply->stats = http_slice_equals(type, "application/json");
    return n + body_read_of(reply, text + n, len - n, head_only);
}

bool
reply_same(const struct reply *a, const struct reply *b)
{
    if (a->status != b->status || a->last != b->last) return false;
    if (a->stats || b->stats) return a->stats == b->stats;
    return slice_same(a->head, b->head) && a->len == b->len &&
           (a->len == 0 || memcmp(a->body, b->body, a->len) == 0);
}
