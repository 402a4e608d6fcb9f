/* site.h - what a client can ask for: the files of a directory or, without
 * one, what is built in. */
#ifndef SITE_H
#define SITE_H

#include "http.h"
#include "spare.h"
#include "stats.h"

/* One for each event loop, made by the server. */
struct site {
    int root;              /* a directory; -1: what is built in */
    struct stats *stats;   /* told of each request, and of bytes */
    struct spares *spares; /* memory for exchanges */
    bool closing;          /* the server ends: no further requests */
};

enum resource_kind {
    RESOURCE_FILE,  /* below the root; whether it exists is not known yet */
    RESOURCE_PAGE,  /* www/index.html */
    RESOURCE_HELLO, /* a line of text */
    RESOURCE_STATS, /* the figures that the page draws */
    RESOURCE_ECHO,  /* what is sent to it */
};

struct resource {
    enum resource_kind kind;
    const char *path;
    const char *allow; /* the methods, as in the field Allow */
};

/* The descriptor of the directory, for `root`; -1 without one. If it cannot be
 * opened: one line on stderr, exit(2). */
int site_open(const char *directory);

/* What the request is for: *resource is set, and path, which has room for the
 * request's path and a NUL, is the decoded path. Result: 200, or the status of
 * the refusal; then *resource has at least an `allow`. */
int site_find(const struct site *site, const struct http_request *request,
    char *path, size_t size, const struct resource **resource);

#endif
