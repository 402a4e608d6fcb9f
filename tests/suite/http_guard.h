/* http_guard.h - what the tests of pure parsers share: a page that may not be
 * touched, where to cut an input, how to spoil it. */

#ifndef HTTP_GUARD_H
#define HTTP_GUARD_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { ROOM = 1 << 16, LONG_INPUT = 1500, SECONDS = 30 };

/* A literal with its length: input may hold NULs. */
#define TEXT(literal) literal, sizeof(literal) - 1
#define COUNT(array) (int)(sizeof(array) / sizeof *(array))

/* ---- The guard page ----------------------------------------------------- */

static char *guard; /* the first byte that nobody may touch */

static inline void
guard_set_up(void)
{
    char *room = mmap(NULL, 2 * ROOM, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(room, MAP_FAILED);
    guard = room + ROOM;
    ck_assert_int_eq(mprotect(guard, ROOM, PROT_NONE), 0);
}

static inline void
guard_tear_down(void)
{
    ck_assert_int_eq(munmap(guard - ROOM, 2 * ROOM), 0);
}

/* A copy that ends where the guard begins. */
static inline char *
guard_copy(const char *text, size_t len)
{
    ck_assert_uint_le(len, ROOM);
    return memcpy(guard - len, text, len);
}

/* Long inputs are cut at their ends and here and there, short ones anywhere. */
static inline size_t
next_cut(size_t cut, size_t len)
{
    bool middle = len > LONG_INPUT && cut > 64 && cut + 64 < len;
    return cut + (middle ? 61 : 1);
}

/* Build: text, then n times a byte, then more text. Answers the length. */
static inline size_t
build(char *out, const char *before, size_t n, const char *after)
{
    size_t len = strlen(before);
    memcpy(out, before, len);
    memset(out + len, 'a', n);
    len += n;
    memcpy(out + len, after, strlen(after));
    return len + strlen(after);
}

static inline uint32_t
dice(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Change, remove or double a few bytes; mostly to what means something. */
static inline size_t
mutate(char *text, size_t len, uint32_t *seed)
{
    static const char bytes[] = "\r\n :,;%/?*[]0159GETHhx\t\"\\\x7f\x80";
    for (uint32_t n = dice(seed) % 3 + 1; n > 0; n--) {
        size_t at = dice(seed) % len;
        switch (dice(seed) % 3) {
        case 0: text[at] = bytes[dice(seed) % sizeof bytes]; break;
        case 1: memmove(text + at, text + at + 1, --len - at); break;
        case 2: memmove(text + at + 1, text + at, len++ - at); break;
        }
    }
    return len;
}

/* One behaviour, its own deadline, its own guard page. */
static inline TCase *
behaviour(Suite *suite, const char *name)
{
    TCase *tc = tcase_create(name);
    tcase_set_timeout(tc, SECONDS);
    tcase_add_checked_fixture(tc, guard_set_up, guard_tear_down);
    suite_add_tcase(suite, tc);
    return tc;
}

#endif
