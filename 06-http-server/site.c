/* site.c - see site.h. */
#include "site.h"

#include <err.h>
#include <fcntl.h>
#include <string.h>

static const struct resource built_in[] = {
    {RESOURCE_PAGE, "/", "GET, HEAD"},
    {RESOURCE_HELLO, "/hello", "GET, HEAD"},
    {RESOURCE_STATS, "/stats", "GET, HEAD"},
    {RESOURCE_ECHO, "/echo", "POST"},
};

static const struct resource any_file = {RESOURCE_FILE, NULL, "GET, HEAD"};

/* The server as a whole ("*", RFC 9112 3.2.4), or another one (CONNECT). */
static const struct resource whole = {RESOURCE_FILE, "*", "GET, HEAD, POST"};

int
site_open(const char *directory)
{
    if (directory == NULL) return -1;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1) err(2, "cannot open --root '%s'", directory);
    return fd;
}

static const struct resource *
find(const struct site *site, const char *path)
{
    if (site->root >= 0) return &any_file;
    for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++)
        if (strcmp(path, built_in[i].path) == 0) return &built_in[i];
    return NULL;
}

static bool
allowed(const struct resource *resource, enum http_method method)
{
    if (resource->kind == RESOURCE_ECHO) return method == HTTP_POST;
    return method == HTTP_GET || method == HTTP_HEAD;
}

int
site_find(const struct site *site, const struct http_request *request,
    char *path, size_t size, const struct resource **resource)
{
    enum http_method method = request->method;
    *resource = &whole;
    if (method == HTTP_OTHER) return 501;
    if (method == HTTP_CONNECT || request->path.at[0] == '*') return 405;
    ssize_t n = http_path_decode(request->path, path, size);
    if (n < 0) return (int)-n;
    if (http_path_has_dots(path)) return 400;
    const struct resource *found = find(site, path);
    if (found == NULL) return 404;
    *resource = found;
    return allowed(found, method) ? 200 : 405;
}
