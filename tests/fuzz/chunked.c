/* chunked.c - fuzz the decoder of chunked bodies of 06. The input is a body,
 * and what may follow it. Promises:
 *
 *  - It decodes what a plain decoder decodes: one below, which sees the whole
 *    input at once, and is written from the grammar (RFC 9112 7.1), without a
 *    table of states.
 *  - However the bytes are split, the result is the same; and no byte is looked
 *    at that has not come.
 *  - The data lies in the input, and is never longer than what was used up. */
#include "chunked.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

/* What became of a body. */
struct result {
    char *body;
    size_t len;  /* of it */
    size_t used; /* bytes of input */
    int rc;      /* 0: the input is too short; 1: complete; or -status */
};

/* ---- The plain decoder -------------------------------------------------- */

/* Where it is in the input. rc is not 0 when it has to stop. */
struct plain {
    const char *text;
    size_t len, at;
    bool in_extra; /* in extensions, or in the trailer fields, */
    size_t extra;  /* which have so many bytes; `slack` more or less, as it */
    size_t slack;  /* is open which bytes of a line end count */
    int rc;
};

enum { NONE = -1 };

/* The next byte, which stays. NONE: there is none, or we had to stop. */
static int
peek(const struct plain *p)
{
    if (p->rc != 0 || p->at == p->len) return NONE;
    return (unsigned char)p->text[p->at];
}

/* The next byte has to be right: if not, that is the end. */
static bool
take(struct plain *p, bool right)
{
    if (peek(p) == NONE) return false;
    if (!right) p->rc = -400;
    if (p->in_extra) p->extra++;
    p->at += right;
    return right;
}

static bool
take_byte(struct plain *p, char byte)
{
    return take(p, peek(p) == (unsigned char)byte);
}

static bool
take_line_end(struct plain *p)
{
    return take_byte(p, '\r') && take_byte(p, '\n');
}

static bool
is_token(int c)
{
    if (c >= 'a' && c <= 'z') return true;
    if (c >= 'A' && c <= 'Z') return true;
    if (c >= '0' && c <= '9') return true;
    return c > 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool
is_blank(int c)
{
    return c == ' ' || c == '\t';
}

static bool
is_text(int c)
{
    return is_blank(c) || (c > ' ' && c != 127);
}

/* Any number of them. Are there some? */
static bool
take_blanks(struct plain *p)
{
    size_t from = p->at;
    while (is_blank(peek(p)))
        take(p, true);
    return p->at > from;
}

/* One or more. */
static bool
take_token(struct plain *p)
{
    if (!take(p, is_token(peek(p)))) return false;
    while (is_token(peek(p)))
        take(p, true);
    return true;
}

static bool
take_quoted(struct plain *p)
{
    if (!take_byte(p, '"')) return false;
    while (peek(p) != '"') {
        if (peek(p) == '\\') take(p, true);
        if (!take(p, is_text(peek(p)))) return false;
    }
    return take_byte(p, '"');
}

/* ";" BWS name [ BWS "=" BWS value ] BWS. *blank: does it end with one? */
static bool
take_extension(struct plain *p, bool *blank)
{
    if (!take_byte(p, ';')) return false;
    take_blanks(p);
    if (!take_token(p)) return false;
    *blank = take_blanks(p);
    if (peek(p) != '=') return true;
    take(p, true);
    take_blanks(p);
    if (!(peek(p) == '"' ? take_quoted(p) : take_token(p))) return false;
    *blank = take_blanks(p);
    return true;
}

static int
hex_digit(int c)
{
    const char *digits = "0123456789abcdef";
    const char *at =
        c > 0 ? strchr(digits, c >= 'A' && c <= 'F' ? c | 32 : c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* At most 16 digits, at most 63 bits. -1: none, or we had to stop. */
static int64_t
take_size(struct plain *p)
{
    int64_t size = 0;
    for (int digits = 0; digits == 0 || hex_digit(peek(p)) >= 0; digits++) {
        int digit = hex_digit(peek(p));
        bool fits = digits < 16 && size <= INT64_MAX / 16;
        if (!take(p, digit >= 0 && fits)) return -1;
        size = size * 16 + digit;
    }
    return size;
}

/* The line before the data. Result: its length; -1: we had to stop. */
static int64_t
take_size_line(struct plain *p)
{
    int64_t size = take_size(p);
    p->in_extra = peek(p) == ';' || is_blank(peek(p));
    p->slack += p->in_extra ? 2 : 0;
    bool blank = take_blanks(p);
    while (size >= 0 && (peek(p) == ';' || blank))
        if (!take_extension(p, &blank)) return -1;
    if (!take_line_end(p)) return -1;
    p->in_extra = false;
    return size;
}

/* Field lines, and an empty one. */
static bool
take_trailer(struct plain *p)
{
    p->in_extra = true;
    p->slack += 2;
    while (peek(p) != '\r') {
        if (!take_token(p) || !take_byte(p, ':')) return false;
        while (is_text(peek(p)))
            take(p, true);
        if (!take_line_end(p)) return false;
    }
    return take_line_end(p);
}

static bool
take_data(struct plain *p, int64_t size, struct result *result)
{
    size_t n = p->len - p->at;
    if ((uint64_t)size < n) n = (size_t)size;
    memcpy(result->body + result->len, p->text + p->at, n);
    result->len += n;
    p->at += n;
    return (uint64_t)size == n && take_line_end(p);
}

/* The whole body; body in result has room for it. */
static struct plain
decode_plain(const char *text, size_t len, struct result *result)
{
    struct plain p = {.text = text, .len = len};
    int64_t size = take_size_line(&p);
    while (size > 0)
        size = take_data(&p, size, result) ? take_size_line(&p) : -1;
    bool done = size == 0 && take_trailer(&p);
    result->rc = done ? 1 : p.rc;
    result->used = p.at;
    return p;
}

/* ---- The decoder of 06 -------------------------------------------------- */

/* One piece; all of it is used up, unless the body ends. */
static void
decode_piece(
    struct http_chunked *c, const char *text, size_t len, struct result *result)
{
    size_t used = 0;
    while (used < len && result->rc == 0) {
        struct http_slice data;
        ssize_t n = http_chunked_decode(c, text + used, len - used, &data);
        must(n != 0 && n <= (ssize_t)(len - used), "some of it is used up");
        must(slice_within(data, text, len), "the data is in the input");
        must(n < 0 || data.len <= (size_t)n, "no more than was used up");
        if (data.len > 0) memcpy(result->body + result->len, data.at, data.len);
        result->len += data.len;
        if (n > 0) used += (size_t)n;
        result->rc = n < 0 ? (int)n : c->done;
    }
    result->used += used;
}

/* In pieces by the dice; seed 0: whole. Each lies alone in its memory. */
static void
decode(const char *text, size_t len, uint32_t seed, struct result *result)
{
    struct http_chunked c;
    http_chunked_init(&c);
    for (size_t at = 0; at < len && result->rc == 0;) {
        size_t n = seed == 0 ? len - at : dice_piece(&seed, len - at);
        char *piece = copy_of(text + at, n);
        decode_piece(&c, piece, n, result);
        free(piece);
        at += n;
    }
}

static struct result
result_new(size_t room)
{
    struct result result = {.body = malloc(room + 1)};
    must(result.body != NULL, "there is memory");
    return result;
}

static void
same(const struct result *a, const struct result *b)
{
    must(a->rc == b->rc, "the same end");
    must(a->len == b->len, "as many bytes");
    must(memcmp(a->body, b->body, a->len) == 0, "the same bytes");
    must(a->rc < 0 || a->used == b->used, "the body ends at the same place");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    uint32_t seed = dice_seed(text, size) | 1;
    struct result whole = result_new(size), split = result_new(size),
                  plain = result_new(size);
    decode(text, size, 0, &whole);
    decode(text, size, seed, &split);
    same(&whole, &split);
    struct plain p = decode_plain(text, size, &plain);
    if (whole.rc == -431) {
        must(p.extra + p.slack > HTTP_CHUNKED_EXTRA_MAX, "not refused early");
    } else {
        must(p.extra <= HTTP_CHUNKED_EXTRA_MAX + p.slack, "bounded");
        same(&whole, &plain);
    }
    free(whole.body);
    free(split.body);
    free(plain.body);
    return 0;
}
