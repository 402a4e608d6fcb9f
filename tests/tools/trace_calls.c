/* trace_calls.c - for chapters 01 to 03: logs accept, recv and send. */
#include "trace.h"

#include <sys/types.h>

#include <sys/socket.h>

#include <errno.h>

enum { SHOWN = 4 /* calls in a row that say EAGAIN; the others are counted */ };

static int in_vain; /* calls in a row that said EAGAIN */

/* What was not shown. */
static void
tell_in_vain(void)
{
    if (in_vain > SHOWN) {
        trace_put("~ %d", in_vain - SHOWN);
        trace_end();
    }
    in_vain = 0;
}

static void
tell(const void *from, const char *name, int fd, long rc)
{
    int error = errno;
    if (rc == -1 && error == EAGAIN && ++in_vain > SHOWN) return;
    if (rc >= 0 || error != EAGAIN) {
        tell_in_vain();
        trace_news();
    }
    trace_put("%p %s(%d)", from, name, fd);
    trace_result(rc, error);
    trace_end();
    errno = error;
}

__attribute__((destructor)) static void
tell_rest(void)
{
    tell_in_vain();
}

/* Only a macro can define a function by name. */
#define TRACE(type, name, parameters, arguments)        \
    type __real_##name parameters;                      \
    type __wrap_##name parameters;                      \
    type __wrap_##name parameters                       \
    {                                                   \
        type rc = __real_##name arguments;              \
        const void *from = __builtin_return_address(0); \
        tell(from, #name, fd, (long)rc);                \
        return rc;                                      \
    }

TRACE(int, accept, (int fd, struct sockaddr *a, socklen_t *size), (fd, a, size))
TRACE(ssize_t, recv, (int fd, void *b, size_t n, int flags), (fd, b, n, flags))
TRACE(ssize_t, send, (int fd, const void *b, size_t n, int flags),
    (fd, b, n, flags))
