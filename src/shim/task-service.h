/* containerd.task.v2.Task and .v3.Task: what containerd asks a shim. Source: reference containerd.md C.5. */
#pragma once
#include "container.h"

extern const struct ttrpc_service task_services[];
/* Everybody who waits for the process, which has ended, is told. */
void task_answer_waits(struct process *);
/* It is deleted, and never ended for those who still wait. */
void task_refuse_waits(struct process *);
