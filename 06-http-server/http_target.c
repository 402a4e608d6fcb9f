/* http_target.c - what a request names: target, host and path.
 *
 * Section numbers without a name are those of RFC 9112. */

#include "http_target.h"
#include "http_text.h"

#include <sys/types.h>

#include <sys/socket.h>

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <string.h>

/* ---- Percent escapes and paths (RFC 3986) ------------------------------- */

/* The byte that the escape at s.at[i] stands for, or -1 if it is malformed. */
static int
escape_value(struct http_slice s, size_t i)
{
    if (s.len - i < 3) return -1;
    int high = hex_value(s.at[i + 1]);
    int low = hex_value(s.at[i + 2]);
    return high >= 0 && low >= 0 ? high * 16 + low : -1;
}

static bool
escapes_valid(struct http_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] == '%' && escape_value(s, i) < 0) return false;
    return true;
}

ssize_t
http_path_decode(struct http_slice path, char *out, size_t size)
{
    assert(size > 0);
    size_t n = 0;
    for (size_t i = 0; i < path.len; i++) {
        int c = (unsigned char)path.at[i];
        if (c == '%') {
            c = escape_value(path, i);
            i += 2;
        }
        if (c <= 0) return -400; /* malformed, or a NUL */
        if (n + 1 == size) return -414;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return (ssize_t)n;
}

bool
http_path_has_dots(const char *path)
{
    const char *dot = path;
    while ((dot = strchr(dot, '.')) != NULL) {
        bool begins = dot == path || dot[-1] == '/';
        size_t n = strspn(dot, ".");
        bool ends = dot[n] == '/' || dot[n] == '\0';
        if (begins && ends && n <= 2) return true;
        dot += n;
    }
    return false;
}

/* ---- host [ ":" port ] (RFC 9110 7.2, RFC 3986 3.2) --------------------- */

static bool
ip6_valid(struct http_slice s)
{
    char text[INET6_ADDRSTRLEN]; /* inet_pton wants a NUL */
    struct in6_addr ignored;
    if (s.len >= sizeof text) return false;
    memcpy(text, s.at, s.len);
    text[s.len] = '\0';
    return inet_pton(AF_INET6, text, &ignored) == 1;
}

/* The length of the host at the front: a name, an IPv4 address (to the grammar
 * a name too) or an IPv6 address in brackets. 0: none, or malformed. */
static size_t
host_span(struct http_slice s)
{
    if (s.len == 0 || s.at[0] != '[') return slice_span(s, CHAR_REG_NAME);
    const char *end = memchr(s.at, ']', s.len);
    if (end == NULL) return 0;
    size_t n = (size_t)(end - s.at);
    return ip6_valid((struct http_slice){s.at + 1, n - 1}) ? n + 1 : 0;
}

/* s is what follows the host. The number may be missing, the colon too, unless
 * it is required. */
static bool
port_valid(struct http_slice s, bool required)
{
    int port = 0;
    if (s.len > 0 && s.at[0] != ':') return false;
    for (size_t i = 1; i < s.len; i++) {
        int digit = digit_value(s.at[i]);
        if (digit < 0) return false;
        port = port * 10 + digit;
        if (port > 65535) return false;
    }
    return !required || port > 0;
}

bool
http_authority_valid(struct http_slice s, bool port_required)
{
    size_t n = host_span(s);
    return n > 0 && escapes_valid(s) &&
           port_valid(slice_skip(s, n), port_required);
}

/* ---- The request target ------------------------------------------------- */

/* s is path [ "?" query ], of which the path may be empty: then it is "/". */
static int
target_split(struct http_request *r, struct http_slice s)
{
    const char *mark = memchr(s.at, '?', s.len);
    r->path = s;
    if (mark != NULL) {
        r->path.len = (size_t)(mark - s.at);
        r->query = slice_skip(s, r->path.len + 1);
    }
    if (r->path.len == 0) r->path = (struct http_slice){"/", 1};
    return 0;
}

/* absolute-form: as to a proxy, but a server must take it too (3.2.2). A user
 * name in it is refused ("@" is in no host), as RFC 9110 4.2.4 advises. */
static int
target_absolute(struct http_request *r)
{
    struct http_slice s = r->target, scheme = {s.at, 0};
    const char *colon = memchr(s.at, ':', s.len);
    if (colon == NULL) return -400;
    scheme.len = (size_t)(colon - s.at);
    if (http_slice_is(scheme, "https")) return -421;
    s = slice_skip(s, scheme.len);
    if (!http_slice_is(scheme, "http") || s.len < 3) return -400;
    if (memcmp(s.at, "://", 3) != 0) return -400;
    s = slice_skip(s, 3);
    r->host = (struct http_slice){s.at, 0};
    while (r->host.len < s.len && !strchr("/?", s.at[r->host.len]))
        r->host.len++;
    if (!http_authority_valid(r->host, false)) return -400;
    return target_split(r, slice_skip(s, r->host.len));
}

int
http_target_check(struct http_request *r)
{
    if (r->target.len == 0 || !escapes_valid(r->target)) return -400;
    if (r->method == HTTP_CONNECT) {
        r->host = r->target;
        return http_authority_valid(r->host, true) ? 0 : -400;
    }
    if (r->target.at[0] == '/') return target_split(r, r->target);
    if (!http_slice_equals(r->target, "*")) return target_absolute(r);
    r->path = r->target;
    return r->method == HTTP_OPTIONS ? 0 : -400;
}
