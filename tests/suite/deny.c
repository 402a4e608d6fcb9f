/* deny.c - runs a program for which io_uring is denied, as in a container
 * (EPERM), on an old kernel (ENOSYS), or with a low limit of locked memory
 * before Linux 5.12 (ENOMEM).
 *
 *     deny EPERM build/04-io_uring/server 8080 */
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A filter is a small program that the kernel runs before each system call:
 * load the call's number; if it is one of io_uring's three, answer `error`. */
static void
deny_io_uring(unsigned error)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, __NR_io_uring_setup, 0, 2),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, __NR_io_uring_register, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {
        .len = sizeof program / sizeof *program, .filter = program};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
        err(126, "deny: PR_SET_NO_NEW_PRIVS");
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == -1)
        err(126, "deny: no seccomp filter here");
}

/* The number of an error's name. */
static unsigned
error_named(const char *name)
{
    if (strcmp(name, "EPERM") == 0) return EPERM;
    if (strcmp(name, "ENOSYS") == 0) return ENOSYS;
    if (strcmp(name, "ENOMEM") == 0) return ENOMEM;
    errx(126, "deny: %s is not EPERM, ENOSYS or ENOMEM", name);
}

int
main(int argc, char **argv)
{
    if (argc < 3) errx(126, "usage: deny ERROR PROGRAM [ARGUMENT...]");
    deny_io_uring(error_named(argv[1]));
    execv(argv[2], argv + 2);
    err(126, "deny: %s", argv[2]);
}
