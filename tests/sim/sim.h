/* sim.h - a world without a kernel: sockets, files, memory and a clock that are
 * data of this process. io_sim.c is the third backend of io.h, beside
 * io_uring.c and io_kqueue.c; what a program calls outside of io.h goes to
 * calls.h. All that a kernel and a network leave open (how many bytes at once,
 * what is done first, what fails) is chosen from a seed, or from the bytes of a
 * fuzzer: the same choices make the same world.
 *
 *     const char *why = sim_run(&(struct sim_choices){.seed = 7}, body);
 *
 * `body` makes a loop with io_init and goes on with io_tick, or calls the main
 * function of a server; that steps the world. In step by step form, for who
 * has no such function:
 *
 *     sim_begin(&choices);
 *     if (!sim_try(step)) ...        (as often as one likes)
 *     why = sim_end();
 *
 * One world at a time, in one thread. */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_NEVER UINT64_MAX

enum {
    SIM_MICRO = 1000, /* nanoseconds */
    SIM_MILLI = 1000 * 1000,
    SIM_SECOND = 1000 * 1000 * 1000,
};

/* ---- A world ------------------------------------------------------------ */

/* What decides: a seed; or bytes, one for each choice among up to 256 and two
 * for others, and behind the last one always the first choice. */
struct sim_choices {
    uint64_t seed;
    const unsigned char *bytes; /* NULL: the seed */
    size_t length;
    bool log; /* tell each event on stdout */
};

/* Begin, call body, check, end. Result: NULL, or what is wrong, in one line,
 * which is there until the next world begins. */
const char *sim_run(const struct sim_choices *choices, void (*body)(void));

void sim_begin(const struct sim_choices *choices);

/* False: something is wrong, and step was left; only sim_end may follow. */
bool sim_try(void (*step)(void));

/* Memory and descriptors that are left are wrong, too. Result: as sim_run. */
const char *sim_end(void);

/* The invariants, as after each tick: see invariants.c. */
void sim_check(void);

/* Something is wrong: leave the step, with this in one line. */
_Noreturn void sim_fail(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* The program has ended itself, as by exit(): what it has left is no matter. */
_Noreturn void sim_leave(void);

/* ---- Choices ------------------------------------------------------------ */

/* 0 to count - 1. */
uint32_t sim_choose(uint32_t count);

/* True once in so many times; count 0: never. */
bool sim_one_in(uint32_t count);

/* 1 to most, as this world likes its pieces: whole, any, or tiny. */
size_t sim_piece(size_t most);

/* Nanoseconds, as this world likes its delays. */
uint64_t sim_delay(void);

/* What goes wrong in this world: once in so many times, 0 is never. Chosen by
 * sim_begin; a world may set others then. */
struct sim_faults {
    unsigned memory;      /* malloc and mmap */
    unsigned accept;      /* ENFILE, ENOBUFS, ENOMEM */
    unsigned file;        /* EIO, ENOSPC, and files that become shorter */
    unsigned early;       /* a wait ends although nothing has happened */
    unsigned lost_race;   /* a canceled operation is done all the same */
    unsigned piece;       /* 0: whole; 1: any; 2: tiny */
    unsigned pace;        /* 0: at once; 1: micro-; 2: milliseconds; 3: mixed */
    unsigned descriptors; /* how many there can be */
    size_t pipe;          /* bytes on the way, in each direction */
};

extern struct sim_faults sim_faults;

/* How often something failed so far that a client may notice. */
struct sim_damage {
    unsigned memory, descriptors, file;
};

extern struct sim_damage sim_damage;

/* ---- Time, and who acts in it ------------------------------------------- */

/* Somebody who is called when it is time. The caller's memory; zero it. */
struct sim_actor {
    uint64_t at; /* SIM_NEVER: not before somebody changes that */
    void (*act)(struct sim_actor *actor);
    struct sim_actor *next;
};

extern uint64_t sim_now; /* nanoseconds */

void sim_actor_add(struct sim_actor *actor);

/* Act after a delay, if not earlier. */
void sim_actor_wake(struct sim_actor *actor);

/* The first to act; NULL: nobody ever will. */
struct sim_actor *sim_actor_next(void);

/* The program is told to stop: its handler is called, by the number of the
 * signal. It must end within so many nanoseconds. */
void sim_signal(int number, uint64_t limit);

/* The same, but in the middle of what the program does: within its next so many
 * calls, or when it waits for long. */
void sim_signal_soon(int number, uint64_t limit, unsigned calls);

extern uint64_t sim_signaled_at; /* SIM_NEVER: not yet */

/* Called when nothing can ever happen any more: a text for sim_fail. */
extern const char *(*sim_waiting)(void);

/* ---- The log ------------------------------------------------------------ */

/* "  12.345678901  client 2  sends 17 bytes", if this world has a log. */
void sim_log(const char *who, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- Clients ------------------------------------------------------------ */

/* A connection: this is its client's end. The world's memory. */
struct sim_stream;

/* NULL: nobody listens. owner is woken when there is something to receive, or
 * room to send, or an end. */
struct sim_stream *sim_connect(struct sim_actor *owner);

/* Result: how many were taken or given, which may be 0. */
size_t sim_send(struct sim_stream *s, const void *bytes, size_t length);
size_t sim_recv(struct sim_stream *s, void *buffer, size_t length);

bool sim_has_ended(const struct sim_stream *s); /* in order, all received */
bool sim_is_lost(const struct sim_stream *s);   /* reset */
bool sim_is_closed(const struct sim_stream *s); /* by the program, or reset */
uint64_t sim_accepted_at(const struct sim_stream *s); /* SIM_NEVER: not yet */

void sim_finish(struct sim_stream *s);       /* SHUT_WR */
void sim_close_stream(struct sim_stream *s); /* close(2) */
void sim_reset(struct sim_stream *s);

/* ---- Files -------------------------------------------------------------- */

enum sim_file_kind { SIM_FILE, SIM_DIRECTORY, SIM_LINK, SIM_PIPE };

/* One name: "a.txt", "d", "d/b.txt". Its content is the caller's. */
struct sim_file {
    const char *path;
    enum sim_file_kind kind;
    char *bytes;
    uint64_t size, room; /* bytes; there is room for so many */
    int64_t modified;    /* seconds since 1970 */
    long nanoseconds;
};

/* The tree that open(2) sees under any directory. */
void sim_files(struct sim_file *files, size_t count);

#endif
