/* pattern.c - the bytes of bodies and files: see model.h. */
#include "model.h"
#include "plan.h"

#include <string.h>

/* The next number of a sequence (splitmix64); *state is where it is. */
uint64_t
model_random(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

/* One period. It is made when it is first asked for: by one thread, then. */
static const char *
period(void)
{
    static char bytes[PATTERN_PERIOD];
    static bool made;
    uint64_t state = 1;
    for (size_t i = 0; !made && i < sizeof bytes; i++)
        bytes[i] = (char)model_random(&state);
    made = true;
    return bytes;
}

const char *
pattern_at(uint64_t at, size_t *len)
{
    size_t from = (size_t)(at % PATTERN_PERIOD);
    if (*len > PATTERN_PERIOD - from) *len = PATTERN_PERIOD - from;
    return period() + from;
}

void
pattern_copy(uint64_t at, void *out, size_t len)
{
    char *to = out;
    while (len > 0) {
        size_t n = len;
        const char *from = pattern_at(at, &n);
        memcpy(to, from, n);
        to += n;
        at += n;
        len -= n;
    }
}
