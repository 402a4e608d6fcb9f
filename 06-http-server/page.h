/* page.h - the built-in page: www/index.html, made a part of the program by the
 * Makefile. */
#ifndef PAGE_H
#define PAGE_H

#include <stddef.h>

extern const unsigned char page[];
extern const size_t page_length; /* bytes */

#endif
