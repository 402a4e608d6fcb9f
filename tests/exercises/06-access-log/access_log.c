/* access_log.c - see access_log.h. Two buffers: one gathers lines while the
 * other leaves. When that one has left, they change places. */
#include "access_log.h"

#include <sys/stat.h>

#include <assert.h>
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    LINE = HTTP_TARGET_MAX + 256,
    NOTE = 64, /* bytes that stay free for "# 12 lines dropped" */
};

static int file = -1;

/* Where the file will end when all writes that are under way are done. A loop
 * takes the place for its lines before it writes them, so no other loop writes
 * there. */
static _Atomic uint64_t file_end;

void
access_log_open(const char *path)
{
    struct stat status;
    file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (file == -1 || fstat(file, &status) == -1)
        err(2, "cannot open --log '%s'", path);
    file_end = (uint64_t)status.st_size;
}

void
access_log_init(struct access_log *log, struct io_loop *loop)
{
    log->loop = loop;
}

bool
access_log_busy(const struct access_log *log)
{
    return log->leaving.len > 0;
}

/* False: there is no room, `spare` bytes kept free. */
static bool
lines_add(struct lines *l, const char *line, size_t len, size_t spare)
{
    if (len + spare > sizeof l->bytes - l->len) return false;
    memcpy(l->bytes + l->len, line, len);
    l->len += len;
    l->count++;
    return true;
}

static void
note_dropped(struct access_log *log)
{
    char note[NOTE];
    int n = snprintf(
        note, sizeof note, "# %" PRIu64 " lines dropped\n", log->dropped);
    if (log->dropped == 0) return;
    if (lines_add(&log->gathered, note, (size_t)n, 0)) log->dropped = 0;
}

static io_callback log_written;

static void
log_write(struct access_log *log)
{
    const struct lines *l = &log->leaving;
    struct io_op op = io_op_write(file, l->bytes + log->written,
        l->len - log->written, log->offset + log->written);
    log->completion = (struct io_completion){
        .op = op, .context = log, .callback = log_written};
    io_submit(log->loop, &log->completion);
}

/* What was gathered leaves, if there is anything. */
static void
log_turn(struct access_log *log)
{
    struct lines *l = &log->leaving;
    note_dropped(log);
    memcpy(l->bytes, log->gathered.bytes, log->gathered.len);
    l->len = log->gathered.len;
    l->count = log->gathered.count;
    log->gathered.len = log->gathered.count = 0;
    log->written = 0;
    if (l->len == 0) return;
    log->offset = atomic_fetch_add(&file_end, l->len);
    log_write(log);
}

/* res: bytes, perhaps not all; -errno: what is left of these lines is lost.
 * Then nothing new is tried until the next line comes: the disk stays full. */
static void
log_written(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    struct access_log *log = context;
    if (res > 0) log->written += (size_t)res;
    if (res > 0 && log->written < log->leaving.len) {
        log_write(log);
    } else if (res > 0) {
        log_turn(log);
    } else {
        log->dropped += log->leaving.count;
        log->leaving.len = 0;
    }
}

void
access_log_add(struct access_log *log, const struct access *a)
{
    char line[LINE], date[32], length[24] = "-";
    const struct http_request *r = a->request;
    time_t now = (time_t)(a->wallclock / 1000000000);
    struct tm utc;
    if (file == -1) return;
    gmtime_r(&now, &utc);
    strftime(date, sizeof date, "%d/%b/%Y:%H:%M:%S +0000", &utc);
    if (a->length > 0) snprintf(length, sizeof length, "%" PRId64, a->length);
    /* Neither part of the request can hold a quote: see http_text.h. */
    int n = snprintf(line, sizeof line,
        "%s - - [%s] \"%.*s %.*s HTTP/1.%d\" %d %s\n", a->peer, date,
        (int)r->method_name.len, r->method_name.at ? r->method_name.at : "",
        (int)r->target.len, r->target.at ? r->target.at : "", r->minor,
        a->status, length);
    assert(n > 0 && (size_t)n < sizeof line);
    if (!lines_add(&log->gathered, line, (size_t)n, NOTE)) log->dropped++;
    if (!access_log_busy(log)) log_turn(log);
}
