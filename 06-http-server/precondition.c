/* precondition.c - see precondition.h.
 *
 * What cannot be read is decided so that no harm follows. A bad list of tags
 * matches nothing: If-None-Match then sends the file, which is never wrong, and
 * If-Match does not. A bad date is as if it were not there (13.1.3, 13.1.4).
 *
 * Section numbers are those of RFC 9110. */
#include "precondition.h"
#include "http_date.h"
#include "http_text.h"

#include <assert.h>
#include <string.h>

/* An entity tag (8.8.3). A weak one may stay the same when bytes change. */
struct tag {
    bool weak;
    struct http_slice opaque; /* with its quotes */
};

/* Visible, or 0x80 and above, but not a quote. */
static bool
is_tag_char(char c)
{
    return char_is(c, CHAR_VALUE) && !char_is(c, CHAR_BLANK) && c != '"';
}

/* Cut an entity tag off the front: [ "W/" ] DQUOTE *etagc DQUOTE. A comma in
 * the quotes is a part of it. False: no tag begins here. */
static bool
tag_next(struct http_slice *rest, struct tag *tag)
{
    struct http_slice s = *rest;
    size_t n = 1;
    tag->weak = s.len >= 2 && memcmp(s.at, "W/", 2) == 0;
    if (tag->weak) s = slice_skip(s, 2);
    if (s.len == 0 || s.at[0] != '"') return false;
    while (n < s.len && is_tag_char(s.at[n]))
        n++;
    if (n == s.len || s.at[n] != '"') return false;
    tag->opaque = (struct http_slice){s.at, n + 1};
    *rest = slice_skip(s, n + 1);
    return true;
}

/* 8.8.3.2. Strong: the same bytes, so neither tag may be weak. */
static bool
tag_matches(const struct tag *a, const struct tag *b, bool strong)
{
    if (strong && (a->weak || b->weak)) return false;
    return a->opaque.len == b->opaque.len &&
           memcmp(a->opaque.at, b->opaque.at, a->opaque.len) == 0;
}

/* Is our tag in this part of a list? 1: yes, 0: no, -1: it cannot be read.
 * Elements may be empty, as in "a",,"b" (5.6.1). */
static int
line_has(struct http_slice line, const struct tag *ours, bool strong)
{
    int found = 0;
    bool comma = true; /* since the last tag; the first needs none */
    while (line.len > 0) {
        struct tag tag;
        if (line.at[0] == ',' || char_is(line.at[0], CHAR_BLANK)) {
            if (line.at[0] == ',') comma = true;
            line = slice_skip(line, 1);
        } else {
            if (!comma || !tag_next(&line, &tag)) return -1;
            if (tag_matches(&tag, ours, strong)) found = 1;
            comma = false;
        }
    }
    return found;
}

/* Is our tag in the list that all fields of this name make up (5.3)? "*",
 * alone, is any tag. */
static bool
list_has(const struct http_request *request, const char *name,
    const struct tag *ours, bool strong)
{
    int found = 0;
    const struct http_field *f = http_field_find(request, name, NULL);
    if (f != NULL && http_slice_equals(f->value, "*"))
        return http_field_find(request, name, f) == NULL;
    for (; f != NULL; f = http_field_find(request, name, f)) {
        int rc = line_has(f->value, ours, strong);
        if (rc < 0) return false;
        found |= rc;
    }
    return found != 0;
}

/* The date in the only field of this name. False: no such date. */
static bool
date_find(const struct http_request *request, const char *name, time_t now,
    time_t *date)
{
    const struct http_field *f = http_field_find(request, name, NULL);
    return f != NULL && http_field_find(request, name, f) == NULL &&
           http_date_read(f->value, now, date);
}

/* Is this the version that the client asks for, if it asks for one? */
static bool
is_wanted(const struct http_request *request, const struct tag *ours,
    time_t modified, time_t now)
{
    time_t date;
    if (http_field_find(request, "If-Match", NULL) != NULL)
        return list_has(request, "If-Match", ours, true);
    if (modified != -1 && date_find(request, "If-Unmodified-Since", now, &date))
        return modified <= date;
    return true;
}

/* Has the client this version, or a later one? It may name a date to come:
 * 13.1.3 makes no exception for that. */
static bool
is_known(const struct http_request *request, const struct tag *ours,
    time_t modified, time_t now)
{
    time_t date;
    if (http_field_find(request, "If-None-Match", NULL) != NULL)
        return list_has(request, "If-None-Match", ours, false);
    if (modified != -1 && date_find(request, "If-Modified-Since", now, &date))
        return modified <= date;
    return false;
}

/* The order is that of 13.2.2. */
int
precondition_check(const struct http_request *request, const char *etag,
    time_t modified, time_t now)
{
    struct http_slice rest = {etag, etag != NULL ? strlen(etag) : 0};
    struct tag ours = {.weak = true, .opaque = {"", 0}}; /* like no other */
    if (etag != NULL && (!tag_next(&rest, &ours) || rest.len > 0))
        assert(0 && "etag is not an entity tag");
    if (!is_wanted(request, &ours, modified, now)) return 412;
    return is_known(request, &ours, modified, now) ? 304 : 0;
}
