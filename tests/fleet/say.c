/* say.c - say ADDRESS TEXT: connect, send TEXT and a newline, print all that
 * comes back. ADDRESS is a port of this machine, or the path of a socket; that
 * is how HAProxy is spoken to. (nc and socat can do it, too, where they are.)
 * say --port: print a port that is free at this moment. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE = 5 }; /* seconds */

static int
connect_port(const char *port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(port)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1) err(1, "socket");
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == -1)
        err(1, "port %s", port);
    return fd;
}

static int
connect_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        errx(1, "%s: the path of a socket is at most %zu bytes long", path,
            sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd == -1) err(1, "socket");
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == -1)
        err(1, "%s", path);
    return fd;
}

static void
send_all(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t n = send(fd, bytes, count, 0);
        if (n == -1) err(1, "send");
        bytes += n;
        count -= (size_t)n;
    }
}

/* The newline ends a line for HAProxy. A request of HTTP is given without its
 * last one. */
static void
talk(int fd, const char *text)
{
    const struct timeval patience = {.tv_sec = PATIENCE};
    char answer[4096];
    ssize_t n;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    send_all(fd, text, strlen(text));
    send_all(fd, "\n", 1);
    while ((n = recv(fd, answer, sizeof answer, 0)) > 0)
        fwrite(answer, 1, (size_t)n, stdout);
    if (n == -1) err(1, "no answer");
}

static void
print_free_port(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == -1 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) == -1 ||
        getsockname(fd, (struct sockaddr *)&address, &size) == -1)
        err(1, "no port");
    printf("%d\n", ntohs(address.sin_port));
    close(fd);
}

int
main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--port") == 0) {
        print_free_port();
        return 0;
    }
    if (argc != 3) errx(2, "usage: say ADDRESS TEXT, or say --port");
    int fd =
        strchr(argv[1], '/') ? connect_path(argv[1]) : connect_port(argv[1]);
    talk(fd, argv[2]);
    close(fd);
    return 0;
}
