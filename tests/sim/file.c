/* file.c - the files of a world: a list of names, each with its content. */
#include "calls.h"
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static struct sim_file top = {.path = "", .kind = SIM_DIRECTORY};
static struct sim_file *files;
static size_t count;

void
files_begin(void)
{
    files = NULL;
    count = 0;
}

void
sim_files(struct sim_file *tree, size_t number)
{
    files = tree;
    count = number;
}

/* A slash at the end asks for a directory. */
static bool
is_named(const struct sim_file *f, const char *path, size_t length)
{
    return strlen(f->path) == length && memcmp(f->path, path, length) == 0;
}

static struct sim_file *
find(const char *path, size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (is_named(&files[i], path, length)) return &files[i];
    return NULL;
}

/* 0, or why there is no way through what stands before the last slash. */
static int
way(const char *path, bool beneath)
{
    for (const char *at = path; (at = strchr(at, '/')) != NULL; at++) {
        const struct sim_file *f = find(path, (size_t)(at - path));
        if (f == NULL) return -ENOENT;
        if (f->kind == SIM_LINK && beneath) return -ELOOP;
        if (f->kind == SIM_FILE) return -ENOTDIR;
    }
    return 0;
}

int
file_open_top(void)
{
    return fd_file(&top);
}

int
file_open(const char *path, int flags, bool beneath)
{
    static const int errors[] = {EIO, ENFILE, ENOMEM};
    size_t length = strlen(path);
    int rc = way(path, beneath);
    if (rc < 0) return rc;
    if (sim_one_in(sim_faults.file)) {
        sim_damage.file++;
        return -errors[sim_choose(3)];
    }
    while (length > 0 && path[length - 1] == '/')
        length--;
    struct sim_file *f = length > 0 ? find(path, length) : &top;
    if (f == NULL) return -ENOENT;
    if (f->kind == SIM_LINK && beneath) return -ELOOP;
    if (f->kind == SIM_DIRECTORY && (flags & O_ACCMODE) != O_RDONLY)
        return -EISDIR;
    rc = fd_file(f);
    if (rc < 0) sim_damage.descriptors++;
    return rc;
}

static int
file_error(const struct sim_file *f, int error)
{
    if (f == NULL) sim_fail("a file that is not open is used");
    if (f->kind == SIM_DIRECTORY) return -EISDIR;
    if (!sim_one_in(sim_faults.file)) return 0;
    sim_damage.file++;
    return -error;
}

/* Now and then it ends too early: somebody has made it shorter meanwhile. */
int
file_read(int fd, void *buffer, size_t length, uint64_t offset)
{
    const struct sim_file *f = fd_to_file(fd);
    int rc = file_error(f, EIO);
    if (rc < 0) return sim_choose(2) == 0 ? 0 : rc;
    if (offset >= f->size || length == 0) return 0;
    if (length > f->size - offset) length = (size_t)(f->size - offset);
    length = sim_piece(length);
    memcpy(buffer, f->bytes + offset, length);
    invariants_progress();
    return (int)length;
}

int
file_write(int fd, const void *bytes, size_t length, uint64_t offset)
{
    struct sim_file *f = fd_to_file(fd);
    int rc = file_error(f, sim_choose(2) == 0 ? ENOSPC : EIO);
    if (rc < 0) return rc;
    if (length == 0) return 0;
    if (offset >= f->room) return -ENOSPC;
    if (length > f->room - offset) length = (size_t)(f->room - offset);
    length = sim_piece(length);
    if (offset > f->size) memset(f->bytes + f->size, 0, offset - f->size);
    memcpy(f->bytes + offset, bytes, length);
    if (f->size < offset + length) f->size = offset + length;
    invariants_progress();
    return (int)length;
}
