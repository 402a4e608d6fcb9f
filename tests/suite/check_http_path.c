/* check_http_path.c - promises of the helpers for paths and slices. */

#include "http.h"
#include "http_guard.h"

#include <check.h>
#include <stdlib.h>

START_TEST(test_path_decode)
{
    static const struct {
        const char *text;
        size_t len;
        ssize_t rc; /* 0: as long as `path` */
        const char *path;
    } cases[] = {
        {TEXT("/"), 0, "/"},
        {TEXT(""), 0, ""},
        {TEXT("/a+b"), 0, "/a+b"},
        {TEXT("/%41%4a%4A"), 0, "/AJJ"},
        {TEXT("/%20%c3%a9%ff"), 0, "/ \xc3\xa9\xff"},
        {TEXT("/%2541"), 0, "/%41"}, /* once, not twice */
        {TEXT("/a%2Fb"), 0, "/a/b"},
        {TEXT("/%2e%2E/."), 0, "/../."},
        {TEXT("%"), -400, NULL},
        {TEXT("/%"), -400, NULL},
        {TEXT("/%4"), -400, NULL},
        {TEXT("/%4g"), -400, NULL},
        {TEXT("/%g4"), -400, NULL},
        {TEXT("/%%41"), -400, NULL},
        {TEXT("/% 1"), -400, NULL},
        {TEXT("/%-1"), -400, NULL},
        {TEXT("/%00"), -400, NULL},
        {TEXT("/a%00.html"), -400, NULL},
        {TEXT("/\0"), -400, NULL},
    };
    for (int i = 0; i < COUNT(cases); i++) {
        struct http_slice path = {
            guard_copy(cases[i].text, cases[i].len), cases[i].len};
        char out[32];
        ssize_t rc = http_path_decode(path, out, sizeof out);
        if (cases[i].path == NULL) {
            ck_assert_int_eq(rc, cases[i].rc);
            continue;
        }
        ck_assert_int_eq(rc, (ssize_t)strlen(cases[i].path));
        ck_assert_str_eq(out, cases[i].path);
    }
}
END_TEST

/* The output, too, ends at the guard. */
START_TEST(test_path_decode_room)
{
    struct http_slice path = {TEXT("/a%20b")};
    char *out = guard - 5;
    ck_assert_int_eq(http_path_decode(path, out, 5), 4);
    ck_assert_str_eq(out, "/a b");
    ck_assert_int_eq(http_path_decode(path, guard - 4, 4), -414);
    ck_assert_int_eq(http_path_decode(path, guard - 1, 1), -414);
    path.len = 0;
    ck_assert_int_eq(http_path_decode(path, guard - 1, 1), 0);
}
END_TEST

START_TEST(test_path_dots)
{
    static const char *const with[] = {".", "..", "/.", "/..", "/./a", "/../a",
        "/a/../b", "/a/.", "/a/..", "//..", "../", "/a/./"};
    static const char *const without[] = {"", "/", "//", "/a", "/...", "/.a",
        "/a.", "/..a", "/a..", "/a../b", "/a/.b/", "*"};
    for (int i = 0; i < COUNT(with); i++)
        ck_assert_msg(http_path_has_dots(with[i]), "%s", with[i]);
    for (int i = 0; i < COUNT(without); i++)
        ck_assert_msg(!http_path_has_dots(without[i]), "%s", without[i]);
}
END_TEST

START_TEST(test_slice_compare)
{
    struct http_slice s = {TEXT("Ab-^")}, none = {0};
    ck_assert(http_slice_equals(s, "Ab-^"));
    ck_assert(!http_slice_equals(s, "ab-^"));
    ck_assert(!http_slice_equals(s, "Ab-"));
    ck_assert(!http_slice_equals(s, "Ab-^x"));
    ck_assert(http_slice_is(s, "aB-^"));
    ck_assert(!http_slice_is(s, "aB-~")); /* differs from ^ in the case bit */
    ck_assert(!http_slice_is(s, "aB-"));
    s = (struct http_slice){TEXT("AZ@[az`{")};
    ck_assert(http_slice_is(s, "az@[AZ`{"));
    ck_assert(!http_slice_is(s, "azA[AZ`{")); /* just outside the letters */
    ck_assert(http_slice_equals(none, "") && http_slice_is(none, ""));
    ck_assert(!http_slice_equals(none, "a") && !http_slice_is(none, "a"));
}
END_TEST

static Suite *
path_suite(void)
{
    Suite *s = suite_create("http path");
    TCase *tc = behaviour(s, "decode");
    tcase_add_test(tc, test_path_decode);
    tcase_add_test(tc, test_path_decode_room);
    tc = behaviour(s, "dot segments");
    tcase_add_test(tc, test_path_dots);
    tc = behaviour(s, "slices");
    tcase_add_test(tc, test_slice_compare);
    return s;
}

int
main(void)
{
    SRunner *runner = srunner_create(path_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
