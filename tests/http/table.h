/* table.h - the parts of the runner: what each has, and what it may call.
 *
 *    cases.c    reads the table: tests/http/NAME.txt, of which the form is told
 *               in README.md
 *    bytes.c    the bytes that a line of the table stands for
 *    root.c     the directory that the server with --root serves
 *    runs.c     plays the cases on many connections at once
 *    reply.c    takes answers apart, as strictly as RFC 9112 lets us
 *    judge.c    is this answer right?
 *    table.c    the servers, and the numbers at the end */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Bytes that grow. Zero it at first; bytes_free ends it. There is always a NUL
 * behind the last one, which does not count. */
struct bytes {
    char *at;
    size_t len, room;
};

void bytes_add(struct bytes *b, const void *at, size_t len);
void bytes_skip(struct bytes *b, size_t len);
void bytes_free(struct bytes *b);

enum { REPLY_FIELDS = 32, REPLY_HEAD = 4096 };

/* One answer of the server, taken apart. Zero it at first; it may be used again
 * and again, and bytes_free(&body) ends it. */
struct reply {
    int status;
    long length;  /* Content-Length; -1: none */
    bool chunked; /* Transfer-Encoding: chunked */
    bool close;   /* Connection: close */
    size_t count;
    struct {
        const char *name, *value;
    } fields[REPLY_FIELDS]; /* in head */
    char head[REPLY_HEAD];
    struct bytes body;
    const char *wrong; /* what is malformed, if anything is */
};

/* Take one answer off the front; `head`: it comes without its body. The answer
 * is its length; 0: it is not whole yet; -1: malformed, r->wrong says how. */
long reply_take(struct reply *r, const char *buf, size_t len, bool head);

/* The value of the only field of that name; NULL: there is none. */
const char *reply_field(const struct reply *r, const char *name);

/* Add what `text` stands for: escapes, {text*times} and {Name}, which is that
 * field of the answer `last`. The answer is NULL, or what is wrong. */
const char *bytes_expand(
    struct bytes *b, const char *text, const struct reply *last);

/* The servers that a case may ask for, by their arguments. */
enum server_kind { PLAIN, ROOT, HASTY, FULL, SERVER_KINDS };

/* How a request is sent. */
enum way { WHOLE, BYTEWISE, SPLIT, BEHIND, WAYS };

enum { STATUSES = 4 };

/* One line of a case, in order:
 *   >  send `text`                   !  end our side of the connection
 *   <  an answer must come           .  how it ends: `text`
 *   + - = ~  a check of the answer before */
struct move {
    char kind;
    int line;
    const char *text;
    int statuses[STATUSES]; /* of <: one of these, the rest 0 */
    bool head;              /* of <: it answers HEAD, so it has no body */
    bool optional;          /* of <: it may be missing */
};

/* One case. All strings stay as long as the program. */
struct http_case {
    const char *file, *section, *level, *name;
    int line;
    enum server_kind server;
    unsigned ways; /* a bit for each */
    const struct move *moves;
    size_t count;
};

/* Read one file of the table, and add its cases to *cases (realloc). What is
 * wrong with the table ends the program. The answer is how many there are. */
size_t cases_read(
    struct http_case **cases, size_t count, const char *file_name);

/* Is this answer right in itself, and does it fit the move? The moves after it,
 * up to `end`, hold its checks. NULL: yes. Otherwise what is wrong, good until
 * the next call. */
const char *judge(const struct reply *r, const struct move *move,
    const struct move *end, const struct reply *last);

/* Make the directory that is served, and one file beside it. root_remove takes
 * them away. */
const char *root_make(void);
void root_remove(void);

/* Where a kind of server listens: set by table.c before runs_play. */
extern int server_ports[SERVER_KINDS];

/* Play all cases in all their ways. passed[i] tells about cases[i]; each
 * case that fails is one line on stdout. */
void runs_play(const struct http_case *cases, size_t count, bool *passed);

/* Of table.c and the suite. */
extern double time_scale;
double now(void);
uint64_t random_below(uint64_t limit);

#endif
