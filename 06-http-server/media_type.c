/* media_type.c - see media_type.h. */
#include "media_type.h"

#include <stdlib.h>
#include <string.h>

enum { EXTENSION_MAX = 11 };

struct media {
    char extension[EXTENSION_MAX + 1];
    const char *type;
};

/* Sorted by extension, for bsearch. JSON is UTF-8 by definition, and XML says
 * in its first line what it is, so they have no charset here. */
static const struct media known[] = {
    {"7z", "application/x-7z-compressed"},
    {"atom", "application/atom+xml"},
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"css", "text/css; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"epub", "application/epub+zip"},
    {"flac", "audio/flac"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html; charset=utf-8"},
    {"html", "text/html; charset=utf-8"},
    {"ico", "image/vnd.microsoft.icon"},
    {"ics", "text/calendar; charset=utf-8"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"jsonld", "application/ld+json"},
    {"m4a", "audio/mp4"},
    {"map", "application/json"}, /* from a script to its source */
    {"md", "text/markdown; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mpg", "video/mpeg"},
    {"ogg", "audio/ogg"},
    {"otf", "font/otf"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"rss", "application/rss+xml"},
    {"rtf", "application/rtf"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain; charset=utf-8"},
    {"vtt", "text/vtt; charset=utf-8"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xml", "application/xml"},
    {"xz", "application/x-xz"},
    {"zip", "application/zip"},
};

static int
media_compare(const void *extension, const void *media)
{
    return strcmp(extension, ((const struct media *)media)->extension);
}

/* What follows the last dot of the last segment, in small letters; "" if there
 * is nothing, or more than any known one has. tolower() obeys the locale. */
static void
extension_of(const char *path, char out[EXTENSION_MAX + 1])
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    size_t n = dot == NULL || dot == name ? 0 : strlen(dot + 1);
    if (n > EXTENSION_MAX) n = 0;
    for (size_t i = 0; i < n; i++) {
        char c = dot[1 + i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    out[n] = '\0';
}

const char *
media_type(const char *path)
{
    char extension[EXTENSION_MAX + 1];
    extension_of(path, extension);
    const struct media *found = bsearch(extension, known,
        sizeof known / sizeof *known, sizeof *known, media_compare);
    return found != NULL ? found->type : "application/octet-stream";
}
