/* world.c - see world.h. Here is also what stands in place of spare.c. */
#include "world.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROOT = 12345, CLIENT = 12346 }; /* descriptors, so to speak */

static char *piece;     /* the memory of the exchange, while it has it */
static int opened = -1; /* the last file that was opened for it */

/* ---- In place of the spares ---------------------------------------------- */

/* Of the exact size, and not zero. */
void *
spares_take(struct spares *all)
{
    (void)all;
    must(piece == NULL, "one exchange for a client");
    piece = malloc(sizeof(struct exchange));
    must(piece != NULL, "there is memory");
    return memset(piece, 0xa5, sizeof(struct exchange));
}

void
spares_give(struct spares *all, void *memory)
{
    (void)all;
    must(memory != NULL && memory == piece, "what was taken is given back");
    free(piece);
    piece = NULL;
}

/* ---- Files -------------------------------------------------------------- */

char
world_byte(size_t n)
{
    return (char)(n * 7 + n / 256);
}

/* In memory, and of an old date. */
static int
file_new(size_t len)
{
    char *bytes = malloc(len);
    int fd = memfd_create("file", MFD_CLOEXEC);
    struct timespec old[2] = {{700000000, 0}, {700000000, 0}};
    must(bytes != NULL && fd >= 0, "there is a file");
    for (size_t i = 0; i < len; i++)
        bytes[i] = world_byte(i);
    must(write(fd, bytes, len) == (ssize_t)len, "with its bytes");
    must(futimens(fd, old) == 0, "and a date");
    free(bytes);
    return fd;
}

/* The file with this path, made when it is first asked for; or -errno. */
static int
file_find(const char *path)
{
    static int a = -1, b = -1, index = -1;
    if (strcmp(path, "a") == 0) return a < 0 ? a = file_new(5) : a;
    if (strcmp(path, "b") == 0) return b < 0 ? b = file_new(WORLD_B) : b;
    if (strcmp(path, "d/index.html") == 0)
        return index < 0 ? index = file_new(3) : index;
    return -ENOENT;
}

static bool
is_closed(int fd)
{
    return fcntl(fd, F_GETFD) == -1;
}

static int
file_open(struct world *w, const struct io_op *op)
{
    int ends[2], found;
    must(op->fd == ROOT && op->open.beneath, "opened below the root");
    must(op->open.path[0] != '/', "by a path without a slash in front");
    must(opened < 0 || is_closed(opened), "the file before is closed");
    found = file_find(op->open.path); /* may take the number that was free */
    w->opens++;
    if (strcmp(op->open.path, "d") == 0)
        opened = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    else if (strcmp(op->open.path, "p") == 0 && pipe2(ends, O_CLOEXEC) == 0)
        close(ends[1]), opened = ends[0];
    else if (found >= 0)
        opened = fcntl(found, F_DUPFD_CLOEXEC, 0);
    else
        opened = found; /* -ENOENT */
    return opened;
}

/* ---- The script --------------------------------------------------------- */

static char
script_next(struct world *w)
{
    if (w->script_len == 0) return '.';
    return w->script[w->script_at++ % w->script_len];
}

/* How much of `most` is moved. */
static size_t
amount(char letter, size_t most)
{
    size_t unit = most > 4096 ? 64 : 1, n = most;
    if (letter >= 'a' && letter <= 'z') n = unit * (size_t)(letter - 'a' + 1);
    if (letter >= '0' && letter <= '9') n = unit << (letter - '0');
    return n < most ? n : most;
}

/* The kernel may use all of the buffer, before it says how much it did. */
static int
receive(struct world *w, struct io_op op, char letter)
{
    size_t most = w->len - w->at;
    if (most > op.in.length) most = op.in.length;
    must(op.kind == IO_RECV && op.fd == CLIENT, "from the client");
    must(op.in.length > 0, "there is room");
    size_t n = amount(letter, most);
    memset(op.in.buffer, 0xee, op.in.length);
    memcpy(op.in.buffer, w->text + w->at, n);
    w->at += n;
    return (int)n;
}

static int
take(struct world *w, struct io_op op, char letter)
{
    must(op.kind == IO_SEND && op.fd == CLIENT, "to the client");
    must(op.out.length > 0, "there is something to send");
    size_t n = amount(letter, op.out.length);
    if (w->got_room < w->got_len + n) {
        w->got_room = 2 * (w->got_len + n);
        w->got = realloc(w->got, w->got_room);
        must(w->got != NULL, "there is memory");
    }
    memcpy(w->got + w->got_len, op.out.buffer, n);
    w->got_len += n;
    return (int)n;
}

static int
file_step(struct world *w, struct io_op op, char letter)
{
    static const int errors[] = {-EIO, -EACCES, -EMFILE, -ELOOP, -ECANCELED};
    if (letter == 'E') {
        w->failed = true;
        letter = script_next(w);
        if (op.kind == IO_READ && letter == 'a') return 0;
        int error = errors[(unsigned char)letter % 5];
        return error == -ECANCELED && w->cancels++ > 0 ? -EIO : error;
    }
    if (op.kind == IO_OPEN) return file_open(w, &op);
    must(op.kind == IO_READ && op.fd == opened, "read what was opened");
    must(op.in.length > 0, "there is room for the file");
    memset(op.in.buffer, 0xee, op.in.length);
    ssize_t n = pread(
        op.fd, op.in.buffer, amount(letter, op.in.length), (off_t)op.in.offset);
    must(n >= 0, "a file can be read");
    w->read += (size_t)n;
    return (int)n;
}

/* ---- The server, so to speak -------------------------------------------- */

static int
serve(struct world *w, struct exchange *x, enum exchange_need need, char letter)
{
    struct io_op op = exchange_op(x, need, CLIENT);
    if (need == EXCHANGE_RECV) return receive(w, op, letter);
    if (need == EXCHANGE_SEND) return take(w, op, letter);
    must(need == EXCHANGE_FILE, "what else could it need");
    return file_step(w, op, letter);
}

/* A client that rests has no exchange, as in server.c; what comes first may
 * have been received elsewhere. Result: bytes that came so. */
static size_t
begin_anew(struct world *w, struct exchange **x, char letter)
{
    size_t most = w->len - w->at < 192 ? w->len - w->at : 192;
    exchange_free(x);
    *x = exchange_new(&w->site);
    if (letter < 'a' || letter > 'z' || most == 0) return 0;
    size_t n = amount(letter, most);
    exchange_take(*x, w->text + w->at, n);
    w->at += n;
    return n;
}

/* One thing that is needed. False: all is said, by one of the two. */
static bool
turn(struct world *w, struct exchange **x)
{
    enum exchange_need need = exchange_next(*x);
    char letter = script_next(w);
    (void)exchange_got_on(*x);
    w->turns++;
    w->ended = need == EXCHANGE_END;
    if (letter == 'C') w->site.closing = true;
    if (w->ended) return false;
    if (exchange_idle(*x)) {
        must(need == EXCHANGE_RECV, "what is idle waits for the client");
        if (begin_anew(w, x, letter) > 0) return true;
    }
    if (need == EXCHANGE_RECV && letter == 'T' && !w->slow) {
        w->slow = true;
        exchange_refuse(*x, 408);
        return true;
    }
    if (need == EXCHANGE_RECV && w->at == w->len) return false;
    exchange_done(*x, need, serve(w, *x, need, letter));
    return true;
}

void
world_run(struct world *w, bool files, const char *script, size_t script_len,
    const char *text, size_t len)
{
    *w = (struct world){.script = script,
        .script_len = script_len,
        .text = text,
        .len = len,
        .site = {.root = files ? ROOT : -1}};
    w->site.stats = &w->stats;
    struct exchange *x = exchange_new(&w->site);
    while (turn(w, &x))
        must(w->turns <= 2 * w->opens + w->cancels + w->at + w->got_len +
                             w->read + len / 8 + 16,
            "each turn moves something");
    exchange_free(&x);
    must(x == NULL && piece == NULL, "its memory is given back");
    must(opened < 0 || is_closed(opened), "its file is closed");
    opened = -1;
}

void
world_end(struct world *w)
{
    free(w->got);
}
