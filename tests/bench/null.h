/* null.h - what the servers share that read nothing of a request but its end,
 * and always send the same answer. They show what the kernel and a loop cost
 * before anything is done for it, and are no HTTP servers: no method, no path,
 * no limits, no deadlines. A request that comes in two pieces, and an answer
 * that does not fit into the socket, end the connection. */
#ifndef NULL_H
#define NULL_H

#include <stddef.h>

/* A socket that listens at 127.0.0.1, on a port that "listening on" tells.
 * What it accepts has TCP_NODELAY, as on Linux that is inherited. An error ends
 * the program. */
int null_listen(void);

/* Prepare the answers. Once, before null_answer. */
void null_begin(void);

/* What to send for the bytes in[length]: an answer for each request, *size
 * bytes in all, ours. NULL: they do not end where a request ends, or there are
 * more than 64. */
const char *null_answer(const char *in, size_t length, size_t *size);

#endif
