/* names.h - read before each file of the simulated program (-include): from
 * here on the names of these functions mean those of calls.h. The files stay
 * as they are; the prototypes come from the system's own headers, which are
 * read with the new names, too. */
#define malloc sim_malloc
#define calloc sim_calloc
#define realloc sim_realloc
#define free sim_free
#define mmap sim_mmap
#define munmap sim_munmap

#define close sim_close
#define open sim_open
#define fstat sim_fstat
#define fcntl sim_fcntl
#define socket sim_socket
#define bind sim_bind
#define listen sim_listen
#define shutdown sim_shutdown
#define setsockopt sim_setsockopt
#define clock_gettime sim_clock_gettime

#define fprintf sim_fprintf
#define abort sim_abort
#define exit sim_exit
#define _exit sim_exit_now
#define err sim_err
#define errx sim_errx

/* In io.c this is the name of the function itself. */
#ifndef SIM_IO
#define io_submit sim_submit
#endif
