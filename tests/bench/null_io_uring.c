/* null_io_uring.c - what the kernel alone costs with io_uring: see null.h.
 *
 * null_io_uring: a recv and a send for each request, as in chapter 06. Without
 * its API, parser, deadlines and counters: what these cost is the difference.
 * null_io_uring multishot: the least that the kernel can be asked for. One recv
 * for a client brings all its requests, in buffers that the kernel takes from a
 * ring, and sockets have no descriptors: the ring's own table is shorter to
 * look them up in. Linux 6.0 or later. */
#include "null.h"
#include "ring.h"

#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CLIENTS = 4096, /* and what else has a descriptor */
    IN = 2048,
    BUFFERS = 256, /* in the ring of buffers: a power of two */
    BATCH = 256,
};

/* What was asked: in user_data, above it the client's socket. */
enum what { ACCEPT, RECV, SEND, END };
enum { WHAT_BITS = 2 };

static struct io_uring ring;
static bool multishot;
static int listener;
static char in[CLIENTS][IN]; /* by client or, with multishot, by buffer */
static struct io_uring_buf_ring *buffers;

/* ---- Submissions -------------------------------------------------------- */

static struct io_uring_sqe *
place(void)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    while (sqe == NULL) {
        io_uring_submit(&ring);
        sqe = io_uring_get_sqe(&ring);
    }
    return sqe;
}

/* The last step of each submission. */
static void
ask(struct io_uring_sqe *sqe, enum what what, int client)
{
    if (multishot && (what == RECV || what == SEND))
        sqe->flags |= IOSQE_FIXED_FILE;
    io_uring_sqe_set_data64(sqe, (unsigned)client << WHAT_BITS | what);
}

static void
ask_accept(void)
{
    struct io_uring_sqe *sqe = place();
    if (multishot)
        io_uring_prep_multishot_accept_direct(sqe, listener, NULL, NULL, 0);
    else
        io_uring_prep_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
    ask(sqe, ACCEPT, 0);
}

static void
ask_recv(int client)
{
    struct io_uring_sqe *sqe = place();
    if (multishot) {
        io_uring_prep_recv_multishot(sqe, client, NULL, 0, 0);
        sqe->flags |= IOSQE_BUFFER_SELECT;
    } else {
        io_uring_prep_recv(sqe, client, in[client], IN, 0);
    }
    ask(sqe, RECV, client);
}

static void
ask_send(int client, const char *answer, size_t size)
{
    struct io_uring_sqe *sqe = place();
    io_uring_prep_send(sqe, client, answer, size, MSG_NOSIGNAL);
    ask(sqe, SEND, client);
}

static void
ask_close(int client)
{
    struct io_uring_sqe *sqe = place();
    if (multishot)
        io_uring_prep_close_direct(sqe, (unsigned)client);
    else
        io_uring_prep_close(sqe, client);
    ask(sqe, END, client);
}

/* Its recv will bring the end, and that closes. */
static void
ask_end(int client)
{
    struct io_uring_sqe *sqe = place();
    io_uring_prep_shutdown(sqe, client, SHUT_RDWR);
    if (multishot) sqe->flags |= IOSQE_FIXED_FILE;
    ask(sqe, END, client);
}

/* ---- Completions -------------------------------------------------------- */

static void
on_accept(const struct io_uring_cqe *cqe)
{
    if (cqe->res >= CLIENTS) errx(1, "more than %d clients", CLIENTS);
    if (cqe->res >= 0) ask_recv(cqe->res);
    if (!(cqe->flags & IORING_CQE_F_MORE)) ask_accept();
}

/* Give the buffer back: its bytes are not needed any more. */
static void
lend(int buffer)
{
    io_uring_buf_ring_add(buffers, in[buffer], IN, (unsigned short)buffer,
        io_uring_buf_ring_mask(BUFFERS), 0);
    io_uring_buf_ring_advance(buffers, 1);
}

static void
on_recv(const struct io_uring_cqe *cqe, int client)
{
    bool lent = cqe->flags & IORING_CQE_F_BUFFER;
    int buffer = lent ? (int)(cqe->flags >> IORING_CQE_BUFFER_SHIFT) : client;
    size_t size = 0;
    if (cqe->res > 0) {
        const char *answer = null_answer(in[buffer], (size_t)cqe->res, &size);
        if (answer != NULL)
            ask_send(client, answer, size);
        else
            ask_end(client);
        if (!multishot && answer == NULL) ask_recv(client);
    }
    if (lent) lend(buffer);
    if (cqe->flags & IORING_CQE_F_MORE) return;
    if (cqe->res <= 0 && cqe->res != -ENOBUFS)
        ask_close(client);
    else if (multishot)
        ask_recv(client); /* the kernel has ended it: for want of a buffer */
}

static void
on_done(const struct io_uring_cqe *cqe)
{
    int client = (int)(cqe->user_data >> WHAT_BITS);
    switch ((enum what)(cqe->user_data & ((1 << WHAT_BITS) - 1))) {
    case ACCEPT: on_accept(cqe); break;
    case RECV: on_recv(cqe, client); break;
    case SEND:
        if (!multishot) ask_recv(client); /* -EPIPE: then it brings the end */
        break;
    case END: break;
    }
}

/* ---- Begin -------------------------------------------------------------- */

static void
try(int rc, const char *what)
{
    if (rc < 0) errx(1, "%s: %s", what, strerror(-rc));
}

static void
begin_multishot(void)
{
    size_t size = BUFFERS * sizeof(struct io_uring_buf);
    buffers = mmap(
        NULL, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (buffers == MAP_FAILED) err(1, "mmap");
    struct io_uring_buf_reg reg = {
        .ring_addr = (uintptr_t)buffers, .ring_entries = BUFFERS};
    try(io_uring_register_buf_ring(&ring, &reg, 0), "buffers");
    io_uring_buf_ring_init(buffers);
    for (int i = 0; i < BUFFERS; i++)
        lend(i);
    try(io_uring_register_files_sparse(&ring, CLIENTS), "files");
}

int
main(int argc, char **argv)
{
    multishot = argc > 1 && strcmp(argv[1], "multishot") == 0;
    try(ring_open(&ring, BATCH, 16 * BATCH), "io_uring");
    if (multishot) begin_multishot();
    null_begin();
    listener = null_listen();
    ask_accept();
    for (;;) {
        struct io_uring_cqe *cqes[BATCH];
        if (io_uring_cq_ready(&ring) > 0)
            io_uring_submit_and_get_events(&ring);
        else
            io_uring_submit_and_wait(&ring, 1);
        unsigned n = io_uring_peek_batch_cqe(&ring, cqes, BATCH);
        for (unsigned i = 0; i < n; i++)
            on_done(cqes[i]);
        io_uring_cq_advance(&ring, n);
    }
}
