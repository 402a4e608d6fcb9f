/* precondition.h - "only if it has changed": If-Match, If-None-Match,
 * If-Modified-Since and If-Unmodified-Since (RFC 9110 13). */

#ifndef PRECONDITION_H
#define PRECONDITION_H

#include "http.h"

#include <time.h>

/* A GET or HEAD names a file that is there and could be sent. Should it be?
 *   0    yes
 *   304  no: the client's copy is still good
 *   412  no: the client asked for another version than this one
 * etag is the file's entity tag with its quotes, "\"12-34\"" or
 * "W/\"12-34\""; modified is its date of change, in whole seconds as in
 * Last-Modified. What is no file has neither: NULL and -1, and only "*" is true
 * of it. now is for http_date_read. A request that is not `conditional` need
 * not be asked about.
 *
 * Ask last, when nothing but the fields could still prevent a 200 (13.2.1). */
int precondition_check(const struct http_request *request, const char *etag,
    time_t modified, time_t now);

#endif
