/* Waiting until a task's health check says that it is well (RECORD_HEALTH), for what starts after that. Whoever makes the checks
 * writes it, so containerd tells of it: nothing is asked again and again. */
#pragma once
#include "core.h"
#include "job.h"
#include "task-wait.h"

struct health_gate;
/* From here on. @job_id, @id (of the task's container) and @job are borrowed. @restarts: one that ends and is started again is
 * waited for; else its end is a failure, whatever its policy. */
struct health_gate *health_gate_new(struct core *, const char *job_id, const char *id, const struct job *job, size_t task,
				    bool restarts);
void health_gate_free(struct health_gate *);
DEFINE_CLEANUP(struct health_gate, health_gate_free)
/* Would a look say something new? */
bool health_gate_ready(const struct health_gate *);
/* 1: it is well; 0: not yet. -ERR_ABORTED: it is unhealthy, or has ended for good; -ERR_DEADLINE: no check has said anything in a
 * time in which so many could have failed that it were. */
int health_gate_look(struct health_gate *, const struct ctx *, struct err *err);
/* The last look found that it has ended for good: how. From then on a look knows only whether it is late. */
bool health_gate_ended(const struct health_gate *, struct ctrd_exit *ret);
/* The caller has started it again since: that life is waited for, in what is left of the time. */
void health_gate_next_life(struct health_gate *);
