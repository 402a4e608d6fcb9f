/* date.c - fuzz the dates of 06: http_date.c. The input is a number, which is
 * the present time in seconds since 1970, a blank, and a text that may be a
 * date. Promises:
 *
 *  - A time that is written is what gmtime(3) says, and is read again as that
 *    time; before and after the years 0 to 9999 it is their first or last
 *    second.
 *  - A text that is read means what strptime(3) and timegm(3) take it for; what
 *    comes out can be written and read again.
 *  - Each month has the days that the C library gives it.
 *  - Of a year with two digits, the century is the latest that is not more than
 *    50 years ahead. */
#include "fuzz.h"
#include "http_date.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first and the last second that can be written. */
static const int64_t first = INT64_C(-62167219200);
static const int64_t last = INT64_C(253402300799);

static void
check_write(int64_t time)
{
    char text[HTTP_DATE_SIZE], by_libc[64];
    int64_t clamped = time < first ? first : time > last ? last : time;
    time_t read_again, t = (time_t)clamped;
    struct tm tm;
    http_date_write((time_t)time, text);
    must(strlen(text) == HTTP_DATE_SIZE - 1, "all dates are of one length");
    must(gmtime_r(&t, &tm) != NULL, "it is a time");
    strftime(by_libc, sizeof by_libc, "%a, %d %b ", &tm);
    int n = (int)strlen(by_libc);
    snprintf(by_libc + n, sizeof by_libc - (size_t)n, "%04d %02d:%02d:%02d GMT",
        tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    must(strcmp(text, by_libc) == 0, "written as the C library does");
    struct http_slice slice = {text, HTTP_DATE_SIZE - 1};
    must(http_date_read(slice, 0, &read_again), "what is written can be read");
    must(read_again == t, "and is the same time");
}

/* The month of that time has the days that the C library gives it. */
static void
check_days(int64_t time)
{
    char month[16], text[64];
    time_t t = (time_t)time, ignored;
    struct tm tm, day;
    must(gmtime_r(&t, &tm) != NULL, "it is a time");
    strftime(month, sizeof month, "%b", &tm);
    for (int d = 28; d < 33; d++) {
        day = tm;
        day.tm_mday = d;
        (void)timegm(&day); /* a 31 April becomes 1 May */
        int n = snprintf(text, sizeof text, "Sun, %02d %s %04d 00:00:00 GMT", d,
            month, tm.tm_year + 1900);
        struct http_slice slice = {text, (size_t)n};
        must(http_date_read(slice, 0, &ignored) == (day.tm_mday == d),
            "a day exists, or not, as in the C library");
    }
}

/* What the C library makes of it, which is less strict than we are. The form
 * with two digits for the year is told apart: *short_year. */
static bool
read_by_libc(const char *text, struct tm *tm, bool *short_year)
{
    static const char *const forms[] = {"%a, %d-%b-%y %H:%M:%S GMT",
        "%a, %d %b %Y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"};
    for (size_t i = 0; i < 3; i++) {
        memset(tm, 0, sizeof *tm);
        const char *end = strptime(text, forms[i], tm);
        *short_year = i == 0;
        if (end != NULL && *end == '\0') return true;
    }
    return false;
}

/* The same date, so many years after `time`. */
static int64_t
years_later(int64_t time, int years)
{
    time_t t = (time_t)time;
    struct tm tm;
    must(gmtime_r(&t, &tm) != NULL, "it is a time");
    tm.tm_year += years;
    return timegm(&tm);
}

/* A 29 February need not be there in 100 years: a day more or less. */
static void
check_century(int64_t time, int64_t now)
{
    enum { DAY = 24 * 60 * 60 };
    must(time <= years_later(now, 50) + DAY || time < first + 4000000000,
        "not more than 50 years ahead");
    int64_t next = years_later(time, 100);
    must(next > years_later(now, 50) - DAY || next > last - 3200000000,
        "the latest such century");
}

static void
check_read(struct http_slice slice, int64_t now)
{
    time_t time = -42;
    struct tm tm;
    bool short_year;
    char *text = strndup(slice.at, slice.len);
    must(text != NULL, "there is memory");
    if (!http_date_read(slice, (time_t)now, &time)) {
        must(time == -42, "a text that is no date changes nothing");
    } else {
        must(strlen(text) == slice.len, "a date has no NUL");
        must(read_by_libc(text, &tm, &short_year), "the C library reads it");
        if (short_year)
            check_century(time, now);
        else
            must(timegm(&tm) == time, "as the same time");
        check_write(time);
    }
    free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size), *rest;
    must(text != NULL, "there is memory");
    int64_t now = strtoll(text, &rest, 10);
    size_t number = (size_t)(rest - text);
    size_t skip = number < size ? number + 1 : number;
    char *exact = copy_of((const char *)data + skip, size - skip);
    check_write(now);
    int64_t clamped = now < first ? first : now > last ? last : now;
    check_days(clamped);
    check_read((struct http_slice){exact, size - skip}, clamped);
    free(exact);
    free(text);
    return 0;
}
