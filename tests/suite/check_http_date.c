/* check_http_date.c - promises of the dates: what is written, what is read,
 * what is refused. The calendar is checked against the C library's, which knows
 * no locale but "C" here. */

#include "http_date.h"
#include "http_guard.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { DAY = 24 * 60 * 60 };

/* The first second of year 0 and the last one of 9999. */
static const time_t first = -62167219200, last = 253402300799;

/* 22 November 2026, 12:00:00. */
static const time_t now = 1795348800;

static bool
read_date(const char *text, size_t len, time_t *out)
{
    struct http_slice slice = {guard_copy(text, len), len};
    return http_date_read(slice, now, out);
}

/* ---- To write ----------------------------------------------------------- */

static const struct written {
    time_t time;
    const char *text;
} written[] = {
    {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"}, /* RFC 9110's example */
    {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
    {-1, "Wed, 31 Dec 1969 23:59:59 GMT"},
    {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
    {951868800, "Wed, 01 Mar 2000 00:00:00 GMT"},
    {1709251199, "Thu, 29 Feb 2024 23:59:59 GMT"},
    {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},
    {4107542399, "Sun, 28 Feb 2100 23:59:59 GMT"},
    {2147483648, "Tue, 19 Jan 2038 03:14:08 GMT"}, /* 2^31 */
    {first, "Sat, 01 Jan 0000 00:00:00 GMT"},
    {last, "Fri, 31 Dec 9999 23:59:59 GMT"},
};

START_TEST(test_date_written)
{
    char *text = guard - HTTP_DATE_SIZE;
    http_date_write(written[_i].time, text);
    ck_assert_str_eq(text, written[_i].text);
}
END_TEST

START_TEST(test_date_clamped)
{
    char text[HTTP_DATE_SIZE];
    http_date_write(first - 1, text);
    ck_assert_str_eq(text, "Sat, 01 Jan 0000 00:00:00 GMT");
    http_date_write(INT64_MIN, text);
    ck_assert_str_eq(text, "Sat, 01 Jan 0000 00:00:00 GMT");
    http_date_write(last + 1, text);
    ck_assert_str_eq(text, "Fri, 31 Dec 9999 23:59:59 GMT");
    http_date_write(INT64_MAX, text);
    ck_assert_str_eq(text, "Fri, 31 Dec 9999 23:59:59 GMT");
}
END_TEST

/* Is it written as the C library does, and can that be read again? No asserts
 * here: each would be a write(2) to the parent, and there are many times. */
static bool
written_well(time_t time)
{
    char text[HTTP_DATE_SIZE], want[64];
    struct tm tm;
    time_t again;
    if (gmtime_r(&time, &tm) == NULL) return false;
    (void)strftime(want, sizeof want, "%a, %d %b ???? %H:%M:%S GMT", &tm);
    for (int i = 15, year = tm.tm_year + 1900; i >= 12; i--, year /= 10)
        want[i] = (char)('0' + year % 10); /* "%Y" may give "5" for year 5 */
    http_date_write(time, text);
    return strcmp(text, want) == 0 && read_date(text, strlen(text), &again) &&
           again == time;
}

/* Each day from 1900 to 2300: after 400 years the calendar repeats. */
START_TEST(test_date_every_day)
{
    static const time_t year_1900 = -2208988800;
    time_t from = year_1900 + (time_t)_i * 36525 * DAY;
    uint32_t seed = (uint32_t)_i;
    for (int day = 0; day < 36525; day++) {
        time_t time = from + (time_t)day * DAY + (int)(dice(&seed) % DAY);
        if (!written_well(time)) ck_abort_msg("%jd", (intmax_t)time);
    }
}
END_TEST

START_TEST(test_date_any_time)
{
    uint32_t seed = (uint32_t)_i;
    for (int round = 0; round < 10000; round++) {
        uint64_t far = (uint64_t)dice(&seed) << 24 | dice(&seed);
        time_t time = first + (time_t)(far % (uint64_t)(last - first + 1));
        if (!written_well(time)) ck_abort_msg("%jd", (intmax_t)time);
    }
}
END_TEST

/* ---- To read ------------------------------------------------------------ */

static const struct read_case {
    const char *text;
    time_t time;
} accepted[] = {
    {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
    {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
    {"Sun Nov  6 08:49:37 1994", 784111777},
    {"Sun Nov 06 08:49:37 1994", 784111777}, /* the grammar has 2DIGIT, too */
    {"Wed Nov 16 08:49:37 1994", 784975777},
    {"Mon, 06 Nov 1994 08:49:37 GMT", 784111777}, /* it was a Sunday */
    {"Monday, 06-Nov-94 08:49:37 GMT", 784111777},
    {"Mon Nov  6 08:49:37 1994", 784111777},
    {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800}, /* as the next second */
    {"Sat, 31 Dec 2016 23:59:59 GMT", 1483228799},
    {"Saturday, 31-Dec-16 23:59:60 GMT", 1483228800},
    {"Sat Dec 31 23:59:60 2016", 1483228800},
    {"Sat, 01 Jan 0000 00:00:00 GMT", first},
    {"Fri, 31 Dec 9999 23:59:59 GMT", last},
    {"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
    {"Wednesday, 29-Feb-12 00:00:00 GMT", 1330473600},
};

/* At every byte a cut is a refusal, and so is one byte more. */
START_TEST(test_date_accepted)
{
    const struct read_case *c = &accepted[_i];
    char longer[64];
    time_t time = 0;
    size_t len = strlen(c->text);
    ck_assert_msg(read_date(c->text, len, &time), "%s", c->text);
    ck_assert_int_eq(time, c->time);
    for (size_t cut = 0; cut < len; cut++)
        ck_assert_msg(!read_date(c->text, cut, &time), "%s", c->text);
    for (int byte = 0; byte < 256; byte++) {
        memcpy(longer, c->text, len);
        longer[len] = (char)byte;
        ck_assert(!read_date(longer, len + 1, &time));
    }
}
END_TEST

static const char *const refused[] = {"", " ", "0", "now", "784111777",
    /* the name of the day */
    "Xxx, 06 Nov 1994 08:49:37 GMT", "sun, 06 Nov 1994 08:49:37 GMT",
    "SUN, 06 Nov 1994 08:49:37 GMT", "Sunday, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06-Nov-94 08:49:37 GMT", "Sund, 06-Nov-94 08:49:37 GMT",
    "Sundays, 06-Nov-94 08:49:37 GMT", "Sunday Nov  6 08:49:37 1994",
    "06 Nov 1994 08:49:37 GMT", ", 06 Nov 1994 08:49:37 GMT",
    /* the month */
    "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 NOV 1994 08:49:37 GMT",
    "Sun, 06 November 1994 08:49:37 GMT", "Sun, 06 11 1994 08:49:37 GMT",
    "Sun, 06 Nov. 1994 08:49:37 GMT", "Sunday, 06-November-94 08:49:37 GMT",
    /* the day */
    "Sun, 6 Nov 1994 08:49:37 GMT", "Sun,  6 Nov 1994 08:49:37 GMT",
    "Sunday, 6-Nov-94 08:49:37 GMT", "Sunday,  6-Nov-94 08:49:37 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
    "Sun, 32 Dec 1994 08:49:37 GMT", "Sun, 30 Feb 2024 08:49:37 GMT",
    "Sun, 29 Feb 2023 08:49:37 GMT", "Sun, 29 Feb 2100 08:49:37 GMT",
    "Sunday, 29-Feb-23 08:49:37 GMT", "Sun Feb 29 08:49:37 1900",
    "Sun, -6 Nov 1994 08:49:37 GMT", "Sun, +6 Nov 1994 08:49:37 GMT",
    "Sun Nov 6 08:49:37 1994", "Sun Nov   6 08:49:37 1994",
    "Sun Nov  0 08:49:37 1994", "Sun Nov  16 08:49:37 1994",
    /* the year */
    "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06 Nov 01994 08:49:37 GMT",
    "Sun, 06 Nov 994 08:49:37 GMT", "Sun, 06 Nov -994 08:49:37 GMT",
    "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun Nov  6 08:49:37 94",
    /* the time of day */
    "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
    "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1994 8:49:37 GMT",
    "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 1994  8:49:37 GMT",
    "Sun, 06 Nov 1994 08.49.37 GMT", "Sun, 06 Nov 1994 08:49:37.5 GMT",
    "Sunday, 06-Nov-94 24:00:00 GMT", "Sun Nov  6 24:00:00 1994",
    /* the zone */
    "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun, 06 Nov 1994 08:49:37 gmt", "Sun, 06 Nov 1994 08:49:37 +0000",
    "Sun, 06 Nov 1994 08:49:37 GMT+1", "Sun Nov  6 08:49:37 1994 GMT",
    "Sun Nov  6 08:49:37 GMT 1994", "Sunday, 06-Nov-94 08:49:37",
    /* between them */
    "Sun,06 Nov 1994 08:49:37 GMT", "Sun 06 Nov 1994 08:49:37 GMT",
    "Sun, 06  Nov 1994 08:49:37 GMT", "Sun,\t06 Nov 1994 08:49:37 GMT",
    "Sun, 06-Nov-1994 08:49:37 GMT", "Sunday, 06 Nov 94 08:49:37 GMT",
    " Sun, 06 Nov 1994 08:49:37 GMT", "\"Sun, 06 Nov 1994 08:49:37 GMT\"",
    "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT"};

START_TEST(test_date_refused)
{
    time_t time = 1;
    ck_assert_msg(
        !read_date(refused[_i], strlen(refused[_i]), &time), "%s", refused[_i]);
    ck_assert_int_eq(time, 1); /* not touched */
}
END_TEST

/* Which days each month has, in years that are and are not leap years. */
START_TEST(test_date_days)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static const int lengths[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    static const int years[] = {0, 4, 100, 1900, 2000, 2023, 2024, 9996, 9999};
    static const bool leap[] = {1, 1, 0, 0, 1, 0, 1, 1, 0};
    for (int i = 0; i < COUNT(years) * 12 * 100; i++) {
        int year = i / 1200, month = i / 100 % 12, day = i % 100;
        int length = lengths[month] + (month == 1 && leap[year]);
        char text[64];
        time_t time;
        snprintf(text, sizeof text, "Sun, %02d %.3s %04d 00:00:00 GMT", day,
            months + month * 3, years[year]);
        ck_assert_msg(
            read_date(text, strlen(text), &time) == (day >= 1 && day <= length),
            "%s", text);
    }
}
END_TEST

/* A year of two digits: not more than 50 years after now, to the second. */
static const struct century {
    const char *now, *text, *means;
} centuries[] = {
    {"Sun, 22 Nov 2026 12:00:00 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT"},
    {"Sun, 22 Nov 2026 12:00:00 GMT", "Friday, 01-Jan-27 00:00:00 GMT",
        "Fri, 01 Jan 2027 00:00:00 GMT"},
    {"Sun, 22 Nov 2026 12:00:00 GMT", "Sunday, 22-Nov-76 12:00:00 GMT",
        "Sun, 22 Nov 2076 12:00:00 GMT"},
    {"Sun, 22 Nov 2026 12:00:00 GMT", "Sunday, 22-Nov-76 12:00:01 GMT",
        "Mon, 22 Nov 1976 12:00:01 GMT"},
    {"Sun, 22 Nov 2026 12:00:00 GMT", "Sunday, 23-Nov-76 00:00:00 GMT",
        "Tue, 23 Nov 1976 00:00:00 GMT"},
    {"Sun, 22 Nov 2026 12:00:00 GMT", "Friday, 31-Dec-99 23:59:59 GMT",
        "Fri, 31 Dec 1999 23:59:59 GMT"},
    {"Sun, 22 Nov 2026 12:00:00 GMT", "Tuesday, 29-Feb-00 00:00:00 GMT",
        "Tue, 29 Feb 2000 00:00:00 GMT"},
    {"Thu, 31 Dec 1998 00:00:00 GMT", "Saturday, 01-Jan-00 00:00:00 GMT",
        "Sat, 01 Jan 2000 00:00:00 GMT"},
    {"Thu, 31 Dec 2099 00:00:00 GMT", "Friday, 01-Jan-00 00:00:00 GMT",
        "Fri, 01 Jan 2100 00:00:00 GMT"},
    {"Thu, 31 Dec 2099 00:00:00 GMT", "Thursday, 01-Jan-50 00:00:00 GMT",
        "Sat, 01 Jan 2050 00:00:00 GMT"},
    {"Thu, 31 Dec 2099 00:00:00 GMT", "Friday, 31-Dec-49 00:00:00 GMT",
        "Fri, 31 Dec 2149 00:00:00 GMT"},
    {"Fri, 31 Dec 9999 23:59:59 GMT", "Friday, 31-Dec-99 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT"},
    {"Sat, 01 Jan 0000 00:00:00 GMT", "Friday, 31-Dec-99 23:59:59 GMT",
        "Thu, 31 Dec 0099 23:59:59 GMT"},
    {"Sat, 01 Jan 0000 00:00:00 GMT", "Sunday, 31-Dec-00 23:59:59 GMT",
        "Sun, 31 Dec 0000 23:59:59 GMT"},
};

START_TEST(test_date_century)
{
    const struct century *c = &centuries[_i];
    struct http_slice text = {c->text, strlen(c->text)};
    time_t then, means, time;
    ck_assert(read_date(c->now, strlen(c->now), &then));
    ck_assert(read_date(c->means, strlen(c->means), &means));
    ck_assert(http_date_read(text, then, &time));
    ck_assert_int_eq(time, means);
}
END_TEST

/* Spoiled texts: no crash, and what is still accepted is a date. */
START_TEST(test_date_mutated)
{
    uint32_t seed = (uint32_t)_i;
    char text[64], again[HTTP_DATE_SIZE];
    for (int round = 0; round < 10000; round++) {
        const char *good = accepted[dice(&seed) % COUNT(accepted)].text;
        time_t time, same;
        size_t len = strlen(good);
        memcpy(text, good, len);
        len = mutate(text, len, &seed);
        if (!read_date(text, len, &time)) continue;
        ck_assert(time >= first && time <= last + 1); /* a leap second */
        http_date_write(time, again);
        ck_assert(read_date(again, strlen(again), &same));
        ck_assert(same == time || time == last + 1);
    }
}
END_TEST

/* ---- The suite ---------------------------------------------------------- */

static Suite *
date_suite(void)
{
    Suite *s = suite_create("http date");
    TCase *tc = behaviour(s, "written");
    tcase_add_loop_test(tc, test_date_written, 0, COUNT(written));
    tcase_add_test(tc, test_date_clamped);
    tcase_add_loop_test(tc, test_date_every_day, 0, 4);
    tcase_add_loop_test(tc, test_date_any_time, 0, 4);
    tc = behaviour(s, "accepted");
    tcase_add_loop_test(tc, test_date_accepted, 0, COUNT(accepted));
    tcase_add_loop_test(tc, test_date_century, 0, COUNT(centuries));
    tc = behaviour(s, "refused");
    tcase_add_loop_test(tc, test_date_refused, 0, COUNT(refused));
    tcase_add_test(tc, test_date_days);
    tc = behaviour(s, "mutated");
    tcase_add_loop_test(tc, test_date_mutated, 0, 4);
    return s;
}

int
main(void)
{
    SRunner *runner = srunner_create(date_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
