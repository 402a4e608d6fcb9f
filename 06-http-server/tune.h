/* tune.h - settings of sockets that io.h need not know. */
#ifndef TUNE_H
#define TUNE_H

/* Let little wait in the kernel unsent, for all sockets that this listener
 * accepts. Else a megabyte or more must leave before send takes another byte,
 * and a slow client that reads on looks like one that has stopped. */
void tune_listener(int listener);

#endif
