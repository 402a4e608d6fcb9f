/* check_io_copy.c - chapter 05's copy.c, as a program. */
#include "check_io.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 256 * 1024, LARGEST = 40 * BLOCK };

static char bytes[LARGEST], got[LARGEST + 1], said[500];

/* Start copy FROM TO; limit: the largest file that it may write. */
static pid_t
copy_start(const char *from, const char *to, rlim_t limit, int *out)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit size = {limit, limit};
        setrlimit(RLIMIT_FSIZE, &size);
        dup2(fds[1], STDERR_FILENO);
        close(fds[0]);
        close(fds[1]);
        execl(copy_program, "copy", from, to, (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    *out = fds[0];
    return pid;
}

/* Its exit status; what it said is in said. */
static int
copy_end(pid_t pid, int out)
{
    int status;
    size_t length = 0;
    ssize_t n;
    while ((n = read(out, said + length, sizeof said - 1 - length)) > 0)
        length += (size_t)n;
    said[length] = '\0';
    close(out);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status), "copy died of signal %d",
        WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    ck_assert_msg(WEXITSTATUS(status) != 127, "no %s: build it", copy_program);
    return WEXITSTATUS(status);
}

static int
copy(const char *from, const char *to)
{
    int out;
    pid_t pid = copy_start(from, to, RLIM_INFINITY, &out);
    return copy_end(pid, out);
}

static size_t
contents(const char *name)
{
    int fd = open(name, O_RDONLY);
    ck_assert_int_ge(fd, 0);
    ssize_t n = read(fd, got, sizeof got);
    ck_assert_int_ge(n, 0);
    close(fd);
    return (size_t)n;
}

static void
make_bytes(void)
{
    own_directory();
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)rnd(256);
}

START_TEST(copy_is_exact_for_any_size)
{
    const size_t sizes[] = {0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 8 * BLOCK - 1,
        8 * BLOCK, 8 * BLOCK + 1, 9 * BLOCK, LARGEST - 12345, LARGEST};
    make_bytes();
    close(own_file("to", bytes, 3 * BLOCK)); /* replaced, also by less */
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        close(own_file("from", bytes, sizes[i]));
        ck_assert_int_eq(copy("from", "to"), 0);
        ck_assert_str_eq(said, "");
        ck_assert_uint_eq(contents("to"), sizes[i]);
        ck_assert_int_eq(memcmp(got, bytes, sizes[i]), 0);
    }
}
END_TEST

START_TEST(copy_keeps_the_permissions)
{
    struct stat status;
    own_directory();
    close(own_file("from", "x", 1));
    ck_assert_int_eq(chmod("from", 0500), 0);
    ck_assert_int_eq(copy("from", "to"), 0);
    ck_assert_int_eq(stat("to", &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0500);
}
END_TEST

static void
says(int code, const char *words)
{
    const char *newline = strchr(said, '\n');
    ck_assert_int_eq(code, 1);
    ck_assert_msg(strstr(said, words) != NULL, "it said: %s", said);
    ck_assert_msg(newline != NULL && newline[1] == '\0', "lines: %s", said);
}

/* A limit on the size of a file stands for a disk that is full. */
START_TEST(copy_to_a_full_disk_says_so_in_one_line)
{
    int out;
    make_bytes();
    close(own_file("from", bytes, LARGEST));
    pid_t pid = copy_start("from", "to", 5 * BLOCK + 99, &out);
    says(copy_end(pid, out), "to: File too large");
    pid = copy_start("from", "to", 0, &out);
    says(copy_end(pid, out), "to: File too large");
}
END_TEST

START_TEST(copy_says_what_is_wrong_in_one_line)
{
    own_directory();
    close(own_file("from", "hello", 5));
    ck_assert_int_eq(symlink("from", "link"), 0);
    ck_assert_int_eq(mkfifo("fifo", 0600), 0);
    says(copy("nothing", "to"), "nothing: No such file or directory");
    ck_assert_int_eq(access("to", F_OK), -1);
    says(copy("from", "nothing/to"), "nothing/to: No such file");
    says(copy("from", "from"), "the same file");
    says(copy("from", "link"), "the same file");
    says(copy("link", "from"), "the same file");
    says(copy(".", "to"), "regular file");
    says(copy("from", "/dev/full"), "regular file");
    says(copy("fifo", "to"), "regular file");
    says(copy("from", "fifo"), "fifo: No such device");
    says(copy("from", "."), "Is a directory");
    ck_assert_uint_eq(contents("from"), 5);
}
END_TEST

/* What stays in FROM is in TO; beyond it there may be what was in FROM, or
 * zeros: the kernel clears the last page while the file gets shorter. */
START_TEST(copy_of_a_file_that_shrinks_ends_well)
{
    make_bytes();
    for (int round = 0; round < 20; round++) {
        int out;
        size_t left = rnd(LARGEST), wrong = 0;
        close(own_file("from", bytes, LARGEST));
        pid_t pid = copy_start("from", "to", RLIM_INFINITY, &out);
        usleep(rnd(12000)); /* any moment will do */
        for (size_t n = LARGEST; n > left;
             n = n - left < BLOCK ? left : n - BLOCK)
            ck_assert_int_eq(truncate("from", (off_t)n), 0);
        ck_assert_int_eq(truncate("from", (off_t)left), 0);
        ck_assert_int_eq(copy_end(pid, out), 0);
        size_t size = contents("to");
        ck_assert_uint_ge(size, left);
        ck_assert_uint_le(size, LARGEST);
        ck_assert_int_eq(memcmp(got, bytes, left), 0);
        for (size_t i = left; i < size; i++)
            wrong += got[i] != bytes[i] && got[i] != 0;
        ck_assert_uint_eq(wrong, 0);
    }
}
END_TEST

void
copy_tests(Suite *s)
{
    const TTest *const tests[] = {copy_is_exact_for_any_size,
        copy_keeps_the_permissions, copy_to_a_full_disk_says_so_in_one_line,
        copy_says_what_is_wrong_in_one_line,
        copy_of_a_file_that_shrinks_ends_well};
    add_tests(s, tests, sizeof tests / sizeof *tests);
}
