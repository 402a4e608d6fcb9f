/* check_precondition.c - promises of preconditions, case by case, on requests
 * that went through the parser. */

#include "http_guard.h"
#include "precondition.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define STRONG "\"12-34\""
#define WEAK "W/\"12-34\""

/* The file has changed at T0; the others are a second before and after. */
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define T0 "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"
#define FUTURE "Fri, 31 Dec 9999 23:59:59 GMT"

static const time_t modified = 784111777; /* T0 */
static const time_t now = 1795348800;     /* 22 November 2026 */

static int
check(const char *method, const char *fields, const char *etag)
{
    static char text[HTTP_HEAD_MAX + 1];
    struct http_request request;
    int len = snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n",
        method, fields);
    char *buf = guard_copy(text, (size_t)len);
    http_request_init(&request);
    ck_assert_int_eq(http_request_parse(&request, buf, (size_t)len), len);
    return precondition_check(&request, etag, modified, now);
}

static const struct condition {
    const char *section, *fields;
    int strong, weak; /* the answers, with a strong and with a weak tag */
} conditions[] = {
    {"13.2.2", "", 0, 0},
    {"13.2.2", "Range: bytes=0-1\r\n", 0, 0},

    /* If-Match compares strongly: a weak tag never fits. */
    {"13.1.1", "If-Match: " STRONG "\r\n", 0, 412},
    {"13.1.1", "if-match:" STRONG "\r\n", 0, 412},
    {"13.1.1", "If-Match: " WEAK "\r\n", 412, 412},
    {"13.1.1", "If-Match: \"12-35\"\r\n", 412, 412},
    {"13.1.1", "If-Match: *\r\n", 0, 0},
    {"13.1.1", "If-Match: \"a\", " STRONG "\r\n", 0, 412},
    {"13.1.1", "If-Match: " STRONG ", \"a\"\r\n", 0, 412},
    {"13.1.1", "If-Match: \"a\", " WEAK "\r\n", 412, 412},
    {"13.1.1", "If-Match:\r\n", 412, 412},
    {"13.1.1", "If-Match: \"12-3\"\r\n", 412, 412},
    {"13.1.1", "If-Match: \"12-345\"\r\n", 412, 412},
    {"13.1.1", "If-Match: \"\"\r\n", 412, 412},

    /* If-None-Match compares weakly. */
    {"13.1.2", "If-None-Match: " STRONG "\r\n", 304, 304},
    {"13.1.2", "If-None-Match: " WEAK "\r\n", 304, 304},
    {"13.1.2", "If-None-Match: \"12-35\"\r\n", 0, 0},
    {"13.1.2", "If-None-Match: *\r\n", 304, 304},
    {"13.1.2", "If-None-Match: \"a\", " STRONG "\r\n", 304, 304},
    {"13.1.2", "If-None-Match: \"a\",W/\"b\"\t, " WEAK ", \"c\"\r\n", 304, 304},
    {"13.1.2", "If-None-Match:\r\n", 0, 0},
    {"13.1.2", "If-None-Match: \"\"\r\n", 0, 0},

    /* Several lines are one list. */
    {"5.3", "If-None-Match: \"a\"\r\nIf-None-Match: " STRONG "\r\n", 304, 304},
    {"5.3", "If-None-Match: " STRONG "\r\nIF-NONE-MATCH: \"a\"\r\n", 304, 304},
    {"5.3", "If-Match: \"a\"\r\nA: b\r\nIf-Match: " STRONG "\r\n", 0, 412},
    {"5.3", "If-Match: \"a\"\r\nIf-Match: \"b\"\r\n", 412, 412},

    /* Elements may be empty. A comma in quotes is a part of the tag. */
    {"5.6.1", "If-None-Match: ,, " STRONG " ,\t, \r\n", 304, 304},
    {"5.6.1", "If-None-Match: ,\r\n", 0, 0},
    {"8.8.3", "If-None-Match: \"a,b\", " STRONG "\r\n", 304, 304},
    {"8.8.3", "If-None-Match: \"a, 12-34\"\r\n", 0, 0},
    {"8.8.3", "If-None-Match: \"a,\"," STRONG ",\",b\"\r\n", 304, 304},
    {"8.8.3", "If-None-Match: \"!#\\~\x80\xff\", " STRONG "\r\n", 304, 304},

    /* A list that cannot be read matches nothing, even if our tag is in it. */
    {"8.8.3", "If-None-Match: 12-34\r\n", 0, 0},
    {"8.8.3", "If-None-Match: '12-34'\r\n", 0, 0},
    {"8.8.3", "If-None-Match: \"12-34\r\n", 0, 0},
    {"8.8.3", "If-None-Match: \"\r\n", 0, 0},
    {"8.8.3", "If-None-Match: W/\r\n", 0, 0},
    {"8.8.3", "If-None-Match: W\r\n", 0, 0},
    {"8.8.3", "If-None-Match: w/\"12-34\"\r\n", 0, 0},
    {"8.8.3", "If-None-Match: W\"12-34\"\r\n", 0, 0},
    {"8.8.3", "If-None-Match: W/ \"12-34\"\r\n", 0, 0},
    {"8.8.3", "If-None-Match: W/W/\"12-34\"\r\n", 0, 0},
    {"8.8.3", "If-None-Match: \"a b\", " STRONG "\r\n", 0, 0},
    {"8.8.3", "If-None-Match: \"a\tb\", " STRONG "\r\n", 0, 0},
    {"8.8.3", "If-None-Match: " STRONG STRONG "\r\n", 0, 0},
    {"8.8.3", "If-None-Match: " STRONG " " STRONG "\r\n", 0, 0},
    {"8.8.3", "If-None-Match: " STRONG ", a\r\n", 0, 0},
    {"8.8.3", "If-None-Match: " STRONG "; a\r\n", 0, 0},
    {"8.8.3", "If-None-Match: a, " STRONG "\r\n", 0, 0},
    {"8.8.3", "If-None-Match: \"a\"b\", " STRONG "\r\n", 0, 0},
    {"13.1.2", "If-None-Match: *, " STRONG "\r\n", 0, 0},
    {"13.1.2", "If-None-Match: " STRONG ", *\r\n", 0, 0},
    {"13.1.2", "If-None-Match: **\r\n", 0, 0},
    {"13.1.2", "If-None-Match: \"*\"\r\n", 0, 0},
    {"13.1.2", "If-None-Match: *\r\nIf-None-Match: *\r\n", 0, 0},
    {"13.1.2", "If-None-Match: *\r\nIf-None-Match: \"a\"\r\n", 0, 0},
    {"13.1.2", "If-None-Match: " STRONG "\r\nIf-None-Match: *\r\n", 0, 0},
    {"13.1.2", "If-None-Match: " STRONG "\r\nIf-None-Match: a\r\n", 0, 0},
    {"13.1.1", "If-Match: 12-34\r\n", 412, 412},
    {"13.1.1", "If-Match: " STRONG ", a\r\n", 412, 412},
    {"13.1.1", "If-Match: " STRONG STRONG "\r\n", 412, 412},
    {"13.1.1", "If-Match: *, " STRONG "\r\n", 412, 412},
    {"13.1.1", "If-Match: *\r\nIf-Match: *\r\n", 412, 412},

    /* Dates: equal counts as not modified. */
    {"13.1.3", "If-Modified-Since: " BEFORE "\r\n", 0, 0},
    {"13.1.3", "If-Modified-Since: " T0 "\r\n", 304, 304},
    {"13.1.3", "If-Modified-Since: " AFTER "\r\n", 304, 304},
    {"13.1.3", "If-Modified-Since: " FUTURE "\r\n", 304, 304},
    {"13.1.3", "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n", 304,
        304},
    {"13.1.3", "If-Modified-Since: Sunday, 06-Nov-94 08:49:36 GMT\r\n", 0, 0},
    {"13.1.3", "If-Modified-Since: Sun Nov  6 08:49:37 1994\r\n", 304, 304},
    {"13.1.4", "If-Unmodified-Since: " BEFORE "\r\n", 412, 412},
    {"13.1.4", "If-Unmodified-Since: " T0 "\r\n", 0, 0},
    {"13.1.4", "If-Unmodified-Since: " AFTER "\r\n", 0, 0},
    {"13.1.4", "If-Unmodified-Since: " FUTURE "\r\n", 0, 0},

    /* A bad date, or more than one, does not count. */
    {"13.1.3", "If-Modified-Since:\r\n", 0, 0},
    {"13.1.3", "If-Modified-Since: tomorrow\r\n", 0, 0},
    {"13.1.3", "If-Modified-Since: " T0 ", " T0 "\r\n", 0, 0},
    {"13.1.3", "If-Modified-Since: " T0 "\r\nIf-Modified-Since: " T0 "\r\n", 0,
        0},
    {"13.1.3", "If-Modified-Since: " T0 "; length=5\r\n", 0, 0},
    {"13.1.4", "If-Unmodified-Since: long ago\r\n", 0, 0},
    {"13.1.4",
        "If-Unmodified-Since: " BEFORE "\r\nIf-Unmodified-Since: " BEFORE
        "\r\n",
        0, 0},

    /* A tag counts, the date beside it does not, whatever either says. */
    {"13.2.2", "If-Match: *\r\nIf-Unmodified-Since: " BEFORE "\r\n", 0, 0},
    {"13.2.2", "If-Unmodified-Since: " T0 "\r\nIf-Match: \"a\"\r\n", 412, 412},
    {"13.2.2", "If-Match: a\r\nIf-Unmodified-Since: " T0 "\r\n", 412, 412},
    {"13.2.2", "If-None-Match: \"a\"\r\nIf-Modified-Since: " T0 "\r\n", 0, 0},
    {"13.2.2", "If-Modified-Since: " T0 "\r\nIf-None-Match: a\r\n", 0, 0},
    {"13.2.2", "If-None-Match:\r\nIf-Modified-Since: " T0 "\r\n", 0, 0},
    {"13.2.2", "If-None-Match: *\r\nIf-Modified-Since: " BEFORE "\r\n", 304,
        304},

    /* 412 comes before 304; a condition that holds leads to the next. */
    {"13.2.2", "If-None-Match: *\r\nIf-Match: \"a\"\r\n", 412, 412},
    {"13.2.2", "If-None-Match: *\r\nIf-Match: *\r\n", 304, 304},
    {"13.2.2", "If-None-Match: *\r\nIf-Unmodified-Since: " BEFORE "\r\n", 412,
        412},
    {"13.2.2", "If-None-Match: *\r\nIf-Unmodified-Since: " T0 "\r\n", 304, 304},
    {"13.2.2", "If-None-Match: \"a\"\r\nIf-Match: *\r\n", 0, 0},
    {"13.2.2", "If-Match: *\r\nIf-Modified-Since: " T0 "\r\n", 304, 304},
    {"13.2.2", "If-Match: \"a\"\r\nIf-Modified-Since: " T0 "\r\n", 412, 412},
    {"13.2.2",
        "If-Modified-Since: " T0 "\r\nIf-Unmodified-Since: " BEFORE "\r\n", 412,
        412},
    {"13.2.2", "If-Modified-Since: " T0 "\r\nIf-Unmodified-Since: " T0 "\r\n",
        304, 304},
};

START_TEST(test_precondition)
{
    static const char *const methods[] = {"GET", "HEAD"};
    const struct condition *c = &conditions[_i];
    for (int i = 0; i < COUNT(methods); i++) {
        int strong = check(methods[i], c->fields, STRONG);
        int weak = check(methods[i], c->fields, WEAK);
        ck_assert_msg(strong == c->strong, "RFC 9110 %s: %s%s: %d, not %d",
            c->section, c->fields, STRONG, strong, c->strong);
        ck_assert_msg(weak == c->weak, "RFC 9110 %s: %s%s: %d, not %d",
            c->section, c->fields, WEAK, weak, c->weak);
    }
}
END_TEST

/* As many lines as a request may have, and as long a list as fits. */
START_TEST(test_precondition_long)
{
    static char fields[HTTP_HEAD_MAX];
    size_t len = 0;
    for (int i = 0; i < HTTP_FIELDS_MAX - 2; i++)
        len += build(fields + len, "If-None-Match: \"", 90, "\"\r\n");
    fields[len] = '\0';
    ck_assert_int_eq(check("GET", fields, STRONG), 0);
    len += build(fields + len, "If-None-Match: " WEAK "\r\n", 0, "");
    fields[len] = '\0';
    ck_assert_int_eq(check("GET", fields, STRONG), 304);
    len = build(fields, "If-None-Match: \"", 8000, "\"," STRONG "\r\n");
    fields[len] = '\0';
    ck_assert_int_eq(check("GET", fields, STRONG), 304);
}
END_TEST

/* The answer to a field that ends where the guard begins. */
static int
check_field(const char *name, const char *value, size_t len)
{
    struct http_request request;
    http_request_init(&request);
    request.method = HTTP_GET;
    request.field_count = 1;
    request.fields[0].name = (struct http_slice){name, strlen(name)};
    request.fields[0].value = (struct http_slice){guard_copy(value, len), len};
    return precondition_check(&request, STRONG, modified, now);
}

static const char list[] = "\"a,b\" , W/\"c\",,W/\"12-34\"";

/* Cut off anywhere, no byte behind the end is looked at. */
START_TEST(test_precondition_cut)
{
    for (size_t len = 0; len < sizeof list - 1; len++)
        ck_assert_int_eq(check_field("If-None-Match", list, len), 0);
    ck_assert_int_eq(check_field("If-None-Match", list, sizeof list - 1), 304);
    ck_assert_int_eq(check_field("If-None-Match", TEXT("W/")), 0);
}
END_TEST

/* Spoiled lists: the same, and the answer is one that there is. */
START_TEST(test_precondition_mutated)
{
    uint32_t seed = (uint32_t)_i;
    for (int round = 0; round < 2000; round++) {
        char text[64];
        memcpy(text, list, sizeof list - 1);
        size_t len = mutate(text, sizeof list - 1, &seed);
        int rc = check_field("If-None-Match", text, len);
        ck_assert(rc == 0 || rc == 304);
        rc = check_field("If-Match", text, len);
        ck_assert(rc == 0 || rc == 412);
    }
}
END_TEST

static Suite *
precondition_suite(void)
{
    Suite *s = suite_create("precondition");
    TCase *tc = behaviour(s, "decisions");
    tcase_add_loop_test(tc, test_precondition, 0, COUNT(conditions));
    tcase_add_test(tc, test_precondition_long);
    tc = behaviour(s, "mutated");
    tcase_add_test(tc, test_precondition_cut);
    tcase_add_loop_test(tc, test_precondition_mutated, 0, 4);
    return s;
}

int
main(void)
{
    SRunner *runner = srunner_create(precondition_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
