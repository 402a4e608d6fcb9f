/* net.h - what surrounds the lesson: a listening socket and signals.
 * The same bytes in every chapter. Read the comments, skip the code. */
#ifndef NET_H
#define NET_H

/* A TCP socket that listens on host:port, in the mode in which calls wait.
 * port: a number from 0 to 65535; 0: the kernel chooses. host: a name or an
 * address of this machine; "0.0.0.0": all of IPv4, "::": all of both.
 *
 * Result: the descriptor, which the caller closes. On an error: one line on
 * stderr, and exit(1), or exit(2) for a bad argument.
 * See: getaddrinfo(3), bind(2), listen(2). */
int net_listen_on(const char *port, const char *host);

/* The same from the arguments of a program, [PORT [HOST]]: 7007 if there is no
 * PORT, and 127.0.0.1, for clients of this machine only, if there is no HOST.
 * argc, argv: as main has them. More than `most` arguments are refused; those
 * behind HOST are the caller's. */
int net_listen(int argc, char **argv, int most);

/* Print "listening on ADDRESS:PORT" and a new line to stdout, at once, so that
 * a program that started this one knows when to connect, and where. */
void net_announce(int listener);

/* Call handler on SIGINT, SIGTERM and SIGALRM, and ignore SIGPIPE: a send to a
 * client that is gone then answers EPIPE instead of ending the program.
 * A call that waits is interrupted (EINTR), not restarted: see sigaction(2),
 * SA_RESTART. */
void net_signals(void (*handler)(int));

#endif
