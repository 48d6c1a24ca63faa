/* The flags of stop and restart. */
#pragma once
#include "opt.h"

struct stop_flags {
	int64_t time;    /* -1: the job's own */
	const char *set; /* NULL: jobs by name */
	bool over;       /* stop: only what is over, as its monitor has it */
};
extern const struct opt stop_opts[];
void stop_flags_init(void *flags);
