/* ask_file.c - the same for files: see ask.c. */
#include "plan.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PATH_SIZE = 256 };

/* One of this kind, or NULL. */
static const struct model_file *
file_of(struct talk *t, enum model_kind kind)
{
    const struct model_world *w = t->world;
    size_t first = w->file_count > 0 ? plan_random(t, w->file_count) : 0;
    for (size_t i = 0; i < w->file_count; i++) {
        const struct model_file *f = &w->files[(first + i) % w->file_count];
        if (f->kind == kind) return f;
    }
    return NULL;
}

/* An index is asked for by its directory, too; and any byte may be escaped. */
static const char *
path_of(struct talk *t, const char *path, char out[PATH_SIZE])
{
    static const char index[] = "/index.html";
    size_t len = strlen(path), shown = len, n = 0;
    assert(3 * len + 2 < PATH_SIZE);
    if (len >= sizeof index - 1 &&
        strcmp(path + len - (sizeof index - 1), index) == 0 &&
        plan_chance(t, 50))
        shown = len - (sizeof index - 2);
    if (plan_chance(t, 5)) out[n++] = '/';
    for (size_t i = 0; i < shown; i++) {
        bool escape = i > 0 && plan_chance(t, 2);
        n += (size_t)sprintf(
            out + n, escape ? "%%%02x" : "%c", (unsigned char)path[i]);
    }
    out[n] = '\0';
    return out;
}

static void
answer_file(struct plan *p, const struct model_file *f)
{
    p->a->name = "file";
    p->a->status = 200;
    p->a->file = true;
    p->a->tagged = f;
    p->a->at = f->at;
    p->a->length = f->size;
    p->a->type = f->type;
}

void
ask_file(struct plan *p)
{
    char path[PATH_SIZE];
    const struct model_file *f = file_of(p->t, MODEL_FILE);
    if (f == NULL) {
        ask_missing(p);
        return;
    }
    p->modern = plan_chance(p->t, 20);
    plan_head(p, plan_get(p->t), path_of(p->t, f->path, path));
    plan_end(p);
    answer_file(p, f);
}

void
plan_date(int64_t seconds, char out[PLAN_DATE])
{
    time_t time = (time_t)seconds;
    struct tm tm;
    size_t n = strftime(
        out, PLAN_DATE, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&time, &tm));
    assert(n > 0);
}

void
plan_tag(const struct model_file *f, char out[PLAN_TAG])
{
    (void)snprintf(out, PLAN_TAG, "\"%llx-%llx-%lx\"",
        (unsigned long long)f->size, (unsigned long long)f->modified,
        (unsigned long)f->nanoseconds);
}

static void
say_date(struct talk *t, const char *name, int64_t seconds)
{
    char date[PLAN_DATE];
    plan_date(seconds, date);
    plan_say(t, "%s: %s\r\n", name, date);
}

/* Add a condition. Result: what it makes of 200. */
static int
say_condition(struct talk *t, const struct model_file *f)
{
    char tag[PLAN_TAG];
    plan_tag(f, tag);
    switch (plan_random(t, 8)) {
    case 0: plan_say(t, "If-None-Match: %s\r\n", tag); return 304;
    case 1: plan_say(t, "If-None-Match: \"x,y\", W/%s\r\n", tag); return 304;
    case 2: plan_say(t, "If-None-Match: *\r\n"); return 304;
    case 3: plan_say(t, "If-None-Match: \"other\"\r\n"); return 200;
    case 4: plan_say(t, "If-Match: \"other\"\r\n"); return 412;
    case 5: plan_say(t, "If-Match: \"a\",,%s\r\n", tag); return 200;
    case 6: say_date(t, "If-Modified-Since", f->modified); return 304;
    default: say_date(t, "If-Modified-Since", f->modified - 1); return 200;
    }
}

void
ask_file_if(struct plan *p)
{
    char path[PATH_SIZE];
    const struct model_file *f = file_of(p->t, MODEL_FILE);
    if (f == NULL) {
        ask_missing(p);
        return;
    }
    plan_head(p, plan_get(p->t), path_of(p->t, f->path, path));
    int status = say_condition(p->t, f);
    plan_head_end(p);
    answer_file(p, f);
    p->a->status = status;
    if (status == 412) p->a->tagged = NULL;
    p->a->name = status == 200 ? "file, if" : status == 304 ? "304" : "412";
}

/* Keep a text for the answer: it lies with what is sent, but is not. */
static const char *
keep(struct talk *t, const char *text)
{
    size_t len = strlen(text) + 1;
    char *at = t->text + t->text_len;
    assert(len < sizeof t->text - t->text_len);
    memcpy(at, text, len);
    t->text_len += len;
    return at;
}

/* A directory without its slash: "/a/b?c" is told of "./b/?c". */
void
ask_directory(struct plan *p)
{
    char path[PATH_SIZE], where[PATH_SIZE];
    const char *query = plan_chance(p->t, 30) ? "?a=/b/" : "";
    const struct model_file *f = file_of(p->t, MODEL_DIRECTORY);
    if (f == NULL) {
        ask_missing(p);
        return;
    }
    p->bare = true;
    (void)snprintf(path, sizeof path, "%s%s", f->path, query);
    plan_head(p, plan_get(p->t), path);
    plan_end(p);
    (void)snprintf(
        where, sizeof where, "./%s/%s", strrchr(f->path, '/') + 1, query);
    p->a->name = "301";
    p->a->status = 301;
    p->a->file = true;
    p->a->location = keep(p->t, where);
}

void
ask_refused(struct plan *p)
{
    const struct model_file *f = file_of(p->t, MODEL_REFUSED);
    if (f == NULL) {
        ask_missing(p);
        return;
    }
    plan_ask(p, plan_get(p->t), f->path, 403);
    p->a->file = true;
    p->a->name = "403";
}

/* Files can only be read, whether they are there or not. */
void
ask_post_to_file(struct plan *p)
{
    plan_ask(p, "POST", plan_chance(p->t, 50) ? "/echo" : "/none", 405);
    p->a->name = "405";
    p->a->allow = "GET, HEAD";
}
