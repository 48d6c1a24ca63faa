/* Checkpoints: the engine writes a container's processes into a folder, by CRIU; a container that is created from such a folder
 * gets them when it is started. Source: reference containerd.md A.6, C.7. */
#pragma once
#include "container.h"

void task_checkpoint(void *arg, struct ttrpc_stream *, const void *msg, size_t len);
/* What the engine is called with, streams and id apart, for a container that has a checkpoint. */
void checkpoint_restore_words(const struct container *, struct strv *words);
/* What stands before its error. */
const char *checkpoint_restore_failure(const struct container *);
