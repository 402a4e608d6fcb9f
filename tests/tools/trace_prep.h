/* trace_prep.h - for chapter 04, included before each of its files: what fills
 * in a submission says so to trace_uring.c. The io_uring_prep_ functions are
 * inline, so the linker cannot wrap them. In a macro's text its own name is not
 * replaced again, so that it is the function. */
#ifndef TRACE_PREP_H
#define TRACE_PREP_H

#include <liburing.h>

void trace_prep(
    struct io_uring_sqe *sqe, const char *function, const char *file, int line);

#define TRACE_PREP(name, sqe, ...) \
    (name(sqe, __VA_ARGS__), trace_prep(sqe, __func__, __FILE__, __LINE__))

#define io_uring_prep_accept(sqe, ...) \
    TRACE_PREP(io_uring_prep_accept, sqe, __VA_ARGS__)
#define io_uring_prep_recv(sqe, ...) \
    TRACE_PREP(io_uring_prep_recv, sqe, __VA_ARGS__)
#define io_uring_prep_send(sqe, ...) \
    TRACE_PREP(io_uring_prep_send, sqe, __VA_ARGS__)
#define io_uring_prep_timeout(sqe, ...) \
    TRACE_PREP(io_uring_prep_timeout, sqe, __VA_ARGS__)
#define io_uring_prep_cancel(sqe, ...) \
    TRACE_PREP(io_uring_prep_cancel, sqe, __VA_ARGS__)

#endif
