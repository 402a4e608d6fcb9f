/* tree.h - the files of model_files() on a real disk. */
#ifndef TREE_H
#define TREE_H

/* Make them in a new directory below TMPDIR, or /tmp. What goes wrong ends the
 * program. Result: the directory's name, good until tree_remove. */
const char *tree_make(void);

/* Remove it with all that is in it. */
void tree_remove(void);

#endif
