/* http_text.h - which byte may stand where in HTTP, and helpers for slices.
 *
 * One load and one AND answer "may this byte be in a field name?". <ctype.h>
 * is no choice here: isalpha() and its kin obey the locale, HTTP does not.
 * For the parser's own files, not for the server. */

#ifndef HTTP_TEXT_H
#define HTTP_TEXT_H

#include "http.h"

#include <assert.h>

/* The classes; a byte may be in several. */
enum {
    CHAR_TOKEN = 1,    /* tchar: method, field name (RFC 9110 5.6.2) */
    CHAR_VALUE = 2,    /* field value: visible, SP, HTAB, 0x80 to 0xff (5.5) */
    CHAR_REG_NAME = 4, /* a host that is a name, with "%" (RFC 3986 3.2.2) */
    CHAR_TARGET = 8,   /* request target: REG_NAME and any of : @ / ? [ ]. The
                        * brackets are for IPv6, but browsers send them in
                        * queries, so we do not ask where they are */
    CHAR_BLANK = 16,   /* SP and HTAB: OWS and BWS (RFC 9110 5.6.3) */
};

/* For each byte the sum of its classes: a letter is in the first four, 15. The
 * comment names the first byte of its row. */
static const unsigned char char_classes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 18, 0, 0, 0, 0, 0, 0,                /* 0x00 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,                 /* 0x10 */
    18, 15, 2, 3, 15, 15, 15, 15, 14, 14, 15, 15, 14, 15, 15, 10,   /* 0x20 */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 10, 14, 2, 14, 2, 10,   /* 0x30 */
    10, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, /* 0x40 */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 10, 2, 10, 3, 15,   /* 0x50 */
    3, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  /* 0x60 */
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 2, 3, 2, 15, 0,     /* 0x70 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,                 /* 0x80 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,                 /* 0x90 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,                 /* 0xa0 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,                 /* 0xb0 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,                 /* 0xc0 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,                 /* 0xd0 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,                 /* 0xe0 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,                 /* 0xf0 */
};

static inline bool
char_is(char c, unsigned classes)
{
    return (char_classes[(unsigned char)c] & classes) != 0;
}

/* What the digit c is worth, or -1 if it is none. */
static inline int
digit_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : -1;
}

/* The same for hexadecimal digits, small and capital. */
static inline int
hex_value(char c)
{
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return digit_value(c);
}

/* The slice without its first n bytes. */
static inline struct http_slice
slice_skip(struct http_slice s, size_t n)
{
    assert(n <= s.len);
    return (struct http_slice){s.at + n, s.len - n};
}

/* How many bytes at the front are of these classes. */
static inline size_t
slice_span(struct http_slice s, unsigned classes)
{
    size_t n = 0;
    while (n < s.len && char_is(s.at[n], classes))
        n++;
    return n;
}

#endif
