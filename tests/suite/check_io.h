/* check_io.h - what the tests of io.h share: a loop, and completions that
 * remember how they ended. The same tests are linked with each backend. */
#ifndef CHECK_IO_H
#define CHECK_IO_H

#include "io.h"

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LIMIT = 20, /* seconds for a test */
    MS = 1000 * 1000,
    BIG = 8 * 1024 * 1024,
};

/* One operation of a test. The test owns it until its callback. */
struct probe {
    struct io_completion c;
    int calls;  /* of its callback */
    int result; /* of the last */
    int place;  /* of the last among all callbacks of all probes; from 1 */
};

extern struct io_loop loop; /* open from the test's start to its end */
extern const char *const backend_name;   /* these three: check_io_uring.c, */
extern const char *const copy_directory; /* or check_io_kqueue.c */
extern char copy_program[];              /* the file */
extern unsigned long calls_seen; /* system calls, by the wrappers there */
extern unsigned long long seed;

/* The next number of a sequence that SEED decides, below `below`. */
unsigned rnd(unsigned below);

uint64_t clock_now(void); /* nanoseconds */
uint64_t cpu_now(void);   /* nanoseconds that this process has worked */

/* A probe's callback; its context is the probe. */
void probe_called(
    void *context, struct io_loop *l, struct io_completion *c, int result);

/* Submit. The probe is made anew: it must be idle. */
void ask(struct probe *p, struct io_op op);

/* Submit, and tick once: the kernel has it, or it is done. */
void start(struct probe *p, struct io_op op);

/* Tick until the callback has been; its result. It must come once. */
int answer(struct probe *p);

/* Submit and answer. */
int result_of(struct io_op op);

/* Tick without waiting. */
void ticks(int count);

/* Give up what is under way, and end the loop; begin another one. */
void loop_end(void);
void loop_begin(unsigned entries);

/* Two connected TCP sockets: ours, to use with io.h, and the peer's, blocking
 * and plain. */
struct two {
    int ours, peer;
};
struct two two_sockets(void);

/* A listener on loopback at a port that the kernel chooses. Where it listens is
 * left in address: a struct sockaddr_in. */
struct sockaddr_in;
int listener(struct sockaddr_in *address);

/* Close, so that the other end gets a reset. */
void reset(int fd);

/* A new directory below /tmp, with what is in it removed at the test's end; the
 * current directory is that one. */
void own_directory(void);

/* A file in it with these bytes. A descriptor that io.h may use. */
int own_file(const char *name, const void *bytes, size_t length);

/* Add tests to a suite, each in a case of its own. */
void add_tests(Suite *s, const TTest *const *tests, size_t count);

/* One for each file of tests. */
void loop_tests(Suite *s);
void misuse_tests(Suite *s);
void stream_tests(Suite *s);
void socket_tests(Suite *s);
void file_tests(Suite *s);
void beneath_tests(Suite *s);
void copy_tests(Suite *s);
void timer_tests(Suite *s);
void cancel_tests(Suite *s);
void wake_tests(Suite *s);
void model_tests(Suite *s);
void stats_tests(Suite *s);
void fault_tests(Suite *s); /* check_io_uring.c or check_io_kqueue.c */

#endif
