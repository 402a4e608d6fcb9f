/* fuzz.h - what the fuzz targets share. Each target is one file: a function
 * that gets any bytes, uses one part of the course with them, and stops the
 * program when a promise is broken. libFuzzer, a part of clang, calls it with
 * input after input, and goes on from those that reach new code. */
#ifndef FUZZ_H
#define FUZZ_H

#include "http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What libFuzzer calls, and what it offers. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(
    uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* Is the promise kept? If not, say which one, and stop. */
void must(bool kept, const char *promise);

/* A copy in memory of exactly that size, so that AddressSanitizer sees a read
 * of the byte behind it. The caller frees it. */
char *copy_of(const char *text, size_t len);

/* Memory that becomes readable piece by piece, as a receive buffer does. A read
 * behind the first `shown` bytes stops the program. */
struct stream {
    char *at;
    size_t len, shown;
};

struct stream stream_open(const char *text, size_t len);
void stream_show(struct stream *stream, size_t shown);
void stream_close(struct stream *stream);

/* Numbers that look random and are the same for the same input. */
uint32_t dice_seed(const char *text, size_t len);
uint32_t dice(uint32_t *seed);

/* How long the next piece is, from 1 to `most`: mostly a few bytes. */
size_t dice_piece(uint32_t *seed, size_t most);

/* Do both have the same bytes? */
bool slice_same(struct http_slice a, struct http_slice b);

/* Does the slice lie in these len bytes? An empty one may lie anywhere. */
bool slice_within(struct http_slice slice, const char *text, size_t len);

#endif
