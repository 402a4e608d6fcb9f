/* client.h - one client of the fleet: it asks, waits for the answer, compares
 * it, and says what became of the request. It never asks twice. */
#ifndef CLIENT_H
#define CLIENT_H

#include <netinet/in.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BODY_MAX = 32 * 1024, /* of a POST */
    HEAD_MAX = 1024,      /* of an answer */
};

enum outcome {
    RIGHT,   /* 200, and each byte as it must be */
    REFUSED, /* another status: somebody says that it cannot be done */
    LOST,    /* no answer, or a part of one */
    WRONG,   /* 200, and other bytes */
    OUTCOMES,
};

/* One client. Fill in the first three, fd with -1, and zero the rest. */
struct client {
    struct sockaddr_in address;
    uint32_t seed; /* of what it sends; not 0 */
    bool keeps;    /* its connection for the next request */
    int fd;        /* -1: not connected */
    int status;    /* of the last answer */
    size_t sent;   /* bytes of body that it sent, and must get back */
    char body[BODY_MAX];
    size_t in_len;
    char in[HEAD_MAX + BODY_MAX + 1]; /* room for a NUL */
};

/* GET /hello. */
enum outcome client_get(struct client *client);

/* POST /echo, in two pieces with a pause between them, as a browser far away
 * would send it. So at any moment some requests are on their way. */
enum outcome client_post(struct client *client);

/* Close the connection, if there is one. */
void client_leave(struct client *client);

/* Wait so many milliseconds. */
void pause_ms(int ms);

#endif
