/* check.h - what the checks of the exercises share.
 *
 * A check is one sentence about the program of an exercise, as a promise of
 * the suite is, and is told with the suite's own clients (../suite/suite.h):
 * it drives the program over sockets, and ends with broken() or require() when
 * the sentence is not true. It runs in a process of its own. */
#ifndef CHECK_H
#define CHECK_H

#include "../suite/count.h"
#include "../suite/suite.h"

/* `s` has its stage, and is not started. */
typedef void check_fn(struct server *s);

/* check.c */

/* Start the server with one more argument, behind PORT and HOST. */
void start_with(struct server *s, const char *argument);

/* Start a counted build of it, and let `counts` show its system calls. */
const struct counts *start_counted(struct server *s);

/* What the servers of this check have written to stderr, from byte `from` on.
 * The answer is text, which ends with a NUL. */
const char *stderr_text(char *text, size_t size, size_t from);

/* Wait until the server ends the connection, and throw away what it sends.
 * The answer is how many seconds that took; negative: it did not. */
double seconds_to_end(struct client *c, double most);

/* Wait until the server has no more than so many descriptors. */
void files_at_most(struct server *s, int files, double seconds);

/* A moment, between two looks at what cannot be polled. */
void rest(double seconds);

/* check_NN.c */
check_fn idle_dropped, idle_next, idle_stalled, idle_talker;
check_fn stats_counts, stats_while_busy, stats_harmless;
check_fn fair_one, fair_many, fair_turns;
check_fn backoff_idle, backoff_busy, backoff_after_idle;
check_fn epoll_only;
check_fn kqueue_idle_dropped, kqueue_idle_many, kqueue_idle_stalled;
check_fn multishot_few, multishot_rests;
check_fn buffers_idle, buffers_stalled, buffers_exact;
check_fn proxy_passes, proxy_half_close, proxy_backpressure, proxy_refused;
check_fn proxy_target_resets;
check_fn await_one, await_many, await_split, await_refused, await_lost;
check_fn range_bytes, range_ignored, range_416, range_if_range, range_far;
check_fn log_lines, log_concurrent, log_slow, log_full;

#endif
