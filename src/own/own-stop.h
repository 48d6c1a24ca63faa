/* Ending our own containerd. */
#pragma once
#include "core.h"

/* -ERR_PRECONDITION when jobs run, unless @force (which kills them). Not running is success. */
int own_stop(const struct core_conf *, bool force, const struct ctx *, struct err *err);
