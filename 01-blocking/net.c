/* net.c - see net.h. */
#include "net.h"

#include <sys/socket.h>
#include <sys/types.h>

#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* getaddrinfo(3) would take 70000 and use its low 16 bits: check first. */
static void
check_port(const char *port)
{
    char *end;
    long number = strtol(port, &end, 10);
    if (*port < '0' || *port > '9' || *end != '\0' || number > 65535)
        errx(2, "bad port '%s': give a number from 0 to 65535", port);
}

static struct addrinfo *
resolve(const char *host, const char *port)
{
    struct addrinfo *found;
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
    };
    int rc = getaddrinfo(host, port, &hints, &found);
    if (rc != 0)
        errx(2, "bad host '%s': %s; give an address of this machine", host,
            gai_strerror(rc));
    return found;
}

/* A socket that listens on this address; -1 and errno: it cannot. */
static int
try_address(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM, 0);
    if (fd == -1) return -1;
    int on = 1, off = 0;
    /* "::" takes clients of IPv4 too. OpenBSD never lets it, and a socket of
     * IPv4 has no such option. */
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    /* Best effort: only latency is at stake. Accepted sockets inherit it. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    /* Old connections in TIME_WAIT would keep the port busy for a minute. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, address->ai_addr, address->ai_addrlen) == 0 &&
        listen(fd, SOMAXCONN) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int
net_listen_on(const char *port, const char *host)
{
    check_port(port);
    int fd = -1;
    struct addrinfo *found = resolve(host, port);
    for (struct addrinfo *a = found; a != NULL && fd == -1; a = a->ai_next)
        fd = try_address(a);
    if (fd == -1)
        err(1, "cannot listen on %s port %s (%s)", host, port,
            errno == EMFILE ? "raise the descriptor limit: ulimit -n"
                            : "try another port, 0 for any");
    freeaddrinfo(found);
    return fd;
}

int
net_listen(int argc, char **argv, int most)
{
    if (argc - 1 > most)
        errx(2, "too many arguments: at most %d, [PORT [HOST]] first", most);
    return net_listen_on(
        argc > 1 ? argv[1] : "7007", argc > 2 ? argv[2] : "127.0.0.1");
}

void
net_announce(int listener)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getsockname(listener, (struct sockaddr *)&address, &size) == -1)
        err(1, "getsockname");
    int rc = getnameinfo((struct sockaddr *)&address, size, host, sizeof host,
        port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    if (rc != 0) errx(1, "getnameinfo: %s", gai_strerror(rc));
    const char *form =
        strchr(host, ':') ? "listening on [%s]:%s\n" : "listening on %s:%s\n";
    if (printf(form, host, port) < 0 || fflush(stdout) != 0)
        err(1, "cannot write to stdout");
}

void
net_signals(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler}; /* no SA_RESTART */
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGINT, &action, NULL) == -1 ||
        sigaction(SIGTERM, &action, NULL) == -1 ||
        sigaction(SIGALRM, &action, NULL) == -1 ||
        signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        err(1, "sigaction");
}
