/* fuzz.c - see fuzz.h. */
#include "fuzz.h"

#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
must(bool kept, const char *promise)
{
    if (kept) return;
    fprintf(stderr, "\nbroken promise: %s\n\n", promise);
    abort();
}

char *
copy_of(const char *text, size_t len)
{
    char *copy = calloc(1, len > 0 ? len : 1);
    must(copy != NULL, "there is memory");
    if (len > 0) memcpy(copy, text, len);
    if (len == 0) __asan_poison_memory_region(copy, 1);
    return copy;
}

struct stream
stream_open(const char *text, size_t len)
{
    struct stream s = {copy_of(text, len), len, 0};
    __asan_poison_memory_region(s.at, len);
    return s;
}

void
stream_show(struct stream *s, size_t shown)
{
    size_t from = s->shown & ~(size_t)7; /* eight bytes share a mark */
    s->shown = shown;
    __asan_unpoison_memory_region(s->at + from, shown - from);
}

void
stream_close(struct stream *s)
{
    __asan_unpoison_memory_region(s->at, s->len);
    free(s->at);
}

uint32_t
dice_seed(const char *text, size_t len)
{
    uint32_t seed = 2166136261; /* FNV-1a */
    for (size_t i = 0; i < len; i++)
        seed = (seed ^ (unsigned char)text[i]) * 16777619;
    return seed;
}

uint32_t
dice(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

size_t
dice_piece(uint32_t *seed, size_t most)
{
    size_t limit = dice(seed) % 4 > 0 ? 16 : most;
    return 1 + dice(seed) % (limit < most ? limit : most);
}

bool
slice_same(struct http_slice a, struct http_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool
slice_within(struct http_slice s, const char *text, size_t len)
{
    uintptr_t at = (uintptr_t)s.at, from = (uintptr_t)text;
    if (s.len == 0) return true;
    return at >= from && s.len <= len && at - from <= len - s.len;
}

/* Many limits lie at some thousand bytes, and what libFuzzer changes is short:
 * now and then a piece is repeated many times. */
size_t
LLVMFuzzerCustomMutator(
    uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    uint32_t by = seed;
    if (dice(&by) % 32 != 0 || size == 0 || size >= max_size)
        return LLVMFuzzerMutate(data, size, max_size);
    size_t at = dice(&by) % size, len = dice_piece(&by, size - at);
    size_t times = dice(&by) % ((max_size - size) / len + 1);
    memmove(data + at + times * len, data + at, size - at);
    for (size_t i = 0; i < times; i++)
        memmove(data + at + i * len, data + at + times * len, len);
    return size + times * len;
}
