/* server.c - chapter 01's server, which prints its counts on SIGUSR1, whatever
 * it is doing: the solution of the exercise 01-stats.
 * Not here: a second client meanwhile (pool_server.c, then chapter 02). */
#include "net.h"

#include <sys/types.h>

#include <sys/socket.h>

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { BUF_SIZE = 16 * 1024 };

/* One client. Lives in serve(), from accept to close. */
struct conn {
    int fd;
    size_t len;  /* bytes in buf */
    size_t sent; /* of which the client has this many */
    char buf[BUF_SIZE];
};

static volatile sig_atomic_t stop;

/* Read by a signal handler, so they must be lock-free: main may be anywhere. */
static atomic_ulong clients, received, sent;

#if ATOMIC_LONG_LOCK_FREE != 2
#error "on this machine an atomic_ulong has a lock; a handler cannot use it"
#endif

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

/* Write text, and the number after it, at `at`. Answers where it ended. Not
 * with snprintf(3): it may allocate or take a lock that main holds just now. */
static char *
put(char *at, const char *text, unsigned long number)
{
    char digits[24], *first = digits + sizeof digits;
    do
        *--first = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    size_t n = strlen(text), count = (size_t)(digits + sizeof digits - first);
    memcpy(at, text, n);
    memcpy(at + n, first, count);
    return at + n + count;
}

/* One line on stderr, in one write(2). Only what signal-safety(7) lists, and
 * errno stays: the interrupted code may be about to look at it. */
static void
on_stats(int sig)
{
    (void)sig;
    int error = errno;
    char line[128], *at = line;
    at = put(at, "clients ", clients);
    at = put(at, ", received ", received);
    at = put(at, ", sent ", sent);
    *at++ = '\n';
    (void)!write(2, line, (size_t)(at - line)); /* stderr may be gone */
    errno = error;
}

/* SA_RESTART: the call that the signal interrupts goes on by itself. */
static void
stats_on_signal(void)
{
    struct sigaction action = {.sa_handler = on_stats, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGUSR1, &action, NULL) == -1) err(1, "sigaction");
}

/* Read what the client has sent into buf, which must be empty. Bytes read;
 * 0: the client will send no more. -errno: the client is lost. */
static int
conn_fill(struct conn *c)
{
    assert(c->len == 0);
    for (;;) {
        ssize_t n = recv(c->fd, c->buf, sizeof c->buf, 0);
        if (n == -1 && errno == EINTR && !stop) continue;
        if (n == -1) return -errno;
        c->len = (size_t)n;
        received += (unsigned long)n;
        return (int)n;
    }
}

/* Send what is left in buf; send(2) may take only a part.
 * 0: all sent, buf is empty again. -errno: the client is lost. */
static int
conn_flush(struct conn *c)
{
    assert(c->sent <= c->len);
    while (c->sent < c->len) {
        ssize_t n = send(c->fd, c->buf + c->sent, c->len - c->sent, 0);
        if (n == -1 && errno == EINTR && !stop) continue;
        if (n == -1) return -errno;
        c->sent += (size_t)n;
        sent += (unsigned long)n;
    }
    c->len = c->sent = 0;
    return 0;
}

/* Send back all that the client sends.
 * 0: it has sent everything, and has it back. -errno: it is lost. */
static int
conn_serve(struct conn *c)
{
    int rc = 1;
    while (rc > 0 && !stop) {
        rc = conn_flush(c);
        if (rc == 0) rc = conn_fill(c);
    }
    return rc;
}

/* Serve one client, from its first byte to its last. */
static void
serve(int fd)
{
    struct conn c = {.fd = fd};
    (void)conn_serve(&c); /* lost or done: either way the next one's turn */
    close(fd);
}

int
main(int argc, char **argv)
{
    int listener = net_listen(argc, argv, 2);
    net_signals(on_signal);
    stats_on_signal();
    net_announce(listener);
    while (!stop) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0) {
            clients++;
            serve(fd);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            warn("accept"); /* out of memory or descriptors: not for ever */
            sleep(1);
        }
    }
    close(listener);
    return 0;
}
