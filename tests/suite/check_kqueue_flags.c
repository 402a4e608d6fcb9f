/* check_kqueue_flags.c - EV_ flags, and what ends an event: EV_DELETE,
 * close(), fork(). */
#include "check_kqueue.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <unistd.h>

/* Description: an event is (ident, filter): one descriptor can have two. */
START_TEST(both_filters_are_apart)
{
    put(b, 1);
    ask(a, READS, EV_ADD, 0, 0, &a);
    ask(a, WRITES, EV_ADD, 0, 0, &b);
    ck_assert_int_eq(collect(ROOM, -1), 2);
    for (int i = 0; i < 2; i++)
        ck_assert_ptr_eq(got[i].udata, got[i].filter == EVFILT_READ ? &a : &b);
}
END_TEST

/* EV_ONESHOT of one filter does not touch the other one. */
START_TEST(oneshot_leaves_the_other_filter)
{
    put(b, 1);
    ck_assert_int_eq(add(a, READS, EV_ONESHOT), 0);
    ck_assert_int_eq(add(a, WRITES, 0), 0);
    ck_assert_int_eq(collect(ROOM, -1), 2);
    fires(a, WRITES);
}
END_TEST

/* EV_ONESHOT: returned once, then deleted. */
START_TEST(oneshot_is_deleted)
{
    put(b, 1);
    ck_assert_int_eq(add(a, READS, EV_ONESHOT), 0);
    fires(a, READS);
    ck_assert(quiet());
    ck_assert_int_eq(ask(a, READS, EV_DELETE, 0, 0, NULL), ENOENT);
    ck_assert_int_eq(ask(a, READS, EV_ENABLE, 0, 0, NULL), ENOENT);
}
END_TEST

/* EV_ONESHOT, EV_ADD: added again it fires again. */
START_TEST(oneshot_can_be_added_again)
{
    put(b, 1);
    for (int i = 0; i < 3; i++) {
        ask(a, READS, EV_ADD | EV_ENABLE | EV_ONESHOT, 0, 0, got + i);
        fires(a, READS);
        ck_assert_ptr_eq(got[0].udata, got + i);
    }
}
END_TEST

/* EV_CLEAR: the state is reset when it is retrieved. */
START_TEST(clear_waits_for_something_new)
{
    ck_assert_int_eq(add(a, READS, EV_CLEAR), 0);
    put(b, 1);
    fires(a, READS);
    ck_assert(quiet());
    put(b, 1);
    fires(a, READS);
    ck_assert_int_eq(got[0].data, 2);
}
END_TEST

/* EV_DISPATCH: disabled, not deleted, right after delivery. */
START_TEST(dispatch_disables)
{
    ck_assert_int_eq(add(a, READS, EV_DISPATCH), 0);
    put(b, 1);
    fires(a, READS);
    ck_assert(quiet());
    ck_assert_int_eq(ask(a, READS, EV_ENABLE, 0, 0, NULL), 0);
    fires(a, READS);
}
END_TEST

/* EV_DISABLE: kevent() does not return it. EV_ENABLE: it does again. */
START_TEST(disable_and_enable)
{
    ck_assert_int_eq(add(a, READS, 0), 0);
    put(b, 1);
    ck_assert_int_eq(ask(a, READS, EV_DISABLE, 0, 0, NULL), 0);
    ck_assert(quiet());
    ck_assert_int_eq(ask(a, READS, EV_ENABLE, 0, 0, NULL), 0);
    fires(a, READS);
}
END_TEST

/* EV_DISABLE: not even the end of the connection is returned. */
START_TEST(disabled_says_no_eof)
{
    ck_assert_int_eq(add(a, READS, 0), 0);
    ck_assert_int_eq(ask(a, READS, EV_DISABLE, 0, 0, NULL), 0);
    close(b);
    ck_assert(quiet());
}
END_TEST

/* EV_ADD enables, unless overridden by EV_DISABLE. */
START_TEST(added_disabled_is_silent)
{
    put(b, 1);
    ck_assert_int_eq(add(a, READS, EV_DISABLE), 0);
    ck_assert(quiet());
    ck_assert_int_eq(add(a, READS, EV_ENABLE), 0);
    fires(a, READS);
}
END_TEST

/* EV_DELETE: removed. */
START_TEST(deleted_is_silent)
{
    ck_assert_int_eq(add(a, READS, 0), 0);
    put(b, 1);
    ck_assert_int_eq(ask(a, READS, EV_DELETE, 0, 0, NULL), 0);
    ck_assert(quiet());
    ck_assert_int_eq(ask(a, READS, EV_DELETE, 0, 0, NULL), ENOENT);
}
END_TEST

/* EV_ADD: adding again modifies, and makes no second event. */
START_TEST(adding_again_modifies)
{
    put(b, 1);
    ck_assert_int_eq(ask(a, READS, EV_ADD, 0, 0, &a), 0);
    ck_assert_int_eq(ask(a, READS, EV_ADD, 0, 0, &mark), 0);
    fires(a, READS);
    ck_assert_ptr_eq(got[0].udata, &mark);
}
END_TEST

/* EBADF: the specified descriptor is invalid. */
START_TEST(closed_descriptor_is_refused)
{
    close(a);
    ck_assert_int_eq(add(a, READS, 0), EBADF);
    ck_assert_int_eq(add(a, WRITES, EV_DISABLE), EBADF);
    ck_assert_int_eq(ask(a, READS, EV_DELETE, 0, 0, NULL), EBADF);
}
END_TEST

/* Description: close() removes the events that reference the descriptor. */
START_TEST(close_removes_while_a_dup_lives)
{
    int copy = dup(a);
    ck_assert_int_eq(add(a, READS, 0), 0);
    ck_assert_int_eq(add(a, WRITES, 0), 0);
    put(b, 1);
    close(a);
    ck_assert(quiet());
    ck_assert_int_eq(dup2(copy, a), a);
    ck_assert(quiet());
    ck_assert_int_eq(add(a, READS, 0), 0);
    fires(a, READS);
}
END_TEST

/* EV_DELETE: the last close deletes: the next owner of a number is new. */
START_TEST(a_number_used_again_is_new)
{
    ck_assert_int_eq(add(a, READS, EV_ONESHOT), 0);
    close(a);
    ck_assert_int_eq(dup2(b, a), a);
    ck_assert_int_eq(ask(a, READS, EV_DELETE, 0, 0, NULL), ENOENT);
    ck_assert(quiet());
}
END_TEST

/* Description: the ident is the number: a dup has events of its own. */
START_TEST(a_dup_has_its_own_events)
{
    int copy = dup(a);
    put(b, 1);
    ck_assert_int_eq(add(a, READS, 0), 0);
    ck_assert_int_eq(add(copy, READS, 0), 0);
    ck_assert_int_eq(add(a, WRITES, 0), 0);
    ck_assert_int_eq(add(copy, WRITES, 0), 0);
    ck_assert_int_eq(collect(ROOM, -1), 4);
}
END_TEST

/* Example: kqueues are destroyed upon close(). */
START_TEST(closed_kqueue_is_refused)
{
    ck_assert_int_eq(add(a, READS, 0), 0);
    ck_assert_int_eq(close(kq), 0);
    ck_assert_int_eq(add(a, READS, 0), EBADF);
    ck_assert_int_ne(kq = kqueue(), -1);
    put(b, 1);
    ck_assert(quiet());
    ck_assert_int_eq(ask(a, READS, EV_DELETE, 0, 0, NULL), ENOENT);
}
END_TEST

/* Description: the queue is not inherited by a child made with fork(2). */
START_TEST(child_has_no_kqueue)
{
    int status = 0;
    ck_assert_int_eq(ask(1, EVFILT_TIMER, EV_ADD, 0, 1, NULL), 0);
    ck_assert_int_eq(ask(2, EVFILT_USER, EV_ADD, 0, 0, NULL), 0);
    ck_assert_int_eq(add(a, READS, 0), 0);
    pid_t child = fork();
    if (child == 0) _exit(add(a, READS, 0) == EBADF ? 0 : 1);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    fires(1, EVFILT_TIMER);
    ck_assert_int_eq(ask(1, EVFILT_TIMER, EV_DELETE, 0, 0, NULL), 0);
    ck_assert_int_eq(trigger(2, 0), 0);
    fires(2, EVFILT_USER);
    ck_assert_int_eq(ask(2, EVFILT_USER, EV_DELETE, 0, 0, NULL), 0);
    put(b, 1);
    fires(a, READS);
}
END_TEST

/* Description: close() removes the events of this descriptor, of no other: not
 * even of one whose number is far away. */
START_TEST(close_leaves_other_descriptors)
{
    int far = dup2(a, a + 4096);
    if (far == -1) return; /* so many are not allowed here */
    ck_assert_int_eq(add(far, READS, 0), 0);
    ck_assert_int_eq(add(a, READS, 0), 0);
    put(b, 1);
    ck_assert_int_eq(ask(far, READS, EV_DISABLE, 0, 0, NULL), 0);
    fires(a, READS);
    ck_assert_int_eq(ask(far, READS, EV_ENABLE, 0, 0, NULL), 0);
    close(a);
    fires(far, READS);
}
END_TEST

/* Description: an ident is any descriptor, and 0 is one. */
START_TEST(descriptor_0_is_one)
{
    ck_assert_int_eq(dup2(a, 0), 0);
    ck_assert_int_eq(add(0, READS, 0), 0);
    put(b, 1);
    fires(0, READS);
    ck_assert_int_eq(close(kq), 0);
    ck_assert_int_ne(kq = kqueue(), -1);
    ck_assert_int_eq(ask(0, READS, EV_DELETE, 0, 0, NULL), ENOENT);
    ck_assert_int_eq(add(0, READS, 0), 0);
    close(0);
    ck_assert(quiet());
}
END_TEST

/* Return values: kqueue() returns a descriptor, and 0 is one. A child that is
 * made meanwhile takes nothing from it. */
START_TEST(kqueue_may_be_descriptor_0)
{
    int status = 0;
    close(0);
    ck_assert_int_eq(kq = kqueue(), 0);
    ck_assert_int_eq(add(a, READS, 0), 0);
    pid_t child = fork();
    if (child == 0) _exit(add(a, READS, 0) == EBADF ? 0 : 1);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    put(b, 1);
    fires(a, READS);
    ck_assert_int_eq(close(0), 0);
}
END_TEST

/* Example: a kqueue that is closed is gone with all it had, and leaves the
 * events of others. */
START_TEST(closed_kqueues_leave_nothing)
{
    struct rlimit few;
    int first = kq;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &few), 0);
    few.rlim_cur = 64;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    ck_assert_int_eq(add(a, READS, 0), 0);
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_ne(kq = kqueue(), -1);
        ck_assert_int_eq(add(a, READS, 0), 0);
        ck_assert_int_eq(timer(1, 0, 0, 1), 0);
        ck_assert_int_eq(add(1, EVFILT_USER, 0), 0);
        ck_assert_int_eq(close(kq), 0);
    }
    kq = first;
    put(b, 1);
    fires(a, READS);
}
END_TEST

void
flags_tests(Suite *s)
{
    const TTest *const tests[] = {both_filters_are_apart,
        oneshot_leaves_the_other_filter, oneshot_is_deleted,
        oneshot_can_be_added_again, clear_waits_for_something_new,
        dispatch_disables, disable_and_enable, disabled_says_no_eof,
        added_disabled_is_silent, deleted_is_silent, adding_again_modifies,
        closed_descriptor_is_refused, close_removes_while_a_dup_lives,
        a_number_used_again_is_new, a_dup_has_its_own_events,
        closed_kqueue_is_refused, child_has_no_kqueue,
        close_leaves_other_descriptors, descriptor_0_is_one,
        kqueue_may_be_descriptor_0, closed_kqueues_leave_nothing};
    add_tests(s, tests, sizeof tests / sizeof *tests);
}
