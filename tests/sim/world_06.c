/* world_06.c - the HTTP server of chapter 06, and who talks to it. */
#include "world_06.h"
#include "programs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In server_06.c. */
extern const unsigned char page[];
extern const size_t page_length;
/* In files.c of the model. */
const struct model_file *model_files(size_t *count);

enum {
    FILES = 17,    /* of the model's: the last one is too large for this */
    FEW_FILES = 12 /* those of some KiB at most */
};

static struct client all[CROWD_MOST];
static struct sim_file tree[FILES];

/* ---- Files -------------------------------------------------------------- */

static enum sim_file_kind
kind_of(const struct model_file *f)
{
    if (f->kind == MODEL_FILE) return SIM_FILE;
    if (f->kind == MODEL_DIRECTORY) return SIM_DIRECTORY;
    return strcmp(f->path, "/pipe") == 0 ? SIM_PIPE : SIM_LINK;
}

/* Once for all worlds: no program writes to them. */
static void
tree_make(const struct model_file *files)
{
    for (int i = 0; i < FILES && tree[i].path == NULL; i++) {
        const struct model_file *f = &files[i];
        tree[i] = (struct sim_file){.path = f->path + 1,
            .kind = kind_of(f),
            .size = f->size,
            .modified = f->modified,
            .nanoseconds = f->nanoseconds};
        tree[i].bytes = malloc(f->size + 1);
        if (tree[i].bytes == NULL) sim_fail("no memory for the files");
        pattern_copy(f->at, tree[i].bytes, f->size);
    }
}

/* ---- The world ---------------------------------------------------------- */

/* Tiny pieces, and talks that are short enough for them. */
static void
choose_model(void)
{
    size_t count;
    struct model_world *m = &clients.model;
    bool tiny = sim_faults.piece == 2 || sim_faults.pipe < 100;
    *m = (struct model_world){.root = sim_choose(2) == 0,
        .files = model_files(&count),
        .file_count = tiny || sim_choose(2) == 0 ? FEW_FILES : FILES,
        .page = (const char *)page,
        .page_length = page_length,
        .requests = 1 + sim_choose(tiny ? 2 : 6),
        .body = tiny                 ? 40
                : sim_choose(2) == 0 ? 2000
                                     : 40000,
        .manners = sim_choose(MODEL_ALL + 1)};
    if (!m->root) return;
    tree_make(m->files);
    sim_files(tree, m->file_count);
}

/* Seconds. A hurry is of use only where nothing else takes long. */
static unsigned
choose_timeout(void)
{
    clients.quick =
        sim_faults.pace <= 1 && sim_faults.piece < 2 && sim_faults.pipe >= 700;
    clients.hasty = clients.quick && sim_choose(2) == 0;
    clients.slow = !clients.quick && sim_choose(4) == 0;
    unsigned seconds = 3600;
    if (clients.hasty) seconds = 2 + sim_choose(4);
    if (clients.slow) seconds = 1 + sim_choose(3);
    clients.timeout = seconds * (uint64_t)SIM_SECOND;
    return seconds;
}

static void
clients_begin(unsigned count, unsigned most)
{
    for (unsigned i = 0; i < count; i++) {
        client_begin(&all[i], sim_choose(UINT32_MAX));
        if (count > most) talk_allow(&all[i].talk, TALK_MAY_503);
    }
}

void
world_06(void)
{
    char timeout[16], connections[16];
    char *argv[] = {"server", "--timeout", timeout, "--connections",
        connections, "--root", "/tree", NULL};
    unsigned count = 1 + sim_choose(sim_one_in(8) ? CROWD_MOST : 3);
    unsigned most = sim_one_in(4) ? 1 + sim_choose(3) : 1000;
    unsigned seconds = choose_timeout();
    choose_model();
    snprintf(timeout, sizeof timeout, "%u", seconds);
    snprintf(connections, sizeof connections, "%u", most);
    if (!clients.model.root) argv[5] = NULL;
    crowd_begin((seconds < 20 ? seconds + 20 : 40) * (uint64_t)SIM_SECOND,
        sim_one_in(16));
    clients_begin(count, most);
    (void)server_06(clients.model.root ? 7 : 5, argv);
    if (!crowd_is_stopped()) sim_fail("it ends without a signal");
    for (unsigned i = 0; i < count; i++)
        client_settle(&all[i]);
}
