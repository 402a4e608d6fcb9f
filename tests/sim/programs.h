/* programs.h - the servers that live in worlds. */
#ifndef PROGRAMS_H
#define PROGRAMS_H

int server_05(int argc, char **argv);
int server_06(int argc, char **argv);

/* Each a world: the server, its clients, and what must be true of them. */
void world_05(void);
void world_06(void);

#endif
