/* What stands before each line of a job's tasks where several write to one place, as compose has it: "web   | ". */
#pragma once
#include "job.h"
#include <stdbool.h>

struct prefixes {
	char **v;
	size_t n;
};
/* One for each task of @job, all of one width; @colours: for a terminal, each in the next of a few colours. */
void prefixes_make(const struct job *, bool colours, struct prefixes *ret);
/* The same of any names. */
void prefixes_of(const char *const *names, size_t n, bool colours, struct prefixes *ret);
void prefixes_done(struct prefixes *);
