/* Which jobs of a set are started again when one has failed (job.failure_recovery of that one), and in which order: pure. As a
 * supervisor of Erlang's has it: one_for_one: it alone; one_for_all: all; rest_for_one: it and those that were started after it. */
#pragma once
#include "job.h"

struct recovery_member {
	const struct job *job;
	int64_t place; /* in the file */
};
/* The order of their start: each after those that it depends on, else as in the file. @ret has room for @n. */
void recovery_order(const struct recovery_member *, size_t n, size_t *ret);
/* Is @other started again after the failure of @failed? True of itself, unless that stays down. */
bool recovery_takes(const struct recovery_member *, size_t n, size_t failed, size_t other);
/* Does it take others of its set along? */
bool recovery_is_of_several(const struct job *);
