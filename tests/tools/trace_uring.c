/* trace_uring.c - for chapter 04: logs what goes into the submission queue and
 * what comes out of the completion queue. */
#include "trace.h"

#include <liburing.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

void trace_prep(
    struct io_uring_sqe *sqe, const char *function, const char *file, int line);

/* What was submitted, by user data; the oldest is forgotten. */
enum { OPS = 16 };
static struct {
    __u64 data;
    char text[40];
} ops[OPS];
static int next_op;

static const char *
op_text(__u64 data)
{
    for (int i = 0; data != 0 && i < OPS; i++)
        if (ops[i].data == data) return ops[i].text;
    return "cancel";
}

/* "recv(8)" */
static void
sqe_text(const struct io_uring_sqe *sqe, char *text, size_t size)
{
    const char *name = sqe->opcode == IORING_OP_ACCEPT ? "accept"
                       : sqe->opcode == IORING_OP_RECV ? "recv"
                       : sqe->opcode == IORING_OP_SEND ? "send"
                                                       : "timeout";
    snprintf(text, size, "%s(%d)", name, sqe->fd);
    if (sqe->opcode == IORING_OP_ASYNC_CANCEL)
        snprintf(text, size, "cancel %s", op_text(sqe->addr));
}

/* Called behind each io_uring_prep_ function; see trace_prep.h. */
void
trace_prep(
    struct io_uring_sqe *sqe, const char *function, const char *file, int line)
{
    char text[64];
    sqe_text(sqe, text, sizeof text);
    trace_put("@%s %s %d submission: %s", function, file, line, text);
    if (sqe->opcode == IORING_OP_RECV || sqe->opcode == IORING_OP_SEND)
        trace_put(", %u bytes%s", sqe->len,
            sqe->opcode == IORING_OP_RECV ? " at most" : "");
    trace_end();
}

/* The kernel is about to take what is in the queue: note what it is. */
static void
note_submissions(struct io_uring *ring)
{
    for (unsigned i = ring->sq.sqe_head; i != ring->sq.sqe_tail; i++) {
        const struct io_uring_sqe *sqe =
            &ring->sq.sqes[i & (ring->sq.ring_entries - 1)];
        if (sqe->user_data == 0) continue;
        int at = next_op++ % OPS;
        for (int k = 0; k < OPS; k++) /* the same again: in its old place */
            if (ops[k].data == sqe->user_data) at = k;
        ops[at].data = sqe->user_data;
        sqe_text(sqe, ops[at].text, sizeof ops[at].text);
    }
}

int __real_io_uring_submit(struct io_uring *ring);
int __wrap_io_uring_submit(struct io_uring *ring);
int __real_io_uring_submit_and_wait(struct io_uring *ring, unsigned n);
int __wrap_io_uring_submit_and_wait(struct io_uring *ring, unsigned n);
unsigned __real_io_uring_peek_batch_cqe(
    struct io_uring *ring, struct io_uring_cqe **cqes, unsigned n);
unsigned __wrap_io_uring_peek_batch_cqe(
    struct io_uring *ring, struct io_uring_cqe **cqes, unsigned n);

int
__wrap_io_uring_submit(struct io_uring *ring)
{
    note_submissions(ring);
    int rc = __real_io_uring_submit(ring);
    trace_put("%p io_uring_submit()", __builtin_return_address(0));
    trace_answer(rc);
    trace_end();
    return rc;
}

int
__wrap_io_uring_submit_and_wait(struct io_uring *ring, unsigned n)
{
    note_submissions(ring);
    int rc = __real_io_uring_submit_and_wait(ring, n);
    trace_news();
    trace_put(
        "%p io_uring_submit_and_wait(%u)", __builtin_return_address(0), n);
    trace_answer(rc);
    trace_end();
    return rc;
}

unsigned
__wrap_io_uring_peek_batch_cqe(
    struct io_uring *ring, struct io_uring_cqe **cqes, unsigned n)
{
    unsigned found = __real_io_uring_peek_batch_cqe(ring, cqes, n);
    for (unsigned i = 0; i < found; i++) {
        trace_put("%p completion: %s", __builtin_return_address(0),
            op_text(cqes[i]->user_data));
        trace_answer(cqes[i]->res);
        trace_end();
    }
    return found;
}
