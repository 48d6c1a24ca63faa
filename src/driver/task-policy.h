/* What the operator of the agent permits a task: allow_privileged, allow_caps, allow_runtimes, allowed_modes, volumes, pids_limit
 * of the plugin's options. What it forbids is an error that names the job's option, and in its remedy what the operator would set.
 */
#pragma once
#include "task-job.h"

/* Looks at the host too: each path in the allocation's folder becomes what it leads to, which is in it as well (task-path.h). Of
 * the usual capabilities those go that are not allowed. -ERR_PERMISSION; what a path comes to. Nothing of it is mended by a retry.
 */
int task_policy(const struct task_said *, struct task_job *, struct err *err);
