/* check.c - is the model right itself? It talks with exchange.c of chapter 06,
 * without a socket. First all is well: each talk must be accepted. Then it
 * hears something else than was said, in one place: that must be noticed.
 *
 *     check_model [TALKS [SEED]]      2000 talks of each kind, from seed 1
 *
 * Ends with "N passed, N failed". */
#include "exchange.h"
#include "model.h"
#include "page.h"
#include "plan.h"
#include "tree.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEARD_MAX = 8 * 1024 * 1024, TURNS_MAX = 10 * 1000 * 1000 };

/* ---- In place of the spares ---------------------------------------------- */

void *
spares_take(struct spares *all)
{
    static struct exchange one;
    (void)all;
    return &one;
}

void
spares_give(struct spares *all, void *piece)
{
    (void)all;
    (void)piece;
}

/* ---- What may go wrong between the server and the model ----------------- */

enum harm {
    NONE,
    LOSE,  /* a byte is missing */
    TWICE, /* a byte comes twice */
    FLIP,  /* a byte is another one */
    STOP,  /* the end comes too early */
    MORE,  /* something comes behind the end */
    AGAIN, /* the last answer comes once more */
    SWAP,  /* two answers change their places */
    STAY,  /* "Connection: close", and it does not close */
    RESET, /* the end is not an orderly one */
    EARLY, /* all is answered before it is asked */
    /* From here on the server is excused, if the model is told so. */
    FULL,  /* one client too many: 503 */
    SLOW,  /* too slow: 408 */
    FAULT, /* a file cannot be opened or read */
    CLOSE, /* the server ends */
    HARMS,
};

static const unsigned excuses[HARMS] = {[FULL] = TALK_MAY_503,
    [SLOW] = TALK_MAY_408,
    [FAULT] = TALK_MAY_FAIL,
    [CLOSE] = TALK_MAY_END};

static const char *const harm_names[HARMS] = {"all is well", "a byte is lost",
    "a byte comes twice", "a byte is wrong", "it ends too early",
    "something comes behind the end", "an answer comes twice",
    "two answers change places", "it says close, and stays",
    "it ends with a reset", "the answer comes before the question", "503",
    "408", "a file cannot be read", "the server ends"};

/* What was heard in the good run, and where each answer begins in it. */
static char heard[HEARD_MAX];
static size_t heard_len, begins[TALK_REQUESTS + 2];

static struct talk talk;
static struct site site;
static struct stats stats;
static uint64_t dice;

static uint64_t
below(uint64_t limit)
{
    return model_random(&dice) % limit;
}

static size_t
some(size_t most)
{
    return below(3) == 0 ? most : 1 + below(most);
}

/* ---- A talk ------------------------------------------------------------- */

struct play {
    enum harm harm;
    size_t at;   /* the byte that is harmed */
    size_t said; /* bytes that the server has said */
    int left;    /* so many times not yet (SLOW, FAULT, CLOSE) */
    bool done;   /* it has happened */
    bool over;
    unsigned excused; /* a sum of enum talk_allowance */
};

/* The good run is kept. */
static void
keep(const char *bytes, size_t count)
{
    if (heard_len + count > sizeof heard) errx(1, "too long: HEARD_MAX");
    memcpy(heard + heard_len, bytes, count);
    for (size_t i = 0; i < count; i++) {
        size_t before = talk.answered;
        (void)talk_received(&talk, bytes + i, 1);
        heard_len++;
        if (talk.answered > before) begins[talk.answered] = heard_len;
    }
}

/* One byte on its way, harmed or not. */
static void
pass_byte(const struct play *p, char byte)
{
    bool here = p->said == p->at;
    char wrong = (char)(byte ^ 1);
    if (here && p->harm == LOSE) return;
    if (here && p->harm == TWICE) (void)talk_received(&talk, &byte, 1);
    (void)talk_received(&talk, here && p->harm == FLIP ? &wrong : &byte, 1);
}

static void
pass(struct play *p, const char *bytes, size_t count)
{
    bool harmed = p->harm >= LOSE && p->harm <= FLIP;
    if (p->harm == NONE) {
        keep(bytes, count);
        return;
    }
    for (size_t i = 0; i < count && !p->over; i++) {
        if (p->harm == STOP && p->said == p->at) {
            (void)talk_end(&talk, TALK_EOF);
            p->over = true;
        } else if (harmed) {
            pass_byte(p, bytes[i]);
        } else {
            (void)talk_received(&talk, bytes + i, 1);
        }
        p->said++;
    }
}

/* The client has something to send, or the end (0). -1: it waits. */
static int
client_send(struct play *p, struct io_op op)
{
    for (;;) {
        struct talk_step step = talk_next(&talk);
        if (step.act == TALK_SEND) {
            size_t n = step.len < op.in.length ? step.len : op.in.length;
            n = some(n);
            memcpy(op.in.buffer, step.bytes, n);
            talk_sent(&talk, n);
            return (int)n;
        }
        if (step.act != TALK_PAUSE && step.act != TALK_FINISH) {
            p->over = step.act == TALK_LEAVE || step.act == TALK_RESET;
            return p->over ? 0 : -1;
        }
        talk_go_on(&talk);
        if (step.act == TALK_FINISH) return 0;
    }
}

/* Does it go wrong now? */
static bool
is_time(struct play *p, enum harm harm)
{
    if (p->harm != harm || p->done || p->left-- > 0) return false;
    return p->done = true;
}

static int
disk_do(struct play *p, struct io_op op)
{
    ssize_t n;
    if (is_time(p, FAULT)) return below(2) == 0 ? -EIO : -EMFILE;
    if (op.kind == IO_OPEN)
        n = openat(op.fd, op.open.path, op.open.flags | O_CLOEXEC | O_NOFOLLOW);
    else
        n = pread(op.fd, op.in.buffer, some(op.in.length), (off_t)op.in.offset);
    return n == -1 ? -errno : (int)n;
}

/* One thing that the exchange needs. False: the connection ends. */
static bool
turn(struct play *p, struct exchange *x)
{
    enum exchange_need need = exchange_next(x);
    if (need == EXCHANGE_END) return false;
    if (need == EXCHANGE_RECV && is_time(p, SLOW)) {
        exchange_refuse(x, 408);
        return true;
    }
    if (need == EXCHANGE_RECV && !exchange_busy(x) && is_time(p, CLOSE))
        return false;
    struct io_op op = exchange_op(x, need, 0);
    int n;
    if (need == EXCHANGE_SEND) {
        n = (int)some(op.out.length);
        pass(p, op.out.buffer, (size_t)n);
    } else {
        n = need == EXCHANGE_RECV ? client_send(p, op) : disk_do(p, op);
    }
    if (need == EXCHANGE_RECV && n <= 0) return false;
    if (p->over) return false;
    exchange_done(x, need, n);
    return true;
}

static void
play(const struct model_world *world, uint64_t seed, struct play *p)
{
    struct exchange *x = exchange_new(&site);
    dice = seed;
    heard_len = p->harm == NONE ? 0 : heard_len;
    if (p->harm == NONE) memset(begins, 0, sizeof begins);
    talk_begin(&talk, world, seed);
    talk_allow(&talk, p->excused);
    if (p->harm == EARLY) (void)talk_received(&talk, heard, heard_len);
    if (p->harm == FULL) exchange_refuse(x, 503);
    for (int turns = 0; turn(p, x); turns++)
        if (turns == TURNS_MAX)
            errx(1, "seed %llu: it never ends", (unsigned long long)seed);
    exchange_free(&x);
}

/* How it ends in the good run. */
static enum talk_end
good_end(const struct play *p)
{
    return p->over ? TALK_LEFT : TALK_EOF;
}

static void
say_more(enum harm harm)
{
    if (harm == MORE) (void)talk_received(&talk, "H", 1);
    if (harm == AGAIN && talk.answered > 0)
        (void)talk_received(&talk, heard + begins[talk.answered - 1],
            begins[talk.answered] - begins[talk.answered - 1]);
}

static enum talk_verdict
play_to_end(const struct model_world *world, uint64_t seed, struct play *p)
{
    play(world, seed, p);
    if (talk.ended) return talk.verdict;
    enum talk_end end = good_end(p);
    say_more(p->harm);
    if (p->harm == STAY) end = TALK_LEFT;
    if (p->harm == RESET) end = TALK_LOST;
    return talk_end(&talk, end);
}

/* ---- Which harm can be noticed? ----------------------------------------- */

/* An answer that breaks off may do so at any byte; what /stats tells is not
 * known. Such talks are left alone. */
static bool
is_strict(void)
{
    for (size_t i = 0; i < talk.answer_count; i++)
        if (talk.answers[i].broken || talk.answers[i].any_body) return false;
    return talk.verdict == TALK_RIGHT && talk.stage == 0 && heard_len > 0 &&
           talk.stop != TALK_RESET &&
           (talk.stop == TALK_LEAVE || talk.stop_at == talk.length);
}

/* Is this byte a part of a date? Any date will do. */
static bool
in_date(size_t at)
{
    size_t from = at;
    while (from > 0 && heard[from - 1] != '\n' && at - from < 40)
        from--;
    return from + 5 < heard_len && memcmp(heard + from, "Date: ", 6) == 0;
}

/* Can it happen in this talk, and does it matter? */
static bool
applies(const struct play *p)
{
    if (p->harm == FLIP) return !in_date(p->at);
    return p->harm == STAY ? talk.closed : true;
}

/* Two answers that differ change their places. */
static bool
swap_is_noticed(const struct model_world *world, uint64_t seed, bool *applied)
{
    size_t n = talk.answered, i = n > 1 ? below(n - 1) : 0;
    const char *a = heard + begins[i], *b = heard + begins[i + 1];
    size_t a_len = (size_t)(b - a), b_len = begins[i + 2] - begins[i + 1];
    *applied = n > 1 && (a_len != b_len || memcmp(a, b, a_len) != 0);
    if (!*applied) return true;
    talk_begin(&talk, world, seed);
    talk.sent = talk.length; /* as if all had been asked */
    return !talk_received(&talk, heard, begins[i]) ||
           !talk_received(&talk, b, b_len) || !talk_received(&talk, a, a_len);
}

/* ---- All of them -------------------------------------------------------- */

static int passed, failed;

static void
count(bool good, uint64_t seed, enum harm harm)
{
    char text[300];
    good ? passed++ : failed++;
    if (good || failed > 10) return;
    printf("seed %llu, %s%s: %s (%s)\n", (unsigned long long)seed,
        site.root >= 0 ? "--root, " : "", harm_names[harm],
        *talk_why(&talk) != '\0' ? talk_why(&talk) : "nobody notices",
        talk_describe(&talk, text, sizeof text));
}

static void
harm_one(const struct model_world *world, uint64_t seed, enum harm harm)
{
    struct play p = {.harm = harm};
    bool applied = true, noticed;
    p.at = below(heard_len);
    if (harm == SWAP) {
        noticed = swap_is_noticed(world, seed, &applied);
    } else {
        applied = applies(&p);
        noticed = !applied || play_to_end(world, seed, &p) == TALK_WRONG;
    }
    if (applied) count(noticed, seed, harm);
}

/* The same two times: it must be noticed, and with an excuse it is right. */
static void
excuse_one(const struct model_world *world, uint64_t seed, enum harm harm)
{
    struct play p = {.harm = harm, .left = (int)below(6)};
    struct play again = p;
    bool noticed = play_to_end(world, seed, &p) == TALK_WRONG;
    if (harm != FULL && !p.done) return;
    count(noticed, seed, harm);
    again.excused = excuses[harm];
    count(play_to_end(world, seed, &again) != TALK_WRONG, seed, harm);
}

static void
check_one(const struct model_world *world, uint64_t seed)
{
    struct play good = {.harm = NONE};
    bool well = play_to_end(world, seed, &good) != TALK_WRONG;
    count(well, seed, NONE);
    for (enum harm harm = LOSE; harm < HARMS && well; harm++) {
        struct play again = {.harm = NONE};
        if (harm > LOSE) (void)play_to_end(world, seed, &again);
        if (!is_strict()) continue;
        if (excuses[harm] != 0)
            excuse_one(world, seed, harm);
        else
            harm_one(world, seed, harm);
    }
}

static void
check_all(const struct model_world *world, uint64_t talks, uint64_t first)
{
    for (uint64_t seed = first; seed < first + talks; seed++)
        check_one(world, seed);
}

int
main(int argc, char **argv)
{
    uint64_t talks = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    struct model_world world = {
        .page = (const char *)page,
        .page_length = page_length,
        .body = 70000,
        .requests = 6,
        .manners = MODEL_ALL,
    };
    world.files = model_files(&world.file_count);
    world.file_count--; /* without the big one */
    site = (struct site){.root = -1, .stats = &stats};
    check_all(&world, talks, first);
    world.root = true;
    site.root = open(tree_make(), O_RDONLY | O_DIRECTORY);
    if (site.root == -1) err(1, "open");
    check_all(&world, talks, first);
    tree_remove();
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
