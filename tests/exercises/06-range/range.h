/* range.h - "only bytes 100 to 199, please": Range and If-Range (RFC 9110 14.2
 * and 13.1.5). */
#ifndef RANGE_H
#define RANGE_H

#include "http.h"

#include <time.h>

/* A GET or HEAD would be answered with 200 and a file of so many bytes.
 *   200  send all of it
 *   206  send the bytes from *first on, up to and without *end
 *   416  it has no such bytes
 * etag and modified are the file's, as in precondition_check. A request for
 * several ranges gets all, which is always allowed (14.2). */
int range_check(const struct http_request *request, const char *etag,
    time_t modified, int64_t size, int64_t *first, int64_t *end);

#endif
