/* check_stats.c - promises of 06's stats.c: what it keeps of each second, and
 * the JSON that it makes of it. The loop and its clock are the test's own. */
#include "stats.h"

#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND = 1000 * 1000 * 1000, MS = 1000 * 1000 };

/* In place of io.c. */
static struct io_loop loop;
static struct io_stats io;
static uint64_t now;

uint64_t
io_now(const struct io_loop *l)
{
    ck_assert_ptr_eq(l, &loop);
    return now;
}

struct io_stats
io_stats(const struct io_loop *l)
{
    ck_assert_ptr_eq(l, &loop);
    return io;
}

/* ---- JSON --------------------------------------------------------------- */

/* After the value at p (RFC 8259, without blanks and escapes, which we do not
 * write). NULL: there is none. */
static const char *json_value(const char *p);

static const char *
json_string(const char *p)
{
    if (*p++ != '"') return NULL;
    while (isalnum((unsigned char)*p) || *p == '_')
        p++;
    return *p == '"' ? p + 1 : NULL;
}

static const char *
json_number(const char *p)
{
    if (!isdigit((unsigned char)*p)) return NULL;
    if (*p == '0' && isdigit((unsigned char)p[1])) return NULL;
    p += strspn(p, "0123456789");
    if (*p != '.') return p;
    size_t digits = strspn(p + 1, "0123456789");
    return digits > 0 ? p + 1 + digits : NULL;
}

/* An object, or a list: what is between its brackets. */
static const char *
json_members(const char *p, bool named, char end)
{
    if (*p == end) return p + 1;
    for (;;) {
        if (named && (p = json_string(p)) != NULL && *p++ != ':') return NULL;
        if (p == NULL || (p = json_value(p)) == NULL) return NULL;
        if (*p == end) return p + 1;
        if (*p++ != ',') return NULL;
    }
}

static const char *
json_value(const char *p)
{
    switch (*p) {
    case '{': return json_members(p + 1, true, '}');
    case '[': return json_members(p + 1, false, ']');
    case '"': return json_string(p);
    default: return json_number(p);
    }
}

/* ---- What a test looks at ----------------------------------------------- */

static struct stats stats;
static char json[STATS_JSON_MAX];
static uint64_t rows[STATS_SECONDS + 10][STATS_COLUMNS];
static size_t row_count;

/* What is behind the name, which must be there. */
static const char *
member(const char *name)
{
    char text[40];
    snprintf(text, sizeof text, "\"%s\":", name);
    const char *found = strstr(json, text);
    ck_assert_msg(found != NULL, "no %s in %s", name, json);
    return found + strlen(text);
}

static uint64_t
total(const char *name)
{
    return strtoull(member(name), NULL, 10);
}

/* "[[1,2],[3,4]]" into rows. */
static void
read_rows(const char *p)
{
    row_count = 0;
    ck_assert_int_eq(*p++, '[');
    for (; *p == '['; p += *p == ',', row_count++) {
        ck_assert_uint_lt(row_count, STATS_SECONDS + 10);
        for (int i = 0; i < STATS_COLUMNS; i++) {
            char *end;
            ck_assert_int_eq(*p, i == 0 ? '[' : ',');
            rows[row_count][i] = strtoull(p + 1, &end, 10);
            p = end;
        }
        ck_assert_int_eq(*p++, ']');
    }
    ck_assert_int_eq(*p, ']');
}

/* Ask for the JSON. It must be one object, and a line. */
static void
tell(void)
{
    memset(json, 'x', sizeof json);
    size_t length = stats_json(&stats, json, sizeof json);
    ck_assert_uint_eq(strlen(json), length);
    const char *end = json_value(json);
    ck_assert_msg(end != NULL && *json == '{', "not JSON: %s", json);
    ck_assert_str_eq(end, "\n");
    read_rows(member("seconds"));
}

/* A tick that ended after so many milliseconds, with so many requests. */
static void
tick(uint64_t after, uint64_t requests)
{
    now = stats.start + after * MS;
    stats.requests += requests;
    stats.sent += 100 * requests;
    stats.received += 10 * requests;
    io.ticks++;
    io.submissions += 2 * requests;
    io.completions += 3 * requests;
    io.kernel_calls += 4 * requests;
    stats_tick(&stats);
}

static void
at(uint64_t after)
{
    now = stats.start + after * MS;
    tell();
}

static void
set_up(void)
{
    now = 77 * (uint64_t)SECOND + 123;
    io = (struct io_stats){.ticks = 5, .kernel_calls = 5};
    stats_init(&stats, &loop, 1, 3);
}

/* ---- The promises ------------------------------------------------------- */

START_TEST(a_new_one_has_no_seconds)
{
    tell();
    ck_assert_uint_eq(row_count, 0);
    ck_assert_uint_eq(total("worker"), 1);
    ck_assert_uint_eq(total("workers"), 3);
    ck_assert_uint_eq(total("requests"), 0);
    ck_assert_uint_eq(total("ticks"), 5);
    ck_assert_int_eq(strncmp(json, "{\"uptime\":0.000,", 16), 0);
}
END_TEST

START_TEST(the_totals_are_those_of_this_moment)
{
    tick(1, 7);
    stats.connections = 9;
    stats.requests++; /* since the tick */
    at(5042);
    ck_assert_uint_eq(total("requests"), 8);
    ck_assert_uint_eq(total("received"), 70);
    ck_assert_uint_eq(total("sent"), 700);
    ck_assert_uint_eq(total("ticks"), 6);
    ck_assert_uint_eq(total("submissions"), 14);
    ck_assert_uint_eq(total("completions"), 21);
    ck_assert_uint_eq(total("kernel_calls"), 33);
    ck_assert_uint_eq(total("connections"), 9);
    ck_assert_int_eq(strncmp(json, "{\"uptime\":5.042,", 16), 0);
}
END_TEST

START_TEST(the_columns_are_named_in_their_order)
{
    const char names[] =
        "[\"requests\",\"sent\",\"ticks\",\"submissions\",\"completions\","
        "\"kernel_calls\",\"connections\"]";
    tell();
    ck_assert_int_eq(strncmp(member("columns"), names, strlen(names)), 0);
}
END_TEST

START_TEST(a_second_is_told_when_it_is_over)
{
    stats.connections = 4;
    tick(100, 1);
    tick(999, 2);
    at(999);
    ck_assert_uint_eq(row_count, 0);
    at(1000);
    ck_assert_uint_eq(row_count, 1);
    const uint64_t first[] = {3, 300, 2, 6, 9, 12, 4};
    ck_assert_mem_eq(rows[0], first, sizeof first);
    tick(1000, 5);
    at(2000);
    ck_assert_uint_eq(row_count, 2);
    ck_assert_mem_eq(rows[0], first, sizeof first);
    ck_assert_uint_eq(rows[1][STATS_REQUESTS], 5);
    ck_assert_uint_eq(rows[1][STATS_TICKS], 1);
}
END_TEST

/* The loop sleeps, as nobody asks: nothing but the connections remains. */
START_TEST(seconds_without_a_tick_are_zero)
{
    const uint64_t idle[] = {0, 0, 0, 0, 0, 0, 2};
    stats.connections = 2;
    tick(500, 1);
    at(4100);
    ck_assert_uint_eq(row_count, 4);
    ck_assert_uint_eq(rows[0][STATS_REQUESTS], 1);
    for (int i = 1; i < 4; i++)
        ck_assert_mem_eq(rows[i], idle, sizeof idle);
    stats.connections = 3;
    tick(4200, 6); /* it slept until this one */
    at(5000);
    ck_assert_uint_eq(row_count, 5);
    ck_assert_uint_eq(rows[0][STATS_REQUESTS], 1);
    for (int i = 1; i < 4; i++)
        ck_assert_mem_eq(rows[i], idle, sizeof idle);
    ck_assert_uint_eq(rows[4][STATS_REQUESTS], 6);
    ck_assert_uint_eq(rows[4][STATS_CONNECTIONS], 3);
}
END_TEST

START_TEST(no_more_than_60_seconds_are_kept)
{
    for (uint64_t i = 0; i < 200; i++) {
        tick(i * 1000 + 1, i);
        at(i * 1000 + 2);
        ck_assert_uint_eq(row_count, i < 60 ? i : 60);
        for (size_t k = 0; k < row_count; k++)
            ck_assert_uint_eq(rows[k][STATS_REQUESTS], i - row_count + k);
    }
}
END_TEST

/* Also when the ring has gone round while it slept, perhaps many times. */
START_TEST(after_a_long_sleep_nothing_old_is_left)
{
    const uint64_t lengths[] = {59, 60, 61, 62, 121, 122, 123, 1000000};
    uint64_t second = 0;
    for (int i = 0; i < 8; i++) {
        for (int k = 0; k < 70; k++)
            tick(second++ * 1000, 1);
        second += lengths[i];
        for (int ticked = 0; ticked < 2; ticked++) {
            at(second * 1000);
            uint64_t sum = 0;
            for (size_t k = 0; k < 60; k++)
                sum += rows[k][STATS_REQUESTS];
            ck_assert_uint_eq(row_count, 60);
            ck_assert_uint_eq(sum, lengths[i] < 60 ? 60 - lengths[i] : 0);
            tick(second * 1000, 1);
        }
        second++;
    }
}
END_TEST

/* Random ticks, against a list that is never shortened. */
START_TEST(every_count_is_in_its_second)
{
    enum { LENGTH = 1000 };
    static uint64_t wanted[LENGTH];
    uint64_t ms = 0;
    srand(1);
    while (ms < (LENGTH - 100) * 1000) {
        uint64_t requests = (uint64_t)rand() % 100;
        ms += (uint64_t)rand() % (rand() % 50 == 0 ? 90000 : 700);
        wanted[ms / 1000] += requests;
        tick(ms, requests);
        at(ms + (uint64_t)rand() % 3);
        uint64_t end = (now - stats.start) / SECOND;
        ck_assert_uint_eq(row_count, end < 60 ? end : 60);
        for (size_t k = 0; k < row_count; k++)
            ck_assert_uint_eq(
                rows[k][STATS_REQUESTS], wanted[end - row_count + k]);
    }
}
END_TEST

START_TEST(the_longest_json_has_room)
{
    memset(&io, 0xff, sizeof io);
    memset(stats.ring, 0xff, sizeof stats.ring);
    stats.requests = stats.received = stats.sent = UINT64_MAX;
    stats.connections = stats.worker = stats.workers = INT32_MAX;
    stats.start = stats.second = 0;
    now = UINT64_MAX;
    stats.second = UINT64_MAX / SECOND;
    tell();
    ck_assert_uint_eq(row_count, 60);
    ck_assert_uint_eq(rows[0][0], UINT64_MAX);
    ck_assert_uint_gt(strlen(json), STATS_JSON_MAX * 3 / 4);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {a_new_one_has_no_seconds,
        the_totals_are_those_of_this_moment,
        the_columns_are_named_in_their_order, a_second_is_told_when_it_is_over,
        seconds_without_a_tick_are_zero, no_more_than_60_seconds_are_kept,
        after_a_long_sleep_nothing_old_is_left, every_count_is_in_its_second,
        the_longest_json_has_room};
    Suite *s = suite_create("stats");
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        TCase *tc = tcase_create(tests[i]->name);
        tcase_add_checked_fixture(tc, set_up, NULL);
        tcase_add_test(tc, tests[i]);
        suite_add_tcase(s, tc);
    }
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
