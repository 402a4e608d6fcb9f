/* check_kqueue.h - what the tests of kqueue(2) share: a kqueue, a local stream,
 * and words for what is asked and what comes. */
#ifndef CHECK_KQUEUE_H
#define CHECK_KQUEUE_H

#include <sys/types.h>

#include <sys/event.h>

#include <check.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LIMIT = 10, /* seconds for a test */
    ROOM = 300,
    READS = EVFILT_READ,
    WRITES = EVFILT_WRITE,
};

/* Of the test that runs. */
extern int kq;
extern int a, b;                /* the two ends of a local stream */
extern struct kevent got[ROOM]; /* by the last collect() */
extern char mark;               /* an address to be handed back */

/* Make one change. 0, or its errno. */
int ask(
    int id, int filter, int flags, unsigned int fflags, int data, void *udata);
int add(int id, int filter, int flags);
int timer(int id, int flags, unsigned int unit, int data);
int trigger(int id, unsigned int fflags);

/* Events there are after ms milliseconds at most; -1: wait for ever. */
int collect(int room, int ms);

/* Is there none? */
int quiet(void);

/* Wait for one event; it must be the only one, and this. Its flags. */
int fires(int id, int filter);

void put(int fd, int n);  /* write n bytes, 100 at most */
void take(int fd, int n); /* read them */

int64_t now_ns(void);
int64_t now_ms(void);

/* Add tests to a suite, each in a case of its own. */
void add_tests(Suite *s, const TTest *const *tests, size_t count);

/* One for each file of tests. */
void fd_tests(Suite *s);
void flags_tests(Suite *s);
void call_tests(Suite *s);
void timer_tests(Suite *s);
void user_tests(Suite *s);
void thread_tests(Suite *s);

#endif
