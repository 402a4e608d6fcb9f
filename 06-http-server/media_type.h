/* media_type.h - what a file is, told by the end of its name. */

#ifndef MEDIA_TYPE_H
#define MEDIA_TYPE_H

/* The Content-Type of the file with this path, a constant, by what follows the
 * last dot of the last segment, in any case: "a/b.HTML" is a page. A name that
 * only begins with a dot, such as "a/.html", has no such end. If it has none,
 * or an unknown one: "application/octet-stream", which browsers save and do not
 * show.
 *
 * Text is said to be UTF-8, as nearly all text is today. */
const char *media_type(const char *path);

#endif
