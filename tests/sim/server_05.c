/* server_05.c - chapter 05's server as it is, but for the name of its main. */
#define main main_05
#include "../../05-unified/server.c"
#undef main
#include "programs.h"

/* A process begins with zeros, and here many begin in one process. */
int
server_05(int argc, char **argv)
{
    memset(&server, 0, sizeof server);
    stop = 0;
    return main_05(argc, argv);
}
