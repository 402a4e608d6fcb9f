/* check_io_beneath.c - an open that must stay below a directory. */
#include "check_io.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* secret is outside of root; in root: page, sub/page, and links. */
static int
make_tree(void)
{
    own_directory();
    close(own_file("secret", "secret", 6));
    ck_assert_int_eq(mkdir("root", 0700), 0);
    ck_assert_int_eq(mkdir("root/sub", 0700), 0);
    close(own_file("root/page", "page", 4));
    close(own_file("root/sub/page", "page", 4));
    close(own_file("root/sub/...", "page", 4));
    ck_assert_int_eq(symlink("../secret", "root/out"), 0);
    ck_assert_int_eq(symlink("..", "root/up"), 0);
    ck_assert_int_eq(symlink("page", "root/inside"), 0);
    ck_assert_int_eq(symlink("nowhere", "root/dangling"), 0);
    ck_assert_int_eq(symlink("sub", "root/sublink"), 0);
    int fd = open("root", O_RDONLY | O_DIRECTORY);
    ck_assert_int_ge(fd, 0);
    return fd;
}

/* The number of the next descriptor: a lower one is open. */
static int
next_descriptor(int any)
{
    int fd = dup(any);
    close(fd);
    return fd;
}

/* 0 or -errno. No directory of the way stays open. */
static int
open_in(int root, const char *path, int flags)
{
    int before = next_descriptor(root);
    int fd = result_of(io_op_open(root, path, flags, 0600, true));
    if (fd >= 0) close(fd);
    ck_assert_int_eq(next_descriptor(root), before);
    return fd >= 0 ? 0 : fd;
}

START_TEST(what_is_below_opens)
{
    int root = make_tree();
    const char *const paths[] = {"page", "./page", "sub/page", "sub//page",
        "sub/./page", "././sub/page", ".", "sub", "sub/", "sub/.", "sub/..."};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        ck_assert_msg(open_in(root, paths[i], O_RDONLY) == 0, "%s", paths[i]);
    ck_assert_int_eq(open_in(root, "sub/new", O_WRONLY | O_CREAT), 0);
    ck_assert_int_eq(access("root/sub/new", R_OK | W_OK), 0);
}
END_TEST

static void
refuses(int root, const char *path, int flags, int error)
{
    int rc = open_in(root, path, flags);
    ck_assert_msg(rc == error, "%s: %d, not %d", path, rc, error);
}

START_TEST(dots_and_absolute_paths_are_refused)
{
    int root = make_tree();
    const char *const paths[] = {"..", "../secret", "sub/../../secret",
        "sub/../page", "sub/..", "./..", "sub//..//page", "/", "/etc/passwd",
        "//etc/passwd", "up/../page", "nothing/../page"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        refuses(root, paths[i], O_RDONLY, -EXDEV);
}
END_TEST

START_TEST(symbolic_links_are_refused)
{
    int root = make_tree();
    const char *const paths[] = {"out", "up", "inside", "dangling", "sublink",
        "sublink/", "sublink/page", "up/secret", "./inside", "sub/./../out"};
    for (size_t i = 0; i + 1 < sizeof paths / sizeof *paths; i++)
        refuses(root, paths[i], O_RDONLY, -ELOOP);
    refuses(root, "dangling", O_WRONLY | O_CREAT, -ELOOP);
    ck_assert_int_eq(access("root/nowhere", F_OK), -1);
    refuses(root, "dangling", O_WRONLY | O_CREAT | O_EXCL, -EEXIST);
    refuses(root, "out", O_RDONLY | O_NOFOLLOW, -ELOOP);
}
END_TEST

START_TEST(other_errors_are_the_same_everywhere)
{
    int root = make_tree();
    char path[PATH_MAX + 10];
    refuses(root, "", O_RDONLY, -ENOENT);
    refuses(root, "nothing", O_RDONLY, -ENOENT);
    refuses(root, "nothing/page", O_RDONLY, -ENOENT);
    refuses(root, "page/", O_RDONLY, -ENOTDIR);
    refuses(root, "page/page", O_RDONLY, -ENOTDIR);
    refuses(root, "new/", O_WRONLY | O_CREAT, -EISDIR);
    refuses(root, "sub", O_WRONLY, -EISDIR);
    refuses(root, "page", O_RDONLY | O_DIRECTORY, -ENOTDIR);
    memset(path, 'a', NAME_MAX + 1);
    path[NAME_MAX + 1] = '\0';
    refuses(root, path, O_RDONLY, -ENAMETOOLONG);
    for (size_t i = 0; i < PATH_MAX; i++)
        path[i] = i % 2 ? '/' : '.';
    path[PATH_MAX] = '\0';
    refuses(root, path, O_RDONLY, -ENAMETOOLONG);
    path[PATH_MAX - 1] = '\0';
    refuses(root, path, O_RDONLY, 0);
}
END_TEST

/* A directory that can be gone through, but not listed. */
START_TEST(search_permission_is_enough)
{
    int root = make_tree();
    ck_assert_int_eq(chmod("root/sub/page", 0644), 0);
    ck_assert_int_eq(chmod("root/sub", 0711), 0);
    ck_assert_int_eq(chmod("root", 0711), 0);
    ck_assert_int_eq(chmod(".", 0711), 0);
    loop_end();
    uid_t before = geteuid();
    if (before == 0) ck_assert_int_eq(seteuid(65534), 0);
    if (before != 0) ck_assert_int_eq(chmod("root/sub", 0100), 0);
    loop_begin(0);
    refuses(root, "sub/page", O_RDONLY, 0);
    if (before == 0) refuses(root, "sub", O_RDONLY, -EACCES);
    ck_assert_int_eq(seteuid(before), 0); /* who can remove the tree */
}
END_TEST

static atomic_bool over;

/* Change root/here between a directory and a link that leads out. */
static void *
swap_for_ever(void *context)
{
    while (!over) {
        (void)rename("root/here", "root/dir");
        (void)rename("root/link", "root/here");
        (void)rename("root/here", "root/link");
        (void)rename("root/dir", "root/here");
    }
    return NULL;
}

START_TEST(a_change_meanwhile_leads_nowhere_else)
{
    int root = make_tree(), opened = 0, refused = 0;
    pthread_t thread;
    int before = next_descriptor(root);
    ck_assert_int_eq(mkdir("root/here", 0700), 0);
    close(own_file("root/here/secret", "page", 4));
    ck_assert_int_eq(symlink("..", "root/link"), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, swap_for_ever, NULL), 0);
    for (int i = 0; i < 3000; i++) {
        char text[6] = "";
        int fd = result_of(io_op_open(root, "here/secret", O_RDONLY, 0, true));
        ck_assert(fd >= 0 || fd == -ELOOP || fd == -ENOENT || fd == -ENOTDIR);
        if (fd < 0) refused++;
        if (fd < 0) continue;
        ck_assert_int_eq(read(fd, text, sizeof text), 4);
        ck_assert_mem_eq(text, "page", 4);
        close(fd);
        opened++;
    }
    over = true;
    pthread_join(thread, NULL);
    ck_assert_int_eq(next_descriptor(root), before);
    ck_assert_int_gt(opened, 0);
    ck_assert_int_gt(refused, 0);
}
END_TEST

void
beneath_tests(Suite *s)
{
    const TTest *const tests[] = {what_is_below_opens,
        dots_and_absolute_paths_are_refused, symbolic_links_are_refused,
        other_errors_are_the_same_everywhere, search_permission_is_enough,
        a_change_meanwhile_leads_nowhere_else};
    add_tests(s, tests, sizeof tests / sizeof *tests);
}
