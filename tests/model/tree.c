/* tree.c - see tree.h. */
#include "tree.h"
#include "model.h"

#include <sys/stat.h>

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char top[512];

static void
write_content(int fd, const struct model_file *f)
{
    for (uint64_t done = 0; done < f->size;) {
        size_t n = (size_t)(f->size - done);
        const char *bytes = pattern_at(f->at + done, &n);
        ssize_t written = write(fd, bytes, n);
        if (written == -1) err(1, "%s", f->path);
        done += (uint64_t)written;
    }
}

static void
make_file(const char *path, const struct model_file *f)
{
    const struct timespec when = {(time_t)f->modified, f->nanoseconds};
    const struct timespec times[2] = {when, when};
    int fd = open(path, O_CREAT | O_WRONLY | O_EXCL, 0644);
    if (fd == -1) err(1, "%s", path);
    write_content(fd, f);
    if (futimens(fd, times) == -1 || close(fd) == -1) err(1, "%s", path);
}

/* What is refused is a pipe by that name, or a symbolic link. */
static void
make_one(const struct model_file *f)
{
    char path[1024];
    int rc = 0;
    (void)snprintf(path, sizeof path, "%s%s", top, f->path);
    if (f->kind == MODEL_FILE)
        make_file(path, f);
    else if (f->kind == MODEL_DIRECTORY)
        rc = mkdir(path, 0755);
    else if (strcmp(f->path, "/pipe") == 0)
        rc = mkfifo(path, 0644);
    else
        rc = symlink("index.html", path);
    if (rc == -1) err(1, "%s", path);
}

const char *
tree_make(void)
{
    size_t count;
    const struct model_file *files = model_files(&count);
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(top, sizeof top, "%s/model-XXXXXX", tmp ? tmp : "/tmp");
    if (mkdtemp(top) == NULL) err(1, "%s", top);
    for (size_t i = 0; i < count; i++)
        make_one(&files[i]);
    return top;
}

/* What is in a directory goes first: it was made later. */
void
tree_remove(void)
{
    size_t count;
    const struct model_file *files = model_files(&count);
    char path[1024];
    if (top[0] == '\0') return;
    while (count-- > 0) {
        (void)snprintf(path, sizeof path, "%s%s", top, files[count].path);
        if (remove(path) == -1) warn("%s", path);
    }
    if (rmdir(top) == -1) warn("%s", top);
    top[0] = '\0';
}
