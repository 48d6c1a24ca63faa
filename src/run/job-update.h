/* Other limits, and another restart policy, for a job that exists: `davit update`. What runs has them at once, and what is started
 * later, too. */
#pragma once
#include "core.h"
#include "job-table.h"

/* Flags as they were given: rows that are "live", and their texts. */
struct job_changes {
	struct job_change {
		const struct field *row;
		const char *text;
	} * v;
	size_t n, cap;
};
void job_changes_done(struct job_changes *);
void job_changes_add(struct job_changes *, const struct field *, const char *text);

/* Of all tasks of the job, or of JOB.TASK. Either all of them have it then, or none. What one limit of the processor's time says
 * takes the place of another that says the same. */
int job_update(struct core *, const char *name, const struct job_changes *, const struct ctx *, struct err *err);
