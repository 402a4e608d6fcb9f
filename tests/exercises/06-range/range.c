/* range.c - see range.h. Section numbers are those of RFC 9110. */
#include "range.h"
#include "http_date.h"
#include "http_text.h"

/* Cut a number off the front. False: none begins here. One that is too large
 * becomes the largest that there is: it lies behind the end of any file. */
static bool
number_next(struct http_slice *rest, int64_t *number)
{
    size_t digits = 0;
    *number = 0;
    while (rest->len > 0 && digit_value(rest->at[0]) >= 0) {
        int digit = digit_value(rest->at[0]);
        if (*number > (INT64_MAX - digit) / 10)
            *number = INT64_MAX;
        else
            *number = 10 * *number + digit;
        *rest = slice_skip(*rest, 1);
        digits++;
    }
    return digits > 0;
}

/* "100-199", "100-" or "-100". The answer is that of range_check. */
static int
range_read(struct http_slice s, int64_t size, int64_t *first, int64_t *end)
{
    int64_t from, to;
    bool has_from = number_next(&s, &from);
    if (s.len == 0 || s.at[0] != '-') return 200;
    s = slice_skip(s, 1);
    bool has_to = number_next(&s, &to);
    if (s.len > 0 || (!has_from && !has_to)) return 200;
    if (has_from && has_to && to < from) return 200;
    if (!has_from) { /* the last so many */
        from = to < size ? size - to : 0;
        if (to == 0) return 416;
        has_to = false;
    }
    if (from >= size) return 416;
    *first = from;
    *end = has_to && to < size ? to + 1 : size;
    return 206;
}

/* If-Range: the part is of use only if the rest that the client has is of this
 * same version. Only a strong tag, or the date of such a version, can tell. */
static bool
is_same_version(
    const struct http_request *request, const char *etag, time_t modified)
{
    char date[HTTP_DATE_SIZE];
    const struct http_field *f = http_field_find(request, "If-Range", NULL);
    if (f == NULL) return true;
    if (etag[0] != '"') return false; /* W/"...": changed just now */
    http_date_write(modified, date);
    return http_slice_equals(f->value, etag) ||
           http_slice_equals(f->value, date);
}

int
range_check(const struct http_request *request, const char *etag,
    time_t modified, int64_t size, int64_t *first, int64_t *end)
{
    static const char unit[] = "bytes=";
    const struct http_field *f = http_field_find(request, "Range", NULL);
    if (request->method != HTTP_GET || f == NULL) return 200;
    if (http_field_find(request, "Range", f) != NULL) return 200;
    if (f->value.len < sizeof unit - 1) return 200;
    struct http_slice start = {f->value.at, sizeof unit - 1};
    if (!http_slice_is(start, unit)) return 200;
    if (!is_same_version(request, etag, modified)) return 200;
    return range_read(slice_skip(f->value, start.len), size, first, end);
}
