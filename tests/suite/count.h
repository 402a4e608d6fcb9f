/* count.h - where a counted server keeps its counts: in a file that the suite
 * maps, too, so it can read them while the server is held. */
#ifndef COUNT_H
#define COUNT_H

enum { COUNT_NAMES = 32 };

struct counts {
    unsigned long total;
    struct {
        char name[40];
        unsigned long calls;
    } by_name[COUNT_NAMES];
};

/* Count one call of this name, which must be a string constant. */
void count_call(const char *name);

#endif
