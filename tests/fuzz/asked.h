/* asked.h - what a client asks for with all its bytes: found out with the
 * parsers of 06, in one piece, without an exchange. */
#ifndef ASKED_H
#define ASKED_H

#include "fuzz.h"
#include "site.h"

enum { ASKED_MAX = 2048 };

/* One request. */
struct asked {
    enum http_method method;
    int refused; /* the status with which the head is refused; or 0 */
    int found;   /* what site_find answers */
    enum resource_kind kind;
    char name;        /* of a file: the first letter behind the slashes */
    bool complete;    /* with its body */
    bool spoiled;     /* its body is malformed */
    bool last;        /* what follows is not read */
    size_t body, len; /* where its body is in `bodies` of struct all_asked */
};

struct all_asked {
    size_t count, complete; /* of them so many */
    char *bodies;
    size_t len;
    struct asked list[ASKED_MAX + 1]; /* behind the last one, an empty one */
};

/* Result: how many. The caller frees `bodies`. */
size_t asked_read(struct all_asked *all, const struct site *site,
    const char *text, size_t len);

#endif
