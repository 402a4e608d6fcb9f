/* check_exchange.h - what the tests of exchange.c share: an exchange, a client
 * and a disk without a kernel, and what answers are made of. */
#ifndef CHECK_EXCHANGE_H
#define CHECK_EXCHANGE_H

#include "exchange.h"
#include "http_guard.h"

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ALL = 1 << 30,
    MANY = 2 * EXCHANGE_DISCARD_MAX,
    CLIENT = 12345, /* the descriptor of its socket, so to speak */
};

/* What the client has to send, and how much at a time. */
struct client {
    const char *text;
    size_t len, at;
    size_t first, piece; /* of the first recv, of each further */
    size_t take;         /* of each send */
    int takes;           /* sends until now */
};

/* What the disk does. 0 of each: as it should. */
struct disk {
    int open;        /* the result */
    int bad, result; /* this read, from 1, has this result */
    int reads;       /* until now */
    size_t most;     /* bytes of one read */
};

/* A request, or several, and all that is answered. */
struct exchanged {
    const char *text;
    size_t len;
    const char *out;
    size_t out_len;
    bool ended; /* the connection */
};

extern struct exchange *x;
extern struct client client;
extern struct disk disk;
extern struct site site;
extern struct stats stats;
extern char wire[MANY], got[MANY]; /* to send, for who needs it; what came */
extern size_t got_len;
extern int64_t no_loop_wallclock; /* what the clock says */

size_t least(size_t a, size_t b);

/* A new exchange, for this client. */
void begin(
    const char *text, size_t len, size_t first, size_t piece, size_t take);

/* One thing that is needed. False: all is said, or the client has no more. */
bool turn(void);

/* Turns, until there is nothing to do. */
void go_on(void);

/* Begin, and go on. */
void run(const char *text, size_t len, size_t first, size_t piece, size_t take);

/* The same whole, split in two at every byte, byte by byte; and whatever the
 * client takes at a time. */
void assert_all_ways(const struct exchanged *e);

/* What came back is this, to the byte. */
void assert_got(const char *text, size_t len);

/* Is it the end of the connection, or may the client go on? */
void assert_ended(bool ended);

/* Any bytes, the same for the same seed. Result: len. */
size_t random_body(char *at, size_t len, uint32_t *seed);

/* There is no memory. */
void memory_end(void);

/* Before each test; and a group of tests that has that, and this around it. */
void set_up(void);
TCase *part(
    Suite *s, const char *name, void (*before)(void), void (*after)(void));

void add_answers(Suite *s);
void add_files(Suite *s);

/* ---- What answers are made of ------------------------------------------- */

#define ANSWER(status, type, fields, connection)                     \
    "HTTP/1.1 " status "\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n" \
    "Content-Type: " type "\r\n" fields "Connection: " connection "\r\n\r\n"
#define LENGTH(n) "Content-Length: " n "\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define HEAD(path) "HEAD " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(path, fields) "POST " path " HTTP/1.1\r\nHost: a\r\n" fields "\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define EXPECT "Expect: 100-continue\r\n"
#define KEEP "keep-alive"
#define HELLO \
    ANSWER("200 OK", "text/plain", LENGTH("13"), KEEP) "Hello, world\n"
#define NOT_FOUND                                             \
    ANSWER("404 Not Found", "text/plain", LENGTH("14"), KEEP) \
    "404 Not Found\n"
#define BAD                                                        \
    ANSWER("400 Bad Request", "text/plain", LENGTH("16"), "close") \
    "400 Bad Request\n"
#define TOO_LARGE                                                        \
    ANSWER("413 Content Too Large", "text/plain", LENGTH("22"), "close") \
    "413 Content Too Large\n"
#define BROKEN                                                               \
    ANSWER("500 Internal Server Error", "text/plain", LENGTH("26"), "close") \
    "500 Internal Server Error\n"
#define SLOW                                                           \
    ANSWER("408 Request Timeout", "text/plain", LENGTH("20"), "close") \
    "408 Request Timeout\n"
#define ECHO(n) ANSWER("200 OK", "application/octet-stream", LENGTH(n), KEEP)
#define ECHO_CHUNKED ANSWER("200 OK", "application/octet-stream", CHUNKED, KEEP)

#endif
