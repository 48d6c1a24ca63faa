/* What davit mounts into a container because of an option that is no mount: davit-init, the scripts that it runs first, and what
 * files of CDI devices name. */
#pragma once
#include "job-state.h"

/* Looks up what there must be, before anything is begun: davit-init, the CDI devices. Of a record nothing: it is in its spec. */
int run_decide_injected(struct run_task *, struct err *err);
/* Behind the task's own binds. */
int run_inject(struct run_task *, struct err *err);
