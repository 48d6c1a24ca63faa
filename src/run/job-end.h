/* A job of several tasks is over for good (monitored.h): those that still run are stopped, its poststop tasks run, and it is
 * settled. Its monitor wants that; where it is not so any more nothing is done. */
#pragma once
#include "core.h"

int job_end(struct core *, const char *id, const struct ctx *, struct err *err);
