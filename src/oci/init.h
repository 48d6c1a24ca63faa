/* davit-init in a container (src/davit-init/davit-init.c says what it does): where it stands inside, and the command that it is
 * given. It is bound read-only below /dev, which is memory of the container's own, so that nothing of it stays in a snapshot;
 * where the task mounts something of its own on /dev, below /run. */
#pragma once
#include "spec.h"

/* The path inside, of a static text. */
const char *init_inside(const struct task *);
/* Does the task have it at all? */
bool init_wanted(const struct spec_in *);
/* @args, the command, becomes the argument of davit-init where it is wanted: with in->scripts, which are paths inside, first. */
void init_wrap(const struct spec_in *, struct strv *args);
