/* options.h - the command line of server.c. */
#ifndef OPTIONS_H
#define OPTIONS_H

struct options {
    const char *port; /* "8080" */
    const char *host; /* "127.0.0.1" */
    long timeout;     /* seconds that a client may keep us waiting */
};

/* Read the arguments of main. The strings stay in argv. --help is answered on
 * stdout, with exit(0); a mistake is named in one line, with exit(2). */
struct options options_read(int argc, char **argv);

#endif
