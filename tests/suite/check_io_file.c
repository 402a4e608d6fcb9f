/* check_io_file.c - files: read, write, fsync, open. */
#include "check_io.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct probe p;
static char buf[100];

START_TEST(a_file_is_read_at_an_offset)
{
    own_directory();
    int fd = own_file("file", "hello, world", 12);
    ck_assert_int_eq(result_of(io_op_read(fd, buf, 5, 7)), 5);
    ck_assert_mem_eq(buf, "world", 5);
    ck_assert_int_eq(result_of(io_op_read(fd, buf, 0, 7)), 0);
}
END_TEST

START_TEST(a_read_past_the_end_is_short_or_0)
{
    own_directory();
    int fd = own_file("file", "hello", 5);
    ck_assert_int_eq(result_of(io_op_read(fd, buf, 9, 3)), 2);
    ck_assert_int_eq(result_of(io_op_read(fd, buf, 9, 5)), 0);
    ck_assert_int_eq(result_of(io_op_read(fd, buf, 9, 5000000000)), 0);
    ck_assert_int_eq(result_of(io_op_read(fd, buf, 9, INT64_MAX - 9)), 0);
}
END_TEST

START_TEST(an_offset_is_not_negative)
{
    own_directory();
    int fd = own_file("file", "hello", 5);
    const uint64_t offsets[] = {
        UINT64_MAX, UINT64_MAX - 1, (uint64_t)INT64_MAX + 1};
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(
            result_of(io_op_read(fd, buf, 1, offsets[i])), -EINVAL);
        ck_assert_int_eq(
            result_of(io_op_write(fd, buf, 1, offsets[i])), -EINVAL);
    }
}
END_TEST

START_TEST(a_file_has_many_reads_at_once)
{
    static struct probe reads[500];
    static char bytes[5000], got[500][10];
    own_directory();
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)rnd(256);
    int fd = own_file("file", bytes, sizeof bytes);
    for (size_t i = 0; i < 500; i++)
        ask(&reads[i], io_op_read(fd, got[i], 10, 10 * i));
    for (size_t i = 0; i < 500; i++) {
        ck_assert_int_eq(answer(&reads[i]), 10);
        ck_assert_mem_eq(got[i], bytes + 10 * i, 10);
    }
}
END_TEST

START_TEST(what_is_written_is_read)
{
    own_directory();
    int fd = result_of(
        io_op_open(AT_FDCWD, "new", O_RDWR | O_CREAT | O_EXCL, 0640, false));
    struct stat status;
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fstat(fd, &status), 0);
    ck_assert_int_eq(status.st_mode & 0777 & ~040, 0600);
    ck_assert_int_eq(result_of(io_op_write(fd, "world", 5, 1 << 20)), 5);
    ck_assert_int_eq(result_of(io_op_write(fd, "hello", 5, 0)), 5);
    ck_assert_int_eq(result_of(io_op_write(fd, "", 0, 5)), 0);
    ck_assert_int_eq(result_of(io_op_fsync(fd)), 0);
    ck_assert_int_eq(result_of(io_op_read(fd, buf, 6, (1 << 20) - 1)), 6);
    ck_assert_mem_eq(buf, "\0world", 6);
    ck_assert_int_eq(result_of(io_op_close(fd)), 0);
    ck_assert_int_eq(result_of(io_op_open(AT_FDCWD, "new",
                         O_RDWR | O_CREAT | O_EXCL, 0600, false)),
        -EEXIST);
}
END_TEST

START_TEST(the_mode_of_the_descriptor_counts)
{
    own_directory();
    close(own_file("file", "hello", 5));
    int in = result_of(io_op_open(AT_FDCWD, "file", O_RDONLY, 0, false));
    int out = result_of(io_op_open(AT_FDCWD, "file", O_WRONLY, 0, false));
    ck_assert_int_eq(result_of(io_op_write(in, "x", 1, 0)), -EBADF);
    ck_assert_int_eq(result_of(io_op_read(out, buf, 1, 0)), -EBADF);
}
END_TEST

START_TEST(a_directory_is_no_file)
{
    int fd = result_of(io_op_open(AT_FDCWD, "/", O_RDONLY, 0, false));
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(result_of(io_op_read(fd, buf, 9, 0)), -EISDIR);
    ck_assert_int_eq(
        result_of(io_op_open(AT_FDCWD, "/", O_RDWR, 0, false)), -EISDIR);
    ck_assert_int_eq(result_of(io_op_fsync(fd)), 0);
}
END_TEST

START_TEST(files_of_the_system_can_be_read)
{
    int null = result_of(io_op_open(AT_FDCWD, "/dev/null", O_RDWR, 0, false));
    ck_assert_int_eq(result_of(io_op_read(null, buf, 9, 0)), 0);
    ck_assert_int_eq(result_of(io_op_write(null, buf, 9, 0)), 9);
    int fd = result_of(
        io_op_open(AT_FDCWD, "/dev/zero", O_RDONLY | O_NONBLOCK, 0, false));
    ck_assert_int_eq(result_of(io_op_read(fd, buf, 9, 0)), 9);
}
END_TEST

/* A limit on the size stands for a disk that is full. */
START_TEST(a_write_beyond_the_limit_is_short_and_then_fails)
{
    struct rlimit small = {1000, 1000};
    static char block[2000];
    own_directory();
    int fd = own_file("file", "", 0);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_assert_int_eq(result_of(io_op_write(fd, block, sizeof block, 0)), 1000);
    ck_assert_int_eq(
        result_of(io_op_write(fd, block, sizeof block, 1000)), -EFBIG);
    ck_assert_int_eq(result_of(io_op_fsync(fd)), 0);
}
END_TEST

START_TEST(files_and_sockets_go_on_together)
{
    static struct probe reads[50];
    static char got[50][5];
    struct two two = two_sockets();
    own_directory();
    int fd = own_file("file", "hello", 5);
    start(&p, io_op_recv(two.ours, buf, 9));
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 50; i++)
            ask(&reads[i], io_op_read(fd, got[i], 5, 0));
        for (int i = 0; i < 50; i++)
            ck_assert_int_eq(answer(&reads[i]), 5);
    }
    ck_assert_int_eq(p.calls, 0);
    ck_assert_int_eq(send(two.peer, "x", 1, 0), 1);
    ck_assert_int_eq(answer(&p), 1);
}
END_TEST

void
file_tests(Suite *s)
{
    const TTest *const tests[] = {a_file_is_read_at_an_offset,
        a_read_past_the_end_is_short_or_0, an_offset_is_not_negative,
        a_file_has_many_reads_at_once, what_is_written_is_read,
        the_mode_of_the_descriptor_counts, a_directory_is_no_file,
        files_of_the_system_can_be_read,
        a_write_beyond_the_limit_is_short_and_then_fails,
        files_and_sockets_go_on_together};
    add_tests(s, tests, sizeof tests / sizeof *tests);
}
