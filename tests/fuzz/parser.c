/* parser.c - fuzz the request parser of 06: http.c and http_target.c. The input
 * is what a client sends. Promises:
 *
 *  - However the bytes are split, the result is the same; and no byte is looked
 *    at that has not come.
 *  - All slices lie in the head.
 *  - A head that has been moved says what it said.
 *  - One that is accepted, written out and read again, is the same.
 *  - What is accepted has one meaning: rules of our own, below, without the
 *    parser, find the same end of the head and of the body. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Two results -------------------------------------------------------- */

static void
same_fields(const struct http_request *a, const struct http_request *b)
{
    must(a->field_count == b->field_count, "as many fields");
    for (size_t i = 0; i < a->field_count; i++) {
        must(slice_same(a->fields[i].name, b->fields[i].name), "the names");
        must(slice_same(a->fields[i].value, b->fields[i].value), "the values");
    }
}

static void
same_request(const struct http_request *a, const struct http_request *b)
{
    must(a->method == b->method, "the same method");
    must(slice_same(a->method_name, b->method_name), "the same method name");
    must(slice_same(a->target, b->target), "the same target");
    must(slice_same(a->path, b->path), "the same path");
    must(slice_same(a->query, b->query), "the same query");
    must(!a->query.at == !b->query.at, "a query in both");
    must(slice_same(a->host, b->host), "the same host");
    must(a->minor == b->minor, "the same version");
    must(a->keep_alive == b->keep_alive, "the same keep_alive");
    must(a->expect_continue == b->expect_continue, "the same expectation");
    must(a->conditional == b->conditional, "the same conditional");
    must(a->chunked == b->chunked, "the same coding");
    must(a->content_length == b->content_length, "the same length");
    same_fields(a, b);
}

/* After a refusal only these say something. */
static void
same_refusal(const struct http_request *a, const struct http_request *b)
{
    must(slice_same(a->method_name, b->method_name), "the method refused");
    must(slice_same(a->target, b->target), "the target refused");
}

/* ---- Slices ------------------------------------------------------------- */

static void
slices_within(const struct http_request *r, const char *head, size_t len)
{
    bool constant = slice_same(r->path, (struct http_slice){"/", 1});
    must(slice_within(r->method_name, head, len), "the method in the head");
    must(slice_within(r->target, head, len), "the target in the head");
    must(constant || slice_within(r->path, head, len), "the path in the head");
    must(slice_within(r->query, head, len), "the query in the head");
    must(slice_within(r->host, head, len), "the host in the head");
    must(r->field_count <= HTTP_FIELDS_MAX, "not too many fields");
    for (size_t i = 0; i < r->field_count; i++) {
        must(slice_within(r->fields[i].name, head, len), "names in the head");
        must(slice_within(r->fields[i].value, head, len), "values in the head");
    }
}

/* ---- Splits ------------------------------------------------------------- */

/* Feed the text in pieces; seed 0: byte by byte. Result: the first answer that
 * is not 0, and *shown, after how many bytes it came. */
static int
parse_pieces(struct http_request *r, struct stream *s, uint32_t seed)
{
    int n = 0;
    http_request_init(r);
    while (n == 0 && s->shown < s->len) {
        size_t piece = seed == 0 ? 1 : dice_piece(&seed, s->len - s->shown);
        stream_show(s, s->shown + piece);
        n = http_request_parse(r, s->at, s->shown);
    }
    return n;
}

static void
parse_split(const struct http_request *whole, int n, const char *text,
    size_t len, uint32_t seed)
{
    struct stream s = stream_open(text, len);
    struct http_request r;
    int rc = parse_pieces(&r, &s, seed);
    must(rc == n, "the same answer, however split");
    if (rc > 0 && seed == 0)
        must((size_t)rc == s.shown, "accepted when the last byte has come");
    if (rc > 0) same_request(whole, &r);
    if (rc < 0) same_refusal(whole, &r);
    stream_close(&s);
}

/* ---- Moved, and written out --------------------------------------------- */

static void
parse_moved(const struct http_request *whole, const char *text, size_t n)
{
    struct http_request r;
    char *first = copy_of(text, n), *second = copy_of(text, n);
    http_request_init(&r);
    must(http_request_parse(&r, first, n) == (int)n, "the head alone");
    http_request_move(&r, second);
    free(first);
    slices_within(&r, second, n);
    same_request(whole, &r);
    free(second);
}

static size_t
put(char *out, size_t at, struct http_slice s, const char *end)
{
    if (s.len > 0) memcpy(out + at, s.at, s.len);
    memcpy(out + at + s.len, end, strlen(end));
    return at + s.len + strlen(end);
}

/* The shortest way to say it, so that it is never longer than it was. */
static size_t
write_out(const struct http_request *r, char *out)
{
    size_t n = put(out, 0, r->method_name, " ");
    n = put(out, n, r->target, " HTTP/1.");
    out[n++] = (char)('0' + r->minor);
    n = put(out, n, (struct http_slice){0}, "\r\n");
    for (size_t i = 0; i < r->field_count; i++) {
        n = put(out, n, r->fields[i].name, ":");
        n = put(out, n, r->fields[i].value, "\r\n");
    }
    return put(out, n, (struct http_slice){0}, "\r\n");
}

static void
parse_written(const struct http_request *whole, size_t n)
{
    static char text[HTTP_HEAD_MAX];
    struct http_request r;
    size_t len = write_out(whole, text);
    must(len <= n, "not longer than it was");
    http_request_init(&r);
    must(http_request_parse(&r, text, len) == (int)len, "read again");
    same_request(whole, &r);
}

/* ---- One meaning -------------------------------------------------------- */

/* How many field lines have that name? *value: the last one's. */
static int
count_lines(const char *line, const char *end, const char *name,
    struct http_slice *value)
{
    int found = 0;
    size_t len = strlen(name);
    for (const char *next; line < end; line = next) {
        next = memchr(line, '\n', (size_t)(end - line));
        must(next++ != NULL, "each line has an end");
        if ((size_t)(next - line) <= len || line[len] != ':') continue;
        if (strncasecmp(line, name, len) != 0) continue;
        found++;
        *value = (struct http_slice){
            line + len + 1, (size_t)(next - line) - len - 3};
    }
    return found;
}

/* Is each CR followed by an LF, each LF preceded by a CR, and is there no other
 * control character but a tab? */
static bool
lines_are_plain(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        bool cr = i > 0 && text[i - 1] == '\r';
        if (cr != (c == '\n')) return false;
        if ((c < ' ' && !strchr("\t\r\n", c)) || c == '\0' || c == 127)
            return false;
    }
    return true;
}

/* The value of a Content-Length, which has digits only, and blanks around. */
static int64_t
length_of(struct http_slice value)
{
    char text[HTTP_HEAD_MAX], *end;
    memcpy(text, value.at, value.len);
    text[value.len] = '\0';
    must(strspn(text, " \t0123456789") == value.len, "a length has digits");
    int64_t length = strtoll(text, &end, 10);
    must(end != text && strspn(end, " \t") == strlen(end), "one length");
    return length;
}

static void
one_meaning(const struct http_request *r, const char *text, size_t n)
{
    struct http_slice value = {0};
    const char *start = text, *end = text + n;
    must(lines_are_plain(text, n), "lines end with CR LF, and only there");
    while (*start == '\r')
        start += 2;
    const char *empty = memmem(start, (size_t)(end - start), "\r\n\r\n", 4);
    must(empty != NULL && empty + 4 == end, "it ends at the first empty line");
    const char *fields = memchr(start, '\n', (size_t)(end - start));
    int hosts = count_lines(++fields, end, "Host", &value);
    must(hosts == 1 || (hosts == 0 && r->minor == 0), "one host");
    int codings = count_lines(fields, end, "Transfer-Encoding", &value);
    must(r->chunked == (codings > 0), "chunked, if there is a coding");
    int lengths = count_lines(fields, end, "Content-Length", &value);
    must(lengths <= 1 && (lengths == 0 || codings == 0), "one way to its end");
    int64_t length = lengths > 0 ? length_of(value) : 0;
    must(r->content_length == length, "the length that is told");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_request whole;
    char *text = copy_of((const char *)data, size);
    http_request_init(&whole);
    int n = http_request_parse(&whole, text, size);
    must(n <= HTTP_HEAD_MAX && n <= (int)size, "not more than there is");
    must(n != 0 || size < HTTP_HEAD_MAX, "a full buffer is enough");
    uint32_t seed = dice_seed(text, size) | 1;
    parse_split(&whole, n, text, size, 0);
    parse_split(&whole, n, text, size, seed);
    parse_split(&whole, n, text, size, seed + 2);
    slices_within(&whole, text, n > 0 ? (size_t)n : size);
    if (n > 0) {
        one_meaning(&whole, text, (size_t)n);
        parse_moved(&whole, text, (size_t)n);
        parse_written(&whole, (size_t)n);
    }
    free(text);
    return 0;
}
