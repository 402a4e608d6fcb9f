/* check_chunked.c - promises of the decoder of chunked bodies, case by case.
 *
 * Each case goes through it whole, cut off and split in two at every byte, and
 * byte by byte, each piece at a page that may not be touched. */

#include "chunked.h"
#include "http_guard.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

/* What a decoder made of its input: the body, and how it ended. */
struct decoded {
    char body[ROOM];
    size_t len, used;
    ssize_t rc; /* 0: incomplete, 1: done, or -status */
};

static void
decode_piece(
    struct http_chunked *c, struct decoded *d, const char *buf, size_t len)
{
    size_t used = 0;
    while (used < len && d->rc == 0) {
        struct http_slice data;
        ssize_t n = http_chunked_decode(c, buf + used, len - used, &data);
        ck_assert_int_ne(n, 0);
        if (data.len > 0) memcpy(d->body + d->len, data.at, data.len);
        d->len += data.len;
        if (n > 0) used += (size_t)n;
        d->rc = n < 0 ? n : c->done;
    }
    d->used += used;
}

static void
decode_start(struct http_chunked *c, struct decoded *d)
{
    http_chunked_init(c);
    d->len = d->used = 0;
    d->rc = 0;
}

/* The decoder keeps nothing, so each piece lies at the guard, alone. */
static void
decode_pieces(
    struct decoded *d, const char *text, size_t len, size_t first, size_t piece)
{
    struct http_chunked c;
    decode_start(&c, d);
    decode_piece(&c, d, guard_copy(text, first), first);
    for (size_t at = first; at < len; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        decode_piece(&c, d, guard_copy(text + at, n), n);
    }
}

static void
assert_decoded_same(const struct decoded *a, const struct decoded *b)
{
    ck_assert_int_eq(a->rc, b->rc);
    ck_assert_uint_eq(a->len, b->len);
    ck_assert_mem_eq(a->body, b->body, a->len);
    if (a->rc >= 0) ck_assert_uint_eq(a->used, b->used);
}

/* Whole, split in two at every byte, byte by byte; and cut off at every byte
 * there must be no answer yet, or the final one. */
static void
decode_all_ways(struct decoded *whole, const char *text, size_t len)
{
    static struct decoded other;
    int refused_yet = 0;
    decode_pieces(whole, text, len, len, 1);
    for (size_t cut = 0; cut < len; cut = next_cut(cut, len)) {
        decode_pieces(&other, text, len, cut, len);
        assert_decoded_same(&other, whole);
        decode_pieces(&other, text, cut, cut, 1);
        ck_assert(other.rc == 0 || other.rc == whole->rc);
        ck_assert(other.rc != 0 || !refused_yet);
        refused_yet = other.rc != 0;
    }
    decode_pieces(&other, text, len, 0, 1);
    assert_decoded_same(&other, whole);
}

static const struct chunked_accepted {
    const char *section, *text;
    size_t len;
    const char *body;
    size_t left; /* bytes of text that are not the body's */
} chunked_accepted[] = {
    {"9112 7.1", TEXT("0\r\n\r\n"), "", 0},
    {"9112 7.1", TEXT("5\r\nhello\r\n0\r\n\r\n"), "hello", 0},
    {"9112 7.1", TEXT("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), "hello world",
        0},
    {"9112 7.1", TEXT("5\r\nhello\r\n0\r\n\r\nGET /"), "hello", 5},
    {"9112 7.1", TEXT("0\r\n\r\n\r\n"), "", 2},
    {"9112 7.1", TEXT("4\r\n\r\n0\r\r\n0\r\n\r\n"), "\r\n0\r", 0},
    {"9112 7.1", TEXT("a\r\n0123456789\r\n0\r\n\r\n"), "0123456789", 0},
    {"9112 7.1", TEXT("A\r\n0123456789\r\n0\r\n\r\n"), "0123456789", 0},
    {"9112 7.1", TEXT("10\r\n0123456789abcdef\r\n0\r\n\r\n"),
        "0123456789abcdef", 0},
    {"9112 7.1", TEXT("0000000000000001\r\nx\r\n000\r\n\r\n"), "x", 0},
    {"9112 7.1.1", TEXT("1;a\r\nx\r\n0;b\r\n\r\n"), "x", 0},
    {"9112 7.1.1", TEXT("1;a=b;c;d=e\r\nx\r\n0\r\n\r\n"), "x", 0},
    {"9112 7.1.1", TEXT("1 ; a = b ; c\r\nx\r\n0\r\n\r\n"), "x", 0},
    {"9112 7.1.1", TEXT("1  ;  a  =  bc  ;  d\r\nx\r\n0\r\n\r\n"), "x", 0},
    {"9112 7.1.1", TEXT("1;a=\"b\";c\r\nx\r\n0\r\n\r\n"), "x", 0},
    {"9112 7.1.1", TEXT("1\t;\ta\t;\tb\r\nx\r\n0\r\n\r\n"), "x", 0},
    {"9112 7.1.1", TEXT("1;a=\"\"\r\nx\r\n0\r\n\r\n"), "x", 0},
    {"9110 5.6.4", TEXT("1;a=\"b;c,=\\\"\\\\ \t\xff\" ;d\r\nx\r\n0\r\n\r\n"),
        "x", 0},
    {"9112 7.1.2", TEXT("0\r\nA: b\r\n\r\n"), "", 0},
    {"9112 7.1.2", TEXT("1\r\nx\r\n0\r\nA:\r\nB: \t c \xff\r\n\r\n"), "x", 0},
    {"9110 6.5.1", TEXT("0\r\nContent-Length: 9\r\n\r\n"), "", 0},
};

START_TEST(test_chunked_accepted)
{
    const struct chunked_accepted *c = &chunked_accepted[_i];
    static struct decoded d;
    decode_all_ways(&d, c->text, c->len);
    ck_assert_msg(d.rc == 1, "RFC %s: %s: %zd", c->section, c->text, d.rc);
    ck_assert_uint_eq(d.len, strlen(c->body));
    ck_assert_mem_eq(d.body, c->body, d.len);
    ck_assert_uint_eq(d.used, c->len - c->left);
}
END_TEST

static const struct chunked_refused {
    const char *section, *why, *text;
    size_t len;
} chunked_refused[] = {
    {"9112 7.1", "no length", TEXT("\r\n")},
    {"9112 7.1", "no length", TEXT(";a\r\n")},
    {"9112 7.1", "blank first", TEXT(" 1\r\nx\r\n")},
    {"9112 7.1", "a sign", TEXT("+1\r\nx\r\n")},
    {"9112 7.1", "a sign", TEXT("-1\r\nx\r\n")},
    {"9112 7.1", "0x", TEXT("0x1\r\nx\r\n")},
    {"9112 7.1", "not hexadecimal", TEXT("g\r\n")},
    {"9112 7.1", "2^63", TEXT("8000000000000000\r\n")},
    {"9112 7.1", "2^64 + 1", TEXT("10000000000000001\r\n")},
    {"9112 7.1", "17 digits", TEXT("00000000000000001\r\nx")},
    {"9112 7.1", "blank at the end", TEXT("1 \r\nx\r\n")},
    {"9112 7.1", "bare LF after length", TEXT("1\nx\r\n")},
    {"9112 7.1", "bare CR after length", TEXT("1\rx\r\n")},
    {"9112 7.1", "data too long", TEXT("1\r\nxy\r\n")},
    {"9112 7.1", "data too short", TEXT("2\r\nx\r\n0\r\n")},
    {"9112 7.1", "bare LF after data", TEXT("1\r\nx\n0\r\n")},
    {"9112 7.1", "bare CR after data", TEXT("1\r\nx\r0\r\n")},
    {"9112 7.1", "no line end after data", TEXT("1\r\nx0\r\n")},
    {"9112 7.1.1", "no name", TEXT("1;\r\nx")},
    {"9112 7.1.1", "no name", TEXT("1;;a\r\nx")},
    {"9112 7.1.1", "no name", TEXT("1;=a\r\nx")},
    {"9112 7.1.1", "no value", TEXT("1;a=\r\nx")},
    {"9112 7.1.1", "no value", TEXT("1;a=;b\r\nx")},
    {"9112 7.1.1", "no semicolon", TEXT("1 a\r\nx")},
    {"9112 7.1.1", "two words", TEXT("1;a b\r\nx")},
    {"9112 7.1.1", "two words", TEXT("1;a=b c\r\nx")},
    {"9112 7.1.1", "blank at the end", TEXT("1;a \r\nx")},
    {"9112 7.1.1", "blank at the end", TEXT("1;a=b \r\nx")},
    {"9112 7.1.1", "bare LF", TEXT("1;a\nx")},
    {"9112 7.1.1", "bare CR", TEXT("1;a\rx")},
    {"9112 7.1.1", "NUL", TEXT("1;a\0\r\nx")},
    {"9112 7.1.1", "line end in quotes", TEXT("1;a=\"\r\n\"\r\nx")},
    {"9112 7.1.1", "line end escaped", TEXT("1;a=\"\\\r\n\"\r\nx")},
    {"9112 7.1.1", "bare LF in quotes", TEXT("1;a=\"\n\"\r\nx")},
    {"9112 7.1.1", "junk after quotes", TEXT("1;a=\"b\"c\r\nx")},
    {"9112 7.1.2", "no colon", TEXT("0\r\nA\r\n\r\n")},
    {"9112 7.1.2", "no name", TEXT("0\r\n: a\r\n\r\n")},
    {"9112 7.1.2", "blank before colon", TEXT("0\r\nA : b\r\n\r\n")},
    {"9112 5.2", "obs-fold", TEXT("0\r\nA: b\r\n c\r\n\r\n")},
    {"9112 7.1.2", "bare LF", TEXT("0\r\nA: b\n\r\n")},
    {"9112 7.1.2", "bare CR", TEXT("0\r\nA: b\rc\r\n")},
    {"9112 7.1.2", "NUL", TEXT("0\r\nA: \0\r\n\r\n")},
    {"9112 7.1", "bare LF ends the body", TEXT("0\r\n\n")},
    {"9112 7.1", "bare CR ends the body", TEXT("0\r\n\rx")},
    {"9112 7.1", "data after the last chunk", TEXT("0\r\n0\r\n\r\n")},
};

START_TEST(test_chunked_refused)
{
    const struct chunked_refused *c = &chunked_refused[_i];
    static struct decoded d;
    decode_all_ways(&d, c->text, c->len);
    ck_assert_msg(
        d.rc == -400, "RFC %s: %s: %s: %zd", c->section, c->why, c->text, d.rc);
}
END_TEST

/* The longest length is taken; its data need not come. */
START_TEST(test_chunked_longest)
{
    static struct decoded d;
    decode_all_ways(&d, TEXT("7fffffffffffffff\r\nabc"));
    ck_assert_int_eq(d.rc, 0);
    ck_assert_uint_eq(d.len, 3);
}
END_TEST

/* Extensions, trailer fields, and both of many chunks share one limit. */
START_TEST(test_chunked_limits)
{
    static char text[ROOM];
    static struct decoded d;
    size_t half = HTTP_CHUNKED_EXTRA_MAX / 2, all = HTTP_CHUNKED_EXTRA_MAX;
    decode_all_ways(&d, text, build(text, "0;", half, "\r\n\r\n"));
    ck_assert_int_eq(d.rc, 1);
    decode_all_ways(&d, text, build(text, "0;", all, "\r\n\r\n"));
    ck_assert_int_eq(d.rc, -431);
    decode_all_ways(&d, text, build(text, "0\r\nA:", half, "\r\n\r\n"));
    ck_assert_int_eq(d.rc, 1);
    decode_all_ways(&d, text, build(text, "0\r\nA:", all, "\r\n\r\n"));
    ck_assert_int_eq(d.rc, -431);
    size_t len = build(text, "1;", half, "\r\nx\r\n");
    len += build(text + len, "0;", half, "\r\n\r\n");
    decode_all_ways(&d, text, len);
    ck_assert_int_eq(d.rc, -431);
}
END_TEST

/* Ordinary chunks, however many, have no limit of their own. */
START_TEST(test_chunked_many)
{
    static char text[ROOM];
    static struct decoded d;
    size_t len = 0;
    for (int i = 0; i < 5000; i++)
        len += build(text + len, "1\r\n", 1, "\r\n");
    len += build(text + len, "0\r\n\r\n", 0, "");
    decode_pieces(&d, text, len, len, 1);
    ck_assert_int_eq(d.rc, 1);
    ck_assert_uint_eq(d.len, 5000);
    ck_assert_uint_eq(d.used, len);
}
END_TEST

START_TEST(test_chunked_mutated)
{
    uint32_t seed = (uint32_t)_i;
    static struct decoded d;
    char text[300];
    for (int round = 0; round < 100; round++) {
        uint32_t pick = dice(&seed) % COUNT(chunked_accepted);
        const struct chunked_accepted *c = &chunked_accepted[pick];
        memcpy(text, c->text, c->len);
        decode_all_ways(&d, text, mutate(text, c->len, &seed));
    }
}
END_TEST

/* After the end nothing is used up, however often one asks. */
START_TEST(test_chunked_done)
{
    struct http_chunked c;
    struct http_slice data;
    http_chunked_init(&c);
    ck_assert(!c.done);
    ck_assert_int_eq(http_chunked_decode(&c, TEXT("0\r\n\r\n0"), &data), 5);
    ck_assert(c.done);
    ck_assert_int_eq(http_chunked_decode(&c, TEXT("0"), &data), 0);
    ck_assert_uint_eq(data.len, 0);
}
END_TEST

/* ---- The suite ---------------------------------------------------------- */

static Suite *
chunked_suite(void)
{
    Suite *s = suite_create("http chunked body");
    TCase *tc = behaviour(s, "accepted");
    tcase_add_loop_test(tc, test_chunked_accepted, 0, COUNT(chunked_accepted));
    tc = behaviour(s, "refused");
    tcase_add_loop_test(tc, test_chunked_refused, 0, COUNT(chunked_refused));
    tc = behaviour(s, "limits");
    tcase_add_test(tc, test_chunked_longest);
    tcase_add_test(tc, test_chunked_limits);
    tcase_add_test(tc, test_chunked_many);
    tc = behaviour(s, "end");
    tcase_add_test(tc, test_chunked_done);
    tc = behaviour(s, "mutated");
    tcase_add_loop_test(tc, test_chunked_mutated, 0, 10);
    return s;
}

int
main(void)
{
    SRunner *runner = srunner_create(chunked_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
