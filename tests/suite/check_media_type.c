/* check_media_type.c - promises of media types. The table is tested from
 * within: its order is nobody else's business, but bsearch depends on it. */

#include "media_type.c"

#include "http_guard.h"

#include <check.h>
#include <ctype.h>

#define UNKNOWN "application/octet-stream"

START_TEST(test_type_of_path)
{
    static const struct {
        const char *path, *type;
    } cases[] = {
        {"index.html", "text/html; charset=utf-8"},
        {"/a/b/index.html", "text/html; charset=utf-8"},
        {"./index.html", "text/html; charset=utf-8"},
        {"INDEX.HTML", "text/html; charset=utf-8"},
        {"a.Js", "text/javascript; charset=utf-8"},
        {"a.min.js", "text/javascript; charset=utf-8"},
        {"a.mjs", "text/javascript; charset=utf-8"},
        {"a.js.map", "application/json"},
        {"a.b/c.css", "text/css; charset=utf-8"},
        {"a.png", "image/png"},
        {"a.svg", "image/svg+xml"},
        {"a.7z", "application/x-7z-compressed"}, /* the table's ends */
        {"a.zip", "application/zip"},
        {"a.tar.gz", "application/gzip"},
        {"app.webmanifest", "application/manifest+json"},
        {".a.html", "text/html; charset=utf-8"},
        {"..html", "text/html; charset=utf-8"},
        {"/.dir/a.txt", "text/plain; charset=utf-8"},
        {".html", UNKNOWN},
        {"/a/.html", UNKNOWN},
        {"html", UNKNOWN},
        {"a.html/b", UNKNOWN},
        {"a.html/", UNKNOWN},
        {"a.", UNKNOWN},
        {"a.html.", UNKNOWN},
        {"a.html ", UNKNOWN},
        {"a.htm5", UNKNOWN},
        {"a.ht", UNKNOWN},
        {"a.html~", UNKNOWN},
        {"a.webmanifests", UNKNOWN},
        {"a.webmanifest.webmanifest.webmanifest.x", UNKNOWN},
        {"a.\xc3\xa4", UNKNOWN},
        {"a.\x17z", UNKNOWN}, /* "7" is 0x37: only letters have a case */
        {"", UNKNOWN},
        {".", UNKNOWN},
        {"..", UNKNOWN},
        {"/", UNKNOWN},
        {"a", UNKNOWN},
    };
    for (int i = 0; i < COUNT(cases); i++) {
        const char *path = guard_copy(cases[i].path, strlen(cases[i].path) + 1);
        const char *type = media_type(path);
        ck_assert_msg(strcmp(type, cases[i].type) == 0, "\"%s\" is %s, not %s",
            cases[i].path, type, cases[i].type);
    }
}
END_TEST

START_TEST(test_table_sorted)
{
    for (int i = 1; i < COUNT(known); i++)
        ck_assert_msg(strcmp(known[i - 1].extension, known[i].extension) < 0,
            "\"%s\" stands before \"%s\"", known[i - 1].extension,
            known[i].extension);
}
END_TEST

/* Each entry is found, in small and in capital letters. */
START_TEST(test_table_found)
{
    for (int i = 0; i < COUNT(known); i++) {
        char small[2 + EXTENSION_MAX + 1] = "a.", capital[sizeof small];
        memcpy(small + 2, known[i].extension, EXTENSION_MAX + 1);
        for (size_t k = 0; k < sizeof small; k++)
            capital[k] = (char)toupper((unsigned char)small[k]);
        ck_assert_str_eq(media_type(small), known[i].type);
        ck_assert_str_eq(media_type(capital), known[i].type);
    }
}
END_TEST

/* Small letters and digits only, ended by a NUL; text has a charset, and
 * nothing else has one. */
START_TEST(test_table_form)
{
    for (int i = 0; i < COUNT(known); i++) {
        size_t len =
            strspn(known[i].extension, "abcdefghijklmnopqrstuvwxyz0123456789");
        bool text = strncmp(known[i].type, "text/", 5) == 0;
        ck_assert_uint_gt(len, 0);
        ck_assert_uint_le(len, EXTENSION_MAX);
        ck_assert_int_eq(known[i].extension[len], '\0');
        ck_assert_ptr_nonnull(strchr(known[i].type, '/'));
        ck_assert_msg(
            (strstr(known[i].type, "; charset=utf-8") != NULL) == text, "%s",
            known[i].type);
    }
}
END_TEST

static Suite *
media_suite(void)
{
    Suite *s = suite_create("media type");
    TCase *tc = behaviour(s, "path");
    tcase_add_test(tc, test_type_of_path);
    tc = behaviour(s, "table");
    tcase_add_test(tc, test_table_sorted);
    tcase_add_test(tc, test_table_found);
    tcase_add_test(tc, test_table_form);
    return s;
}

int
main(void)
{
    SRunner *runner = srunner_create(media_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
