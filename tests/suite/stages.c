/* stages.c - the columns of the matrix: the servers of the course. */
#include "suite.h"

#include <string.h>
#include <sys/utsname.h>

/* `column` is the place of the stage's letter in a promise's `stages`. */
static const struct stage on_linux[] = {
    {"01", "", "01-blocking/server", "01-blocking/server", SPEAKS_ECHO,
        ON_BLOCKING, 0, false},
    {"01-pool", "pool", "01-blocking/pool_server", "01-blocking/pool_server",
        SPEAKS_ECHO, ON_BLOCKING, 1, false},
    {"02", "", "02-nonblocking/server", "02-nonblocking/server", SPEAKS_ECHO,
        ON_BLOCKING, 2, false},
    {"03", "kq(e)", "03-kqueue/server, kqueue (emulated)", "03-kqueue/server",
        SPEAKS_ECHO, ON_KQUEUE, 3, false},
    {"04", "", "04-io_uring/server", "04-io_uring/server", SPEAKS_ECHO,
        ON_IO_URING, 4, false},
    {"04-callback", "call", "04-io_uring/callback_server",
        "04-io_uring/callback_server", SPEAKS_ECHO, ON_IO_URING, 5, false},
    {"05", "", "05-unified/server, io_uring", "05-unified/server", SPEAKS_ECHO,
        ON_IO_URING, 6, false},
    {"05-kqueue", "kq(e)", "05-unified/server, kqueue (emulated)",
        "05-unified-kqueue/server", SPEAKS_ECHO, ON_KQUEUE, 7, false},
    {"06-hello", "hello", "06-http-server/hello_server, io_uring",
        "06-http-server/hello_server", SPEAKS_HTTP, ON_IO_URING, 8, false},
    {"06", "", "06-http-server/server, io_uring", "06-http-server/server",
        SPEAKS_HTTP, ON_IO_URING, 9, true},
    {"06-kqueue", "kq(e)", "06-http-server/server, kqueue (emulated)",
        "06-http-server-kqueue/server", SPEAKS_HTTP, ON_KQUEUE, 10, true},
};

/* There is no io_uring here, and the kqueue is the kernel's own. */
static const struct stage elsewhere[] = {
    {"01", "", "01-blocking/server", "01-blocking/server", SPEAKS_ECHO,
        ON_BLOCKING, 0, false},
    {"01-pool", "pool", "01-blocking/pool_server", "01-blocking/pool_server",
        SPEAKS_ECHO, ON_BLOCKING, 1, false},
    {"02", "", "02-nonblocking/server", "02-nonblocking/server", SPEAKS_ECHO,
        ON_BLOCKING, 2, false},
    {"03", "kqueue", "03-kqueue/server, kqueue", "03-kqueue/server",
        SPEAKS_ECHO, ON_KQUEUE, 3, false},
    {"05", "kqueue", "05-unified/server, kqueue", "05-unified/server",
        SPEAKS_ECHO, ON_KQUEUE, 7, false},
    {"06-hello", "hello", "06-http-server/hello_server, kqueue",
        "06-http-server/hello_server", SPEAKS_HTTP, ON_KQUEUE, 8, false},
    {"06", "kqueue", "06-http-server/server, kqueue", "06-http-server/server",
        SPEAKS_HTTP, ON_KQUEUE, 10, true},
};

/* The stages of this platform. */
const struct stage *
stages(size_t *count)
{
    struct utsname system;

    if (uname(&system) != -1 && strcmp(system.sysname, "Linux") == 0) {
        *count = sizeof on_linux / sizeof *on_linux;
        return on_linux;
    }
    *count = sizeof elsewhere / sizeof *elsewhere;
    return elsewhere;
}

/* NULL: there is no such stage here. */
const struct stage *
stage_named(const char *name)
{
    size_t count;
    const struct stage *s = stages(&count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(s[i].name, name) == 0) return &s[i];
    return NULL;
}
