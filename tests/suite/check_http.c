/* check_http.c - promises of the request parser, case by case.
 *
 * Each case goes through the parser whole, cut off at every byte, split in two
 * at every byte, and byte by byte; the result must not differ. The input ends
 * at a page that may not be touched, so reading one byte too far is a crash. */

#include "http.h"
#include "http_cases.h"
#include "http_guard.h"

#include <check.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- Comparing requests ------------------------------------------------- */

static bool
slice_same(struct http_slice a, struct http_slice b)
{
    return a.at == b.at && a.len == b.len;
}

/* The requests were parsed at the same place: slices must be identical. */
static bool
request_same(const struct http_request *a, const struct http_request *b)
{
    if (a->field_count != b->field_count) return false;
    for (size_t i = 0; i < a->field_count; i++)
        if (!slice_same(a->fields[i].name, b->fields[i].name) ||
            !slice_same(a->fields[i].value, b->fields[i].value))
            return false;
    return a->method == b->method && a->minor == b->minor &&
           slice_same(a->method_name, b->method_name) &&
           slice_same(a->target, b->target) && slice_same(a->path, b->path) &&
           slice_same(a->query, b->query) && slice_same(a->host, b->host) &&
           a->keep_alive == b->keep_alive && a->chunked == b->chunked &&
           a->expect_continue == b->expect_continue &&
           a->content_length == b->content_length;
}

static int
parse(struct http_request *r, const char *buf, size_t len)
{
    http_request_init(r);
    return http_request_parse(r, buf, len);
}

/* Let `len` bytes come in pieces of `piece`, the first one `first` long. What
 * has not come yet is a byte that is wrong everywhere. */
static int
parse_pieces(struct http_request *r, const char *text, size_t len, size_t first,
    size_t piece)
{
    char *buf = guard - len;
    size_t have = first;
    memset(buf, 1, len);
    memcpy(buf, text, have);
    http_request_init(r);
    for (;;) {
        int rc = http_request_parse(r, buf, have);
        if (rc != 0 || have == len) return rc;
        size_t more = len - have < piece ? len - have : piece;
        memcpy(buf + have, text + have, more);
        have += more;
    }
}

/* Parse text whole and in every other way. Answers what all of them answered;
 * *r is the request, in the guarded copy. */
static int
parse_all_ways(struct http_request *r, const char *text, size_t len)
{
    struct http_request other;
    int final = 0;
    int whole = parse(r, guard_copy(text, len), len);
    for (size_t cut = 0; cut < len; cut = next_cut(cut, len)) {
        int rc = parse(&other, guard_copy(text, cut), cut);
        if (whole < 0) ck_assert(rc == 0 || rc == whole);
        if (whole >= 0) ck_assert_int_eq(rc, cut < (size_t)whole ? 0 : whole);
        if (final < 0) ck_assert_int_eq(rc, final);
        if (rc < 0) final = rc;
    }
    for (size_t cut = 0; cut < len; cut = next_cut(cut, len)) {
        ck_assert_int_eq(parse_pieces(&other, text, len, cut, len), whole);
        ck_assert(request_same(&other, r));
    }
    ck_assert_int_eq(parse_pieces(&other, text, len, 0, 1), whole);
    ck_assert(request_same(&other, r));
    guard_copy(text, len); /* the slices of *r point here */
    return whole;
}

/* ---- What is accepted, and how it is understood ------------------------- */

static const char *const method_names[] = {
    "other", "GET", "HEAD", "POST", "OPTIONS", "CONNECT"};

/* "GET path ?query @host 1.1 fields=N length=N chunked expect close". */
static const char *
describe(const struct http_request *r)
{
    static char text[1024];
    char length[40] = "", query[400] = "";
    if (r->content_length > 0)
        snprintf(length, sizeof length, " length=%lld",
            (long long)r->content_length);
    if (r->query.at != NULL)
        snprintf(query, sizeof query, " ?%.*s", (int)r->query.len, r->query.at);
    snprintf(text, sizeof text, "%s %.*s%s @%.*s 1.%d fields=%zu%s%s%s%s",
        method_names[r->method], (int)r->path.len, r->path.at ? r->path.at : "",
        query, (int)r->host.len, r->host.at ? r->host.at : "", r->minor,
        r->field_count, length, r->chunked ? " chunked" : "",
        r->expect_continue ? " expect" : "", r->keep_alive ? "" : " close");
    return text;
}

START_TEST(test_accepted)
{
    const struct accepted *c = &accepted[_i];
    struct http_request r;
    int rc = parse_all_ways(&r, c->text, c->len);
    ck_assert_msg(rc == (int)c->len, "RFC %s: %s: %d", c->section, c->text, rc);
    ck_assert_str_eq(describe(&r), c->meaning);
}
END_TEST

/* ---- What is refused, and how ------------------------------------------- */

START_TEST(test_refused)
{
    const struct refused *c = &refused[_i];
    struct http_request r;
    int rc = parse_all_ways(&r, c->text, c->len);
    ck_assert_msg(rc == -c->status, "RFC %s: %s: %s: %d, not %d", c->section,
        c->why, c->text, rc, -c->status);
}
END_TEST

/* Whoever sends garbage is answered at once, not when the head is complete. */
START_TEST(test_refused_early)
{
    static const struct {
        const char *text;
        size_t len;
        int rc;
    } cases[] = {
        {TEXT("{"), -400},
        {TEXT("\n"), -400},
        {TEXT("GET a/"), 0},
        {TEXT("GET a/ "), -400},
        {TEXT("GET / HTTX"), -400},
        {TEXT("GET / HTTP/1.1\r\n "), -400},
        {TEXT("GET / HTTP/1.1\r\nA\x80"), -400},
        {TEXT("GET / HTTP/1.1\r\nA: \n"), -400},
        {TEXT("GET / HTTP/1.1\r\nContent-Length: x\r\n"), -400},
        {TEXT("GET / HTTP/1.1\r\nExpect: x\r\n"), -417},
    };
    struct http_request r;
    for (int i = 0; i < COUNT(cases); i++)
        ck_assert_int_eq(
            parse_all_ways(&r, cases[i].text, cases[i].len), cases[i].rc);
}
END_TEST

/* ---- Every byte in every place, against the grammar's own words --------- */

#define ALPHA "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

static bool
is_one_of(int byte, const char *set)
{
    return byte != '\0' && strchr(set, byte) != NULL;
}

static bool
is_token(int byte)
{
    return is_one_of(byte, "!#$%&'*+-.^_`|~" DIGIT ALPHA);
}

/* All that a path may hold, but "%"; and "?", which ends it. Brackets are in no
 * path, but browsers leave them as they are. */
static bool
is_target(int byte)
{
    return is_one_of(byte, "-._~!$&'()*+,;=:@/?[]" DIGIT ALPHA);
}

static bool
is_value(int byte)
{
    return byte == '\t' || (byte >= ' ' && byte != 0x7f);
}

static bool
is_host(int byte)
{
    return is_one_of(byte, "-._~!$&'()*+,;=" DIGIT ALPHA);
}

static const struct place {
    const char *format; /* %c is the byte in question */
    bool (*allowed)(int byte);
} places[] = {
    {"G%cT / HTTP/1.1\r\nHost: h\r\n\r\n", is_token},
    {"%cGT / HTTP/1.1\r\nHost: h\r\n\r\n", is_token},
    {"GET /a%cb HTTP/1.1\r\nHost: h\r\n\r\n", is_target},
    {"GET / HTTP/1.1\r\nHost: a%cb\r\n\r\n", is_host},
    {"GET / HTTP/1.1\r\nHost: h\r\nA%cB: c\r\n\r\n", is_token},
    {"GET / HTTP/1.1\r\nHost: h\r\n%cA: c\r\n\r\n", is_token},
    {"GET / HTTP/1.1\r\nHost: h\r\nA: b%cc\r\n\r\n", is_value},
    {"GET / HTTP/1.1\r\nHost: h\r\nA:%cc\r\n\r\n", is_value},
};

START_TEST(test_every_byte)
{
    const struct place *p = &places[_i];
    struct http_request r;
    char text[100];
    for (int byte = 0; byte < 256; byte++) {
        int len = snprintf(text, sizeof text, p->format, byte);
        bool two = byte == ':' && strstr(p->format, "A%cB") != NULL;
        bool port = byte == ':' && strstr(p->format, "a%cb") != NULL;
        if (two || port) continue; /* a colon has a meaning of its own there */
        int want = p->allowed(byte) ? len : -400;
        int rc = parse_all_ways(&r, text, (size_t)len);
        ck_assert_msg(rc == want, "byte %d in %s: %d", byte, p->format, rc);
    }
}
END_TEST

/* ---- Limits ------------------------------------------------------------- */

static int
parse_built(const char *before, size_t n, const char *after)
{
    static char text[ROOM];
    struct http_request r;
    return parse_all_ways(&r, text, build(text, before, n, after));
}

START_TEST(test_limit_method)
{
    const char *after = " / HTTP/1.1\r\nHost: h\r\n\r\n";
    ck_assert_int_gt(parse_built("", HTTP_METHOD_MAX, after), 0);
    ck_assert_int_eq(parse_built("", HTTP_METHOD_MAX + 1, after), -501);
    ck_assert_int_eq(parse_built("", HTTP_METHOD_MAX + 1, ""), -501);
    ck_assert_int_eq(parse_built("", ROOM / 2, ""), -501);
}
END_TEST

START_TEST(test_limit_target)
{
    const char *after = " HTTP/1.1\r\nHost: h\r\n\r\n";
    ck_assert_int_ge(HTTP_TARGET_MAX, 8000); /* RFC 9112 3 */
    ck_assert_int_gt(parse_built("GET /", HTTP_TARGET_MAX - 1, after), 0);
    ck_assert_int_eq(parse_built("GET /", HTTP_TARGET_MAX, after), -414);
    ck_assert_int_eq(parse_built("GET /", HTTP_TARGET_MAX, ""), -414);
    ck_assert_int_eq(parse_built("GET /", ROOM / 2, ""), -414);
}
END_TEST

START_TEST(test_limit_head)
{
    const char *before = "GET / HTTP/1.1\r\nHost: h\r\nA: ";
    size_t room = HTTP_HEAD_MAX - strlen(before) - 4;
    ck_assert_int_ge(HTTP_HEAD_MAX, 8192);
    ck_assert_int_eq(parse_built(before, room, "\r\n\r\n"), HTTP_HEAD_MAX);
    ck_assert_int_eq(parse_built(before, room + 1, "\r\n\r\n"), -431);
    ck_assert_int_eq(parse_built(before, room + 2, "\r\n\r\n"), -431);
    ck_assert_int_eq(parse_built(before, room + 3, ""), 0);
    ck_assert_int_eq(parse_built(before, room + 4, ""), -431);
    ck_assert_int_eq(parse_built("GET / HTTP/1.1\r\n", ROOM / 2, ""), -431);
}
END_TEST

/* What follows a head that fits exactly does not count. */
START_TEST(test_limit_head_pipelined)
{
    const char *before = "GET / HTTP/1.1\r\nHost: h\r\nA: ";
    size_t room = HTTP_HEAD_MAX - strlen(before) - 4;
    ck_assert_int_eq(
        parse_built(before, room, "\r\n\r\nGET / HTTP/1.1\r\n"), HTTP_HEAD_MAX);
}
END_TEST

START_TEST(test_limit_fields)
{
    static char text[ROOM];
    struct http_request r;
    ck_assert_int_ge(HTTP_FIELDS_MAX, 64);
    for (int extra = 0; extra < 2; extra++) {
        size_t len = build(text, "GET / HTTP/1.1\r\nHost: h\r\n", 0, "");
        for (int i = 1; i < HTTP_FIELDS_MAX + extra; i++)
            len += build(text + len, "A: b\r\n", 0, "");
        len += build(text + len, "\r\n", 0, "");
        int rc = parse_all_ways(&r, text, len);
        ck_assert_int_eq(rc, extra ? -431 : (int)len);
        ck_assert_uint_eq(r.field_count, HTTP_FIELDS_MAX);
    }
}
END_TEST

/* ---- Slices, fields, pipelining ----------------------------------------- */

static void
assert_slice(struct http_slice s, const char *text)
{
    ck_assert_msg(http_slice_equals(s, text), "\"%.*s\" is not \"%s\"",
        (int)s.len, s.at, text);
}

START_TEST(test_slices)
{
    struct http_request r;
    int rc = parse_all_ways(&r, TEXT("BREW http://x:1/a%20b?q HTTP/1.1\r\n"
                                     "Host:h\r\nA: \t b  c \t\r\nB:\r\n\r\n"));
    ck_assert_int_gt(rc, 0);
    assert_slice(r.method_name, "BREW");
    assert_slice(r.target, "http://x:1/a%20b?q");
    assert_slice(r.path, "/a%20b");
    assert_slice(r.query, "q");
    assert_slice(r.host, "x:1");
    assert_slice(r.fields[1].name, "A");
    assert_slice(r.fields[1].value, "b  c");
    assert_slice(r.fields[2].value, "");
}
END_TEST

START_TEST(test_field_find)
{
    struct http_request r;
    int rc =
        parse_all_ways(&r, GET("If-None-Match: \"a\"\r\nRange: bytes=0-\r\n"
                               "IF-NONE-MATCH: \"b\"\r\n"));
    ck_assert_int_gt(rc, 0);
    const struct http_field *f = http_field_find(&r, "if-none-match", NULL);
    assert_slice(f->value, "\"a\"");
    f = http_field_find(&r, "if-none-match", f);
    assert_slice(f->value, "\"b\"");
    ck_assert_ptr_null(http_field_find(&r, "if-none-match", f));
    ck_assert_ptr_null(http_field_find(&r, "rang", NULL));
    ck_assert_ptr_null(http_field_find(&r, "range:", NULL));
    assert_slice(http_field_find(&r, "RANGE", NULL)->value, "bytes=0-");
}
END_TEST

START_TEST(test_pipelined)
{
    static const char text[] = "POST /1 HTTP/1.1\r\nHost: h\r\n"
                               "Content-Length: 4\r\n\r\nbody"
                               "\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"
                               "GET /3 HTTP/1.1\r\n";
    char *buf = guard_copy(TEXT(text));
    struct http_request r;
    int n = parse(&r, buf, sizeof text - 1);
    assert_slice(r.path, "/1");
    ck_assert_int_eq(r.content_length, 4);
    buf += n + 4;
    n = parse(&r, buf, (size_t)(guard - buf));
    assert_slice(r.path, "/2");
    ck_assert_int_eq(r.content_length, 0); /* nothing is left of the first */
    buf += n;
    ck_assert_int_eq(parse(&r, buf, (size_t)(guard - buf)), 0);
}
END_TEST

/* A client that sends byte by byte costs no more than one that does not: what
 * was scanned is not looked at again. Its page may even be gone. */
START_TEST(test_never_looks_back)
{
    static char text[ROOM];
    struct http_request r;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t len = build(text, "GET / HTTP/1.1\r\nHost: h\r\nLong: ", 6000, "");
    len += build(text + len, "\r\nConnection: close\r\n", 0, "\r\n");
    char *buf = guard - ROOM;
    if (page > len / 2) return; /* large pages: nothing can be shown */
    memcpy(buf, text, len);
    http_request_init(&r);
    for (size_t have = 0; have < len; have++) {
        if (have == page + 1)
            ck_assert_int_eq(mprotect(buf, page, PROT_NONE), 0);
        ck_assert_int_eq(http_request_parse(&r, buf, have), 0);
    }
    ck_assert_int_eq(http_request_parse(&r, buf, len), (int)len);
    ck_assert(!r.keep_alive);
}
END_TEST

/* ---- Whatever comes: all ways agree ------------------------------------- */

START_TEST(test_mutated)
{
    uint32_t seed = (uint32_t)_i;
    struct http_request r;
    char text[600];
    for (int round = 0; round < 40; round++) {
        const struct accepted *c = &accepted[dice(&seed) % COUNT(accepted)];
        memcpy(text, c->text, c->len);
        (void)parse_all_ways(&r, text, mutate(text, c->len, &seed));
    }
}
END_TEST

/* ---- Our own mistakes are asserts --------------------------------------- */

/* The message of an assert that must fail would look like a failure. */
static void
be_silent(void)
{
    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
}

START_TEST(test_misuse_after_refusal)
{
    struct http_request r;
    be_silent();
    (void)parse(&r, TEXT("\n"));
    (void)http_request_parse(&r, TEXT("\n"));
}
END_TEST

START_TEST(test_misuse_moved_buffer)
{
    static const char text[] = "GET / HTTP/1.1\r\nGET / HTTP/1.1\r\n";
    struct http_request r;
    be_silent();
    ck_assert_int_eq(parse(&r, text, 5), 0);
    (void)http_request_parse(&r, text + 16, 6);
}
END_TEST

/* ---- The suite ---------------------------------------------------------- */

static Suite *
request_suite(void)
{
    Suite *s = suite_create("http request");
    TCase *tc = behaviour(s, "accepted");
    tcase_add_loop_test(tc, test_accepted, 0, COUNT(accepted));
    tc = behaviour(s, "refused");
    tcase_add_loop_test(tc, test_refused, 0, COUNT(refused));
    tc = behaviour(s, "refused early");
    tcase_add_test(tc, test_refused_early);
    tc = behaviour(s, "every byte");
    tcase_add_loop_test(tc, test_every_byte, 0, COUNT(places));
    tc = behaviour(s, "limits");
    tcase_add_test(tc, test_limit_method);
    tcase_add_test(tc, test_limit_target);
    tcase_add_test(tc, test_limit_head);
    tcase_add_test(tc, test_limit_head_pipelined);
    tcase_add_test(tc, test_limit_fields);
    tc = behaviour(s, "slices and fields");
    tcase_add_test(tc, test_slices);
    tcase_add_test(tc, test_field_find);
    tc = behaviour(s, "pipelined");
    tcase_add_test(tc, test_pipelined);
    tc = behaviour(s, "never looks back");
    tcase_add_test(tc, test_never_looks_back);
    tc = behaviour(s, "mutated");
    tcase_add_loop_test(tc, test_mutated, 0, 10);
    tc = behaviour(s, "misuse");
    tcase_add_test_raise_signal(tc, test_misuse_after_refusal, SIGABRT);
    tcase_add_test_raise_signal(tc, test_misuse_moved_buffer, SIGABRT);
    return s;
}

int
main(void)
{
    SRunner *runner = srunner_create(request_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
