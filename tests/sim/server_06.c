/* server_06.c - chapter 06's server as it is, with another name for its main;
 * and what its process would do for it. */
#define main main_06
#include "../../06-http-server/server.c"
#undef main
#include "page.h"
#include "programs.h"

#include <getopt.h>

/* In place of www/index.html. */
const unsigned char page[] =
    "<!doctype html>\n<title>A page</title>\n<p>It runs";
const size_t page_length = sizeof page - 1;

/* A process begins with zeros, and here many begin in one process. At its end
 * the system would take the servers' memory back. */
int
server_06(int argc, char **argv)
{
    stop = 0;
    optind = 1;
    int code = main_06(argc, argv);
    free(servers);
    return code;
}
