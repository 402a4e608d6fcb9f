/* file.h - a file that is being answered with. The waiting (open, read) is the
 * server's; here is what to make of it. */
#ifndef FILE_H
#define FILE_H

#include "http.h"
#include "io.h"

/* Zero it but for fd. */
struct file {
    int fd; /* -1: none */
    int64_t size;
    int64_t offset;  /* of the next byte to be read */
    int64_t end;     /* offset where the part that was asked for ends */
    time_t modified; /* never later than now: RFC 9110 8.8.2.1 */
    char etag[64];   /* RFC 9110 8.8.3, with quotes */
    char part[80];   /* RFC 9110 14.4: which bytes; empty: all */
};

/* Ask for the file at this path below root, which may begin with slashes. The
 * path is kept until the callback. Result of the operation: for file_look. */
struct io_op file_op_open(int root, const char *path);

/* Ask for what comes next, size bytes at most. */
struct io_op file_op_read(const struct file *file, void *buffer, size_t size);

/* opened: the result of file_op_open; a descriptor is the file's from here on.
 * wallclock: now. Result: the status to answer with: 200, 206, 301 (a
 * directory), 304, 403, 404, 412, 416, 500, 503. */
int file_look(struct file *file, int opened, const struct http_request *request,
    int64_t wallclock);

/* Close it, if it is open. It is as new then. */
void file_close(struct file *file);

#endif
