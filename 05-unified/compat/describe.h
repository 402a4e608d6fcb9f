/* describe.h - the part of kqueue.c that tells how a descriptor is: data,
 * EV_EOF and fflags of a kevent. It knows nothing of kqueues.
 *
 * To ask Linux for a socket's error clears it, and the program's recv() or
 * SO_ERROR would miss it. So it stays there, and fflags is inferred. */

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/event.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Does such an event belong to a descriptor? */
static bool
is_descriptor(short filter)
{
    return filter == EVFILT_READ || filter == EVFILT_WRITE;
}

static bool
get_option(int fd, int level, int name, void *value, socklen_t size)
{
    return getsockopt(fd, level, name, value, &size) == 0;
}

/* Bytes, or a listener's connections. What cannot be counted is 1. */
static int64_t
read_count(int fd)
{
    int bytes = 0;
    struct tcp_info tcp = {0};
    if (ioctl(fd, FIONREAD, &bytes) == 0) return bytes;
    (void)get_option(fd, SOL_TCP, TCP_INFO, &tcp, sizeof tcp);
    return tcp.tcpi_unacked > 0 ? tcp.tcpi_unacked : 1;
}

/* Free bytes of a send buffer or a pipe. epoll says that there are some. */
static int64_t
write_space(int fd)
{
    int size = 0, used = 0;
    bool is_socket = get_option(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (!is_socket) size = fcntl(fd, F_GETPIPE_SZ);
    (void)ioctl(fd, is_socket ? TIOCOUTQ : FIONREAD, &used); /* else: 0 */
    return size > used ? size - used : 1;
}

/* Did the program shut down its own sending? epoll does not say. On a local
 * stream an empty send() sends nothing, and tells. */
static bool
write_is_shut(int fd, int type, int tcp_state)
{
    if (tcp_state != 0)
        return tcp_state != TCP_ESTABLISHED && tcp_state != TCP_CLOSE_WAIT;
    return type == SOCK_STREAM &&
           send(fd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT) == -1 && errno == EPIPE;
}

/* Fill in data, EV_EOF and fflags. ready: what epoll said. */
static void
describe(int fd, uint32_t ready, struct kevent *ev)
{
    struct tcp_info tcp = {0};
    int type = 0;
    bool is_read = ev->filter == EVFILT_READ, error = (ready & EPOLLERR) != 0;
    ev->data = is_read ? read_count(fd) : write_space(fd);
    if (ready & (EPOLLHUP | EPOLLRDHUP | EPOLLERR)) ev->flags |= EV_EOF;
    if (is_read && !error) return;
    bool is_socket = get_option(fd, SOL_SOCKET, SO_TYPE, &type, sizeof type);
    (void)get_option(fd, SOL_TCP, TCP_INFO, &tcp, sizeof tcp);
    if (is_socket && error) {
        bool late = tcp.tcpi_retransmits > 2 || tcp.tcpi_probes > 2;
        bool answered = tcp.tcpi_state ? tcp.tcpi_rtt > 0 : type != SOCK_DGRAM;
        ev->fflags = late ? ETIMEDOUT : answered ? ECONNRESET : ECONNREFUSED;
    } else if (write_is_shut(fd, type, tcp.tcpi_state)) {
        ev->flags |= EV_EOF;
    }
}
