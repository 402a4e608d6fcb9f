/* options.c - see options.h. */
#include "options.h"

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] =
    "usage: server [--port N] [--host ADDRESS] [--root DIR]\n"
    "              [--timeout SECONDS] [--workers N] [--connections N]\n"
    "              [--log FILE]\n"
    "\n"
    "  --port N           listen on port N; 0: any free one (8080)\n"
    "  --host ADDRESS     listen on this address only (127.0.0.1);\n"
    "                     :: is all addresses, IPv6 and IPv4\n"
    "  --root DIR         serve the files of DIR; symbolic links below it are\n"
    "                     refused. Without --root: a built-in page\n"
    "  --timeout SECONDS  how long a client may take to send the head of a\n"
    "                     request, to move 4 KiB of a body or an answer, or "
    "to\n"
    "                     say nothing between two requests; and to get the "
    "rest\n"
    "                     of its answer when the server ends; 1 to 3600 (30)\n"
    "  --workers N        threads, each with its own event loop; 1 to 64 (1)\n"
    "  --connections N    clients at once for each worker; further ones get\n"
    "                     a 503; 1 to 1000000 (16384)\n"
    "  --log FILE         add a line about each answer to FILE, in the Common "
    "Log\n"
    "                     Format; no client waits for that\n"
    "  --help             this text\n";

/* getopt_long tells by the letter which one it met; "-p" is not an option. */
static const struct option known[] = {
    {"port", required_argument, NULL, 'p'},
    {"host", required_argument, NULL, 'h'},
    {"root", required_argument, NULL, 'r'},
    {"timeout", required_argument, NULL, 't'},
    {"workers", required_argument, NULL, 'w'},
    {"connections", required_argument, NULL, 'c'},
    {"log", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'H'},
    {NULL, 0, NULL, 0},
};

/* The option's name in full: what was typed may be shorter, as in --po. */
static const char *
option_name(int letter)
{
    const struct option *o = known;
    while (o->val != letter)
        o++;
    return o->name;
}

/* The value of the option with this letter, which is a number. */
static long
read_number(int letter, const char *text, long min, long max)
{
    char *end;
    long number = strtol(text, &end, 10); /* too long: LONG_MAX, above max */
    if (*text < '0' || *text > '9' || *end != '\0' || number < min ||
        number > max)
        errx(2, "bad --%s '%s': give a number from %ld to %ld",
            option_name(letter), text, min, max);
    return number;
}

static void
print_help(void)
{
    if (fputs(help, stdout) == EOF || fflush(stdout) != 0)
        err(1, "cannot write to stdout");
    exit(0);
}

/* Take the option that getopt_long met; argument is how it was typed. */
static void
option_take(struct options *o, int letter, const char *argument)
{
    switch (letter) {
    case 'p': (void)read_number('p', o->port = optarg, 0, 65535); break;
    case 'h': o->host = optarg; break;
    case 'r': o->root = optarg; break;
    case 't': o->timeout = read_number('t', optarg, 1, 3600); break;
    case 'w': o->workers = read_number('w', optarg, 1, 64); break;
    case 'c': o->connections = read_number('c', optarg, 1, 1000000); break;
    case 'l': o->log = optarg; break;
    case 'H': print_help(); break;
    case ':': errx(2, "--%s needs a value: see --help", option_name(optopt));
    default: errx(2, "bad option '%s': see --help", argument);
    }
}

struct options
options_read(int argc, char **argv)
{
    struct options options = {"8080", "127.0.0.1", NULL, 30, 1, 16384, NULL};
    const char *argument = argv[optind];
    int letter;
    /* "+": stop at what is no option; ":": a missing value is told apart, and
     * getopt_long prints nothing. */
    while ((letter = getopt_long(argc, argv, "+:", known, NULL)) != -1) {
        option_take(&options, letter, argument);
        argument = argv[optind];
    }
    if (optind < argc)
        errx(2, "unknown argument '%s': see --help", argv[optind]);
    return options;
}
