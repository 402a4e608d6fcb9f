/* calls.h - what the world has in place of the functions of libc: see names.h,
 * and the manual page of each without its "sim_". */
#ifndef CALLS_H
#define CALLS_H

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <stddef.h>
#include <stdio.h>
#include <time.h>

struct io_completion;
struct io_loop;

/* memory.c */
void *sim_malloc(size_t size);
void *sim_calloc(size_t count, size_t size);
void *sim_realloc(void *memory, size_t size);
void sim_free(void *memory);
void *sim_mmap(void *address, size_t size, int protection, int flags, int fd,
    off_t offset);
int sim_munmap(void *memory, size_t size);

/* invariants.c */
void sim_submit(struct io_loop *loop, struct io_completion *completion);

/* calls.c */
int sim_close(int fd);
int sim_open(const char *path, int flags, ...);
int sim_fstat(int fd, struct stat *status);
int sim_fcntl(int fd, int command, ...);
int sim_socket(int family, int type, int protocol);
int sim_bind(int fd, const struct sockaddr *address, socklen_t length);
int sim_listen(int fd, int backlog);
int sim_shutdown(int fd, int how);
int sim_setsockopt(
    int fd, int level, int option, const void *value, socklen_t length);
int sim_clock_gettime(clockid_t clock, struct timespec *time);
int sim_fprintf(FILE *file, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
_Noreturn void sim_abort(void);
_Noreturn void sim_exit(int code);
_Noreturn void sim_exit_now(int code);
_Noreturn void sim_err(int code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
_Noreturn void sim_errx(int code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
