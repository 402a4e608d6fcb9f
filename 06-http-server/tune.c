/* tune.c - see tune.h. */
#include "tune.h"

#include <sys/types.h>

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

enum { UNSENT = 128 * 1024 }; /* bytes: two sends of ours */

/* On macOS it limits only when a socket becomes writable, not what send takes:
 * once the buffer is full, nearly all of it would have to leave first. */
#if defined TCP_NOTSENT_LOWAT && !defined __APPLE__
enum { OPTION_LEVEL = IPPROTO_TCP, OPTION = TCP_NOTSENT_LOWAT };
#else /* macOS, FreeBSD: the whole buffer, then */
enum { OPTION_LEVEL = SOL_SOCKET, OPTION = SO_SNDBUF };
#endif

void
tune_listener(int listener)
{
    const int bytes = UNSENT;
    /* Best effort: only very slow clients notice. */
    (void)setsockopt(listener, OPTION_LEVEL, OPTION, &bytes, sizeof bytes);
}
