/* Starting our own containerd: where the program is, its configuration, its log. */
#pragma once
#include "core.h"

/* Starts it (lock against two starters; detached from us, own session, log DATA/engine/containerd.log) and waits until it
 * answers (at most 30 s). Already running is success. -ERR_NOT_FOUND with the package's name when there is no program
 * containerd. */
int own_start(const struct core_conf *, const struct ctx *, struct err *err);
