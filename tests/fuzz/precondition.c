/* precondition.c - fuzz the preconditions of 06: precondition.c. The input is a
 * line "MODIFIED ETAG", the date and the entity tag of a file, "-1 -" for what
 * is no file; then field lines, each with a plain line end. The promise: what
 * is decided is what a plain judge of our own decides, below, who first makes
 * one list of all lines of a name, and then reads RFC 9110 13.2.2 step by step.
 */
#include "precondition.h"
#include "fuzz.h"
#include "http_date.h"

#include <stdlib.h>
#include <string.h>

enum { NOW = 784111777, TEXT_MAX = HTTP_HEAD_MAX };

/* ---- The judge ---------------------------------------------------------- */

/* All values of that name, as lines: a line end is as good as a comma, but it
 * cannot be within a tag, so an open quote does not reach into the next line.
 * Result: how many lines. */
static int
list_of(const struct http_request *r, const char *name, char out[TEXT_MAX])
{
    int lines = 0;
    size_t n = 0;
    for (size_t i = 0; i < r->field_count; i++) {
        struct http_slice value = r->fields[i].value;
        if (!http_slice_is(r->fields[i].name, name)) continue;
        if (lines++ > 0) out[n++] = '\n';
        if (value.len > 0) memcpy(out + n, value.at, value.len);
        n += value.len;
    }
    out[n] = '\0';
    return lines;
}

/* The length of the tag at the front; 0: none. */
static size_t
tag_length(const char *text)
{
    size_t n = strncmp(text, "W/", 2) == 0 ? 2 : 0;
    if (text[n++] != '"') return 0;
    while (text[n] != '"') {
        unsigned char c = (unsigned char)text[n++];
        if (c <= ' ' || c == 127) return 0;
    }
    return n + 1;
}

static bool
tags_equal(const char *a, size_t len, const char *b, bool strong)
{
    bool weak = a[0] == 'W' || b[0] == 'W';
    if (a[0] == 'W') a += 2, len -= 2;
    if (b[0] == 'W') b += 2;
    return strlen(b) == len && memcmp(a, b, len) == 0 && !(weak && strong);
}

/* Is the tag in the list? A list that cannot be read has none. */
static bool
list_names(const char *list, int lines, const char *etag, bool strong)
{
    bool found = false;
    if (lines == 1 && strcmp(list, "*") == 0) return true;
    for (;;) {
        list += strspn(list, " \t,\n");
        if (*list == '\0') return found;
        size_t n = tag_length(list);
        if (n == 0) return false;
        if (etag != NULL && tags_equal(list, n, etag, strong)) found = true;
        list += n;
        list += strspn(list, " \t");
        if (*list != '\0' && strchr(",\n", *list) == NULL) return false;
    }
}

/* A date counts if it is the only one and can be read. */
static bool
date_counts(const char *list, int lines, time_t modified, time_t *date)
{
    struct http_slice slice = {list, strlen(list)};
    return modified != -1 && lines == 1 && http_date_read(slice, NOW, date);
}

static int
judge(const struct http_request *r, const char *etag, time_t modified)
{
    static char list[TEXT_MAX];
    time_t date;
    int lines = list_of(r, "If-Match", list);
    if (lines > 0) {
        if (!list_names(list, lines, etag, true)) return 412;
    } else {
        lines = list_of(r, "If-Unmodified-Since", list);
        if (date_counts(list, lines, modified, &date) && modified > date)
            return 412;
    }
    lines = list_of(r, "If-None-Match", list);
    if (lines > 0) return list_names(list, lines, etag, false) ? 304 : 0;
    lines = list_of(r, "If-Modified-Since", list);
    return date_counts(list, lines, modified, &date) && modified <= date ? 304
                                                                         : 0;
}

/* ---- The input ---------------------------------------------------------- */

/* The fields as a request. Result: the length. */
static size_t
request_of(const char *fields, size_t len, char out[TEXT_MAX])
{
    static const char line[] = "GET / HTTP/1.1\r\nHost: a\r\n";
    size_t n = sizeof line - 1;
    memcpy(out, line, n);
    for (size_t i = 0; i < len && n + 6 < TEXT_MAX; i++) {
        if (fields[i] == '\n') out[n++] = '\r';
        out[n++] = fields[i];
    }
    if (out[n - 1] != '\n') memcpy(out + n, "\r\n", 2), n += 2;
    memcpy(out + n, "\r\n", 2);
    return n + 2;
}

/* The first line. *etag is NULL if it is no tag. */
static time_t
file_of(char *line, const char **etag)
{
    time_t modified = (time_t)strtoll(line, &line, 10);
    line += *line == ' ';
    *etag = tag_length(line) == strlen(line) && *line != '\0' ? line : NULL;
    return *etag == NULL ? -1 : modified;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[TEXT_MAX];
    struct http_request r;
    const char *etag, *end = memchr(data, '\n', size);
    if (end == NULL) return 0;
    size_t first = (size_t)(end - (const char *)data);
    char *line = strndup((const char *)data, first);
    must(line != NULL, "there is memory");
    time_t modified = file_of(line, &etag);
    size_t len = request_of(end + 1, size - first - 1, text);
    http_request_init(&r);
    if (http_request_parse(&r, text, len) == (int)len) {
        int expected = judge(&r, etag, modified);
        int status = precondition_check(&r, etag, modified, NOW);
        must(status == expected, "decided as by the judge");
        must(status == 0 || r.conditional, "conditional, if it decides");
    }
    free(line);
    return 0;
}
