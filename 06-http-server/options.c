/* options.c - see options.h. */
#include "options.h"

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] =
    "usage: server [--port N] [--host ADDRESS] [--timeout SECONDS]\n"
    "\n"
    "  --port N           listen on port N; 0: any free one (8080)\n"
    "  --host ADDRESS     listen on this address only (127.0.0.1)\n"
    "  --timeout SECONDS  how long a client may take to send a request, to\n"
    "                     receive any part of an answer, or to say nothing\n"
    "                     between two requests; 1 to 3600 (30)\n"
    "  --help             this text\n";

static long
read_seconds(const char *text)
{
    char *end;
    long seconds = strtol(text, &end, 10);
    if (end == text || *end != '\0' || seconds < 1 || seconds > 3600)
        errx(2, "bad --timeout '%s': seconds, 1 to 3600", text);
    return seconds;
}

static void
print_help(void)
{
    if (fputs(help, stdout) == EOF || fflush(stdout) != 0)
        err(1, "cannot write to stdout");
    exit(0);
}

struct options
options_read(int argc, char **argv)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},
        {"host", required_argument, NULL, 'h'},
        {"timeout", required_argument, NULL, 't'},
        {"help", no_argument, NULL, 'H'},
        {NULL, 0, NULL, 0},
    };
    struct options options = {"8080", "127.0.0.1", 30};
    int option;
    opterr = 0; /* one message, ours */
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'p': options.port = optarg; break;
        case 'h': options.host = optarg; break;
        case 't': options.timeout = read_seconds(optarg); break;
        case '?': errx(2, "bad option '%s': see --help", argv[optind - 1]);
        default: print_help();
        }
    }
    if (optind < argc)
        errx(2, "unknown argument '%s': see --help", argv[optind]);
    return options;
}
