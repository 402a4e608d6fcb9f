/* cases.c - reads the table. README.md tells its form. A table that cannot be
 * read is our own mistake, and ends the program. */
#include "table.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOVES = 100 };

/* What is being read. */
static struct {
    const char *file;
    int line;
    enum server_kind server;
    struct http_case now; /* without a name: none has begun */
    struct move moves[MOVES];
} reading;

static _Noreturn void
bad(const char *why)
{
    errx(2, "%s:%d: %s", reading.file, reading.line, why);
}

/* For as long as the program runs. */
static void *
keep(const void *at, size_t len)
{
    void *p = malloc(len);

    if (p == NULL) err(2, "malloc");
    return memcpy(p, at, len);
}

static const char *
keep_text(const char *text, size_t len)
{
    char *p = keep(text, len + 1);

    p[len] = '\0';
    return p;
}

/* The place of a word in a list of names; -1: it is not there. */
static int
word_find(const char *const *names, int count, const char *word)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], word) == 0) return i;
    return -1;
}

static struct move *
move_add(char kind, const char *text)
{
    struct bytes ignored = {0};
    const char *wrong = bytes_expand(&ignored, text, NULL);
    struct move *m = &reading.moves[reading.now.count++];

    if (wrong != NULL) bad(wrong);
    if (reading.now.name == NULL) bad("a line before the first [case]");
    if (reading.now.count == MOVES) bad("the case is too long");
    *m = (struct move){.kind = kind, .line = reading.line};
    m->text = keep_text(text, strlen(text));
    bytes_free(&ignored);
    return m;
}

/* A check belongs to the answer before, so it goes before how it ends, which
 * stands in the same line as that answer. */
static void
check_add(char kind, const char *text)
{
    struct move *check = move_add(kind, text);
    struct move added = *check;

    if (reading.now.count < 2) bad("a check without an answer");
    if (check[-1].kind != '.') return;
    *check = check[-1];
    check[-1] = added;
}

/* head:200|404?   Alternatives; "?": it may be missing. */
static void
status_add(char *word)
{
    struct move *m = move_add('<', word);
    size_t count = 0;

    m->head = strncmp(word, "head:", 5) == 0;
    if (m->head) word += 5;
    m->optional = word[strlen(word) - 1] == '?';
    for (;;) {
        m->statuses[count++] = (int)strtol(word, &word, 10);
        if (*word != '|') break;
        if (count == STATUSES) bad("too many alternatives");
        word++;
    }
    if (strcmp(word, m->optional ? "?" : "") != 0 || m->statuses[0] < 100)
        bad("not a status");
}

/* < 200 400 close */
static void
expectation(char *line)
{
    static const char *const ends[] = {
        "close", "open", "silent", "any", "cut", "gone"};

    for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
        if (word_find(ends, 6, word) >= 0)
            (void)move_add('.', word); /* nothing to set in it */
        else
            status_add(word);
}

/* > bytes, or > {end} */
static void
sending(const char *text)
{
    bool end = strcmp(text, "{end}") == 0;

    (void)move_add(end ? '!' : '>', end ? "" : text); /* as above */
}

/* % whole behind: the ways that this case can be played in. */
static void
ways(char *line)
{
    static const char *const names[] = {"whole", "bytes", "split", "behind"};

    reading.now.ways = 0;
    for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) {
        int way = word_find(names, WAYS, word);
        if (way < 0) bad("no such way");
        reading.now.ways |= 1u << way;
    }
}

/* @root: the server of the cases that follow. */
static void
server(const char *name)
{
    static const char *const names[] = {"plain", "root", "hasty", "full"};
    int kind = word_find(names, SERVER_KINDS, name);

    if (kind < 0) bad("no such server");
    reading.server = (enum server_kind)kind;
}

/* Keep the case that has ended. */
static size_t
case_end(struct http_case **cases, size_t count)
{
    struct http_case *c = &reading.now;
    size_t size = c->count * sizeof *reading.moves;

    if (c->name == NULL) return count;
    for (size_t i = 0; i < c->count; i++)
        if ((reading.moves[i].kind == '.') != (i + 1 == c->count))
            bad("the case above must tell once, at its end, how it ends");
    if (c->count == 0) bad("the case above is empty");
    *cases = realloc(*cases, (count + 1) * sizeof **cases);
    if (*cases == NULL) err(2, "realloc");
    c->moves = keep(reading.moves, size);
    (*cases)[count] = *c;
    return count + 1;
}

/* [9112 3.2 MUST] a name */
static void
case_begin(char *line)
{
    static const char *const levels[] = {"MUST", "SHOULD", "MAY", "ours"};
    char rfc[8], part[16], level[8];
    int n = 0;

    if (sscanf(line, "%7[0-9] %15[0-9A-C.] %7[A-Za-z]] %n", rfc, part, level,
            &n) != 3 ||
        n == 0 || line[n] == '\0' || word_find(levels, 4, level) < 0)
        bad("not [RFC SECTION LEVEL] NAME");
    reading.now = (struct http_case){.file = reading.file,
        .line = reading.line,
        .server = reading.server,
        .ways = 15};
    reading.now.section = keep_text(line, strlen(rfc) + 1 + strlen(part));
    reading.now.level = keep_text(level, strlen(level));
    reading.now.name = keep_text(line + n, strlen(line + n));
}

static void
line_read(char *line)
{
    char kind = line[0], *text = kind != '\0' && line[1] == ' ' ? line + 2 : "";

    switch (kind) {
    case '\0':
    case '#': break;
    case '@': server(line + 1); break;
    case '[': case_begin(line + 1); break;
    case '%': ways(text); break;
    case '<': expectation(text); break;
    case '>': sending(text); break;
    case '+':
    case '-':
    case '=':
    case '~': check_add(kind, text); break;
    default: bad("what is this line?");
    }
}

size_t
cases_read(struct http_case **cases, size_t count, const char *file_name)
{
    char line[512];
    FILE *f = fopen(file_name, "r");

    if (f == NULL) err(2, "%s", file_name);
    memset(&reading, 0, sizeof reading);
    reading.file = keep_text(file_name, strlen(file_name));
    while (fgets(line, sizeof line, f) != NULL) {
        char *end = strchr(line, '\n');
        reading.line++;
        if (end == NULL) bad("the line is too long, or has no end");
        *end = '\0';
        if (line[0] == '[') count = case_end(cases, count);
        line_read(line);
    }
    count = case_end(cases, count);
    fclose(f);
    return count;
}
