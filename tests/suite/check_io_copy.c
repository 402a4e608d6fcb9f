/* check_io_copy.c - chapter 05's copy.c: as a program and, at the end, with its
 * io_submit in our hands, so that counts are short, operations fail, and FROM
 * shrinks between two reads. */
#include "io.h"

int copy_main(int, char **);
static void copy_submit(struct io_loop *l, struct io_completion *c);

#define ask copy_ask
#define io_submit copy_submit
#define main copy_main
#include "copy.c"
#undef ask
#undef io_submit
#undef main

#include "check_io.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BLOCK = BLOCK_SIZE,
    LARGEST = 40 * BLOCK,
    SIZE = 10 * BLOCK + 77,
};

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
run_copy(const char *from, const char *to)
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
        ck_assert_int_eq(run_copy("from", "to"), 0);
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
    ck_assert_int_eq(run_copy("from", "to"), 0);
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

/* The same, of what is in the file "said". */
static void
file_says(int code, const char *words)
{
    snprintf(said, sizeof said, "%.*s", (int)contents("said"), got);
    says(code, words);
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

/* A disk of one megabyte, where we may mount one. */
START_TEST(copy_to_a_small_disk_says_that_it_is_full)
{
    char command[PATH_MAX + 300];
    make_bytes();
    close(own_file("from", bytes, LARGEST));
    ck_assert_int_eq(mkdir("full", 0700), 0);
    snprintf(command, sizeof command,
        "mount -t tmpfs -o size=1m none full 2>/dev/null || exit 99;"
        "'%s' from full/to 2>said; code=$?; umount full; exit $code",
        copy_program);
    int status = system(command);
    int code = WEXITSTATUS(status); /* a macro: macOS takes its address */
    if (code == 99) {
        printf("not here: a small disk, as tmpfs cannot be mounted\n");
        return;
    }
    file_says(code, "to: No space left on device");
}
END_TEST

START_TEST(copy_says_what_is_wrong_in_one_line)
{
    own_directory();
    close(own_file("from", "hello", 5));
    ck_assert_int_eq(symlink("from", "link"), 0);
    ck_assert_int_eq(mkfifo("fifo", 0600), 0);
    says(run_copy("nothing", "to"), "nothing: No such file or directory");
    ck_assert_int_eq(access("to", F_OK), -1);
    says(run_copy("from", "nothing/to"), "nothing/to: No such file");
    says(run_copy("from", "from"), "the same file");
    says(run_copy("from", "link"), "the same file");
    says(run_copy("link", "from"), "the same file");
    says(run_copy(".", "to"), "regular file");
    says(run_copy("from", "/dev/full"), "regular file");
    says(run_copy("fifo", "to"), "regular file");
    says(run_copy("from", "fifo"), "fifo: No such device");
    says(run_copy("from", "."), "Is a directory");
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

/* ---- With its operations in our hands ------------------------------------ */

static struct {
    bool short_counts; /* of some reads and writes */
    enum io_kind fails;
    int fails_at;  /* the number of that kind that fails; 0: none */
    uint64_t hold; /* the read at this offset waits until FROM has shrunk */
    off_t left;    /* to so many bytes; 0: it does not shrink */
    struct io_completion *held;
} fault;

static void
copy_submit(struct io_loop *l, struct io_completion *c)
{
    bool reads = c->op.kind == IO_READ, writes = c->op.kind == IO_WRITE;
    if (fault.short_counts && reads) c->op.in.length = 1 + c->op.in.length / 2;
    if (fault.short_counts && writes && c->op.out.length > 9)
        c->op.out.length = c->op.out.length / 3;
    if (c->op.kind == fault.fails && --fault.fails_at == 0) c->op.fd = -1;
    if (fault.left > 0 && reads && c->op.in.offset == fault.hold) {
        fault.held = c;
        return;
    }
    io_submit(l, c);
    if (!writes || fault.held == NULL || c->op.out.offset < fault.hold) return;
    ck_assert_int_eq(truncate("from", fault.left), 0);
    fault.left = 0;
    io_submit(l, fault.held);
    fault.held = NULL;
}

/* copy FROM TO, in a process of its own; its exit status. */
static int
copy_files(size_t size)
{
    int status;
    char *words[] = {"copy", "from", "to", NULL};
    close(own_file("from", bytes, size));
    loop_end();
    pid_t pid = fork();
    if (pid == 0) {
        dup2(open("said", O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
        exit(copy_main(3, words));
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
is_exact(size_t size, size_t left)
{
    ck_assert_int_eq(copy_files(size), 0);
    ck_assert_uint_eq(contents("to"), left);
    ck_assert_int_eq(memcmp(got, bytes, left), 0);
}

START_TEST(copy_goes_on_after_short_counts)
{
    make_bytes();
    fault.short_counts = true;
    is_exact(SIZE, SIZE);
}
END_TEST

/* A later block was read when FROM shrinks, an earlier one was not: what is
 * beyond the first end must go, or TO has a hole. */
START_TEST(copy_ends_where_a_shrinking_file_ends)
{
    const off_t left[] = {1, BLOCK_SIZE - 1, BLOCK_SIZE, 3 * BLOCK_SIZE + 5};
    make_bytes();
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        fault.left = left[i];
        fault.hold = (uint64_t)(left[i] / BLOCK_SIZE * BLOCK_SIZE);
        is_exact(SIZE, (size_t)left[i]);
    }
}
END_TEST

START_TEST(copy_says_which_operation_failed)
{
    const struct {
        enum io_kind kind;
        int at;
        const char *said;
    } cases[] = {{IO_READ, 1, "from: Bad"}, {IO_READ, 10, "from: Bad"},
        {IO_WRITE, 1, "to: Bad"}, {IO_WRITE, 11, "to: Bad"},
        {IO_FSYNC, 1, "to: Bad"}, {IO_CLOSE, 1, "to: Bad"},
        {IO_CLOSE, 2, "from: Bad"}};
    make_bytes();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fault.fails = cases[i].kind;
        fault.fails_at = cases[i].at;
        int code = copy_files(SIZE);
        file_says(code, cases[i].said);
    }
}
END_TEST

void
copy_tests(Suite *s)
{
    const TTest *const tests[] = {copy_is_exact_for_any_size,
        copy_keeps_the_permissions, copy_to_a_full_disk_says_so_in_one_line,
        copy_to_a_small_disk_says_that_it_is_full,
        copy_says_what_is_wrong_in_one_line,
        copy_of_a_file_that_shrinks_ends_well, copy_goes_on_after_short_counts,
        copy_ends_where_a_shrinking_file_ends,
        copy_says_which_operation_failed};
    add_tests(s, tests, sizeof tests / sizeof *tests);
}
