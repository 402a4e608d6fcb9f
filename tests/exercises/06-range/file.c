/* file.c - see file.h. */
#include "file.h"
#include "precondition.h"
#include "range.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef __APPLE__
#define st_mtim st_mtimespec
#endif

/* A named pipe would wait for its other end but for O_NONBLOCK, and a terminal
 * would become ours but for O_NOCTTY. */
struct io_op
file_op_open(int root, const char *path)
{
    path += strspn(path, "/");
    return io_op_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, true);
}

struct io_op
file_op_read(const struct file *f, void *buffer, size_t size)
{
    if ((uint64_t)(f->end - f->offset) < size)
        size = (size_t)(f->end - f->offset);
    return io_op_read(f->fd, buffer, size, (uint64_t)f->offset);
}

/* ENXIO is a socket or a device that is not there, ELOOP a symbolic link, EXDEV
 * a way out. */
static int
status_of(int error)
{
    switch (error) {
    case -ENOENT:
    case -ENOTDIR:
    case -ENAMETOOLONG: return 404;
    case -EACCES:
    case -EPERM:
    case -ELOOP:
    case -ENXIO:
    case -EXDEV:
    case -EOPNOTSUPP: return 403;
    case -EMFILE:
    case -ENFILE:
    case -ENOMEM: return 503;
    default: return 500;
    }
}

/* From size and time, as most servers do. If the file was changed just now, it
 * may be changed again without a new time: then the tag is a weak one, which
 * promises less (RFC 9110 8.8.1). */
static void
file_describe(struct file *f, const struct stat *status, int64_t wallclock)
{
    int64_t now = wallclock / 1000000000, changed = status->st_mtim.tv_sec;
    f->size = status->st_size;
    f->modified = (time_t)(changed < now ? changed : now);
    snprintf(f->etag, sizeof f->etag, "%s\"%" PRIx64 "-%" PRIx64 "-%lx\"",
        changed >= now - 1 ? "W/" : "", (uint64_t)f->size, (uint64_t)changed,
        (unsigned long)status->st_mtim.tv_nsec);
}

/* Which part of it? Result: 200, 206 or 416. */
static int
file_choose(struct file *f, const struct http_request *request)
{
    f->end = f->size;
    int status = range_check(
        request, f->etag, f->modified, f->size, &f->offset, &f->end);
    if (status == 206)
        snprintf(f->part, sizeof f->part,
            "bytes %" PRId64 "-%" PRId64 "/%" PRId64, f->offset, f->end - 1,
            f->size);
    if (status == 416)
        snprintf(f->part, sizeof f->part, "bytes */%" PRId64, f->size);
    return status;
}

int
file_look(struct file *f, int opened, const struct http_request *request,
    int64_t wallclock)
{
    struct stat status;
    if (opened < 0) return status_of(opened);
    f->fd = opened;
    if (fstat(f->fd, &status) == -1) return 500;
    if (S_ISDIR(status.st_mode)) return 301;
    if (!S_ISREG(status.st_mode)) return 403;
    /* Now it may wait for the disk, but in the loop's way. */
    if (fcntl(f->fd, F_SETFL, 0) == -1) return 500;
    file_describe(f, &status, wallclock);
    if (!request->conditional) return file_choose(f, request);
    int decided = precondition_check(
        request, f->etag, f->modified, (time_t)(wallclock / 1000000000));
    return decided != 0 ? decided : file_choose(f, request);
}

void
file_close(struct file *f)
{
    if (f->fd < 0) return;
    close(f->fd);
    *f = (struct file){.fd = -1};
}
