/* Other limits for a container that exists: what its spec is to say, and what its engine is to be told while it runs. Only what the
 * engines can change of a running one is looked at (the rows of job-table.h that are "live"): memory, processors, number of
 * processes, weight of the disks. */
#pragma once
#include "spec.h"

struct spec_update {
	json *now;  /* of linux.resources what is to be told; NULL: nothing has changed */
	json *back; /* and what takes it back */
};
void spec_update_done(struct spec_update *);

/* From @was to @to (objects of spec_limits()), into @spec. What was not davit's own in it stays. A limit that is none any more is
 * told as the kernel's default; of a list of processors that is the host's whole one. @in: of the host. */
void spec_update(const struct spec_in *, json *spec, json *was, json *to, struct spec_update *ret);
