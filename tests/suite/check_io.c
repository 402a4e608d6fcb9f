/* check_io.c - what io.h promises, one test case for each promise, on the
 * backend that it is linked with. This file has the helpers and main.
 *
 * SEED=number decides the random tests; CK_RUN_CASE=name runs one test. */
#include "check_io.h"

#include <sys/socket.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct io_loop loop;
unsigned long long seed;
char copy_program[PATH_MAX + 100];

static unsigned long long state; /* of rnd */
static int places;
static bool has_loop;
static char directory[32];

static uint64_t
read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t
clock_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t
cpu_now(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

/* splitmix64: any seed is a good one. */
unsigned
rnd(unsigned below)
{
    unsigned long long z = state += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return (unsigned)((z >> 33) % below);
}

void
probe_called(
    void *context, struct io_loop *l, struct io_completion *c, int result)
{
    struct probe *p = context;
    ck_assert_ptr_eq(c, &p->c);
    p->calls++;
    p->result = result;
    p->place = ++places;
}

void
ask(struct probe *p, struct io_op op)
{
    *p =
        (struct probe){.c = {.op = op, .context = p, .callback = probe_called}};
    io_submit(&loop, &p->c);
}

void
start(struct probe *p, struct io_op op)
{
    ask(p, op);
    io_tick(&loop, 0);
}

int
answer(struct probe *p)
{
    while (p->calls == 0)
        io_tick(&loop, IO_FOREVER);
    ck_assert_int_eq(p->calls, 1);
    return p->result;
}

int
result_of(struct io_op op)
{
    struct probe p;
    ask(&p, op);
    return answer(&p);
}

void
ticks(int count)
{
    while (count-- > 0)
        io_tick(&loop, 0);
}

void
loop_end(void)
{
    if (!has_loop) return;
    io_cancel_all(&loop);
    while (io_busy(&loop) > 0)
        io_tick(&loop, IO_FOREVER);
    io_deinit(&loop);
    memset(&loop, 0, sizeof loop); /* what is not freed is now a leak */
    has_loop = false;
}

void
loop_begin(unsigned entries)
{
    loop_end();
    int rc = io_init(&loop, entries);
    ck_assert_msg(rc == 0, "io_init: %s", strerror(-rc));
    has_loop = true;
}

int
listener(struct sockaddr_in *address)
{
    socklen_t length = sizeof *address;
    *address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = io_listen((void *)address, length, 64);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(getsockname(fd, (void *)address, &length), 0);
    return fd;
}

struct two
two_sockets(void)
{
    static struct sockaddr_in address;
    static int from = -1; /* one for a test: to bind takes long */
    if (from == -1) from = listener(&address);
    int peer = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(peer, (void *)&address, sizeof address), 0);
    int ours = accept(from, NULL, NULL);
    ck_assert_int_ge(ours, 0);
    ck_assert_int_eq(io_adopt(ours), ours);
    return (struct two){ours, peer};
}

void
reset(int fd)
{
    struct linger at_once = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

void
own_directory(void)
{
    strcpy(directory, "/tmp/check_io.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
}

int
own_file(const char *name, const void *bytes, size_t length)
{
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, length), (ssize_t)length);
    ck_assert_int_eq(io_adopt(fd), fd);
    return fd;
}

/* Remove a directory that holds files, links, and directories of such. */
static void
remove_all(const char *path)
{
    DIR *d = opendir(path);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        char name[600];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(name, sizeof name, "%.300s/%.255s", path, e->d_name);
        if (unlink(name) == -1) remove_all(name);
    }
    if (d != NULL) closedir(d);
    (void)rmdir(path);
}

static void
set_up(void)
{
    state = seed;
    loop_begin(0);
}

/* Every test ends with a loop that has nothing under way, or can be told so. */
static void
tear_down(void)
{
    loop_end();
    if (directory[0] != '\0') remove_all(directory);
}

void
add_tests(Suite *s, const TTest *const *tests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        TCase *tc = tcase_create(tests[i]->name);
        tcase_set_timeout(tc, LIMIT);
        tcase_add_checked_fixture(tc, set_up, tear_down);
        tcase_add_test(tc, tests[i]);
        suite_add_tcase(s, tc);
    }
}

/* In build/, beside the directory that this program is in. */
static void
find_copy(const char *program)
{
    char path[PATH_MAX];
    if (realpath(program, path) == NULL) return;
    for (int i = 0; i < 2 && strrchr(path, '/') != NULL; i++)
        *strrchr(path, '/') = '\0';
    snprintf(
        copy_program, sizeof copy_program, "%s/%s/copy", path, copy_directory);
}

int
main(int argc, char **argv)
{
    find_copy(argv[0]);
    const char *text = getenv("SEED");
    seed = text != NULL ? strtoull(text, NULL, 0) : clock_now();
    printf("check_io on %s, SEED=%llu\n", backend_name, seed);
    fflush(stdout);
    void (*const files[])(Suite *) = {loop_tests, misuse_tests, stream_tests,
        socket_tests, file_tests, beneath_tests, copy_tests, timer_tests,
        cancel_tests, wake_tests, model_tests, stats_tests, fault_tests};
    Suite *s = suite_create(backend_name);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        files[i](s);
    SRunner *runner = srunner_create(s);
    srunner_set_fork_status(runner, CK_FORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
