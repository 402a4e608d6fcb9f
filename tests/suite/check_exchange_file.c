/* check_exchange_file.c - files as answers: all of them, those that cannot be
 * opened or read, and those that change meanwhile. */
#include "check_exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/check_exchange-XXXXXX";

/* ---- Files -------------------------------------------------------------- */

static void
file_make(const char *name, size_t len, uint32_t seed)
{
    int fd = openat(site.root, name, O_CREAT | O_TRUNC | O_WRONLY, 0644);
    ck_assert_int_ne(fd, -1);
    random_body(wire, len, &seed);
    ck_assert_int_eq(write(fd, wire, len), len);
    struct timespec old[2] = {{700000000, 0}, {700000000, 0}};
    ck_assert_int_eq(futimens(fd, old), 0);
    ck_assert_int_eq(close(fd), 0);
}

static void
files_set_up(void)
{
    set_up();
    memcpy(strchr(directory, '-') + 1, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    site.root = open(directory, O_RDONLY | O_DIRECTORY);
    ck_assert_int_ne(site.root, -1);
    ck_assert_int_eq(mkdirat(site.root, "d", 0755), 0);
    ck_assert_int_eq(mkdirat(site.root, "e", 0755), 0);
    ck_assert_int_eq(mkdirat(site.root, "e/index.html", 0755), 0);
    file_make("d/index.html", 3, 1);
}

static void
files_tear_down(void)
{
    static const char *const files[] = {"a", "b", "d/index.html"};
    static const char *const directories[] = {"e/index.html", "e", "d"};
    exchange_free(&x);
    for (int i = 0; i < 3; i++) /* it may not have been made */
        (void)unlinkat(site.root, files[i], 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(unlinkat(site.root, directories[i], AT_REMOVEDIR), 0);
    ck_assert_int_eq(close(site.root), 0);
    ck_assert_int_eq(rmdir(directory), 0);
}

#define SENT_FILE(length, etag)                  \
    ANSWER("200 OK", "application/octet-stream", \
        LENGTH(length) FILE_FIELDS(etag), KEEP)
#define FILE_FIELDS(etag)               \
    "ETag: \"" etag "-29b92700-0\"\r\n" \
    "Last-Modified: Sat, 07 Mar 1992 20:26:40 GMT\r\n"

/* The bytes of a file, at `at` in what came back. */
static void
assert_file(size_t at, size_t len, uint32_t seed)
{
    ck_assert_uint_le(at + len, got_len);
    random_body(wire, len, &seed);
    ck_assert_mem_eq(got + at, wire, len);
}

static const size_t file_sizes[] = {0, 1, 2, 4095, 4096, 4097, 32767, 32768,
    32769, 65535, 65536, 65537, 1 << 20};

/* Each after a file of another size, in the same exchange. */
START_TEST(test_files)
{
    static char head[500];
    static const char text[] = GET("/a") GET("/b") HEAD("/b") GET("/a");
    size_t len = file_sizes[_i];
    file_make("a", 5, 1);
    file_make("b", len, 2);
    size_t n = (size_t)sprintf(head,
        ANSWER("200 OK", "application/octet-stream",
            "Content-Length: %zu\r\n" FILE_FIELDS("%zx"), KEEP),
        len, len);
    size_t a = sizeof(SENT_FILE("5", "5")) - 1;
    for (int way = 0; way < 3; way++) {
        disk.most = way == 1 ? len / 7 + 1 : 0;
        run(TEXT(text), ALL, ALL, way == 2 ? 999 : ALL);
        ck_assert_uint_eq(got_len, 2 * (a + 5) + 2 * n + len);
        ck_assert_mem_eq(got, SENT_FILE("5", "5"), a);
        assert_file(a, 5, 1);
        ck_assert_mem_eq(got + a + 5, head, n);
        assert_file(a + 5 + n, len, 2);
        ck_assert_mem_eq(got + a + 5 + n + len, head, n);
        assert_file(got_len - 5, 5, 1);
    }
}
END_TEST

static const struct opened {
    int result;
    const char *status;
} opened[] = {
    {-ENOENT, "404 Not Found"},
    {-ENOTDIR, "404 Not Found"},
    {-ENAMETOOLONG, "404 Not Found"},
    {-EACCES, "403 Forbidden"},
    {-EPERM, "403 Forbidden"},
    {-ELOOP, "403 Forbidden"},
    {-ENXIO, "403 Forbidden"},
    {-EMFILE, "503 Service Unavailable"},
    {-ENFILE, "503 Service Unavailable"},
    {-ENOMEM, "503 Service Unavailable"},
    {-EIO, "500 Internal Server Error"},
};

/* What cannot be opened; the connection goes on. */
START_TEST(test_open_fails)
{
    char out[1000], answer[400];
    disk.open = opened[_i].result;
    int body = (int)strlen(opened[_i].status) + 1;
    bool later = strncmp(opened[_i].status, "503", 3) == 0;
    snprintf(answer, sizeof answer,
        ANSWER("%s", "text/plain", LENGTH("%d") "%s", KEEP) "%s\n",
        opened[_i].status, body, later ? "Retry-After: 1\r\n" : "",
        opened[_i].status);
    snprintf(out, sizeof out, "%s%s", answer, answer);
    assert_all_ways(&(struct exchanged){
        TEXT(GET("/a") GET("/a")), out, strlen(out), false});
}
END_TEST

#define MOVED(where, body)                            \
    ANSWER("301 Moved Permanently", "text/plain",     \
        LENGTH("22") "Location: " where "\r\n", KEEP) \
    body
#define MOVED_TEXT "301 Moved Permanently\n"
#define INDEX                                                                  \
    ANSWER("200 OK", "text/html; charset=utf-8", LENGTH("3") FILE_FIELDS("3"), \
        KEEP)

/* Directories, and what the preconditions decide. */
static const struct exchanged filed[] = {
    {TEXT(GET("/d") HEAD("/d") GET("/nope")),
        TEXT(MOVED("./d/", MOVED_TEXT) MOVED("./d/", "") NOT_FOUND), false},
    {TEXT(GET("//d?a/b") GET("http://x/%64")),
        TEXT(MOVED("./d/?a/b", MOVED_TEXT) MOVED("./%64/", MOVED_TEXT)), false},
    {TEXT(HEAD("/d/") HEAD("/d/index.html")), TEXT(INDEX INDEX), false},
    {TEXT(GET("/nope") "GET /d HTTP/1.1\r\nHost: a\r\n" LENGTH(
         "9") "\r\n123456789" HEAD("/d/")),
        TEXT(NOT_FOUND MOVED("./d/", MOVED_TEXT) INDEX), false},
    {TEXT(GET("/e/") HEAD("/d/")), TEXT(NOT_FOUND INDEX), false},
    {TEXT("GET /d/ HTTP/1.1\r\nHost: a\r\n"
          "If-None-Match: W/\"3-29b92700-0\"\r\n\r\n" HEAD("/d/")),
        TEXT("HTTP/1.1 304 Not Modified\r\n"
             "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" FILE_FIELDS(
                 "3") "Connection: keep-alive\r\n\r\n" INDEX),
        false},
    {TEXT("HEAD /d/ HTTP/1.1\r\nHost: a\r\nIf-Match: \"3\"\r\n\r\n"),
        TEXT(ANSWER(
            "412 Precondition Failed", "text/plain", LENGTH("24"), KEEP)),
        false},
};

START_TEST(test_filed)
{
    assert_all_ways(&filed[_i]);
}
END_TEST

/* A file that cannot be read: 500, if nothing of the answer has left. The end
 * of a file too early is the same. */
START_TEST(test_read_fails)
{
    static const int results[] = {-EIO, -EBADF, 0};
    file_make("a", 200000, 1);
    for (int i = 0; i < 3; i++) {
        disk.bad = 1;
        disk.result = results[i];
        run(TEXT(GET("/d/x") GET("/a") GET("/a")), ALL, ALL, 10);
        assert_got(TEXT(NOT_FOUND BROKEN));
        assert_ended(true);
        disk.bad = 3;
        run(TEXT(GET("/a") GET("/a")), ALL, ALL, ALL);
        ck_assert_uint_lt(got_len, 200000);
        size_t head = sizeof(SENT_FILE("200000", "30d40")) - 1;
        ck_assert_mem_eq(got, SENT_FILE("200000", "30d40"), head);
        assert_file(head, got_len - head, 1);
        assert_ended(true);
    }
}
END_TEST

/* A client's time may be over while we wait for the disk. That is not its
 * fault: the read is asked for once more. */
START_TEST(test_read_canceled)
{
    const size_t head = sizeof(SENT_FILE("200000", "30d40")) - 1;
    file_make("a", 200000, 1);
    for (int bad = 1; bad <= 3; bad++) {
        disk.bad = bad;
        disk.result = -ECANCELED;
        run(TEXT(GET("/a")), ALL, ALL, ALL);
        ck_assert_uint_eq(got_len, head + 200000);
        assert_file(head, 200000, 1);
    }
}
END_TEST

/* Its length has been told: what is added meanwhile is not sent. */
START_TEST(test_file_grows)
{
    static const char text[] = GET("/a") HEAD("/d/");
    size_t head = sizeof(SENT_FILE("200000", "30d40")) - 1;
    file_make("a", 200000, 1);
    begin(TEXT(text), ALL, ALL, ALL);
    while (got_len == 0)
        ck_assert(turn());
    file_make("a", 300000, 1);
    go_on();
    ck_assert_uint_eq(got_len, head + 200000 + sizeof(INDEX) - 1);
    assert_file(head, 200000, 1);
    ck_assert_mem_eq(got + head + 200000, INDEX, sizeof(INDEX) - 1);
}
END_TEST

/* A file that changes while the answer before it is on its way. What was true
 * when its request came does not count. */
START_TEST(test_behind_a_long_answer)
{
    static const char text[] =
        GET("/b") "GET /a HTTP/1.1\r\nHost: a\r\n"
                  "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n";
    static const char first[] =
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:42 GMT\r\n";
    static const char modified[] =
        "Last-Modified: Sun, 06 Nov 1994 08:49:40 GMT\r\n";
    const struct timespec written[2] = {{784111780, 0}, {784111780, 0}};
    file_make("b", 1 << 20, 2);
    begin(TEXT(text), ALL, ALL, ALL);
    while (got_len == 0)
        ck_assert(turn());
    file_make("a", 3, 1);
    ck_assert_int_eq(utimensat(site.root, "a", written, 0), 0);
    no_loop_wallclock += 5 * INT64_C(1000000000);
    go_on();
    no_loop_wallclock -= 5 * INT64_C(1000000000);
    const char *last = memmem(got + got_len - 400, 400, "HTTP/1.1 ", 9);
    ck_assert_ptr_nonnull(last);
    ck_assert_mem_eq(last, first, sizeof first - 1);
    ck_assert_ptr_nonnull(memmem(last, 300, modified, sizeof modified - 1));
}
END_TEST

/* ---- The suite ---------------------------------------------------------- */

void
add_files(Suite *s)
{
    TCase *tc = part(s, "files", files_set_up, files_tear_down);
    tcase_add_loop_test(tc, test_files, 0, COUNT(file_sizes));
    tcase_add_loop_test(tc, test_open_fails, 0, COUNT(opened));
    tcase_add_loop_test(tc, test_filed, 0, COUNT(filed));
    tcase_add_test(tc, test_read_fails);
    tcase_add_test(tc, test_read_canceled);
    tcase_add_test(tc, test_file_grows);
    tcase_add_test(tc, test_behind_a_long_answer);
}
