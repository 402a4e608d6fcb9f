/* server.c - hello_server.c, made safe: whatever a client sends, and however
 * slowly, it gets a right answer or is dropped, and all others are served.
 *
 *            first byte              all is said
 *   accept -> RESTING ----------> WORKING -----------> LINGERING
 *               |  ^ all answered  | |                     |
 *               |  +---------------+ | lost                | end of stream,
 *               | too slow           v                     | too slow
 *               +----------------> CLOSING <---------------+
 *
 * What is asked and answered is exchange.c's; here is who waits for what, and
 * for how long. An event loop has one thread; --workers runs more of them, with
 * nothing shared but the listening socket. Not here: TLS. */
#include "deadline.h"
#include "exchange.h"
#include "io.h"
#include "net.h"
#include "options.h"
#include "site.h"
#include "spare.h"
#include "stats.h"
#include "threads.h"
#include "tune.h"

#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    REFUSED = 64, /* clients above the limit, who get a 503; more wait */
    SECOND = 1000 * 1000 * 1000,
    ACCEPT_REST = SECOND / 10, /* without accept, when out of room */
    FIRST = 192,               /* bytes: many requests are shorter, */
    MORE = 1024,               /* and nearly all are shorter than this */
};

enum conn_state { RESTING, WORKING, LINGERING, CLOSING }; /* see above */

/* One client. Made in server_accepted, freed in conn_closed. While it rests it
 * has no exchange: ten thousand idle clients need little memory. */
struct conn {
    struct io_completion completion; /* one at a time */
    struct server *server;
    struct exchange *exchange;
    struct deadline deadline; /* by then it must have got on */
    enum conn_state state;
    enum exchange_need need; /* while it is working */
    int fd;
    char peer[INET6_ADDRSTRLEN]; /* its address */
    char *more; /* MORE bytes, when `first` has been too small; or NULL */
    char first[FIRST];
};

/* One event loop and its clients. Of one thread, but for io_wake. */
struct server {
    struct io_loop loop;
    struct io_completion door; /* accept, or the pause before it */
    struct io_completion bell; /* the wake that ends it all */
    struct deadlines deadlines;
    struct spares spares; /* memory for exchanges */
    struct site site;
    struct stats stats;
    struct access_log log;
    char junk[4096]; /* what is received and forgotten */
};

static struct options options;
static int listener, root;     /* of all servers; root: see struct site */
static struct server *servers; /* options.workers of them */
static atomic_int doors;       /* of which so many still accept */
static volatile sig_atomic_t stop;

static io_callback conn_ready, conn_worked, conn_lingered, conn_closed;
static io_callback server_accepted, server_rested, server_rung;

/* The second signal does not wait for anybody. */
static void
on_signal(int sig)
{
    if (stop) _exit(1);
    stop = sig;
    io_wake(&servers[0].loop);
}

/* ---- The connection ----------------------------------------------------- */

static void
conn_ask(struct conn *c, enum conn_state state, struct io_op op,
    io_callback *callback)
{
    c->state = state;
    c->completion =
        (struct io_completion){.op = op, .context = c, .callback = callback};
    io_submit(&c->server->loop, &c->completion);
}

static void
conn_close(struct conn *c)
{
    exchange_free(&c->exchange);
    conn_ask(c, CLOSING, io_op_close(c->fd), conn_closed);
}

static void
conn_closed(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    struct conn *c = context;
    deadline_clear(&c->server->deadlines, &c->deadline);
    c->server->stats.connections--;
    free(c->more);
    free(c);
}

/* All is said. A close with bytes of the client unread would be a reset, and
 * could destroy the last answer on its way (RFC 9112 section 9.6). So only our
 * side ends; what comes is received and forgotten. */
static void
conn_linger(struct conn *c)
{
    struct server *s = c->server;
    struct io_op op = io_op_recv(c->fd, s->junk, sizeof s->junk);
    exchange_free(&c->exchange);
    if (c->state != LINGERING)
        (void)io_shutdown(c->fd, SHUT_WR); /* it fails if the client is gone */
    conn_ask(c, LINGERING, op, conn_lingered);
}

static void
conn_lingered(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    res > 0 ? conn_linger(context) : conn_close(context);
}

/* Wait for a request, in little memory. */
static void
conn_rest(struct conn *c)
{
    struct io_op op = c->more != NULL ? io_op_recv(c->fd, c->more, MORE)
                                      : io_op_recv(c->fd, c->first, FIRST);
    exchange_free(&c->exchange);
    deadline_set(&c->server->deadlines, &c->deadline);
    conn_ask(c, RESTING, op, conn_ready);
}

static void
conn_work(struct conn *c, enum exchange_need need)
{
    c->need = need;
    conn_ask(c, WORKING, exchange_op(c->exchange, need, c->fd), conn_worked);
}

/* Let the exchange go on as far as it can. */
static void
conn_next(struct conn *c)
{
    enum exchange_need need = exchange_next(c->exchange);
    if (exchange_got_on(c->exchange))
        deadline_set(&c->server->deadlines, &c->deadline);
    if (need == EXCHANGE_END)
        conn_linger(c);
    else if (exchange_idle(c->exchange))
        conn_rest(c);
    else
        conn_work(c, need);
}

/* The first bytes are here; or it is the end. -ECANCELED: the client has said
 * nothing for too long, or the server ends. */
static void
conn_ready(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    struct conn *c = context;
    struct site *site = &c->server->site;
    char *bytes = c->more != NULL ? c->more : c->first;
    if (res > 0 && !site->closing) c->exchange = exchange_new(site, c->peer);
    if (c->exchange != NULL) exchange_take(c->exchange, bytes, (size_t)res);
    if (res == FIRST && c->more == NULL) c->more = malloc(MORE);
    deadline_set(&c->server->deadlines, &c->deadline);
    if (site->closing)
        conn_linger(c);
    else if (c->exchange == NULL)
        conn_close(c);
    else
        conn_next(c);
}

/* What was needed is done. From a client: 0 is the end of its stream, less than
 * that is its loss. -ECANCELED: its time is over, or the server's. */
static void
conn_worked(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    struct conn *c = context;
    struct exchange *x = c->exchange;
    if (res > 0 || c->need == EXCHANGE_FILE) {
        exchange_done(x, c->need, res);
    } else if (res == -ECANCELED && c->need == EXCHANGE_RECV) {
        if (exchange_busy(x) || !x->site->closing) exchange_refuse(x, 408);
    } else {
        conn_close(c);
        return;
    }
    conn_next(c);
}

/* For the log: its address, or "-" if it has gone already. */
static void
conn_name(struct conn *c)
{
    struct sockaddr_storage address;
    struct sockaddr *a = (struct sockaddr *)&address;
    socklen_t size = sizeof address;
    if (getpeername(c->fd, a, &size) == -1 ||
        getnameinfo(
            a, size, c->peer, sizeof c->peer, NULL, 0, NI_NUMERICHOST) != 0)
        strcpy(c->peer, "-");
}

/* A new client. One above the limit is told so. */
static void
conn_open(struct conn *c, struct server *s, int fd)
{
    *c = (struct conn){.server = s, .fd = fd};
    c->deadline.completion = &c->completion;
    if (options.log != NULL) conn_name(c);
    if (s->stats.connections++ >= options.connections)
        c->exchange = exchange_new(&s->site, c->peer);
    if (c->exchange != NULL) exchange_refuse(c->exchange, 503);
    c->exchange != NULL ? conn_next(c) : conn_rest(c);
}

/* ---- The server --------------------------------------------------------- */

static void
server_ask(struct server *s, struct io_completion *completion, struct io_op op,
    io_callback *callback)
{
    *completion =
        (struct io_completion){.op = op, .context = s, .callback = callback};
    io_submit(&s->loop, completion);
}

/* Ask for the next client; without room, for a pause: it would fail at once. */
static void
server_accept(struct server *s, bool room)
{
    if (s->site.closing) {
        if (--doors == 0) close(listener); /* the last one out */
        return;
    }
    if (room && s->stats.connections < options.connections + REFUSED)
        server_ask(s, &s->door, io_op_accept(listener), server_accepted);
    else
        server_ask(s, &s->door, io_op_timeout(ACCEPT_REST), server_rested);
}

/* A client's socket, or -errno. */
static void
server_accepted(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    struct server *s = context;
    struct conn *c = res >= 0 && !s->site.closing ? malloc(sizeof *c) : NULL;
    if (c != NULL)
        conn_open(c, s, res);
    else if (res >= 0)
        close(res);
    server_accept(s, c != NULL || res == -EINTR || res == -ECONNABORTED);
}

static void
server_rested(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    server_accept(context, true);
}

/* io_wake: the end. */
static void
server_rung(
    void *context, struct io_loop *loop, struct io_completion *done, int res)
{
    ((struct server *)context)->site.closing = true;
}

/* In the thread that is to run it. */
static void
server_init(struct server *s)
{
    int rc = io_init(&s->loop, 0);
    if (rc == 0) rc = io_adopt(listener);
    if (rc < 0) errx(1, "no event loop: %s; %s", strerror(-rc), io_hint(rc));
    stats_init(&s->stats, &s->loop, (int)(s - servers), (int)options.workers);
    s->site = (struct site){root, &s->stats, &s->spares, false, &s->log};
    spares_init(&s->spares, &s->loop, sizeof(struct exchange));
    deadlines_init(&s->deadlines, &s->loop, (uint64_t)options.timeout * SECOND);
    access_log_init(&s->log, &s->loop);
    server_ask(s, &s->bell, io_op_wake(), server_rung);
}

/* No new clients, no new requests; what is being answered goes on, as long as
 * the client gets on. Then all is canceled, and what won against that again. */
static void
server_drain(struct server *s)
{
    uint64_t end = io_now(&s->loop) + s->deadlines.timeout;
    io_cancel(&s->loop, &s->door);
    for (struct deadline *d = s->deadlines.first; d; d = d->next) {
        struct conn *c = d->completion->context;
        bool busy = c->exchange != NULL && exchange_busy(c->exchange);
        if (c->state <= WORKING && !busy) io_cancel(&s->loop, &c->completion);
    }
    deadlines_shorten(&s->deadlines, SECOND);
    while (s->stats.connections > 0 && io_now(&s->loop) < end)
        io_tick(&s->loop, SECOND);
    deadlines_stop(&s->deadlines);
    end = io_now(&s->loop) + SECOND; /* for the last lines of the log */
    while (access_log_busy(&s->log) && io_now(&s->loop) < end)
        io_tick(&s->loop, SECOND);
    while (io_busy(&s->loop) > 0) {
        io_cancel_all(&s->loop);
        io_tick(&s->loop, IO_FOREVER);
    }
}

/* The first server takes the signals, once all can be woken; when it ends, it
 * ends the others. */
static void
server_run(int index)
{
    struct server *s = &servers[index];
    server_init(s);
    threads_meet();
    if (index == 0) net_signals(on_signal);
    if (index == 0) net_announce(listener);
    server_accept(s, true);
    while (!s->site.closing) {
        io_tick(&s->loop, IO_FOREVER);
        stats_tick(&s->stats);
    }
    for (int i = 1; index == 0 && i < options.workers; i++)
        io_wake(&servers[i].loop);
    server_drain(s);
    spares_end(&s->spares);
    threads_meet(); /* nobody is in io_wake any more */
    io_deinit(&s->loop);
}

int
main(int argc, char **argv)
{
    options = options_read(argc, argv);
    root = site_open(options.root);
    if (options.log != NULL) access_log_open(options.log);
    listener = net_listen_on(options.port, options.host);
    tune_listener(listener);
    servers = calloc((size_t)options.workers, sizeof *servers);
    if (servers == NULL) err(1, "calloc");
    doors = (int)options.workers;
    threads_run((int)options.workers, server_run);
    return 0;
}
