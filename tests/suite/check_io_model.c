/* check_io_model.c - random sequences of operations against a simple model:
 * what each one may answer, and that it answers once. The seed is printed by
 * main; SEED= repeats a run. */
#include "check_io.h"

#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { SEQUENCES = 10000, STEPS = 24, LINES = 4, SLOTS = 16, FILE_SIZE = 100 };

/* A connection; both ends are used with io.h. What goes in at `from` must come
 * out at `to`: byte number n is (unsigned char)n. */
static struct line {
    int from, to;
    unsigned sent, received;
    bool sending, receiving;
} lines[LINES];

static struct slot {
    struct io_completion c;
    bool busy, canceled;
    uint64_t deadline;
    struct line *line;
    unsigned char buf[64];
} slots[SLOTS];

static int file;
static bool waking;
static unsigned wakes;  /* not yet answered; several may be one */
static size_t expected; /* callbacks to come */

/* What the model allows the operation to answer, if nobody cancels it. */
static bool
may_answer(const struct slot *slot, int res)
{
    const struct io_op *op = &slot->c.op;
    switch (op->kind) {
    case IO_SEND: return res > 0 && (size_t)res <= op->out.length;
    case IO_RECV:
        return res > 0 && (size_t)res <= op->in.length &&
               (unsigned)res <= slot->line->sent - slot->line->received;
    case IO_READABLE:
        return res == 0 && slot->line->sent != slot->line->received;
    case IO_TIMEOUT: return res == 0 && clock_now() >= slot->deadline;
    case IO_WAKE: return res == 0 && wakes > 0;
    case IO_READ: {
        uint64_t left = FILE_SIZE - op->in.offset;
        return res == (int)(left < op->in.length ? left : op->in.length);
    }
    case IO_CLOSE: return res == -EBADF;
    default: return res == 0;
    }
}

static void
slot_called(void *context, struct io_loop *l, struct io_completion *c, int res)
{
    struct slot *slot = context;
    struct line *line = slot->line;
    enum io_kind kind = c->op.kind;
    bool given_up = res == -ECANCELED;
    ck_assert(slot->busy);
    ck_assert_msg(given_up ? slot->canceled : may_answer(slot, res),
        "kind %d answered %d", (int)kind, res);
    expected--;
    slot->busy = false;
    if (kind == IO_SEND) line->sending = false;
    if (kind == IO_RECV || kind == IO_READABLE) line->receiving = false;
    if (kind == IO_WAKE) {
        waking = false;
        if (!given_up) wakes--;
    }
    for (int i = 0; kind == IO_RECV && i < res; i++)
        ck_assert_int_eq(slot->buf[i], (unsigned char)line->received++);
    for (int i = 0; kind == IO_READ && i < res; i++)
        ck_assert_int_eq(
            slot->buf[i], (unsigned char)(c->op.in.offset + (unsigned)i));
}

/* An operation on a line that may be begun now; a nop if none may. A send's
 * bytes count at once: they may arrive before its callback. */
static struct io_op
line_op(struct slot *slot)
{
    struct line *line = slot->line = &lines[rnd(LINES)];
    size_t length = 1 + rnd(sizeof slot->buf);
    if (rnd(2) && !line->sending) {
        line->sending = true;
        for (size_t i = 0; i < length; i++)
            slot->buf[i] = (unsigned char)(line->sent + i);
        line->sent += (unsigned)length;
        return io_op_send(line->from, slot->buf, length);
    }
    if (line->receiving) return io_op_nop();
    line->receiving = true;
    if (rnd(4) == 0) return io_op_readable(line->to);
    return io_op_recv(line->to, slot->buf, length);
}

static struct io_op
other_op(struct slot *slot)
{
    uint64_t after = rnd(4) ? rnd(300) * 1000 : UINT64_MAX;
    switch (rnd(6)) {
    case 0:
        slot->deadline = after == UINT64_MAX ? UINT64_MAX : after + clock_now();
        return io_op_timeout(after);
    case 1:
        if (waking) break;
        waking = true;
        return io_op_wake();
    case 2: return io_op_read(file, slot->buf, rnd(60), rnd(FILE_SIZE));
    case 3: return io_op_close(-1);
    }
    return io_op_nop();
}

static void
step(void)
{
    struct slot *slot = &slots[rnd(SLOTS)];
    unsigned what = rnd(10);
    if (what == 0) {
        io_tick(&loop, 0);
    } else if (what == 1) {
        wakes++;
        io_wake(&loop);
    } else if (what < 4) {
        bool is_send = slot->busy && slot->c.op.kind == IO_SEND;
        if (is_send) return; /* how many bytes went would be open */
        slot->canceled = true;
        io_cancel(&loop, &slot->c);
    } else if (!slot->busy) {
        slot->c =
            (struct io_completion){.context = slot, .callback = slot_called};
        slot->c.op = what < 8 ? line_op(slot) : other_op(slot);
        slot->busy = true;
        slot->canceled = false;
        expected++;
        io_submit(&loop, &slot->c);
    }
    ck_assert_uint_eq(io_busy(&loop), expected);
}

/* What still waits is given up, except for sends. Then all must answer. */
static void
end_sequence(void)
{
    for (int i = 0; i < SLOTS; i++)
        if (slots[i].busy && slots[i].c.op.kind != IO_SEND) {
            slots[i].canceled = true;
            io_cancel(&loop, &slots[i].c);
        }
    while (io_busy(&loop) > 0)
        io_tick(&loop, IO_FOREVER);
    ck_assert_uint_eq(expected, 0);
}

/* What was sent and not received must be in the socket. */
static void
empty(struct line *line)
{
    unsigned char buf[256];
    while (line->received != line->sent) {
        ssize_t n = recv(line->to, buf, sizeof buf, 0);
        ck_assert_int_gt(n, 0);
        for (ssize_t i = 0; i < n; i++)
            ck_assert_int_eq(buf[i], (unsigned char)line->received++);
    }
}

START_TEST(random_sequences_follow_the_model)
{
    unsigned char bytes[FILE_SIZE];
    for (int i = 0; i < FILE_SIZE; i++)
        bytes[i] = (unsigned char)i;
    own_directory();
    file = own_file("file", bytes, sizeof bytes);
    loop_begin(4);
    for (int i = 0; i < LINES; i++) {
        struct two two = two_sockets();
        ck_assert_int_eq(io_adopt(two.peer), two.peer);
        lines[i] = (struct line){.from = two.ours, .to = two.peer};
    }
    for (int i = 0; i < SEQUENCES; i++) {
        for (int k = 0; k < STEPS; k++)
            step();
        end_sequence();
        for (int k = 0; k < LINES; k++)
            empty(&lines[k]);
    }
}
END_TEST

void
model_tests(Suite *s)
{
    const TTest *const tests[] = {random_sequences_follow_the_model};
    add_tests(s, tests, sizeof tests / sizeof *tests);
}
