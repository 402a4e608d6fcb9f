/* check_exchange.c - promises of 06's exchange.c: which bytes an answer is made
 * of, whatever the pieces in which requests come and answers leave. There is no
 * socket: turn() is the client, and the disk. The tests are in
 * check_exchange_answer.c and check_exchange_file.c. */
#include "check_exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- In place of the spares ---------------------------------------------- */

/* Its end lies at a page that may not be touched; its content is not zero. */
static char *room_begin, *room_end;

void *
spares_take(struct spares *all)
{
    (void)all;
    if (room_end == NULL) return NULL;
    char *piece = room_end - sizeof(struct exchange);
    return memset(piece, 0xa5, sizeof(struct exchange));
}

void
spares_give(struct spares *all, void *piece)
{
    (void)all;
    ck_assert_ptr_eq(piece, room_end - sizeof(struct exchange));
}

/* ---- The client, and the disk ------------------------------------------- */

struct stats stats;
struct site site;
struct exchange *x;
struct client client;
struct disk disk;
char wire[MANY], got[MANY];
size_t got_len;

size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int
client_send(struct io_op op)
{
    size_t most =
        client.at < client.first ? client.first - client.at : client.piece;
    size_t n = least(least(most, client.len - client.at), op.in.length);
    ck_assert_int_eq(op.fd, CLIENT);
    ck_assert_uint_gt(op.in.length, 0);
    memcpy(op.in.buffer, client.text + client.at, n);
    client.at += n;
    return (int)n;
}

static int
client_take(struct io_op op)
{
    size_t n = least(op.out.length, client.take);
    ck_assert_int_eq(op.fd, CLIENT);
    ck_assert_uint_gt(n, 0);
    ck_assert_uint_le(got_len + n, sizeof got);
    memcpy(got + got_len, op.out.buffer, n);
    got_len += n;
    client.takes++;
    return (int)n;
}

static int
disk_do(struct io_op op)
{
    ssize_t n;
    if (op.kind == IO_OPEN) {
        ck_assert(op.open.beneath);
        if (disk.open != 0) return disk.open;
        n = openat(op.fd, op.open.path, op.open.flags | O_CLOEXEC);
    } else {
        ck_assert_int_eq(op.kind, IO_READ);
        if (++disk.reads == disk.bad) return disk.result;
        size_t most = disk.most > 0 ? disk.most : op.in.length;
        n = pread(op.fd, op.in.buffer, least(most, op.in.length),
            (off_t)op.in.offset);
    }
    return n == -1 ? -errno : (int)n;
}

bool
turn(void)
{
    enum exchange_need need = exchange_next(x);
    bool silent = need == EXCHANGE_RECV && client.at == client.len;
    if (need == EXCHANGE_END || silent) return false;
    struct io_op op = exchange_op(x, need, CLIENT);
    int result = need == EXCHANGE_RECV   ? client_send(op)
                 : need == EXCHANGE_SEND ? client_take(op)
                                         : disk_do(op);
    exchange_done(x, need, result);
    return true;
}

void
begin(const char *text, size_t len, size_t first, size_t piece, size_t take)
{
    client = (struct client){text, len, 0, first, piece, take, 0};
    got_len = 0;
    disk.reads = 0;
    exchange_free(&x);
    x = exchange_new(&site);
    ck_assert_ptr_nonnull(x);
}

void
go_on(void)
{
    while (turn())
        continue;
}

void
run(const char *text, size_t len, size_t first, size_t piece, size_t take)
{
    begin(text, len, first, piece, take);
    go_on();
}

void
set_up(void)
{
    size_t size = (sizeof(struct exchange) / ROOM + 2) * ROOM;
    room_begin = mmap(
        NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(room_begin, MAP_FAILED);
    room_end = room_begin + size - ROOM;
    ck_assert_int_eq(mprotect(room_end, ROOM, PROT_NONE), 0);
    x = NULL;
    disk = (struct disk){0};
    stats = (struct stats){0};
    site = (struct site){.root = -1, .stats = &stats};
}

void
assert_got(const char *text, size_t len)
{
    if (got_len != len || memcmp(got, text, len) != 0)
        ck_abort_msg("expected:\n%.*s\ngot:\n%.*s", (int)least(len, 2000), text,
            (int)least(got_len, 2000), got);
}

void
assert_ended(bool ended)
{
    enum exchange_need need = exchange_next(x);
    ck_assert_int_eq(need, ended ? EXCHANGE_END : EXCHANGE_RECV);
}

void
assert_all_ways(const struct exchanged *e)
{
    static const size_t takes[] = {ALL, 1, 7};
    for (size_t cut = 0; cut < e->len; cut = next_cut(cut, e->len)) {
        run(e->text, e->len, cut, cut % 2 ? 1 : ALL, takes[cut % 3]);
        assert_got(e->out, e->out_len);
    }
    for (int i = 0; i < 3; i++) {
        run(e->text, e->len, 0, 1, takes[i]);
        assert_got(e->out, e->out_len);
    }
    assert_ended(e->ended);
}

size_t
random_body(char *at, size_t len, uint32_t *seed)
{
    for (size_t i = 0; i < len; i++)
        at[i] = (char)dice(seed);
    return len;
}

void
memory_end(void)
{
    room_end = NULL;
}

/* ---- The suite ---------------------------------------------------------- */

TCase *
part(Suite *s, const char *name, void (*before)(void), void (*after)(void))
{
    TCase *tc = tcase_create(name);
    tcase_set_timeout(tc, SECONDS);
    tcase_add_checked_fixture(tc, before, after);
    suite_add_tcase(s, tc);
    return tc;
}

int
main(void)
{
    Suite *suite = suite_create("http exchange");
    add_answers(suite);
    add_files(suite);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
