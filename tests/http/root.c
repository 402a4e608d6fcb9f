/* root.c - the directory that the server with --root serves: one of each kind
 * of thing that may lie in a directory, and one file outside of it. */
#include "table.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BIG = 1 << 20 };

static char top[512], root[600];

/* Made in this order, removed in the other one. A name that ends in "/" is a
 * directory; one with a target is a symlink. */
static const struct {
    const char *name, *text, *target;
} things[] = {
    {"outside.txt", "outside\n", NULL},
    {"root/", NULL, NULL},
    {"root/hello", "Hello, world\n", NULL},
    {"root/index.html", "<!doctype html><title>top</title>\n", NULL},
    {"root/a.txt", "a text\n", NULL},
    {"root/empty.txt", "", NULL},
    {"root/A.TXT.png", "not a picture\n", NULL},
    {"root/with space.txt", "space\n", NULL},
    {"root/100%.txt", "percent\n", NULL},
    {"root/a+b;c.css", "plus\n", NULL},
    {"root/a?b.txt", "question\n", NULL},
    {"root/\xc3\xa9t\xc3\xa9.txt", "unicode\n", NULL},
    {"root/.hidden", "hidden\n", NULL},
    {"root/...", "three dots\n", NULL},
    {"root/locked.txt", "locked\n", NULL},
    {"root/sub/", NULL, NULL},
    {"root/sub/index.html", "<!doctype html><title>sub</title>\n", NULL},
    {"root/sub/page.html", "<!doctype html><title>page</title>\n", NULL},
    {"root/sub/deep/", NULL, NULL},
    {"root/sub/deep/x.js", "x\n", NULL},
    {"root/with space/", NULL, NULL},
    {"root/with space/index.html", "<!doctype html>\n", NULL},
    {"root/bare/", NULL, NULL},
    {"root/odd/", NULL, NULL},
    {"root/odd/index.html/", NULL, NULL},
    {"root/linked/", NULL, NULL},
    {"root/linked/index.html", NULL, "../a.txt"},
    {"root/in.txt", NULL, "a.txt"},
    {"root/out.txt", NULL, "../outside.txt"},
    {"root/up", NULL, ".."},
    {"root/way", NULL, "sub"},
    {"root/loop", NULL, "loop"},
    {"root/dangling", NULL, "nowhere else"},
};

static const char *
path_of(const char *name)
{
    static char path[1024];

    snprintf(path, sizeof path, "%s/%s", top, name);
    return path;
}

/* All have the same age, so that the table can tell it: 1 January 2020. */
static void
set_age(const char *path)
{
    const struct timespec times[2] = {
        {.tv_sec = 1577836800}, {.tv_sec = 1577836800}};

    if (utimensat(AT_FDCWD, path, times, 0) == -1) err(2, "%s", path);
}

static void
file_make(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "w");

    if (f == NULL || fwrite(text, 1, len, f) != len || fclose(f) != 0)
        err(2, "%s", path);
    set_age(path);
}

/* Longer than any buffer of the server; no line is like another. */
static void
big_make(const char *path)
{
    static char big[BIG + 16];

    for (int i = 0; i < BIG; i += 16)
        snprintf(big + i, 17, "%15d\n", i);
    file_make(path, big, BIG);
}

static void
thing_make(size_t i)
{
    const char *path = path_of(things[i].name);
    int rc = 0;

    if (things[i].target != NULL)
        rc = symlink(things[i].target, path);
    else if (things[i].text == NULL)
        rc = mkdir(path, 0755);
    else
        file_make(path, things[i].text, strlen(things[i].text));
    if (rc == -1) err(2, "%s", path);
}

const char *
root_make(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(top, sizeof top, "%s/http-table-XXXXXX", tmp ? tmp : "/tmp");
    if (mkdtemp(top) == NULL) err(2, "%s", top);
    for (size_t i = 0; i < sizeof things / sizeof *things; i++)
        thing_make(i);
    big_make(path_of("root/big.txt"));
    if (mkfifo(path_of("root/pipe"), 0644) == -1) err(2, "mkfifo");
    if (chmod(path_of("root/locked.txt"), 0) == -1) err(2, "chmod");
    snprintf(root, sizeof root, "%s/root", top);
    return root;
}

void
root_remove(void)
{
    if (top[0] == '\0') return;
    (void)unlink(path_of("root/big.txt")); /* at the end, rmdir tells */
    (void)unlink(path_of("root/pipe"));
    for (size_t i = sizeof things / sizeof *things; i-- > 0;)
        (void)remove(path_of(things[i].name));
    if (rmdir(top) == -1) warn("%s", top);
    top[0] = '\0';
}
