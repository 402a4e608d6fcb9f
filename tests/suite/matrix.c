/* matrix.c - prints the promises down, the stages across, and what they say. */
#include "cells.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_WIDTH = 52, MARK_WIDTH = 6, LINE_WIDTH = 100 };

static const struct {
    const char *mark, *colour, *meaning;
} marks[] = {
    [WAITING] = {"?", "", "did not run"},
    [ABSENT] = {"-", "2", "is not about this server"},
    [NOT_HERE] = {"n/h", "33", "not here: see below"},
    [KEPT] = {"kept", "32", "the server keeps the promise"},
    [FAILS_BY_DESIGN] = {"no*", "36", "fails by design, and was seen to fail"},
    [BROKEN] = {"FAIL", "1;31", "see below"},
};

static size_t
count_of(const struct cell *cells, size_t count, enum outcome outcome)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        n += cells[i].outcome == outcome;
    return n;
}

/* Print in this colour, on a terminal only. */
static void
print_coloured(const char *colour, int width, const char *text)
{
    if (isatty(1) && *colour != '\0' && getenv("NO_COLOR") == NULL)
        printf("\033[%sm%-*s\033[0m", colour, width, text);
    else
        printf("%-*s", width, text);
}

void
matrix_head(const struct choice *ch)
{
    printf("seed %llu (SEED=%llu repeats this run)\n\n%-*s", ch->seed, ch->seed,
        NAME_WIDTH, "");
    for (size_t i = 0; i < ch->columns; i++)
        printf("%-*.2s", MARK_WIDTH, ch->stages[i]->name);
    printf("\n%-*s", NAME_WIDTH, "promise");
    for (size_t i = 0; i < ch->columns; i++)
        printf("%-*s", MARK_WIDTH, ch->stages[i]->variant);
    printf("\n");
    fflush(stdout);
}

/* A promise that is about none of the chosen stages is left out. */
void
matrix_row(const struct choice *ch, const struct cell *row)
{
    if (count_of(row, ch->columns, ABSENT) == ch->columns) return;
    printf("%-*s", NAME_WIDTH, row->promise->name);
    for (size_t i = 0; i < ch->columns; i++)
        print_coloured(marks[row[i].outcome].colour, MARK_WIDTH,
            marks[row[i].outcome].mark);
    if (getenv("TIMES") != NULL)
        for (size_t i = 0; i < ch->columns; i++)
            printf(" %.1f", row[i].seconds);
    printf("\n");
    fflush(stdout);
}

/* Does any row that is shown hold this mark? */
static bool
mark_occurs(const struct choice *ch, const struct cell *cells, size_t m)
{
    for (size_t i = 0; i < ch->rows; i++, cells += ch->columns) {
        if (count_of(cells, ch->columns, ABSENT) == ch->columns) continue;
        if (count_of(cells, ch->columns, (enum outcome)m) > 0) return true;
    }
    return false;
}

static void
print_legend(const struct choice *ch, const struct cell *cells)
{
    printf("\n");
    for (size_t m = 0; m < sizeof marks / sizeof *marks; m++) {
        if (!mark_occurs(ch, cells, m)) continue;
        print_coloured(marks[m].colour, MARK_WIDTH, marks[m].mark);
        printf("%s\n", marks[m].meaning);
    }
    if (suite_server() != NULL) printf("(%s)\n", suite_server());
    for (size_t i = 0; suite_server() == NULL && i < ch->columns; i++)
        if (ch->stages[i]->variant[0] != '\0')
            printf("%.2s %-7s %s\n", ch->stages[i]->name,
                ch->stages[i]->variant, ch->stages[i]->title);
}

/* What was measured for one promise, as many stages to a line as fit. */
static void
print_notes(const struct choice *ch, const struct cell *row)
{
    int column = 0;

    for (size_t i = 0; i < ch->columns; i++) {
        int width = (int)(strlen(row[i].stage->name) + strlen(row[i].note) + 4);
        if (row[i].note[0] == '\0') continue;
        if (column == 0) printf("measured: %s", row->promise->name);
        if (column == 0 || column + width > LINE_WIDTH) printf("\n    ");
        column =
            (column == 0 || column + width > LINE_WIDTH ? 0 : column) + width;
        printf("%s: %s  ", row[i].stage->name, row[i].note);
    }
    if (column > 0) printf("\n");
}

/* One line per promise: the reason is almost always the same for all. */
static void
print_not_here(const struct choice *ch, const struct cell *row)
{
    const char *why = NULL;

    for (size_t i = 0; i < ch->columns; i++) {
        if (row[i].outcome != NOT_HERE) continue;
        if (why == NULL) printf("not here: %s (", row->promise->name);
        if (why != NULL && strcmp(why, row[i].text) != 0) printf(": %s", why);
        printf("%s%s", why == NULL ? "" : ", ", row[i].stage->name);
        why = row[i].text;
    }
    if (why != NULL) printf("): %s\n", why);
}

static void
print_broken(const struct cell *c)
{
    printf("\n");
    print_coloured(marks[BROKEN].colour, 0, "FAIL");
    printf(" %s: %s\n", c->stage->name, c->promise->name);
    if (c->note[0] != '\0') printf("    at: %s\n", c->note);
    for (const char *line = c->text; *line != '\0';) {
        size_t n = strcspn(line, "\n");
        printf("    %.*s\n", (int)n, line);
        line += n + (line[n] == '\n');
    }
}

/* The legend, what was measured, what was not here, what went wrong. */
void
matrix_tail(const struct choice *ch, const struct cell *cells)
{
    size_t count = ch->rows * ch->columns;

    print_legend(ch, cells);
    printf("\n");
    for (size_t i = 0; i < count; i += ch->columns)
        print_notes(ch, &cells[i]);
    for (size_t i = 0; i < count; i += ch->columns)
        print_not_here(ch, &cells[i]);
    for (size_t i = 0; i < count; i++)
        if (cells[i].outcome == BROKEN) print_broken(&cells[i]);
    printf("\n");
}

/* The last line, or the numbers for the program that adds them up. The answer
 * is the exit code. */
int
matrix_tally(const struct cell *cells, size_t count)
{
    size_t passed =
        count_of(cells, count, KEPT) + count_of(cells, count, FAILS_BY_DESIGN);
    size_t failed = count_of(cells, count, BROKEN);
    size_t skipped = count_of(cells, count, NOT_HERE);
    const char *path = getenv("TALLY");
    FILE *f = path == NULL ? NULL : fopen(path, "a");

    if (f != NULL) {
        fprintf(f, "%zu %zu %zu\n", passed, failed, skipped);
        fclose(f);
    } else {
        printf(
            "%zu passed, %zu failed, %zu skipped\n", passed, failed, skipped);
    }
    return failed > 0;
}
