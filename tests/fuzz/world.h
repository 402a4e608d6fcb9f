/* world.h - the world around one exchange, without a kernel: a client and a few
 * files. A line of letters, the script, says how the world behaves; when it is
 * used up, it begins again.
 *
 *     a to z   the next receive, send or read moves 1 to 26 units
 *     0 to 9   the same, 1, 2, 4 ... 512 units
 *     E        this step fails, if it is one with a file
 *     T        the client is too slow, at a receive
 *     C        the server begins to end
 *     others   all at once
 *
 * A unit is a byte, or 64 bytes where more than 4 KiB are to be moved. */
#ifndef WORLD_H
#define WORLD_H

#include "exchange.h"
#include "fuzz.h"

enum { WORLD_B = 70000 /* bytes of the file /b */ };

struct world {
    const char *script;
    size_t script_len, script_at;
    const char *text; /* what the client sends */
    size_t len, at;
    char *got; /* what it gets */
    size_t got_len, got_room;
    size_t turns, opens, read; /* read: bytes of files */
    size_t cancels; /* steps with a file whose time was over: one is so */
    bool failed;    /* a step with a file failed, once at least */
    bool slow;      /* the client was too slow, once */
    bool ended;     /* the exchange wants no more */
    struct site site;
    struct stats stats;
};

/* Files with these names: "a" (5 bytes), "b" (WORLD_B), the directory "d" with
 * its "index.html" (3 bytes), and a pipe "p". Byte n of a file is: */
char world_byte(size_t n);

/* What a client sends and gets, from its first byte to the end. The site has
 * files, or what is built in. text and script stay the caller's. */
void world_run(struct world *world, bool files, const char *script,
    size_t script_len, const char *text, size_t len);

/* Free what was got. */
void world_end(struct world *world);

#endif
