/* How long the steps of a run took. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct timing_row {
	char *step;           /* "image", "image TASK" */
	int64_t began, ended; /* ns since the run began */
};
struct timing {
	struct timing_row *v;
	size_t n, cap;
};
/* @whose: "" for the only one of its kind. A @t of NULL keeps nothing. */
void timing_add(struct timing *t, const char *step, const char *whose, int64_t began, int64_t ended);
void timing_done(struct timing *);
