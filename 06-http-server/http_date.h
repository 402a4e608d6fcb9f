/* http_date.h - dates as HTTP writes them (RFC 9110 5.6.7).
 *
 * The C library has strftime and strptime, but their names of days and months
 * follow the locale, and HTTP's do not. */

#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include "http.h"

#include <stdbool.h>
#include <time.h>

/* "Sun, 06 Nov 1994 08:49:37 GMT" and a NUL. */
enum { HTTP_DATE_SIZE = 30 };

/* Write a time as HTTP sends it. There is room for the years 0 to 9999: a time
 * before or after them becomes their first or last second. */
void http_date_write(time_t time, char out[HTTP_DATE_SIZE]);

/* Read a date in any of the three forms that a server must understand:
 *   Sun, 06 Nov 1994 08:49:37 GMT     what is sent today
 *   Sunday, 06-Nov-94 08:49:37 GMT    RFC 850: the century is missing
 *   Sun Nov  6 08:49:37 1994          what asctime() of C writes
 * True: *out is the time. False: the text is anything else, be it a blank more
 * or a 30 February, and *out is untouched.
 *
 * The name of the day must be one, but nobody asks whether it fits. Second 60,
 * a leap second, is the second after 59, as in time_t. now decides which
 * century a year of two digits means: the latest in which the date is not more
 * than 50 years ahead of now. */
bool http_date_read(struct http_slice text, time_t now, time_t *out);

#endif
