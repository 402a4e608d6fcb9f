/* plan.h - how the parts of the model make a talk; of no use to others.
 *
 *    pattern.c  the bytes of bodies, and random numbers
 *    plan.c     a talk out of requests, pauses and an end
 *    request.c  the parts of a request
 *    ask.c      the requests that get an answer and go on; ask_file.c: those
 *               for files
 *    bad.c      the requests after which the server ends the connection
 *    talk.c     what the client does next
 *    hear.c     is what has come right? */
#ifndef PLAN_H
#define PLAN_H

#include "model.h"

#define RANDOM_OF(t, list) (list)[plan_random(t, sizeof(list) / sizeof *(list))]

/* One request that is being made: where to, and what must come for it. */
struct plan {
    struct talk *t;
    struct talk_answer *a; /* zero at first */
    bool closes;           /* it must ask for the end */
    bool modern;           /* it needs HTTP/1.1 */
    bool bare;             /* no query may be added to its target */
};

/* A way to ask. `root`: the server that understands it. */
enum plan_root { WITH_ROOT = 1, WITHOUT_ROOT = 2, ANY_ROOT = 3 };
struct plan_kind {
    void (*make)(struct plan *p);
    enum plan_root root;
    int weight;
};

/* ask.c, bad.c: the ways to ask; *count of them. */
const struct plan_kind *plan_goods(size_t *count);
const struct plan_kind *plan_bads(size_t *count);

/* plan.c: add to what is sent. */
void plan_say(struct talk *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void plan_bytes(struct talk *t, const char *bytes, size_t len);
void plan_repeat(struct talk *t, char byte, size_t times);
void plan_pattern(struct talk *t, uint64_t at, uint64_t len);
void plan_pause(struct talk *t);
void plan_wait(struct talk *t, size_t answers, bool go_on);

/* request.c: the parts of a request. plan_head leaves the head open for fields,
 * plan_head_end ends it. plan_body ends it, too, and adds a body; `wait`: its
 * client may wait for a word before that. plan_end is for a request that needs
 * no body; now and then it has one. plan_ask: all of a plain request. */
void plan_head(struct plan *p, const char *method, const char *target);
void plan_head_end(struct plan *p);
void plan_body(struct plan *p, uint64_t len, bool wait);
void plan_end(struct plan *p);
void plan_ask(
    struct plan *p, const char *method, const char *target, int status);
const char *plan_get(struct talk *t);
uint64_t plan_size(struct talk *t);
void plan_chunk(struct talk *t, uint64_t at, uint64_t len);

/* ask.c, ask_file.c */
void ask_missing(struct plan *p);
void ask_file(struct plan *p);
void ask_file_if(struct plan *p);
void ask_directory(struct plan *p);
void ask_refused(struct plan *p);
void ask_post_to_file(struct plan *p);

/* pattern.c, plan.c */
uint64_t model_random(uint64_t *state);
uint64_t plan_random(struct talk *t, uint64_t below);
bool plan_chance(struct talk *t, unsigned percent);

/* ask_file.c: the ETag of a file (RFC 9110 8.8.3), which the server makes of
 * its size and time; and seconds since 1970 as HTTP writes them (5.6.7). */
enum { PLAN_TAG = 64, PLAN_DATE = 64 };
void plan_tag(const struct model_file *f, char out[PLAN_TAG]);
void plan_date(int64_t seconds, char out[PLAN_DATE]);

/* hear.c: "404 Not Found\n"; NULL: a status that the server never answers. */
const char *status_line(int status);

/* talk.c: keep why this talk is wrong, if it is the first reason. */
bool talk_wrong(struct talk *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* talk.c: the last byte that the client is going to send. */
uint64_t talk_last(const struct talk *t);

#endif
