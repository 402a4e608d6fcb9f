/* http_date.c - see http_date.h. */
#include "http_date.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { DAY = 24 * 60 * 60 }; /* seconds; time_t knows no leap seconds */

static const char *const day_names[] = {"Sunday", "Monday", "Tuesday",
    "Wednesday", "Thursday", "Friday", "Saturday"};

static const char *const month_names[] = {"January", "February", "March",
    "April", "May", "June", "July", "August", "September", "October",
    "November", "December"};

/* A date as people say it, in Greenwich. */
struct date {
    int weekday;          /* 0: Sunday */
    int year, month, day; /* month 0 is January, but day 1 is the first */
    int hour, minute, second;
};

/* ---- The calendar ------------------------------------------------------- */

static bool
is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 1 January 1970 to the first of a month; month 12 is January of the
 * next year. The count starts in year -400, so that no division meets a number
 * below 0, which C would round up; 865624 is what it gives for 1970. */
static int64_t
month_start(int year, int month)
{
    static const int before[] = {
        0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    int64_t past = year + 399;
    int64_t leaps = past / 4 - past / 100 + past / 400;
    if (month > 1 && is_leap(year)) leaps++;
    return 365 * (past + 1) + leaps + before[month] - 865624;
}

/* The time of this date, if its year were that one. */
static int64_t
date_time(const struct date *d, int year)
{
    int64_t days = month_start(year, d->month) + d->day - 1;
    return days * DAY + d->hour * 3600 + d->minute * 60 + d->second;
}

/* ---- To write ----------------------------------------------------------- */

static struct date
date_of(int64_t time)
{
    int64_t first = month_start(0, 0), last = month_start(10000, 0) * DAY - 1;
    if (time < first * DAY) time = first * DAY;
    if (time > last) time = last;
    int64_t past = (time - first * DAY) / DAY, days = first + past;
    int of_day = (int)(time - days * DAY);
    struct date d = {
        .weekday = (int)((past + 6) % 7), /* the first day was a Saturday */
        .year = (int)(past / 366),        /* or later */
        .hour = of_day / 3600,
        .minute = of_day / 60 % 60,
        .second = of_day % 60,
    };
    while (month_start(d.year + 1, 0) <= days)
        d.year++;
    while (month_start(d.year, d.month + 1) <= days)
        d.month++;
    d.day = (int)(days - month_start(d.year, d.month)) + 1;
    return d;
}

void
http_date_write(time_t time, char out[HTTP_DATE_SIZE])
{
    struct date d = date_of(time);
    int n = snprintf(out, HTTP_DATE_SIZE,
        "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", day_names[d.weekday], d.day,
        month_names[d.month], d.year, d.hour, d.minute, d.second);
    if (n != HTTP_DATE_SIZE - 1) assert(0 && "a date of another length");
}

/* ---- To read ------------------------------------------------------------ */

/* Cut n bytes off the front. NULL: there are fewer. */
static const char *
take(struct http_slice *text, size_t n)
{
    const char *at = text->at;
    if (text->len < n) return NULL;
    *text = (struct http_slice){at + n, text->len - n};
    return at;
}

/* Cut off a number of exactly n digits. False: there is none. */
static bool
take_number(struct http_slice *text, size_t n, int *out)
{
    const char *digits = take(text, n);
    if (digits == NULL) return false;
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        if (digits[i] < '0' || digits[i] > '9') return false;
        *out = *out * 10 + (digits[i] - '0');
    }
    return true;
}

/* Cut off one of the names, or of their first `most` bytes. *out is which. */
static bool
take_name(struct http_slice *text, const char *const *names, int count,
    size_t most, int *out)
{
    for (int i = 0; i < count; i++) {
        size_t n = strlen(names[i]) < most ? strlen(names[i]) : most;
        if (text->len < n || memcmp(text->at, names[i], n) != 0) continue;
        *out = i;
        return take(text, n) != NULL;
    }
    return false;
}

/* A blank may stand for the first digit. */
static bool
take_padded(struct http_slice *text, int *out)
{
    bool padded = text->len > 0 && text->at[0] == ' ';
    if (padded) (void)take(text, 1); /* it is there */
    return take_number(text, padded ? 1 : 2, out);
}

/* Cut off what this letter stands for in strftime(3). */
static bool
take_part(struct http_slice *text, char letter, struct date *d)
{
    switch (letter) {
    case 'a': return take_name(text, day_names, 7, 3, &d->weekday);
    case 'A': return take_name(text, day_names, 7, 9, &d->weekday);
    case 'b': return take_name(text, month_names, 12, 3, &d->month);
    case 'd': return take_number(text, 2, &d->day);
    case 'e': return take_padded(text, &d->day);
    case 'y': return take_number(text, 2, &d->year);
    case 'Y': return take_number(text, 4, &d->year);
    case 'H': return take_number(text, 2, &d->hour);
    case 'M': return take_number(text, 2, &d->minute);
    case 'S': return take_number(text, 2, &d->second);
    default: assert(0 && "a form with an unknown letter"); return false;
    }
}

/* Has all of the text this form? After "%" stands a letter of take_part. */
static bool
has_form(struct http_slice text, const char *form, struct date *d)
{
    for (; *form != '\0'; form++) {
        if (*form == '%') {
            if (!take_part(&text, *++form, d)) return false;
        } else {
            const char *byte = take(&text, 1);
            if (byte == NULL || *byte != *form) return false;
        }
    }
    return text.len == 0;
}

/* The latest year that ends with these two digits and brings the date to no
 * more than 50 years after now. */
static int
full_year(const struct date *d, time_t now)
{
    int year = 9900 + d->year;
    while (year >= 100 && date_time(d, year - 50) > now)
        year -= 100;
    return year;
}

/* Is there such a day, and such a time of day? */
static bool
date_exists(const struct date *d)
{
    int64_t next = month_start(d->year, d->month + 1);
    return d->day >= 1 && month_start(d->year, d->month) + d->day <= next &&
           d->hour < 24 && d->minute < 60 && d->second <= 60;
}

bool
http_date_read(struct http_slice text, time_t now, time_t *out)
{
    struct date d;
    if (has_form(text, "%A, %d-%b-%y %H:%M:%S GMT", &d))
        d.year = full_year(&d, now);
    else if (!has_form(text, "%a, %d %b %Y %H:%M:%S GMT", &d) &&
             !has_form(text, "%a %b %e %H:%M:%S %Y", &d))
        return false;
    if (!date_exists(&d)) return false;
    *out = (time_t)date_time(&d, d.year);
    return true;
}
