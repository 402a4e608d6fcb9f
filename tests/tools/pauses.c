/* pauses.c - what a pause costs in chapter 02: for 0, 1 and 100 milliseconds,
 * how long a client waits for its echo, and how much of a core the server uses
 * while its only client is silent.
 *
 *     pauses SERVER
 *
 * Ends by itself in about six seconds. tests/tools/pauses builds and runs
 * it. */
#include "../suite/suite.h"

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ECHOES = 20, LIMIT = 9 /* seconds, whatever happens */ };

static double
seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
seconds_sleep(double seconds)
{
    struct timespec t = {.tv_sec = (time_t)seconds};

    t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
    (void)nanosleep(&t, NULL); /* no signal is caught here */
}

/* Start the server on a free port, which goes to *port. Its process. */
static pid_t
server_open(const char *path, const char *pause, int *port)
{
    int out[2];
    char line[128];

    fflush(stdout);
    if (pipe(out) == -1) err(1, "pipe");
    pid_t pid = fork();
    if (pid == -1) err(1, "fork");
    if (pid == 0) {
        dup2(out[1], 1);
        close(out[0]);
        close(out[1]);
        alarm(LIMIT); /* outlives exec: it ends if we do */
        execl(path, path, "0", "127.0.0.1", pause, (char *)NULL);
        err(127, "%s", path);
    }
    close(out[1]);
    FILE *f = fdopen(out[0], "r");
    if (f == NULL || fgets(line, sizeof line, f) == NULL ||
        sscanf(line, "listening on 127.0.0.1:%d", port) != 1)
        errx(1, "%s does not start", path);
    fclose(f);
    return pid;
}

static int
client_connect(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    to.sin_port = htons((uint16_t)port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd == -1 || connect(fd, (struct sockaddr *)&to, sizeof to) == -1)
        err(1, "cannot connect");
    return fd;
}

/* Seconds from asking to the answer. */
static double
echo(int fd)
{
    char byte = 'x';
    double from = seconds_now();

    if (send(fd, &byte, 1, 0) != 1 || recv(fd, &byte, 1, 0) != 1)
        err(1, "no echo");
    return seconds_now() - from;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* One row of the table. */
static void
row(const char *path, const char *pause)
{
    double took[ECHOES];
    int ms = atoi(pause), port;
    pid_t pid = server_open(path, pause, &port);
    int fd = client_connect(port);

    (void)echo(fd); /* until then it may not be accepted yet */
    for (int i = 0; i < ECHOES; i++) { /* at any moment of the pause */
        seconds_sleep((ms > 0 ? ms : 1) * 1e-3 * rand() / RAND_MAX);
        took[i] = echo(fd);
    }
    qsort(took, ECHOES, sizeof *took, compare);
    double cpu = process_cpu(pid), from = seconds_now();
    seconds_sleep(1);
    double used = process_cpu(pid) - cpu, over = seconds_now() - from;
    printf("%6s ms %13.2f ms %9.2f ms   ", pause, 1e3 * took[ECHOES / 2],
        1e3 * took[ECHOES - 1]);
    if (cpu < 0)
        printf("not here: this system does not tell\n");
    else
        printf("%12.1f %%\n", 100 * used / over);
    close(fd);
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

int
main(int argc, char **argv)
{
    if (argc != 2) errx(2, "usage: pauses SERVER");
    alarm(LIMIT);
    srand((unsigned)time(NULL));
    printf("    pause   echo: median        worst   CPU, client silent\n");
    row(argv[1], "0");
    row(argv[1], "1");
    row(argv[1], "100");
    return 0;
}
