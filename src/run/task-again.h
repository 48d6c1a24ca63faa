/* One task of a job of several is started again, as its monitor wants it (monitored.h), while the others go on: in the same network
 * namespace, with the same files, its log appended to. */
#pragma once
#include "core.h"

/* Of job @id. Nothing is done where that is not due any more: 0. */
int task_start_again(struct core *, const char *id, size_t task, const struct ctx *, struct err *err);
