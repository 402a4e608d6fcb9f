/* http_target.h - the parser's other half, for http.c only. What the server
 * may call from http_target.c is in http.h. */

#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include "http.h"

/* Find out which of the four forms request->target has, and whether the method
 * may have it (RFC 9112 3.2). Every byte of it is a CHAR_TARGET. 0: path, query
 * and host are set. -400, -421: refused. */
int http_target_check(struct http_request *request);

/* Is it host [ ":" port ]? (RFC 9110 7.2, RFC 3986 3.2) The host is not empty.
 * A port is at most 65535; it may be missing, and is not 0, if required. */
bool http_authority_valid(struct http_slice authority, bool port_required);

#endif
