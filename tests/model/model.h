/* model.h - what a client says to the server of chapter 06, and what it must
 * hear. No I/O: whoever has sockets, or plays that there are some, asks what to
 * do next and tells what has come.
 *
 *     talk_begin(&t, &world, seed);
 *     for (;;) {
 *         struct talk_step step = talk_next(&t);
 *         if TALK_SEND: send some of step.bytes; talk_sent(&t, count);
 *         if TALK_PAUSE: sleep, if you like; talk_go_on(&t);
 *         if TALK_FINISH: end our side (SHUT_WR); talk_go_on(&t);
 *         if TALK_LEAVE: close, if you like; talk_end(&t, TALK_LEFT); done
 *         if TALK_RESET: cut the connection; talk_end(&t, TALK_LEFT); done
 *         if TALK_WAIT: nothing to send before something comes
 *         always: receive what is there; talk_received(&t, bytes, count);
 *         at the end of the stream: talk_end(&t, TALK_EOF); done
 *         when it is reset: talk_end(&t, TALK_LOST); done
 *     }
 *
 * Receive also while there is something to send: the server stops reading from
 * a client that does not read. Any piece may be as short as a byte.
 *
 * The same world and seed are the same talk. Nothing is allocated, and what is
 * kept does not depend on how long the bodies are. */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Bytes that show where they belong ---------------------------------- */

/* Bodies and files are cut out of one endless pattern. It repeats itself after
 * a prime number of bytes: no loss of a block looks right by chance. */
enum { PATTERN_PERIOD = 65521 };

/* The bytes of the pattern from `at` on. *len: how many are wanted; becomes how
 * many there are in one piece, at least 1. They are never freed. */
const char *pattern_at(uint64_t at, size_t *len);

/* Write len bytes of it, from `at` on, to out: a file, for example. */
void pattern_copy(uint64_t at, void *out, size_t len);

/* ---- The world ---------------------------------------------------------- */

enum model_kind {
    MODEL_FILE,
    MODEL_DIRECTORY, /* its index is the file with its path + "/index.html" */
    MODEL_REFUSED,   /* a symbolic link, a named pipe: 403 */
};

/* One name below --root. */
struct model_file {
    const char *path; /* "/d/a.txt": letters, digits and dots. Not /hello...,
                       * /none..., /a..., /etc...: they must not be there */
    enum model_kind kind;
    /* Of a file only: */
    const char *type;  /* the Content-Type by its name, all of it */
    uint64_t size, at; /* its content: that many bytes, pattern_at(at) */
    int64_t modified;  /* seconds since 1970; 2 or more before it is asked */
    long nanoseconds;  /* and so many */
};

/* A few of each kind, *count in all; the last one is the only big one. tree.h
 * puts them on the disk. */
const struct model_file *model_files(size_t *count);

/* What a talk may have in it. */
enum model_manners {
    MODEL_PLAIN = 0,      /* requests that get an answer and go on */
    MODEL_CLOSES = 1,     /* the last one asks for the end, or is HTTP/1.0 */
    MODEL_BAD = 2,        /* or is malformed, too long, ...: refused, closed */
    MODEL_HALF_CLOSE = 4, /* the client ends its side behind the last one */
    MODEL_TRUNCATE = 8,   /* or in the middle of a request */
    MODEL_RESETS = 16,    /* or it resets the connection at some byte */
    MODEL_ALL = 31,
};

/* Of the caller; it stays as long as the talks. Zero it at first. */
struct model_world {
    bool root; /* the server has --root, and these files: */
    const struct model_file *files;
    size_t file_count;
    const char *page; /* without --root: www/index.html */
    size_t page_length;
    unsigned requests; /* the most of one talk; 0 or too many: TALK_REQUESTS */
    uint64_t body;     /* bytes of the longest body; at most MODEL_BODY_MAX */
    unsigned manners;  /* a sum of enum model_manners */
};

/* ---- A talk ------------------------------------------------------------- */

enum {
    TALK_REQUESTS = 12,
    TALK_STEPS = 256,
    TALK_TEXT = 32 * 1024, /* bytes: all heads of one talk */
    TALK_HEAD = 1024,      /* bytes: the longest head of an answer */
    TALK_WHY = 240,
    MODEL_BODY_MAX = 1024 * 1024, /* more than that is 413 where unwanted */
};

enum talk_act {
    TALK_SEND,
    TALK_WAIT,
    TALK_PAUSE,
    TALK_FINISH,
    TALK_LEAVE,
    TALK_RESET,
};

struct talk_step {
    enum talk_act act;
    const char *bytes; /* TALK_SEND: good until the talk begins anew */
    size_t len;        /* never 0 */
};

/* How the connection ended, as the client sees it. */
enum talk_end { TALK_EOF, TALK_LOST, TALK_LEFT };

enum talk_verdict {
    TALK_RIGHT, /* all that was due has come, and nothing else */
    TALK_CUT,   /* what has come was right; the rest need not come: see below */
    TALK_WRONG, /* talk_why tells */
};

/* What may go otherwise, because of what happened around the talk. Without any
 * of these every answer must come, whole, and the end must be orderly. */
enum talk_allowance {
    TALK_MAY_503 = 1,  /* more clients than --connections: it is told so, as
                        * the first answer, before it has asked */
    TALK_MAY_408 = 2,  /* it was slower than --timeout: 408 in place of an
                        * answer, or the end between two answers */
    TALK_MAY_END = 4,  /* the end (or a reset) between two answers, which the
                        * last one may announce: the server was told to stop,
                        * or has no memory */
    TALK_MAY_CUT = 8,  /* the end, or a reset, anywhere: it was given up */
    TALK_MAY_FAIL = 16 /* a file could not be opened or read: 500 or 503, or an
                        * answer that breaks off */
};

/* One piece of what is sent, or a point between two of them. */
struct talk_move {
    enum talk_act act; /* TALK_SEND, TALK_PAUSE, TALK_WAIT */
    const char *text;  /* TALK_SEND: these bytes; NULL: the pattern, ... */
    uint64_t at;       /* ... from here on. TALK_WAIT: for so many answers, */
    uint64_t len;      /* or (if not 0) a 100 Continue to the next */
};

/* One request: what must be answered. */
struct talk_answer {
    const char *name; /* what is asked, in a word or two */
    int status;
    bool head_only; /* it was HEAD: no body comes */
    bool close;     /* it says so, and the end follows */
    bool chunked;   /* the body comes in chunks */
    bool go_on;     /* a 100 Continue may come first */
    bool echo;      /* it begins before the request has ended */
    bool broken;    /* of an echo: after a part of it `status` is too late */
    bool file;      /* see TALK_MAY_FAIL */
    bool any_body;  /* /stats: its bytes are not known */
    bool body_optional;  /* 408 to half a HEAD: who knows what it has read */
    const char *text;    /* the body; NULL: the pattern from `at` on */
    uint64_t at, length; /* of the body, whether it comes or not */
    const char *type, *allow, *location; /* fields; NULL: do not care */
    const struct model_file *tagged;     /* 200, 304: has ETag and date; or 0 */
    uint64_t head_end; /* no byte of it may come before so much was sent, */
    uint64_t decided;  /* and it must come when so much was */
};

/* One client's talk. All of it is the model's; look, but do not touch. No need
 * to zero it. Nothing to free. */
struct talk {
    const struct model_world *world;
    uint64_t seed, random;

    /* The plan. */
    struct talk_move moves[TALK_STEPS];
    struct talk_answer answers[TALK_REQUESTS + 1];
    size_t move_count, answer_count, text_len;
    uint64_t length;    /* of all that is sent */
    uint64_t stop_at;   /* after so many bytes ... */
    enum talk_act stop; /* ... TALK_FINISH or TALK_RESET; TALK_LEAVE: none */
    bool stubborn;      /* goes on sending after a refusal */

    /* How far it is. */
    size_t move;        /* the present one */
    uint64_t move_sent; /* bytes of it */
    uint64_t sent, received;
    size_t answered; /* answers that are complete */
    bool finished, continued, closed, ended;
    unsigned allowed;
    enum talk_verdict verdict;

    /* The answer that is coming. */
    int stage;
    struct talk_answer now; /* what was expected, or what came in its place */
    uint64_t got, chunk;    /* bytes of the body; of the chunk, to come */
    int digits;             /* of the chunk's length */
    size_t head_len;
    char head[TALK_HEAD + 1];

    char why[TALK_WHY];
    char text[TALK_TEXT];
};

/* Make a talk out of a seed. The world stays the caller's. */
void talk_begin(struct talk *t, const struct model_world *world, uint64_t seed);

/* What the client does now. The same answer until something is told. */
struct talk_step talk_next(struct talk *t);

/* So many bytes of the step were sent. */
void talk_sent(struct talk *t, size_t count);

/* The pause, or the end of our side, is done. */
void talk_go_on(struct talk *t);

/* These have come. False: something is wrong with them; the talk is over, and
 * its verdict is TALK_WRONG. */
bool talk_received(struct talk *t, const char *bytes, size_t count);

/* Something happened that excuses the server from here on: a sum of enum
 * talk_allowance, which adds to the earlier ones. */
void talk_allow(struct talk *t, unsigned allowances);

/* It is over. */
enum talk_verdict talk_end(struct talk *t, enum talk_end how);

/* Would it be right if the connection ended here? False also while answers are
 * due: for a watchdog. */
bool talk_is_complete(const struct talk *t);

/* What is wrong, in one line; "" if nothing is. */
const char *talk_why(const struct talk *t);

/* What it asks, in one line, for logs: "GET file, POST /echo, bad: two Hosts".
 * Result: out. */
char *talk_describe(const struct talk *t, char *out, size_t size);

#endif
