/* check_kqueue_fd.c - EVFILT_READ and EVFILT_WRITE: what a descriptor tells. */
#include "check_kqueue.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

/* Write until there is no more room. The number of bytes. */
static int
fill(int fd)
{
    static char bytes[4096];
    int sum = 0;
    ssize_t n;
    ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    while ((n = write(fd, bytes, sizeof bytes)) > 0)
        sum += (int)n;
    ck_assert_int_eq(errno, EAGAIN);
    return sum;
}

/* Read as many bytes. */
static void
empty(int fd, int sum)
{
    static char bytes[4096];
    while (sum > 0) {
        ssize_t n = read(fd, bytes, sizeof bytes);
        ck_assert_int_gt(n, 0);
        sum -= (int)n;
    }
    ck_assert_int_eq(sum, 0);
}

/* A TCP listener on a port that the kernel chooses. */
static int
listen_tcp(struct sockaddr_in *at)
{
    socklen_t len = sizeof *at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    *at = (struct sockaddr_in){.sin_family = AF_INET};
    at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)at, len), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)at, &len), 0);
    ck_assert_int_eq(listen(fd, 8), 0);
    return fd;
}

static int
connect_tcp(const struct sockaddr_in *to)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)to, sizeof *to), 0);
    return fd;
}

/* A TCP connection; one end is returned, the other is *peer. */
static int
pair_tcp(int *peer)
{
    struct sockaddr_in at;
    int listener = listen_tcp(&at);
    *peer = connect_tcp(&at);
    int fd = accept(listener, NULL, NULL);
    ck_assert_int_ne(fd, -1);
    close(listener);
    return fd;
}

/* End a TCP connection with a reset. */
static void
reset(int fd)
{
    struct linger now = {.l_onoff = 1};
    ck_assert_int_eq(
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    close(fd);
}

/* EVFILT_READ, sockets: data has the number of bytes that can be read. */
START_TEST(read_counts_bytes)
{
    ck_assert_int_eq(add(a, READS, 0), 0);
    ck_assert(quiet());
    put(b, 5);
    fires(a, READS);
    ck_assert_int_eq(got[0].data, 5);
}
END_TEST

/* Description: the filter runs at registration, to find what is there. */
START_TEST(read_sees_what_was_there_before)
{
    put(b, 3);
    ck_assert_int_eq(add(a, READS, 0), 0);
    fires(a, READS);
}
END_TEST

/* EV_CLEAR is what resets an event; without, the state is reported again. */
START_TEST(read_is_reported_while_data_is_left)
{
    ck_assert_int_eq(add(a, READS, 0), 0);
    put(b, 4);
    fires(a, READS);
    take(a, 3);
    fires(a, READS);
    ck_assert_int_eq(got[0].data, 1);
}
END_TEST

/* Description: what no longer holds at retrieval is not returned. */
START_TEST(read_is_not_reported_when_data_is_gone)
{
    ck_assert_int_eq(add(a, READS, 0), 0);
    put(b, 4);
    take(a, 4);
    ck_assert(quiet());
}
END_TEST

/* Description: several events of one filter become one kevent. */
START_TEST(reads_are_aggregated)
{
    ck_assert_int_eq(add(a, READS, 0), 0);
    put(b, 2);
    put(b, 2);
    fires(a, READS);
    ck_assert_int_eq(got[0].data, 4);
}
END_TEST

/* EVFILT_READ: sets EV_EOF when the read direction is shut down. */
START_TEST(read_says_eof)
{
    ck_assert_int_eq(add(a, READS, 0), 0);
    shutdown(b, SHUT_WR);
    ck_assert(fires(a, READS) & EV_EOF);
    ck_assert_int_eq(got[0].data, 0);
    ck_assert_uint_eq(got[0].fflags, 0);
}
END_TEST

/* EVFILT_READ: EV_EOF may come while there is data to read. */
START_TEST(read_says_eof_before_the_last_byte)
{
    int peer, fd = pair_tcp(&peer);
    put(peer, 7);
    shutdown(peer, SHUT_WR);
    ck_assert_int_eq(add(fd, READS, 0), 0);
    while ((fires(fd, READS) & EV_EOF) == 0)
        continue; /* the end may arrive after the bytes */
    ck_assert_int_eq(got[0].data, 7);
}
END_TEST

/* EVFILT_READ: with EV_EOF, fflags is the socket's error. */
START_TEST(read_says_reset)
{
    int peer, fd = pair_tcp(&peer);
    ck_assert_int_eq(add(fd, READS, 0), 0);
    reset(peer);
    ck_assert(fires(fd, READS) & EV_EOF);
    ck_assert_uint_eq(got[0].fflags, ECONNRESET);
}
END_TEST

/* EVFILT_READ: the error is returned, not taken: recv(2) still has it. */
START_TEST(reset_is_left_for_recv)
{
    char byte;
    int peer, fd = pair_tcp(&peer);
    ck_assert_int_eq(add(fd, READS, 0), 0);
    reset(peer);
    fires(fd, READS);
    fires(fd, READS);
    ck_assert_int_eq(recv(fd, &byte, 1, 0), -1);
    ck_assert_int_eq(errno, ECONNRESET);
}
END_TEST

/* EVFILT_READ, listening sockets: data is the backlog. */
START_TEST(read_counts_waiting_connections)
{
    struct sockaddr_in at;
    int fd = listen_tcp(&at);
    ck_assert_int_eq(add(fd, READS, 0), 0);
    ck_assert(quiet());
    connect_tcp(&at);
    connect_tcp(&at);
    do
        fires(fd, READS); /* the second may be on its way */
    while (got[0].data < 2);
    ck_assert_int_eq(got[0].data, 2);
    ck_assert_int_ne(accept(fd, NULL, NULL), -1);
    fires(fd, READS);
    ck_assert_int_eq(got[0].data, 1);
}
END_TEST

/* EVFILT_READ, pipes: data has the bytes; EV_EOF when the last writer goes. */
START_TEST(read_of_a_pipe)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(add(fds[0], READS, 0), 0);
    put(fds[1], 6);
    ck_assert_int_eq(fires(fds[0], READS) & EV_EOF, 0);
    ck_assert_int_eq(got[0].data, 6);
    take(fds[0], 6);
    close(fds[1]);
    ck_assert(fires(fds[0], READS) & EV_EOF);
}
END_TEST

/* EVFILT_WRITE: data has the space that is left in the buffer. */
START_TEST(write_counts_space)
{
    int peer, fd = pair_tcp(&peer);
    ck_assert_int_eq(add(fd, WRITES, 0), 0);
    ck_assert_int_eq(fires(fd, WRITES) & EV_EOF, 0);
    ck_assert_int_gt(got[0].data, 1);
}
END_TEST

/* EVFILT_WRITE: returns when it is possible to write, and only then. */
START_TEST(write_waits_for_space)
{
    int full = fill(a);
    ck_assert_int_eq(add(a, WRITES, 0), 0);
    ck_assert(quiet());
    empty(b, full);
    fires(a, WRITES);
}
END_TEST

/* EVFILT_WRITE: sets EV_EOF when the reader disconnects. */
START_TEST(write_says_eof)
{
    close(b);
    ck_assert_int_eq(add(a, WRITES, 0), 0);
    ck_assert(fires(a, WRITES) & EV_EOF);
}
END_TEST

/* EVFILT_WRITE: error handling as for EVFILT_READ: what was shut down by the
 * program itself is at its end too. Once with TCP, once locally. */
START_TEST(write_says_eof_after_own_shutdown)
{
    int peer, fd = pair_tcp(&peer);
    shutdown(fd, SHUT_WR);
    ck_assert_int_eq(add(fd, WRITES, 0), 0);
    ck_assert(fires(fd, WRITES) & EV_EOF);
    close(fd);
    ck_assert_int_eq(add(a, WRITES, 0), 0);
    ck_assert_int_eq(fires(a, WRITES) & EV_EOF, 0);
    shutdown(a, SHUT_WR);
    ck_assert(fires(a, WRITES) & EV_EOF);
}
END_TEST

/* EVFILT_WRITE: a peer that only stops sending can still be written to. */
START_TEST(write_goes_on_after_peers_shutdown)
{
    int peer, fd = pair_tcp(&peer);
    shutdown(peer, SHUT_WR);
    ck_assert_int_eq(add(fd, READS, EV_ONESHOT), 0);
    ck_assert(fires(fd, READS) & EV_EOF);
    ck_assert_int_eq(add(fd, WRITES, 0), 0);
    ck_assert_int_eq(fires(fd, WRITES) & EV_EOF, 0);
}
END_TEST

/* EVFILT_WRITE, pipes: space, and EV_EOF when the reader goes. */
START_TEST(write_of_a_pipe)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(add(fds[1], WRITES, 0), 0);
    ck_assert_int_eq(fires(fds[1], WRITES) & EV_EOF, 0);
    ck_assert_int_gt(got[0].data, 6);
    int64_t space = got[0].data;
    put(fds[1], 6);
    fires(fds[1], WRITES);
    ck_assert_int_lt(got[0].data, space);
    close(fds[0]);
    ck_assert(fires(fds[1], WRITES) & EV_EOF);
}
END_TEST

/* EVFILT_WRITE: a refused connection: EV_EOF, the error in fflags, and it is
 * still there for SO_ERROR. (FreeBSD may refuse in connect(2) already.) */
START_TEST(write_says_refused)
{
    struct sockaddr_in at;
    int fd = socket(AF_INET, SOCK_STREAM, 0), error = 0;
    socklen_t len = sizeof error;
    close(listen_tcp(&at));
    ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof at), -1);
    if (errno != EINPROGRESS) return;
    ck_assert_int_eq(add(fd, WRITES, 0), 0);
    ck_assert(fires(fd, WRITES) & EV_EOF);
    ck_assert_uint_eq(got[0].fflags, ECONNREFUSED);
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    ck_assert_int_eq(error, ECONNREFUSED);
}
END_TEST

/* EVFILT_READ: its own shutdown is not the end of what it can read. */
START_TEST(read_goes_on_after_own_shutdown)
{
    int peer, fd = pair_tcp(&peer);
    shutdown(fd, SHUT_WR);
    put(peer, 1);
    ck_assert_int_eq(add(fd, READS, 0), 0);
    ck_assert_int_eq(fires(fd, READS) & EV_EOF, 0);
}
END_TEST

/* Description: to look at a descriptor sends nothing. */
START_TEST(write_of_datagrams_sends_none)
{
    int fds[2];
    char byte;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
    ck_assert_int_eq(add(fds[0], WRITES, 0), 0);
    fires(fds[0], WRITES);
    ck_assert_int_eq(recv(fds[1], &byte, 1, MSG_DONTWAIT), -1);
    ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

void
fd_tests(Suite *s)
{
    const TTest *const tests[] = {read_counts_bytes,
        read_sees_what_was_there_before, read_is_reported_while_data_is_left,
        read_is_not_reported_when_data_is_gone, reads_are_aggregated,
        read_says_eof, read_says_eof_before_the_last_byte, read_says_reset,
        reset_is_left_for_recv, read_counts_waiting_connections, read_of_a_pipe,
        write_counts_space, write_waits_for_space, write_says_eof,
        write_says_eof_after_own_shutdown, write_goes_on_after_peers_shutdown,
        write_of_a_pipe, write_says_refused, read_goes_on_after_own_shutdown,
        write_of_datagrams_sends_none};
    add_tests(s, tests, sizeof tests / sizeof *tests);
}
