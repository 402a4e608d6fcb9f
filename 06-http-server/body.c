/* body.c - see body.h. */
#include "body.h"

void
body_init(struct body *body, const struct http_request *request)
{
    *body = (struct body){
        .in_chunks = request->chunked,
        .left = request->content_length,
        .done = !request->chunked && request->content_length == 0,
    };
    http_chunked_init(&body->chunked);
}

static size_t
read_counted(
    struct body *body, const char *buf, size_t len, struct http_slice *data)
{
    if ((uint64_t)body->left < len) len = (size_t)body->left;
    *data = (struct http_slice){buf, len};
    body->left -= (int64_t)len;
    body->done = body->left == 0;
    return len;
}

ssize_t
body_read(
    struct body *body, const char *buf, size_t len, struct http_slice *data)
{
    ssize_t used;
    if (body->in_chunks) {
        used = http_chunked_decode(&body->chunked, buf, len, data);
        body->done = body->chunked.done;
    } else {
        used = (ssize_t)read_counted(body, buf, len, data);
    }
    body->taken += (int64_t)data->len;
    return used;
}
