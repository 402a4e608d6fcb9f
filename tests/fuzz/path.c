/* path.c - fuzz the way from a target to a file: http_target.c, site.c, file.c.
 * The input is the target of a GET, "/a/b?c". Promises:
 *
 *  - What is opened is never outside of the root: rules of our own, below, walk
 *    through the path, and count how deep they are.
 *  - What is decoded is what a plain decoder of our own decodes, and no byte is
 *    written outside of the room that there is.
 *  - A path that leads nowhere else is not refused. */
#include "file.h"
#include "fuzz.h"
#include "site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOT = 12345 }; /* the descriptor of the directory, so to speak */

/* ---- Rules of our own --------------------------------------------------- */

static int
hex_digit(char c)
{
    const char *digits = "0123456789abcdef0123456789ABCDEF";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) % 16 : -1;
}

/* Decode into out. Result: the length, or -1 for what has to be refused. */
static int
decode_plain(struct http_slice s, char *out)
{
    int n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        if (c == '%') {
            if (i + 2 >= s.len) return -1;
            int high = hex_digit(s.at[++i]), low = hex_digit(s.at[++i]);
            if (high < 0 || low < 0) return -1;
            c = (char)(high << 4 | low);
        }
        if (c == '\0') return -1;
        out[n++] = c;
    }
    out[n] = '\0';
    return n;
}

/* Walk through it as a kernel would. Below the root all the time? *dots: has it
 * "." or ".." as a name? */
static bool
stays_below(const char *path, bool *dots)
{
    int depth = 0;
    *dots = false;
    for (const char *end; *path != '\0'; path = end) {
        while (*path == '/')
            path++;
        for (end = path; *end != '\0' && *end != '/'; end++)
            continue;
        size_t n = (size_t)(end - path);
        bool here = n == 1 && path[0] == '.';
        bool up = n == 2 && path[0] == '.' && path[1] == '.';
        if (here || up) *dots = true;
        depth += up ? -1 : !here && n > 0;
        if (depth < 0) return false;
    }
    return true;
}

/* ---- The decoder -------------------------------------------------------- */

/* Room as it is needed, and one byte less. */
static void
check_decode(struct http_slice path, const char *plain, int n)
{
    size_t room = n < 0 ? path.len + 1 : (size_t)n + 1;
    char *out = malloc(room);
    must(out != NULL, "there is memory");
    ssize_t rc = http_path_decode(path, out, room);
    must(n < 0 ? rc == -400 : rc == n, "decoded as by the plain decoder");
    must(n < 0 || memcmp(out, plain, (size_t)n + 1) == 0, "the same path");
    if (n > 0) must(http_path_decode(path, out, (size_t)n) == -414, "no room");
    free(out);
}

/* Any bytes, also those that no parser lets through. */
static void
any_path(const char *text, size_t len)
{
    char *plain = malloc(len + 1), *exact = copy_of(text, len);
    struct http_slice path = {exact, len};
    bool dots;
    must(plain != NULL, "there is memory");
    int n = decode_plain(path, plain);
    check_decode(path, plain, n);
    if (n >= 0) {
        (void)stays_below(plain, &dots);
        must(http_path_has_dots(plain) == dots, "dots are seen");
    }
    free(plain);
    free(exact);
}

/* ---- What is opened ----------------------------------------------------- */

static void
check_open(const char *path)
{
    bool dots;
    struct io_op op = file_op_open(ROOT, path);
    must(op.kind == IO_OPEN && op.fd == ROOT, "below the root");
    must(op.open.beneath, "and confined to it");
    must(op.open.path[0] != '/', "not an absolute path");
    must(stays_below(op.open.path, &dots) && !dots, "never up");
}

/* The site asks for the file that the plain decoder names, or refuses it with
 * good reason. */
static void
check_site(const struct http_request *r, int root)
{
    static char plain[HTTP_TARGET_MAX + 1], path[HTTP_TARGET_MAX + 1];
    struct site site = {.root = root};
    const struct resource *resource = NULL;
    bool dots = false;
    int n = r->path.len > 0 ? decode_plain(r->path, plain) : -1;
    if (n >= 0) (void)stays_below(plain, &dots);
    int status = site_find(&site, r, path, sizeof path, &resource);
    must(resource != NULL && resource->allow != NULL, "methods are named");
    bool good = r->method == HTTP_GET && n >= 0 && !dots;
    if (root >= 0) must((status == 200) == good, "refused with good reason");
    if (status != 200) return;
    must(good && strcmp(path, plain) == 0, "the path that was asked for");
    if (root >= 0) check_open(path);
    if (root < 0) must(strcmp(path, resource->path) == 0, "what is built in");
}

/* The path and the query are what the target has. */
static void
check_target(const struct http_request *r)
{
    size_t query = r->query.at != NULL ? r->query.len + 1 : 0;
    if (r->target.len == 0 || r->target.at[0] != '/') return;
    must(r->path.at == r->target.at, "the path begins the target");
    must(r->path.len + query == r->target.len, "the query ends it");
    must(memchr(r->path.at, '?', r->path.len) == NULL, "no query in the path");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[HTTP_HEAD_MAX];
    struct http_request r;
    any_path((const char *)data, size);
    int n = snprintf(text, sizeof text, "GET %.*s HTTP/1.1\r\nHost: a\r\n\r\n",
        (int)size, (const char *)data);
    http_request_init(&r);
    if (n >= (int)sizeof text || http_request_parse(&r, text, (size_t)n) != n)
        return 0;
    check_target(&r);
    check_site(&r, ROOT);
    check_site(&r, -1);
    return 0;
}
