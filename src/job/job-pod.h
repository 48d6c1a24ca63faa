/* A pod: a job of several tasks under a VM runtime. Its first task is its sandbox, which davit adds: nothing but a process that
 * waits (davit-init --pause). The runtime makes the virtual machine for it, and the other tasks' containers in that machine; the
 * machine ends with it. So it is a sidecar that starts before all others and stops after them. */
#pragma once
#include "job.h"

#define POD_SANDBOX "sandbox" /* the name of the task */

bool job_is_pod(const struct job *);
/* Adds it; @job is none yet. -ERR_INVALID: another task has its name, or runs when the machine has ended. */
int job_pod_make(struct job *job, struct err *err);
/* What is left is the job that its user gave. */
void job_pod_unmake(struct job *job);
