/* coverage_end.c - linked to the programs that tests/tools/coverage builds, with
 * -Wl,--wrap=abort and -Wl,--wrap=_exit: what has run is written down when a
 * process exits, and these two leave it without that. */
#include <sys/resource.h>
#include <sys/syscall.h>

#include <stdlib.h>
#include <unistd.h>

void __gcov_dump(void); /* gcc's own */

_Noreturn void __real_abort(void);
_Noreturn void __wrap_abort(void);
_Noreturn void __real__exit(int code);
_Noreturn void __wrap__exit(int code);

_Noreturn void
__wrap_abort(void)
{
    __gcov_dump();
    __real_abort();
}

_Noreturn void
__wrap__exit(int code)
{
    __gcov_dump();
    __real__exit(code);
}

/* One descriptor is needed to write. Where hardly any are allowed, give back
 * what the process will not use any more; not by close(2), which is wrapped. */
static void
make_room(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == -1 || files.rlim_cur > 64) return;
    for (long fd = 3; fd < (long)files.rlim_cur; fd++)
        (void)syscall(SYS_close, fd);
}

__attribute__((constructor)) static void
begin(void)
{
    (void)atexit(make_room); /* it fails: a few lines are not counted */
}
