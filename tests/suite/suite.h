/* suite.h - what the promises, the clients and the runner share.
 *
 *  - A stage is one server of the course: one column of the matrix.
 *  - A promise is one sentence about servers: one row of the matrix.
 *  - A cell is one promise on one stage. It runs in a process of its own.
 *
 * Every wait in the suite has a deadline in seconds. TIME_SCALE multiplies
 * them all, for machines and builds that are slow. */
#ifndef SUITE_H
#define SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum protocol { SPEAKS_ECHO, SPEAKS_HTTP };
enum backend { ON_BLOCKING, ON_KQUEUE, ON_IO_URING };

/* One server of the course. The table is in stages.c; nobody frees it. */
struct stage {
    const char *name;    /* "04-callback" */
    const char *variant; /* "call": the second line of the column's head */
    const char *title;   /* for the legend */
    const char *binary;  /* below build/ */
    enum protocol protocol;
    enum backend backend;
    int column;   /* of this stage in a promise's `stages` */
    bool options; /* takes --port and --host, not PORT HOST */
};

/* A running server. Its process is ours from server_launch to server_stop. */
struct server {
    const struct stage *stage;
    const char *args[16]; /* ends with NULL */
    long files;           /* its descriptor limit; 0: the suite's own */
    long space;           /* its limit of address space in bytes; 0: none */
    const char *denied;   /* errno that io_uring answers; NULL: not denied */
    const char *counts;   /* file for the counted calls; NULL: not counted */
    pid_t pid;            /* 0: does not run */
    int code;             /* with which it exited */
    int out;              /* its stdout */
    char host[64];
    int port;
};

/* What a promise is told. It may stop and start the server. */
typedef void promise_fn(struct server *server, bool fails);

/* One row of the matrix. Each stage has a letter in `stages`: K kept, F fails
 * by design, - does not apply. */
struct promise {
    const char *name;
    promise_fn *run;
    const char *stages;
    const char *(*missing)(const struct stage *); /* why not here, or NULL */
    bool unstarted; /* run() starts the server itself */
    bool ours;      /* not asked of another program (SERVER) */
};

enum { IN_SIZE = 65536, ASK_SIZE = 64 };

/* One connection to the server. Opened by client_open, and lost (never leaked
 * for long: the process of the cell ends) or closed by client_close. */
struct client {
    int fd;
    enum protocol protocol;
    size_t asked;      /* bytes in `question` that are not answered yet */
    uint64_t seed;     /* of the endless pattern that client_push sends */
    uint64_t sent;     /* bytes of the pattern sent */
    uint64_t received; /* bytes of the pattern that came back, or answers */
    size_t have;       /* bytes in `in` */
    char question[ASK_SIZE];
    char in[IN_SIZE];
};

/* One HTTP answer; `body` is inside the client's `in` until the next call. */
struct answer {
    int status;
    bool closes; /* Connection: close */
    long length; /* Content-Length; -1: none */
    char type[64];
};

/* common.c */
extern double time_scale;     /* of TIME_SCALE */
extern uint64_t random_state; /* of SEED */
double now(void);
const char *setting(const char *name, const char *otherwise);
const char *build_path(char *buf, size_t size, const char *name);
const char *suite_server(void);
uint64_t random_below(uint64_t limit);
void require(bool ok, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* cell.c, and the main file of each program without cells. */
_Noreturn void broken(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
int suite_stderr(void);

/* stages.c, promises.c */
const struct stage *stages(size_t *count);
const struct stage *stage_named(const char *name);
const struct promise *promises(size_t *count);
const char *not_here(const struct promise *p, const struct stage *s);

/* server.c */
void server_args(struct server *s, const char *port, const char *host);
void server_option(struct server *s, const char *name, const char *value);
void server_launch(struct server *s);
void server_start(struct server *s);
void server_restart(struct server *s);
void server_signal(struct server *s, int signal);
void server_stop(struct server *s);
int server_wait(struct server *s, double seconds, const char *why);
void server_ends(struct server *s, const char *why);
bool server_try(struct server *s, char *line, size_t size);
void server_pause(struct server *s);
void server_continue(struct server *s);
void server_refuses(struct server *s, char *line, size_t size);
void alive(struct server *s);
double server_cpu(struct server *s, double seconds);

/* client.c */
bool fd_wait(int fd, short events, double seconds);
void client_open(struct client *c, const struct server *s);
struct client *clients_open(const struct server *s, size_t count);
void clients_close(struct client *c, size_t count);
void client_close(struct client *c);
void client_reset(struct client *c);
void client_finish(struct client *c);
void client_write(struct client *c, const void *buf, size_t len);
void client_read(struct client *c, void *buf, size_t len);
void client_eof(struct client *c);
void ask(struct client *c);
void answer(struct client *c);
bool answered_within(struct client *c, double seconds);
void no_answer(struct client *c);
size_t client_push(struct client *c, size_t most);
size_t client_pull(struct client *c, size_t most);
void client_fill_up(struct client *c, double seconds);
void client_drain(struct client *c);
void client_exchange(struct client *c, uint64_t total);

/* counting.c */
struct counts;
double calls_per_echo(
    struct server *s, size_t clients, int rounds, struct counts *all);

/* http_client.c */
void client_say(struct client *c, const char *text);
void expect_status(struct client *c, int status, const char *what);
extern const char http_request[];
bool http_take(
    struct client *c, bool head_only, struct answer *a, const char **body);
const char *http_answer(struct client *c, struct answer *a, bool head);
void http_is_hello(const struct answer *a, const char *body);
int http_worker(struct client *c);

/* promises_site.c: a directory with one file, of which each byte is known. */
struct root {
    char directory[64], file[80];
};
void root_create(struct root *r, size_t size);
void root_destroy(const struct root *r);
char file_byte(size_t at);
void file_ask(struct client *c, const struct server *s, size_t size);
void file_take(struct client *c, size_t from, size_t to);

/* promises_fault.c: what a server has while it has no clients. */
struct rest {
    int files;
    long memory;
};
struct rest rest_of(struct server *s);
void recovers(struct server *s, const struct rest *before, long slack);
void visit_once(struct server *s);
void sleeps(struct server *s);

/* proc_*.c: about another process. A negative answer: cannot be told here. */
double process_cpu(pid_t pid);  /* seconds, all threads, user and system */
long process_memory(pid_t pid); /* resident bytes */
int process_files(pid_t pid);   /* open descriptors */
long process_space(pid_t pid);  /* bytes of address space */
bool process_limit(pid_t pid, long space); /* of it; 0: none */
const char *io_uring_denied(void); /* why io_uring does not work, or NULL */
bool loopback_is_wide(void);       /* 127.0.0.2 is there without set-up */

/* The promises, by file. */
promise_fn exact_echo, half_close, reset_survived, stalled_reader;
promise_fn second_client, fifth_client, thousand_clients, greedy_client;
promise_fn sleeps_when_idle, cost_is_flat, few_system_calls, no_leaks;
promise_fn out_of_descriptors, tiny_descriptor_limit;
promise_fn stops_with_clients, stops_at_any_moment, port_is_free;
promise_fn bad_arguments, port_in_use, io_uring_is_denied, first_line;
promise_fn http_hello, http_head, http_not_found, http_keep_alive;
promise_fn http_pipelining, http_split, http_close, http_1_0, http_bad;
promise_fn http_page, http_bad_survived;
promise_fn http_last_answer, http_slow_request, http_last_moment;
promise_fn http_end_keeps_answers;
promise_fn http_echo, http_file, http_file_shrinks, http_slow_transfer;
promise_fn http_connections, http_idle_memory, http_drain, http_second_signal;
promise_fn http_workers, http_options;
promise_fn fault_descriptors, fault_resets, fault_come_and_go, fault_stalled;
promise_fn fault_slow_crowd, fault_end_under_load;
promise_fn fault_memory_at_start, fault_memory;

#endif
