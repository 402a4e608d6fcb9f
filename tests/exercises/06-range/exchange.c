/* exchange.c - see exchange.h. A request goes through the stages
 *
 *     HEAD --> BODY --> ANSWER -------------------> (the next one's HEAD)
 *                         |                           ^
 *                         +--> OPEN --> READ ---------+
 *
 * OPEN waits for one operation. Each of the others has a step_ function, which
 * goes as far as it can. */
#include "exchange.h"
#include "answer.h"
#include "media_type.h"
#include "page.h"
#include "precondition.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    ROOM = EXCHANGE_OUT / 2, /* for the longest answer that is made in one go */
    CHUNK_EXTRA = 32,        /* for the length of a chunk, and line ends */
};

_Static_assert(ROOM >= ANSWER_HEAD_MAX + STATS_JSON_MAX, "/stats fits in");
_Static_assert(ROOM >= ANSWER_HEAD_MAX + EXCHANGE_IN + CHUNK_EXTRA,
    "so does all that one recv brings for /echo");

static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

struct exchange *
exchange_new(struct site *site)
{
    struct exchange *x = spares_take(site->spares);
    assert(page_length <= ROOM - ANSWER_HEAD_MAX);
    if (x == NULL) return NULL;
    memset(x, 0, offsetof(struct exchange, request));
    x->site = site;
    x->file.fd = -1;
    http_request_init(&x->request);
    return x;
}

void
exchange_free(struct exchange **x)
{
    if (*x == NULL) return;
    file_close(&(*x)->file);
    spares_give((*x)->site->spares, *x);
    *x = NULL;
}

bool
exchange_busy(const struct exchange *x)
{
    return x->stage != STAGE_HEAD || x->out_len > 0;
}

bool
exchange_idle(const struct exchange *x)
{
    return !exchange_busy(x) && x->in_len == 0;
}

bool
exchange_got_on(struct exchange *x)
{
    if (x->moved < EXCHANGE_PROGRESS) return false;
    x->moved = 0;
    return true;
}

/* ---- Answers ------------------------------------------------------------ */

static size_t
room(const struct exchange *x)
{
    return sizeof x->out - x->out_len;
}

static void
put(struct exchange *x, const void *bytes, size_t len)
{
    assert(len <= room(x));
    memcpy(x->out + x->out_len, bytes, len);
    x->out_len += len;
}

/* Write an answer, or the head of one. */
static void
put_answer(struct exchange *x, struct answer *a)
{
    a->head_only = x->request.method == HTTP_HEAD;
    a->keep_alive = !x->last && !x->site->closing;
    a->wallclock = x->wallclock;
    assert(room(x) >= ANSWER_HEAD_MAX);
    x->out_len += answer_write(a, x->out + x->out_len);
}

/* The answer is complete; what follows in `in` is the next request. */
static enum exchange_need
request_done(struct exchange *x)
{
    file_close(&x->file);
    x->stage = STAGE_HEAD;
    x->begun = x->echo = false;
    x->moved = EXCHANGE_PROGRESS;
    x->answer = x->out_len;
    if (x->used == x->in_len) x->used = x->in_len = 0;
    x->head = x->used;
    http_request_init(&x->request);
    return EXCHANGE_AGAIN;
}

/* The request cannot be answered as it should be, and what follows it in the
 * connection is not read. When a part of an answer has left already, the end of
 * the connection is the only way to tell. */
static enum exchange_need
fail(struct exchange *x, int status)
{
    x->last = true;
    if (!x->begun) {
        x->out_len = x->answer;
        put_answer(x, &(struct answer){.status = status});
    }
    return request_done(x);
}

void
exchange_refuse(struct exchange *x, int status)
{
    /* Read what has come of the head: to a HEAD no body may be sent. */
    if (x->stage == STAGE_HEAD)
        (void)http_request_parse(
            &x->request, x->in + x->head, x->in_len - x->head);
    x->wallclock = io_wallclock();
    (void)fail(x, status);
}

/* ---- HEAD --------------------------------------------------------------- */

/* May the body be long, and shall it come at all? (RFC 9110 10.1.1) A client
 * that waits for a word before it sends gets the final one. */
static enum exchange_need
begin_body(struct exchange *x)
{
    const struct http_request *r = &x->request;
    bool wanted = x->status == 200 && x->resource->kind == RESOURCE_ECHO;
    body_init(&x->body, r);
    x->stage = STAGE_BODY;
    if (wanted && r->expect_continue && x->used == x->in_len) {
        put(x, go_on, sizeof go_on - 1);
        x->answer = x->out_len;
    } else if (!wanted && r->expect_continue) {
        x->last = true;
        x->stage = STAGE_ANSWER;
    } else if (!wanted && r->content_length > EXCHANGE_DISCARD_MAX) {
        return fail(x, 413);
    }
    return EXCHANGE_AGAIN;
}

static enum exchange_need
step_head(struct exchange *x)
{
    struct http_request *r = &x->request;
    if (x->last || x->site->closing) return EXCHANGE_END;
    if (room(x) < ROOM) return EXCHANGE_SEND;
    int n = http_request_parse(r, x->in + x->head, x->in_len - x->head);
    if (n == 0) return EXCHANGE_RECV;
    x->site->stats->requests++;
    if (n < 0) return fail(x, -n);
    x->moved = EXCHANGE_PROGRESS;
    x->used = x->head_end = x->head + (size_t)n;
    /* After a CONNECT come bytes for a tunnel: they are no requests. */
    x->last = !r->keep_alive || r->method == HTTP_CONNECT;
    x->status =
        site_find(x->site, r, x->path, HTTP_TARGET_MAX + 1, &x->resource);
    return begin_body(x);
}

/* ---- BODY --------------------------------------------------------------- */

static void
echo_head(struct exchange *x)
{
    struct answer a = {.status = 200, .type = "application/octet-stream"};
    if (x->echo) return;
    x->echo = true;
    a.length = x->body.in_chunks ? -1 : x->request.content_length;
    put_answer(x, &a);
}

/* As it came: with a length, or in chunks. An empty chunk would end it. */
static void
echo_piece(struct exchange *x, struct http_slice data)
{
    char size[CHUNK_EXTRA / 2];
    if (data.len == 0) return;
    echo_head(x);
    int n = snprintf(size, sizeof size, "%zx\r\n", data.len);
    if (x->body.in_chunks) put(x, size, (size_t)n);
    put(x, data.at, data.len);
    if (x->body.in_chunks) put(x, "\r\n", 2);
}

static enum exchange_need
step_body(struct exchange *x)
{
    bool wanted = x->status == 200 && x->resource->kind == RESOURCE_ECHO;
    struct http_slice data;
    while (!x->body.done) {
        size_t len = x->in_len - x->used;
        if (len == 0) return EXCHANGE_RECV;
        if (room(x) < ROOM) return EXCHANGE_SEND;
        ssize_t n = body_read(&x->body, x->in + x->used, len, &data);
        if (n < 0) return fail(x, (int)-n);
        x->used += (size_t)n;
        if (wanted)
            echo_piece(x, data);
        else if (x->body.taken > EXCHANGE_DISCARD_MAX)
            return fail(x, 413);
    }
    x->stage = STAGE_ANSWER;
    return EXCHANGE_AGAIN;
}

/* ---- ANSWER ------------------------------------------------------------- */

static void
answer_text(
    struct exchange *x, const char *type, const void *text, size_t length)
{
    struct answer a = {.status = 200, .type = type};
    a.body = text;
    a.length = (int64_t)length;
    put_answer(x, &a);
}

static void
answer_stats(struct exchange *x)
{
    char json[STATS_JSON_MAX];
    size_t length = stats_json(x->site->stats, json, sizeof json);
    answer_text(x, "application/json", json, length);
}

static void
answer_echo(struct exchange *x)
{
    echo_head(x); /* if the body was empty */
    if (x->body.in_chunks) put(x, "0\r\n\r\n", 5);
}

/* The path ends with a slash: a directory, shown by its index. */
static void
complete_path(char *path)
{
    size_t n = strlen(path);
    if (path[n - 1] == '/') memcpy(path + n, "index.html", sizeof "index.html");
}

/* What is built in has neither a tag nor a date; a "*" is true of it. */
static bool
is_excused(struct exchange *x)
{
    int status = 0;
    if (x->request.conditional)
        status = precondition_check(
            &x->request, NULL, -1, (time_t)(x->wallclock / 1000000000));
    if (status != 0) put_answer(x, &(struct answer){.status = status});
    return status != 0;
}

static void
answer_built_in(struct exchange *x)
{
    enum resource_kind kind = x->resource->kind;
    if (kind == RESOURCE_ECHO)
        answer_echo(x);
    else if (is_excused(x))
        return;
    else if (kind == RESOURCE_PAGE)
        answer_text(x, "text/html; charset=utf-8", page, page_length);
    else if (kind == RESOURCE_STATS)
        answer_stats(x);
    else
        answer_text(x, NULL, "Hello, world\n", 13);
}

static enum exchange_need
step_answer(struct exchange *x)
{
    struct answer a = {.status = x->status};
    if (room(x) < ROOM) return EXCHANGE_SEND;
    if (a.status == 405) a.allow = x->resource->allow;
    if (a.status != 200) {
        put_answer(x, &a);
    } else if (x->resource->kind == RESOURCE_FILE) {
        complete_path(x->path);
        x->stage = STAGE_OPEN;
        return EXCHANGE_FILE;
    } else {
        answer_built_in(x);
    }
    return request_done(x);
}

/* ---- OPEN, READ --------------------------------------------------------- */

/* "/a/b?q" is a directory: "./b/?q". Relative to what was asked, it can never
 * name another server, as "//b/" would. */
static struct http_slice
location(struct exchange *x)
{
    const struct http_request *r = &x->request;
    size_t from = r->path.len;
    while (r->path.at[from - 1] != '/')
        from--;
    int n = snprintf(x->path, sizeof x->path, "./%.*s/%s%.*s",
        (int)(r->path.len - from), r->path.at + from, r->query.at ? "?" : "",
        (int)r->query.len, r->query.at ? r->query.at : "");
    assert(n > 0 && (size_t)n < sizeof x->path);
    return (struct http_slice){x->path, (size_t)n};
}

/* Then the directory is one named index.html. */
static bool
ends_with_slash(const struct exchange *x)
{
    return x->request.path.at[x->request.path.len - 1] == '/';
}

/* result: of the open. */
static void
file_opened(struct exchange *x, int result)
{
    struct file *f = &x->file;
    struct answer a = {
        .status = file_look(f, result, &x->request, x->wallclock)};
    if (a.status == 301 && ends_with_slash(x)) a.status = 404;
    if (a.status == 301) a.location = location(x);
    bool sends = a.status == 200 || a.status == 206;
    if (sends || a.status == 304) {
        a.etag = f->etag;
        a.modified = f->modified;
        a.length = f->end - f->offset;
        a.type = media_type(x->path);
    }
    if (f->part[0] != '\0') a.part = f->part;
    put_answer(x, &a);
    if (!sends || f->offset == f->end || x->request.method == HTTP_HEAD)
        (void)request_done(x);
    else
        x->stage = STAGE_READ;
}

/* The file may have become shorter meanwhile; its length has been told. */
static void
file_read(struct exchange *x, int result)
{
    if (result <= 0) {
        (void)fail(x, 500);
        return;
    }
    x->out_len += (size_t)result;
    x->file.offset += result;
    if (x->file.offset == x->file.end) (void)request_done(x);
}

static enum exchange_need
step_read(struct exchange *x)
{
    return room(x) < ROOM ? EXCHANGE_SEND : EXCHANGE_FILE;
}

/* ---- What the server calls ---------------------------------------------- */

/* Without waiting, and without a look at what there is to send. */
static enum exchange_need
step(struct exchange *x)
{
    switch (x->stage) {
    case STAGE_HEAD: return step_head(x);
    case STAGE_BODY: return step_body(x);
    case STAGE_ANSWER: return step_answer(x);
    case STAGE_OPEN: return EXCHANGE_FILE;
    case STAGE_READ: return step_read(x);
    }
    return EXCHANGE_END;
}

enum exchange_need
exchange_next(struct exchange *x)
{
    enum exchange_need need;
    do
        need = step(x);
    while (need == EXCHANGE_AGAIN);
    if (x->out_len > 0 && need != EXCHANGE_FILE) return EXCHANGE_SEND;
    return need;
}

/* Where to receive. This request's head stays, at the front. What was before
 * it is not needed any more, nor the part of its body that has been read. */
static struct io_op
op_recv(struct exchange *x, int fd)
{
    bool complete = x->stage == STAGE_BODY;
    size_t end = complete ? x->head_end : x->in_len;
    if (x->head > 0) {
        memmove(x->in, x->in + x->head, end - x->head);
        if (complete)
            http_request_move(&x->request, x->in);
        else
            http_request_init(&x->request); /* it will be read once more */
    }
    x->head_end -= complete ? x->head : 0;
    x->in_len = x->used = end - x->head;
    x->head = 0;
    return io_op_recv(fd, x->in + x->in_len, sizeof x->in - x->in_len);
}

static struct io_op
op_file(struct exchange *x)
{
    if (x->stage == STAGE_OPEN) return file_op_open(x->site->root, x->path);
    return file_op_read(&x->file, x->out + x->out_len, room(x));
}

struct io_op
exchange_op(struct exchange *x, enum exchange_need need, int fd)
{
    if (need == EXCHANGE_RECV) return op_recv(x, fd);
    if (need == EXCHANGE_FILE) return op_file(x);
    assert(need == EXCHANGE_SEND);
    return io_op_send(fd, x->out + x->out_sent, x->out_len - x->out_sent);
}

static void
received(struct exchange *x, size_t n)
{
    x->site->stats->received += n;
    x->in_len += n;
    if (x->stage == STAGE_BODY) x->moved += n;
}

void
exchange_take(struct exchange *x, const void *bytes, size_t length)
{
    x->wallclock = io_wallclock();
    memcpy(x->in, bytes, length);
    received(x, length);
}

static void
sent(struct exchange *x, size_t n)
{
    x->site->stats->sent += n;
    x->out_sent += n;
    x->moved += n;
    if (x->echo || x->stage == STAGE_READ)
        x->begun = x->begun || x->out_sent > x->answer;
    if (x->out_sent == x->out_len) x->answer = x->out_len = x->out_sent = 0;
}

void
exchange_done(struct exchange *x, enum exchange_need need, int result)
{
    x->wallclock = io_wallclock();
    switch (need) {
    case EXCHANGE_RECV: received(x, (size_t)result); break;
    case EXCHANGE_SEND: sent(x, (size_t)result); break;
    case EXCHANGE_FILE:
        /* Its time was over, but it waits for us, not we for it: once more. */
        if (result == -ECANCELED && !x->site->closing) break;
        if (x->stage == STAGE_OPEN)
            file_opened(x, result);
        else
            file_read(x, result);
        break;
    default: assert(0 && "nothing was asked for");
    }
}
