/* The file of --cidfile: the id of the job, or of each job of a set in its order, a line each but for the last line's end. */
#pragma once
#include "err.h"
#include <stddef.h>

struct run;
/* Before anything is started: one that is there already is another run's. @path NULL: nothing. */
int cidfile_write(const char *path, const struct run *runs, size_t n, struct err *err);
/* Nothing was started. */
void cidfile_undo(const char *path);
