/* cells.h - one promise on one stage, and the matrix of them. */
#ifndef CELLS_H
#define CELLS_H

#include <stddef.h>
#include <sys/types.h>

struct stage;
struct promise;

enum { MAX_STAGES = 16, MAX_PROMISES = 64 };

/* What is to run: main fills it. */
struct choice {
    unsigned long long seed;
    size_t rows, columns;
    const struct stage *stages[MAX_STAGES];
    const struct promise *promises[MAX_PROMISES];
};

enum outcome {
    WAITING, /* has not run yet */
    ABSENT,  /* the promise is not about this stage */
    NOT_HERE,
    KEPT,
    FAILS_BY_DESIGN, /* proved */
    BROKEN,
};

/* One cell. It is in memory that the process of the cell shares with us. */
struct cell {
    const struct stage *stage;
    const struct promise *promise;
    pid_t pid; /* of the process that runs it; 0: none */
    enum outcome outcome;
    unsigned long long seed;
    double seconds;
    char note[80];   /* what was measured */
    char text[4096]; /* what went wrong, or why it is not here */
};

/* cells.c: run them all, with so many at once. The answer is the exit code. */
int cells_run(const struct choice *ch, int jobs);

/* cell.c: in a process of its own, run one cell and set its outcome. */
void cell_run(struct cell *c);

/* matrix.c */
void matrix_head(const struct choice *ch);
void matrix_row(const struct choice *ch, const struct cell *row);
void matrix_tail(const struct choice *ch, const struct cell *cells);
int matrix_tally(const struct cell *cells, size_t count);

#endif
