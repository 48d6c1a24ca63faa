/* Looking after a job that asks for it: one davit-monitor of its own does (src/monitor), holds RUN/NS/ID.monitor while it lives,
 * and keeps all that it knows on the job's record. When it is gone, whoever touches the job next starts another, which goes on from
 * there.
 *
 * What is to be done is a function of the record and the task alone: monitored_look(). */
#pragma once
#include "record.h"
#include "restart-policy.h"
#include "task.h"

/* Does it ask for anything? A job that does not never has a monitor. */
bool monitored_asks(const struct job *);

enum monitored_state {
	MONITORED_NOTHING, /* it asks for nothing, or was never started */
	MONITORED_LIVES,   /* it runs, or may */
	MONITORED_ENDED,   /* and stays so */
	MONITORED_DECIDED, /* it has ended and is to be started again: nobody has written down when */
	MONITORED_DUE,     /* at restarts.at */
};
/* @ret: what the record says; of MONITORED_DECIDED what it is to say. */
enum monitored_state monitored_look(const struct record *, const struct task_status *, int64_t now, struct restarts *ret);
/* It has ended, and is going to be started again. */
bool monitored_is_restarting(const struct record *, const struct task_status *);
/* Does somebody look after it just now? */
bool monitored_now(const struct core *, const char *id);
/* A monitor where it wants one and has none. What stands in its way is a notice: the job itself runs. */
void monitored_ensure(struct core *, const struct record *, const struct task_status *);
/* The same of a job that was just started. */
void monitored_started(struct core *, const struct job *, const char *id);

/* A person stops it: said before its end, so that it is not started again. Waits for a start that is under way: then it lives, and
 * is seen to, or nobody starts it any more. 1: it was between two lives, which was its end; 0: it lives or not, as any other job.
 */
int monitored_stop(struct core *, const struct record *, const struct ctx *, struct err *err);
/* The job is gone: so is its monitor, soon, and the file of its lock. */
void monitored_forget(const struct core *, const char *id);
/* Its monitor looks again: something was changed that no event tells of. */
void monitored_poke(const struct core *, const char *id);
