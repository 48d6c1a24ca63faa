/* After a boot: jobs whose restart policy has them run again do (restart_at_boot()), each in a new network namespace, and at the
 * address that it asked for. Which boot a job was last started in stands on its record, so that each is started once, whoever else
 * does the same. Counts and pauses of restarts go on where they were; what waited for its time is left to its monitor. */
#pragma once
#include "mend.h"

struct boot_how {
	bool every_namespace; /* else the core's; in the others only jobs that ask to be looked after are touched */
	bool dry_run;
};
/* All is mended first (mend.h), so that no address is held by what has ended; then some jobs at once are started: those that asked
 * for an address before those that take any, and what others depend on before these. A job that cannot be started is an entry of
 * @ret, holds up nobody, and has a monitor that tries again. */
int job_boot(struct core *, const struct boot_how *, const struct ctx *, struct mends *ret, struct err *err);
