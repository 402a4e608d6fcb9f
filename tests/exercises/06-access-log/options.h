/* options.h - the command line of server.c. */
#ifndef OPTIONS_H
#define OPTIONS_H

struct options {
    const char *port; /* "8080"; a number from 0 to 65535 */
    const char *host; /* "127.0.0.1" */
    const char *root; /* directory of the files; NULL: built-in answers */
    long timeout;     /* seconds that a client may keep us waiting */
    long workers;     /* 1 to 64 */
    long connections; /* clients at once, for each worker */
    const char *log;  /* file for a line about each answer; NULL: none */
};

/* Read the arguments of main. The strings stay in argv; root is not opened, nor
 * host looked up. --help is answered on stdout, with exit(0); a mistake is
 * named in one line on stderr, with exit(2). */
struct options options_read(int argc, char **argv);

#endif
