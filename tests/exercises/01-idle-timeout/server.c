/* server.c - chapter 01's server, in which a client may be silent for a while,
 * not for ever: the solution of the exercise 01-idle-timeout.
 * Not here: a limit on the whole visit. A client that sends one byte now and
 * then keeps the others waiting. */
#include "net.h"

#include <sys/types.h>

#include <sys/socket.h>
#include <sys/time.h>

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
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

/* Read what the client has sent into buf, which must be empty. Bytes read;
 * 0: the client will send no more. -errno: the client is lost; -EAGAIN: it was
 * silent for too long. */
static int
conn_fill(struct conn *c)
{
    assert(c->len == 0);
    for (;;) {
        ssize_t n = recv(c->fd, c->buf, sizeof c->buf, 0);
        if (n == -1 && errno == EINTR && !stop) continue;
        if (n == -1) return -errno;
        c->len = (size_t)n;
        return (int)n;
    }
}

/* Send what is left in buf; send(2) may take only a part.
 * 0: all sent, buf is empty again. -errno: the client is lost; -EAGAIN: it did
 * not read for too long. */
static int
conn_flush(struct conn *c)
{
    assert(c->sent <= c->len);
    while (c->sent < c->len) {
        ssize_t n = send(c->fd, c->buf + c->sent, c->len - c->sent, 0);
        if (n == -1 && errno == EINTR && !stop) continue;
        if (n == -1) return -errno;
        c->sent += (size_t)n;
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

/* From here on recv(2) and send(2) answer EAGAIN when so many seconds have
 * passed and not one byte has moved. 0 or -errno. */
static int
set_patience(int fd, long seconds)
{
    const struct timeval most = {.tv_sec = seconds};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most) == -1 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most) == -1)
        return -errno;
    return 0;
}

/* Serve one client, from its first byte to its last. */
static void
serve(int fd, long patience)
{
    struct conn c = {.fd = fd};
    /* Lost or done: either way the next one's turn. */
    if (set_patience(fd, patience) == 0) (void)conn_serve(&c);
    close(fd);
}

/* Seconds from the third argument. */
static long
patience_argument(int argc, char **argv)
{
    if (argc <= 3) return 60;
    char *end;
    long seconds = strtol(argv[3], &end, 10);
    if (end == argv[3] || *end != '\0' || seconds < 1 || seconds > 3600)
        errx(2, "bad patience '%s': seconds, 1 to 3600", argv[3]);
    return seconds;
}

int
main(int argc, char **argv)
{
    int listener = net_listen(argc, argv, 3);
    long patience = patience_argument(argc, argv);
    net_signals(on_signal);
    net_announce(listener);
    while (!stop) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0) {
            serve(fd, patience);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            warn("accept"); /* out of memory or descriptors: not for ever */
            sleep(1);
        }
    }
    close(listener);
    return 0;
}
