/* judge.c - is this answer right? First what holds for each answer of the
 * server, then what this case says. */
#include "table.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *no(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* What is wrong. */
static const char *
no(const char *format, ...)
{
    static char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return text;
}

/* An IMF-fixdate, and about now (RFC 9110 sections 5.6.7 and 6.6.1). */
static bool
date_is_now(const char *date)
{
    time_t t = time(NULL);
    char text[64];

    for (int i = -5; i <= 2; i++) {
        time_t then = t + i;
        struct tm tm;
        gmtime_r(&then, &tm);
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        if (strcmp(text, date) == 0) return true;
    }
    return false;
}

/* An error's body repeats its status line: "404 Not Found\n". */
static bool
says_its_status(const struct reply *r)
{
    const char *said = r->head + strlen("HTTP/1.1 ");
    size_t len = strlen(said);

    return r->body.len == len + 1 && r->body.at[len] == '\n' &&
           memcmp(r->body.at, said, len) == 0;
}

/* Fields that a status demands (RFC 9110 sections 15.3 to 15.5). */
static const char *
status_rules(const struct reply *r)
{
    if (r->status == 405 && reply_field(r, "Allow") == NULL)
        return "405 without Allow";
    if (r->status / 100 == 3 && r->status != 304 &&
        reply_field(r, "Location") == NULL)
        return "a redirection without Location";
    return NULL;
}

/* No fields that frame a body where there can be none (RFC 9110 8.6). */
static const char *
interim_rules(const struct reply *r)
{
    if (r->length >= 0 || r->chunked) return "a body's length without a body";
    return r->close ? "an interim answer that closes" : NULL;
}

/* What holds for each final answer. */
static const char *
final_rules(const struct reply *r, bool head)
{
    const char *date = reply_field(r, "Date");
    const char *type = reply_field(r, "Content-Type");

    if (date == NULL) return "no Date";
    if (!date_is_now(date)) return no("Date: %s", date);
    if (reply_field(r, "Connection") == NULL) return "no Connection";
    if (r->status == 304) return status_rules(r);
    if (r->length < 0 && !r->chunked) return "its length is not told";
    if (type == NULL) return "no Content-Type";
    if (r->status >= 400 && !head && !says_its_status(r))
        return no("the body of an error is \"%.60s\"", r->body.at);
    if (r->status >= 400 && strncmp(type, "text/plain", 10) != 0)
        return no("an error's Content-Type is %s", type);
    return status_rules(r);
}

/* + Name: pattern. The pattern is a shell's; without one, any value will do. */
static const char *
field_matches(const struct reply *r, const char *check)
{
    char name[64] = "";
    const char *pattern = strstr(check, ": ");
    size_t n = pattern == NULL ? strlen(check) : (size_t)(pattern - check);
    const char *value;

    snprintf(name, sizeof name, "%.*s", (int)n, check);
    value = reply_field(r, name);
    if (value == NULL) return no("no %s", name);
    if (pattern == NULL || fnmatch(pattern + 2, value, 0) == 0) return NULL;
    return no("%s: %s", name, value);
}

/* One check of the table. `text` is expanded. */
static const char *
check(const struct reply *r, char kind, const struct bytes *text)
{
    bool same;

    switch (kind) {
    case '+': return field_matches(r, text->at);
    case '-':
        if (reply_field(r, text->at) == NULL) return NULL;
        return no("%s: %s", text->at, reply_field(r, text->at));
    case '=':
        same = r->body.len == text->len &&
               memcmp(r->body.at, text->at, text->len) == 0;
        if (same) return NULL;
        return no("%zu bytes of body: \"%.60s\"", r->body.len, r->body.at);
    default:
        if (strstr(r->body.at, text->at) != NULL) return NULL;
        return no("its body lacks \"%.60s\"", text->at);
    }
}

static bool
status_fits(const struct reply *r, const struct move *move)
{
    for (size_t i = 0; i < STATUSES; i++)
        if (r->status == move->statuses[i]) return true;
    return false;
}

const char *
judge(const struct reply *r, const struct move *move, const struct move *end,
    const struct reply *last)
{
    const char *wrong;

    if (!status_fits(r, move)) return no("%d", r->status);
    wrong = r->status < 200 ? interim_rules(r) : final_rules(r, move->head);
    while (wrong == NULL && ++move < end && strchr("+-=~", move->kind)) {
        struct bytes text = {0};
        bytes_add(&text, "", 0);
        wrong = bytes_expand(&text, move->text, last);
        if (wrong == NULL) wrong = check(r, move->kind, &text);
        bytes_free(&text);
    }
    return wrong;
}
