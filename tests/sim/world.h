/* world.h - what the parts of the world ask of each other. Programs that live
 * in it need sim.h only. */
#ifndef WORLD_H
#define WORLD_H

#include "sim.h"

#include <sys/types.h>

struct io_completion;
struct io_loop;

enum { SIM_DESCRIPTORS = 64 };

/* ---- world.c ------------------------------------------------------------ */

int64_t world_wallclock(void);
void world_handle(void (*with)(int)); /* the signals */
void world_call(void); /* the program calls something: a signal may come now */
unsigned world_signals(void); /* so many came */
bool world_wait(void);        /* it waits for long: does one come? */
void world_check_time(void);  /* has the program ended in time? */

/* ---- memory.c: malloc and its like -------------------------------------- */

void memory_begin(void);
void memory_end(void); /* is any left, or was any touched after free? */

/* ---- stream.c: sockets, and the table of descriptors -------------------- */

void streams_begin(void);
void streams_end(void); /* is a descriptor left? */

/* A new descriptor, the lowest that is free; -EMFILE. */
int fd_file(struct sim_file *file);
int fd_listener(void);

/* NULL: fd is none, or not of a file. */
struct sim_file *fd_to_file(int fd);
bool fd_is_open(int fd);
int fd_close(int fd); /* 0, or -EBADF */
void fd_keep(int fd); /* it may be left at the end */

/* As the system calls of the same name: a count, a descriptor, 0 or -errno.
 * -EAGAIN: not yet. */
int socket_accept(int fd);
int socket_recv(int fd, void *buffer, size_t length);
int socket_send(int fd, const void *bytes, size_t length);
int socket_shutdown(int fd, int how);
bool socket_readable(int fd);
bool socket_writable(int fd);

/* ---- file.c ------------------------------------------------------------- */

void files_begin(void);
int file_open_top(void);
int file_open(const char *path, int flags, bool beneath);
int file_read(int fd, void *buffer, size_t length, uint64_t offset);
int file_write(int fd, const void *bytes, size_t length, uint64_t offset);

/* ---- io_sim.c: is an operation under way that needs this? --------------- */

void operations_begin(void);
bool op_uses_fd(int fd);
bool op_uses_memory(const void *start, size_t size);

/* ---- invariants.c ------------------------------------------------------- */

void invariants_begin(void);
void invariants_progress(void); /* something has got on */
void invariants_tick(const struct io_loop *loop);
bool invariants_use(const void *start, size_t size); /* as op_uses_memory */

#endif
