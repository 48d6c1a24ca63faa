/* What a job's processes are, frozen into a folder by CRIU, and started from there again: by the runtime, where kernel, CRIU and
 * engine can. The files of the job are not in it: they stay the job's. */
#pragma once
#include "core.h"

struct job_checkpoint {
	const char *folder; /* absolute; made, and there must be none yet */
	bool leave_running; /* else the job ends */
};
/* Of a job of one task that runs. -ERR_PRECONDITION, with what stands in its way: criu is not here or says that it cannot, the
 * kernel or the engine has no such thing, the job has a terminal or is in a virtual machine. A failure leaves no folder. */
int job_checkpoint(struct core *, const char *name, const struct job_checkpoint *, const struct ctx *, struct err *err);

/* The options of a Create that restores @folder: those of the container's runtime, and that. -ERR_PRECONDITION: its runtime has
 * none. */
int checkpoint_options(const struct ctrd_any *runtime, const char *folder, struct ctrd_any *ret, struct err *err);
