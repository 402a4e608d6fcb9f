/* doctor_probe.c - for tests/tools/doctor, on Linux: makes a ring as chapter 04
 * does, by the plain system call, so that liburing need not be there. Prints
 * "ok", or the name of what is wrong: an errno, or "old". */
#include <errno.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What 04-io_uring/ring.c asks for: NODROP, EXT_ARG. */
enum { NEEDED = 1 << 1 | 1 << 8 };

int
main(void)
{
    struct io_uring_params params;
    memset(&params, 0, sizeof params);
    long fd = syscall(__NR_io_uring_setup, 256, &params);
    if (fd >= 0)
        puts((params.features & NEEDED) == NEEDED ? "ok" : "old");
    else if (errno == EPERM || errno == EACCES)
        puts("EPERM");
    else if (errno == ENOSYS)
        puts("ENOSYS");
    else if (errno == ENOMEM)
        puts("ENOMEM");
    else
        puts(strerror(errno));
    return 0;
}
