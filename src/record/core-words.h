/* Another program of ours that is to be where this one is: at the same containerd, with the same folders. It may have another
 * working folder than we. */
#pragma once
#include "core.h"

/* @path (taken) from the root; the caller frees. */
char *core_absolute(char *path);
/* Is all that this davit was told so already? Else it needs the working folder that it was started in. */
bool core_is_absolute(const struct core *);
/* @program, and its flags --address, --namespace, --cni-path ...: whatever this davit was told, that one is. */
void core_words(const struct core *, const char *program, struct strv *out);
/* @name, a program of ours, with these words, and @more after them: in a session of its own, with none of our files, and nobody
 * waits for it. */
int core_launch(const struct core *, const char *name, const char *const *more, struct err *err);
