/* bytes.c - bytes that grow, and the text of the table that stands for them. */
#include "table.h"

#include <assert.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
bytes_add(struct bytes *b, const void *at, size_t len)
{
    if (b->room < b->len + len + 1) {
        b->room = 2 * (b->len + len + 1);
        b->at = realloc(b->at, b->room);
        if (b->at == NULL) err(2, "realloc");
    }
    if (len > 0) memcpy(b->at + b->len, at, len);
    b->len += len;
    b->at[b->len] = '\0';
}

/* Without the first ones. */
void
bytes_skip(struct bytes *b, size_t len)
{
    assert(len <= b->len);
    b->len -= len;
    if (b->at != NULL) memmove(b->at, b->at + len, b->len + 1);
}

void
bytes_free(struct bytes *b)
{
    free(b->at);
    *b = (struct bytes){0};
}

/* The escape behind a backslash. The answer is how long it is; 0: none. */
static size_t
escape(const char *text, char *out)
{
    static const char names[] = "rnt0\\{}", values[] = "\r\n\t\0\\{}";
    const char *name = *text == '\0' ? NULL : strchr(names, *text);
    unsigned value;
    int n = 0;

    if (name != NULL) {
        *out = values[name - names];
        return 1;
    }
    if (sscanf(text, "x%2x%n", &value, &n) != 1 || n != 3) return 0;
    *out = (char)value;
    return 3;
}

/* Where the brace ends that begins before text; NULL: it does not. */
static const char *
brace_end(const char *text)
{
    for (int open = 1; *text != '\0'; text++) {
        if (*text == '{') open++;
        if (*text == '}' && --open == 0) return text;
        if (*text == '\\' && text[1] != '\0') text++;
    }
    return NULL;
}

/* {A*8000}: the same again and again. inside ends before the star. */
static const char *
repeat(struct bytes *b, const char *inside, const char *times)
{
    struct bytes one = {0};
    char *end;
    unsigned long n = strtoul(times, &end, 10);
    const char *wrong = bytes_expand(&one, inside, NULL);

    if (*end != '\0' || n == 0) wrong = "{text*times} needs a number";
    for (; wrong == NULL && n > 0; n--)
        bytes_add(b, one.at, one.len);
    bytes_free(&one);
    return wrong;
}

/* What stands in braces: a repetition, or the name of a field. */
static const char *
brace(struct bytes *b, const char *text, size_t len, const struct reply *last)
{
    char inside[512];
    char *star;

    if (len >= sizeof inside) return "too much in braces";
    memcpy(inside, text, len);
    inside[len] = '\0';
    if ((star = strrchr(inside, '*')) != NULL) {
        *star = '\0';
        return repeat(b, inside, star + 1);
    }
    if (last != NULL) { /* when the table is read, there is no answer yet */
        const char *value = reply_field(last, inside);
        if (value == NULL) return "{Name}: the last answer has no such field";
        bytes_add(b, value, strlen(value));
    }
    return NULL;
}

const char *
bytes_expand(struct bytes *b, const char *text, const struct reply *last)
{
    while (*text != '\0') {
        char c = *text++;
        if (c == '{') {
            const char *end = brace_end(text);
            const char *wrong =
                end == NULL ? "{ without }"
                            : brace(b, text, (size_t)(end - text), last);
            if (wrong != NULL) return wrong;
            text = end + 1;
            continue;
        }
        if (c == '\\') {
            size_t n = escape(text, &c);
            if (n == 0) return "an escape that is none";
            text += n;
        }
        bytes_add(b, &c, 1);
    }
    return NULL;
}
