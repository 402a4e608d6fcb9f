/* tune.c - see tune.h. */
#include "tune.h"

#include <sys/types.h>

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

enum { UNSENT = 128 * 1024 }; /* bytes: two sends of ours */

#ifdef TCP_NOTSENT_LOWAT
enum { OPTION_LEVEL = IPPROTO_TCP, OPTION = TCP_NOTSENT_LOWAT };
#else /* FreeBSD: the whole buffer, then */
enum { OPTION_LEVEL = SOL_SOCKET, OPTION = SO_SNDBUF };
#endif

void
tune_listener(int listener)
{
    const int bytes = UNSENT;
    /* Best effort: only very slow clients notice. */
    (void)setsockopt(listener, OPTION_LEVEL, OPTION, &bytes, sizeof bytes);
}
