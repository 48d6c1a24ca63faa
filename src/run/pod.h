/* The sandbox of a pod (job-pod.h), as a task that runs a bundle whose spec davit makes. Internal to run. */
#pragma once
#include "job-state.h"

/* Once the runtime is known, before the job has its id: the sandbox comes into a new job that needs one, and leaves one that does
 * not. */
int pod_decide(struct run *, struct err *err);
/* Whoever runs the sandbox: its spec, once the id is known. */
int pod_decide_sandbox(struct run_task *, struct err *err);
/* Its root file system: empty folders, in the job's own. */
int pod_make_root(const struct run *, struct err *err);
/* By which a shim groups a pod's containers, for the spec of one of them; of other jobs none. */
void pod_annotations(const struct run_task *, struct dict *out);
