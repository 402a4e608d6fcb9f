/* access_log.h - one line for each answer, in the Common Log Format:
 *
 *     127.0.0.1 - - [22/Nov/2026:13:30:00 +0000] "GET /hello HTTP/1.1" 200 13
 *
 * No client waits for it. Lines are gathered in memory while the lines before
 * them are being written; when there is no room, or the disk is full, lines are
 * dropped and counted, and a line "# 12 lines dropped" tells of them when the
 * log takes lines again. */
#ifndef ACCESS_LOG_H
#define ACCESS_LOG_H

#include "http.h"
#include "io.h"

enum { ACCESS_LOG_SIZE = 64 * 1024 }; /* bytes gathered before lines drop */

/* One for each loop. */
struct access_log {
    struct io_loop *loop;
    struct io_completion completion; /* the write, one at a time */
    uint64_t offset;                 /* in the file, of what is being written */
    size_t written;                  /* of it */
    struct lines {
        size_t len;
        uint64_t count;
        char bytes[ACCESS_LOG_SIZE];
    } gathered, leaving;
    uint64_t dropped; /* lines that nobody has been told of */
};

/* What was asked, by whom, and what was answered. */
struct access {
    const char *peer; /* its address */
    const struct http_request *request;
    int status;
    int64_t length;    /* of the body; 0 and less: none, or not known */
    int64_t wallclock; /* nanoseconds since 1970 */
};

/* Open this file, to add to it, for all loops of the program. If it cannot be:
 * one line on stderr, exit(2). */
void access_log_open(const char *path);

void access_log_init(struct access_log *log, struct io_loop *loop);

/* Without effect if no file was opened. */
void access_log_add(struct access_log *log, const struct access *access);

/* Is there something that the file does not have yet? */
bool access_log_busy(const struct access_log *log);

#endif
