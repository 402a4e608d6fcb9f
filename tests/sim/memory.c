/* memory.c - malloc, calloc, realloc, free, mmap and munmap of the simulated
 * program. Memory is given out once in a world, and never again: so a touch
 * after free is seen, and no world depends on the one before. */
#include "calls.h"
#include "world.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum {
    ARENA = 64 * 1024 * 1024, /* of one world */
    ALIGN = 16,
    GUARD = 16,   /* bytes behind each block that nobody may touch */
    FRESH = 0xa5, /* what memory has in it that nobody has written to, */
    DEAD = 0xdd,  /* what was freed, */
    EDGE = 0xbd,  /* and the guard */
};

/* In front of each block. */
struct block {
    size_t size;
    struct block *next; /* the one before it in time */
    bool freed;
};

static _Alignas(ALIGN) unsigned char arena[ARENA];
static size_t used;
static struct block *blocks;

enum { HEAD = (sizeof(struct block) + ALIGN - 1) / ALIGN * ALIGN };

static unsigned char *
bytes_of(struct block *b)
{
    return (unsigned char *)b + HEAD;
}

/* Is every one of the bytes like this? */
static bool
all_are(const unsigned char *bytes, size_t count, unsigned char value)
{
    return count == 0 ||
           (bytes[0] == value && memcmp(bytes, bytes + 1, count - 1) == 0);
}

void
memory_begin(void)
{
    used = 0;
    blocks = NULL;
}

static void
check_block(struct block *b)
{
    unsigned char *bytes = bytes_of(b);
    if (!all_are(bytes + b->size, GUARD, EDGE))
        sim_fail("a write behind the end of %zu bytes", b->size);
    if (b->freed && !all_are(bytes, b->size, DEAD))
        sim_fail("a write into %zu bytes that were freed", b->size);
}

void
memory_end(void)
{
    for (struct block *b = blocks; b != NULL; b = b->next) {
        check_block(b);
        if (!b->freed) sim_fail("%zu bytes of memory are left", b->size);
    }
}

/* NULL: there is none now. */
static void *
take(size_t size, unsigned char fill)
{
    size_t whole = HEAD + (size + GUARD + ALIGN - 1) / ALIGN * ALIGN;
    world_call();
    if (sim_one_in(sim_faults.memory)) {
        sim_log("memory", "none for %zu bytes", size);
        sim_damage.memory++;
        errno = ENOMEM;
        return NULL;
    }
    if (whole > ARENA - used) sim_fail("more memory than a world has");
    struct block *b = (void *)(arena + used);
    used += whole;
    *b = (struct block){.size = size, .next = blocks};
    blocks = b;
    memset(bytes_of(b), fill, size);
    memset(bytes_of(b) + size, EDGE, GUARD);
    return bytes_of(b);
}

static struct block *
block_of(void *memory)
{
    for (struct block *b = blocks; b != NULL; b = b->next)
        if (bytes_of(b) == memory) return b;
    sim_fail("free of what is no memory");
}

void *
sim_malloc(size_t size)
{
    return take(size, FRESH);
}

void *
sim_calloc(size_t count, size_t size)
{
    return take(count * size, 0);
}

void
sim_free(void *memory)
{
    if (memory == NULL) return;
    struct block *b = block_of(memory);
    if (b->freed) sim_fail("%zu bytes are freed twice", b->size);
    if (op_uses_memory(memory, b->size) || invariants_use(memory, b->size))
        sim_fail("%zu bytes are freed while an operation needs them", b->size);
    check_block(b);
    b->freed = true;
    memset(memory, DEAD, b->size);
}

void *
sim_realloc(void *memory, size_t size)
{
    void *fresh = take(size, FRESH);
    if (fresh == NULL || memory == NULL) return fresh;
    size_t old = block_of(memory)->size;
    memcpy(fresh, memory, old < size ? old : size);
    sim_free(memory);
    return fresh;
}

void *
sim_mmap(
    void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    (void)address, (void)protection, (void)flags, (void)fd, (void)offset;
    void *memory = take(size, 0);
    return memory != NULL ? memory : MAP_FAILED;
}

int
sim_munmap(void *memory, size_t size)
{
    if (block_of(memory)->size != size) sim_fail("munmap of a part");
    sim_free(memory);
    return 0;
}
