/* calls.c - see calls.h. What a mistake of the program would make of a call
 * (an unknown descriptor, for one) is no result, but the end of the world. */
#include "calls.h"
#include "../../06-http-server/net.h"
#include "world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void
check_fd(int fd, const char *call)
{
    if (!fd_is_open(fd)) sim_fail("%s of %d, which is not open", call, fd);
}

/* As system calls answer. */
static int
answer(int rc)
{
    if (rc >= 0) return rc;
    errno = -rc;
    return -1;
}

/* ---- Descriptors -------------------------------------------------------- */

int
sim_close(int fd)
{
    sim_log("program", "close(%d), at once", fd);
    world_call();
    return answer(fd_close(fd));
}

/* For --root: the top of the world's tree, open until the program ends. */
int
sim_open(const char *path, int flags, ...)
{
    int fd = file_open_top();
    (void)flags;
    sim_log("program", "open(%s) = %d", path, fd);
    if (fd >= 0) fd_keep(fd);
    return answer(fd);
}

int
sim_fstat(int fd, struct stat *status)
{
    static const mode_t modes[] = {[SIM_FILE] = S_IFREG,
        [SIM_DIRECTORY] = S_IFDIR,
        [SIM_LINK] = S_IFLNK,
        [SIM_PIPE] = S_IFIFO};
    const struct sim_file *f = fd_to_file(fd);
    if (f == NULL) sim_fail("fstat of %d, which is no file", fd);
    memset(status, 0, sizeof *status);
    status->st_mode = modes[f->kind] | 0644;
    status->st_size = (off_t)f->size;
    status->st_mtim.tv_sec = (time_t)f->modified;
    status->st_mtim.tv_nsec = f->nanoseconds;
    return 0;
}

int
sim_fcntl(int fd, int command, ...)
{
    (void)command;
    check_fd(fd, "fcntl");
    return 0;
}

int
sim_socket(int family, int type, int protocol)
{
    (void)family, (void)type, (void)protocol;
    return answer(fd_listener());
}

int
sim_bind(int fd, const struct sockaddr *address, socklen_t length)
{
    (void)address, (void)length;
    check_fd(fd, "bind");
    return 0;
}

int
sim_listen(int fd, int backlog)
{
    (void)backlog;
    check_fd(fd, "listen");
    return 0;
}

int
sim_shutdown(int fd, int how)
{
    sim_log("program", "shutdown(%d)", fd);
    return answer(socket_shutdown(fd, how));
}

int
sim_setsockopt(
    int fd, int level, int option, const void *value, socklen_t length)
{
    (void)level, (void)option, (void)value, (void)length;
    check_fd(fd, "setsockopt");
    return 0;
}

/* ---- Time --------------------------------------------------------------- */

int
sim_clock_gettime(clockid_t clock, struct timespec *time)
{
    world_call();
    uint64_t now = sim_now;
    if (clock == CLOCK_REALTIME) now = (uint64_t)world_wallclock();
    time->tv_sec = (time_t)(now / SIM_SECOND);
    time->tv_nsec = (long)(now % SIM_SECOND);
    return 0;
}

/* ---- The end ------------------------------------------------------------ */

/* What a program says before abort(). */
int
sim_fprintf(FILE *file, const char *format, ...)
{
    char text[200];
    va_list arguments;
    (void)file;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    text[strcspn(text, "\n")] = '\0';
    sim_fail("%s", text);
}

void
sim_abort(void)
{
    sim_fail("abort()");
}

void
sim_exit(int code)
{
    sim_fail("exit(%d)", code);
}

void
sim_exit_now(int code)
{
    sim_log("program", "_exit(%d)", code);
    if (world_signals() > 1) sim_leave(); /* it need not wait for anybody */
    sim_fail("_exit(%d)", code);
}

/* Without memory for the first things a program may refuse to start. */
static _Noreturn void
give_up(const char *format, va_list arguments)
{
    char text[200];
    vsnprintf(text, sizeof text, format, arguments);
    if (sim_damage.memory == 0 && sim_damage.descriptors == 0)
        sim_fail("it ends itself: %s", text);
    sim_log("program", "ends itself: %s", text);
    sim_leave();
}

void
sim_err(int code, const char *format, ...)
{
    va_list arguments;
    (void)code;
    va_start(arguments, format);
    give_up(format, arguments);
}

void
sim_errx(int code, const char *format, ...)
{
    va_list arguments;
    (void)code;
    va_start(arguments, format);
    give_up(format, arguments);
}

/* ---- In place of net.c -------------------------------------------------- */

int
net_listen_on(const char *port, const char *host)
{
    (void)port, (void)host;
    return fd_listener();
}

int
net_listen(int argc, char **argv, int most)
{
    (void)argc, (void)argv, (void)most;
    return fd_listener();
}

void
net_announce(int listener)
{
    sim_log("program", "listens on %d", listener);
}

void
net_signals(void (*handle)(int))
{
    world_handle(handle);
}
