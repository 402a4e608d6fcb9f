/* pool_server.c - the easy next step: threads wait in the calls of server.c,
 * and main never does. It submits a request, and goes on when the request is
 * done.
 * Not here: more clients than threads (chapter 02). */
#include "net.h"
#include "pool.h"

#include <sys/types.h>

#include <sys/socket.h>

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum {
    BUF_SIZE = 16 * 1024,
    CLIENTS = 4, /* at once, and threads: a silent client occupies one */
};

/* A call that a worker is to make. Main fills it in, the pool has it until it
 * is done, then main finds the result: a count or a descriptor, or -errno. */
struct request {
    struct pool_job job; /* first: the pool's pointer is a request's, too */
    enum { ACCEPT, RECV, SEND } kind;
    int fd;
    char *buf;
    size_t len;
    ssize_t result;
};

/* A place for one client after the other: one request at a time, in the order
 * accept, recv, send, recv, send ... until the client is done, then accept. */
struct conn {
    struct request request; /* first: main's pointer is a conn's, too */
    int fd;                 /* -1: nobody is here */
    size_t len;             /* bytes in buf */
    size_t sent;            /* of which the client has this many */
    char buf[BUF_SIZE];
};

struct server {
    int listener;
    int done_pipe[2]; /* workers write a byte when something is done */
    struct pool pool;
    struct conn conns[CLIENTS];
};

static volatile sig_atomic_t stop;

/* End the loop. The signal may arrive after a test of stop and before the call
 * that waits, which would then wait on: the alarm interrupts it a second later,
 * and every second from then on. */
static void
on_signal(int sig)
{
    (void)sig;
    stop = 1;
    alarm(1);
}

/* On a worker: make the call, which may take as long as it likes. */
static void
request_work(struct pool_job *job)
{
    struct request *r = (struct request *)job;
    switch (r->kind) {
    case ACCEPT: r->result = accept(r->fd, NULL, NULL); break;
    case RECV: r->result = recv(r->fd, r->buf, r->len, 0); break;
    case SEND: r->result = send(r->fd, r->buf, r->len, 0); break;
    }
    if (r->result >= 0) return;
    r->result = -errno;
    if (r->kind == ACCEPT && r->result != -ECONNABORTED)
        sleep(1); /* out of descriptors: it would fail at once again */
}

/* On a worker: tell main that there is something in the done queue. */
static void
request_notify(void *context)
{
    const int *done_pipe = context;
    while (write(done_pipe[1], "", 1) == -1 && errno == EINTR)
        continue;
}

/* Ask for a client. */
static void
conn_accept(struct server *s, struct conn *c)
{
    c->len = c->sent = 0;
    c->request = (struct request){.kind = ACCEPT, .fd = s->listener};
    pool_submit(&s->pool, &c->request.job);
}

/* Ask for what the client sends. Until that is done, buf is the worker's. */
static void
conn_fill(struct server *s, struct conn *c)
{
    c->len = c->sent = 0;
    c->request = (struct request){
        .kind = RECV, .fd = c->fd, .buf = c->buf, .len = sizeof c->buf};
    pool_submit(&s->pool, &c->request.job);
}

/* Ask to send what is left in buf. */
static void
conn_flush(struct server *s, struct conn *c)
{
    assert(c->sent < c->len);
    char *rest = c->buf + c->sent;
    c->request = (struct request){
        .kind = SEND, .fd = c->fd, .buf = rest, .len = c->len - c->sent};
    pool_submit(&s->pool, &c->request.job);
}

/* The client is done or lost: its place is for the next one. */
static void
conn_close(struct server *s, struct conn *c)
{
    close(c->fd);
    c->fd = -1;
    conn_accept(s, c);
}

/* The request is done: what does its result say, and what comes next? */
static void
conn_done(struct server *s, struct conn *c)
{
    struct request *r = &c->request;
    if (r->kind == ACCEPT && r->result >= 0) c->fd = (int)r->result;
    if (r->kind == RECV && r->result > 0) c->len = (size_t)r->result;
    if (r->kind == SEND && r->result > 0) c->sent += (size_t)r->result;
    if (r->kind == ACCEPT && r->result < 0)
        conn_accept(s, c);
    else if (r->result < 0 || (r->kind == RECV && r->result == 0))
        conn_close(s, c);
    else if (c->sent < c->len)
        conn_flush(s, c);
    else
        conn_fill(s, c);
}

/* One turn: wait until something is done, and go on with all that is. */
static void
server_turn(struct server *s)
{
    char bytes[CLIENTS];
    if (read(s->done_pipe[0], bytes, sizeof bytes) == -1) return; /* EINTR */
    struct pool_job *job;
    while ((job = pool_done(&s->pool)) != NULL)
        conn_done(s, (struct conn *)job);
}

/* End the calls of the workers, which get no signals. Where accept(2) goes on
 * after a shutdown (macOS), the end of the process ends it: so no pool_stop. */
static void
server_stop(struct server *s)
{
    (void)shutdown(s->listener, SHUT_RDWR);
    for (int i = 0; i < CLIENTS; i++)
        if (s->conns[i].fd >= 0) (void)shutdown(s->conns[i].fd, SHUT_RDWR);
}

int
main(int argc, char **argv)
{
    static struct server s; /* not on the stack: the workers outlive main */
    s.listener = net_listen(argc, argv, 2);
    if (pipe(s.done_pipe) == -1) err(1, "pipe (descriptor limit: ulimit -n)");
    net_signals(on_signal);
    int rc =
        pool_start(&s.pool, CLIENTS, request_work, request_notify, s.done_pipe);
    if (rc < 0) errx(1, "cannot start threads: %s", strerror(-rc));
    net_announce(s.listener);
    for (int i = 0; i < CLIENTS; i++) {
        s.conns[i].fd = -1;
        conn_accept(&s, &s.conns[i]);
    }
    while (!stop)
        server_turn(&s);
    server_stop(&s);
    return 0;
}
