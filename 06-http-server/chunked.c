/* chunked.c - the decoder of chunked bodies: a table of the grammar.
 *
 * All but the data itself is short, so it is read byte by byte: for the state
 * we are in, the table says which byte leads where. No arc, no way: 400. */

#include "chunked.h"
#include "http_text.h"

#include <assert.h>
#include <string.h>

enum state {
    SIZE_FIRST, /* zero, for http_chunked_init */
    SIZE,
    SIZE_LF,
    SIZE_END, /* decided at once: DATA or TRAILER */
    DATA,
    DATA_CR,
    DATA_LF,
    END_LF,
    DONE,
    /* From here on bytes count as extra. */
    EXT_BLANK,
    EXT_NAME_FIRST,
    EXT_NAME,
    EXT_NAME_BLANK,
    EXT_VALUE_FIRST,
    EXT_VALUE,
    EXT_QUOTED,
    EXT_ESCAPED,
    EXT_QUOTED_END,
    TRAILER,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
};

/* From one state, by this byte or (if it is 0) by any of these classes, to the
 * next. The first arc that fits counts. */
static const struct arc {
    unsigned char from;
    char byte;
    unsigned char classes;
    unsigned char to;
} arcs[] = {
    /* RFC 9112 7.1. The digits are size_digit()'s. */
    {SIZE, '\r', 0, SIZE_LF},
    {SIZE, ';', 0, EXT_NAME_FIRST},
    {SIZE, 0, CHAR_BLANK, EXT_BLANK},
    {SIZE_LF, '\n', 0, SIZE_END},
    {DATA_CR, '\r', 0, DATA_LF},
    {DATA_LF, '\n', 0, SIZE_FIRST},

    /* 7.1.1: *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ).
     * BWS, "bad whitespace", must not be sent but must be read; where the line
     * ends there is none. */
    {EXT_BLANK, ';', 0, EXT_NAME_FIRST},
    {EXT_BLANK, 0, CHAR_BLANK, EXT_BLANK},
    {EXT_NAME_FIRST, 0, CHAR_TOKEN, EXT_NAME},
    {EXT_NAME_FIRST, 0, CHAR_BLANK, EXT_NAME_FIRST},
    {EXT_NAME, 0, CHAR_TOKEN, EXT_NAME},
    {EXT_NAME, '\r', 0, SIZE_LF},
    {EXT_NAME, ';', 0, EXT_NAME_FIRST},
    {EXT_NAME, '=', 0, EXT_VALUE_FIRST},
    {EXT_NAME, 0, CHAR_BLANK, EXT_NAME_BLANK},
    {EXT_NAME_BLANK, ';', 0, EXT_NAME_FIRST},
    {EXT_NAME_BLANK, '=', 0, EXT_VALUE_FIRST},
    {EXT_NAME_BLANK, 0, CHAR_BLANK, EXT_NAME_BLANK},
    {EXT_VALUE_FIRST, '"', 0, EXT_QUOTED},
    {EXT_VALUE_FIRST, 0, CHAR_TOKEN, EXT_VALUE},
    {EXT_VALUE_FIRST, 0, CHAR_BLANK, EXT_VALUE_FIRST},
    {EXT_VALUE, 0, CHAR_TOKEN, EXT_VALUE},
    {EXT_VALUE, '\r', 0, SIZE_LF},
    {EXT_VALUE, ';', 0, EXT_NAME_FIRST},
    {EXT_VALUE, 0, CHAR_BLANK, EXT_BLANK},

    /* RFC 9110 5.6.4: what looks like the end of the line in quotes, or of the
     * quotes behind a backslash, is not. */
    {EXT_QUOTED, '"', 0, EXT_QUOTED_END},
    {EXT_QUOTED, '\\', 0, EXT_ESCAPED},
    {EXT_QUOTED, 0, CHAR_VALUE, EXT_QUOTED},
    {EXT_ESCAPED, 0, CHAR_VALUE, EXT_QUOTED},
    {EXT_QUOTED_END, '\r', 0, SIZE_LF},
    {EXT_QUOTED_END, ';', 0, EXT_NAME_FIRST},
    {EXT_QUOTED_END, 0, CHAR_BLANK, EXT_BLANK},

    /* 7.1.2: field lines as in the head, to the empty line. */
    {TRAILER, '\r', 0, END_LF},
    {TRAILER, 0, CHAR_TOKEN, TRAILER_NAME},
    {TRAILER_NAME, 0, CHAR_TOKEN, TRAILER_NAME},
    {TRAILER_NAME, ':', 0, TRAILER_VALUE},
    {TRAILER_VALUE, 0, CHAR_VALUE, TRAILER_VALUE},
    {TRAILER_VALUE, '\r', 0, TRAILER_LF},
    {TRAILER_LF, '\n', 0, TRAILER},
    {END_LF, '\n', 0, DONE},
};

/* One more digit of the length. Sixteen, and no more than 63 bits: a length
 * that wraps around would end the chunk in the wrong place. */
static int
size_digit(struct http_chunked *c, int digit)
{
    if (c->state == SIZE_FIRST) c->digits = 0;
    if (c->digits == 16 || c->left > INT64_MAX >> 4) return -400;
    c->left = c->left << 4 | digit;
    c->digits++;
    c->state = SIZE;
    return 0;
}

static int
chunked_enter(struct http_chunked *c, unsigned char state)
{
    if (state == SIZE_END) state = c->left > 0 ? DATA : TRAILER;
    c->state = state;
    c->done = state == DONE;
    return 0;
}

/* Follow one byte that is not data. 0, or -status. */
static int
chunked_step(struct http_chunked *c, char byte)
{
    int digit = c->state <= SIZE ? hex_value(byte) : -1;
    if (digit >= 0) return size_digit(c, digit);
    if (c->state > DONE && c->extra++ == HTTP_CHUNKED_EXTRA_MAX) return -431;
    for (size_t i = 0; i < sizeof arcs / sizeof *arcs; i++) {
        const struct arc *a = &arcs[i];
        if (a->from != c->state) continue;
        if (a->byte != 0 ? byte == a->byte : char_is(byte, a->classes))
            return chunked_enter(c, a->to);
    }
    return -400;
}

/* Cut off what is there of the chunk's data. Answers its length. */
static size_t
chunked_data(struct http_chunked *c, const char *buf, size_t len,
    struct http_slice *data)
{
    assert(c->left > 0);
    if ((uint64_t)c->left < len) len = (size_t)c->left;
    *data = (struct http_slice){buf, len};
    c->left -= (int64_t)len;
    if (c->left == 0) c->state = DATA_CR;
    return len;
}

void
http_chunked_init(struct http_chunked *chunked)
{
    *chunked = (struct http_chunked){.state = SIZE_FIRST};
}

ssize_t
http_chunked_decode(struct http_chunked *chunked, const char *buf, size_t len,
    struct http_slice *data)
{
    size_t n = 0;
    *data = (struct http_slice){0};
    while (n < len && !chunked->done) {
        if (chunked->state == DATA) {
            n += chunked_data(chunked, buf + n, len - n, data);
            break;
        }
        int rc = chunked_step(chunked, buf[n++]);
        if (rc < 0) return rc;
    }
    return (ssize_t)n;
}
