/* copy.c - cp FROM TO on io.h. Eight blocks are under way at once, each on its
 * own way from read to write, in no order. A server could go on beside them.
 * Not here: directories, links, dates (cp(1) has them). */
#include "io.h"

#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { BLOCKS = 8, BLOCK_SIZE = 256 * 1024 };

/* One piece of the file: first it is read, then written. */
struct block {
    struct io_completion completion; /* one at a time: read or write */
    bool filling;                    /* it is being read */
    uint64_t offset;                 /* in both files */
    size_t length;                   /* bytes that were read */
    size_t written;                  /* of which TO has this many */
    char bytes[BLOCK_SIZE];
};

/* One of the two files. */
struct file {
    struct io_completion completion; /* one at a time: open, fsync, close */
    const char *path;
    int fd;
};

static struct {
    struct io_loop loop;
    struct file from, to;
    uint64_t next; /* offset that no block has yet */
    uint64_t size; /* where a read met the end; UINT64_MAX: nowhere yet */
    int at_work;   /* blocks that are not done */
    bool failed;
    struct block blocks[BLOCKS];
} copy = {.size = UINT64_MAX, .at_work = BLOCKS};

static io_callback block_filled, block_written;

static void
ask(struct io_completion *completion, void *context, struct io_op op,
    io_callback *callback)
{
    *completion = (struct io_completion){
        .op = op, .context = context, .callback = callback};
    io_submit(&copy.loop, completion);
}

/* Say what went wrong; once, as the rest follows from it. */
static void
fail(const struct file *f, const char *why)
{
    if (!copy.failed) warnx("%s: %s", f->path, why);
    copy.failed = true;
}

static void
file_closed(void *context, struct io_loop *l, struct io_completion *c, int res)
{
    if (res < 0) fail(context, strerror(-res));
}

/* NULL, or why the one cannot be copied to the other. Only regular files have
 * offsets to read and write at. */
static const char *
obstacle(void)
{
    struct stat from, to;
    if (fstat(copy.from.fd, &from) == -1 || fstat(copy.to.fd, &to) == -1)
        return strerror(errno);
    if (!S_ISREG(from.st_mode) || !S_ISREG(to.st_mode))
        return "both must be regular files";
    if (from.st_dev == to.st_dev && from.st_ino == to.st_ino)
        return "both are the same file";
    return ftruncate(copy.to.fd, 0) == 0 ? NULL : strerror(errno);
}

/* What was written is safe only now. After this nothing is under way any more,
 * and io_run returns. */
static void
to_synced(void *context, struct io_loop *l, struct io_completion *c, int res)
{
    struct file *from = &copy.from, *to = &copy.to;
    if (res < 0) fail(to, strerror(-res));
    ask(&to->completion, to, io_op_close(to->fd), file_closed);
    ask(&from->completion, from, io_op_close(from->fd), file_closed);
}

/* All blocks are done. If FROM became shorter meanwhile, one block met the end
 * before another that was read earlier: the copy ends at the first end. */
static void
blocks_done(void)
{
    if (!copy.failed && ftruncate(copy.to.fd, (off_t)copy.size) == -1)
        fail(&copy.to, strerror(errno));
    ask(&copy.to.completion, NULL, io_op_fsync(copy.to.fd), to_synced);
}

/* Ask to read what b still lacks or, when it is whole, to write it. */
static void
block_ask(struct block *b)
{
    size_t have = b->filling ? b->length : b->written;
    size_t lacks = (b->filling ? BLOCK_SIZE : b->length) - have;
    uint64_t at = b->offset + have;
    struct io_op op = b->filling
                          ? io_op_read(copy.from.fd, b->bytes + have, lacks, at)
                          : io_op_write(copy.to.fd, b->bytes + have, lacks, at);
    ask(&b->completion, b, op, b->filling ? block_filled : block_written);
}

/* What b is to do now; when it is written, it takes the next piece. */
static void
block_next(struct block *b)
{
    bool written = !b->filling && b->written == b->length;
    if (copy.failed || (written && copy.next >= copy.size)) {
        if (--copy.at_work == 0) blocks_done();
        return;
    }
    if (written) {
        b->offset = copy.next;
        b->length = b->written = 0;
        b->filling = true;
        copy.next += BLOCK_SIZE;
    }
    block_ask(b);
}

/* A count may be short in the middle of a file, too: only 0 is the end. */
static void
block_filled(void *context, struct io_loop *l, struct io_completion *c, int res)
{
    struct block *b = context;
    if (res < 0) fail(&copy.from, strerror(-res));
    if (res > 0) b->length += (size_t)res;
    uint64_t end = b->offset + b->length;
    if (res == 0 && end < copy.size) copy.size = end;
    b->filling = res > 0 && b->length < BLOCK_SIZE;
    block_next(b);
}

static void
block_written(
    void *context, struct io_loop *l, struct io_completion *c, int res)
{
    struct block *b = context;
    if (res <= 0) fail(&copy.to, strerror(res < 0 ? -res : EIO));
    if (res > 0) b->written += (size_t)res;
    block_next(b);
}

/* After an error the blocks have nothing to do, and the end is as always. */
static void
to_opened(void *context, struct io_loop *l, struct io_completion *c, int res)
{
    copy.to.fd = res;
    const char *why = res < 0 ? strerror(-res) : obstacle();
    if (why != NULL) fail(&copy.to, why);
    for (int i = 0; i < BLOCKS; i++)
        block_next(&copy.blocks[i]);
}

/* TO is not emptied by open: it might be the same file. O_NONBLOCK: should it
 * be a named pipe, do not wait for its other end. */
static void
from_opened(void *context, struct io_loop *l, struct io_completion *c, int res)
{
    struct stat status;
    copy.from.fd = res;
    mode_t mode = fstat(res, &status) == 0 ? status.st_mode & 0777 : 0600;
    struct io_op op = io_op_open(
        AT_FDCWD, copy.to.path, O_WRONLY | O_CREAT | O_NONBLOCK, mode, false);
    if (res < 0) fail(&copy.from, strerror(-res));
    if (res >= 0) ask(&copy.to.completion, NULL, op, to_opened);
}

int
main(int argc, char **argv)
{
    if (argc != 3) errx(2, "usage: copy FROM TO");
    copy.from.path = argv[1];
    copy.to.path = argv[2];
    int rc = io_init(&copy.loop, 0);
    if (rc < 0) errx(1, "no event loop: %s; %s", strerror(-rc), io_hint(rc));
    signal(SIGXFSZ, SIG_IGN); /* a file too large is an error of write */
    ask(&copy.from.completion, NULL,
        io_op_open(AT_FDCWD, copy.from.path, O_RDONLY | O_NONBLOCK, 0, false),
        from_opened);
    io_run(&copy.loop);
    io_deinit(&copy.loop);
    return copy.failed;
}
