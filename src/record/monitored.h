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
bool monitored_may_restart(const struct job *);   /* for restarts, or its set's recovery: never one that is removed at its end */
bool monitored_would_restart(const struct job *); /* were it not removed */
/* And its monitor sees to its end, too: of one that is to be removed then who waits for it does. */
static inline bool monitored_to_the_end(const struct job *j)
{
	return (j->n_tasks > 1 ? monitored_asks(j) : monitored_may_restart(j)) && !j->remove;
}

enum monitored_state {
	MONITORED_NOTHING, /* it asks for nothing, or was never started */
	MONITORED_LIVES,   /* it runs, or may */
	MONITORED_ENDED,   /* and stays so */
	MONITORED_DECIDED, /* it has ended and is to be started again: nobody has written down when */
	MONITORED_DUE,     /* at restarts.at */
};
/* One of its tasks. */
struct monitored_task {
	enum monitored_state state;
	bool exhausted;           /* ENDED, and its attempts are used up: so ends the job */
	struct restarts restarts; /* what the record says; of DECIDED what it is to say */
};
struct monitored {
	/* The job's: ENDED when none of its tasks is to be started again, though others may still run, which are to be ended;
	 * DECIDED and DUE when nothing runs just now. A job is over for good when its leader is, or else all of its main tasks, or
	 * when one has used up its attempts. */
	enum monitored_state state;
	bool recovers; /* its recovery (recovery.h) is under way, and to be gone on with */
	bool whole;    /* what starts it again starts all of it: nothing is left of any task, or the machine of a pod has ended */
	bool stranded; /* the machine of a pod (job-pod.h) has ended, and what ran in it is still to be */
	struct monitored_task *tasks;
	size_t n;
};
void monitored_done(struct monitored *);
/* @tasks: of all that the job has. */
void monitored_look(const struct record *, const struct task_status *tasks, size_t n, int64_t now, struct monitored *ret);
/* The same of a job as it is now. @ret_tasks (the caller frees) may be NULL. */
int monitored_ask(struct core *, const struct record *, const struct ctx *, struct task_status **ret_tasks, struct monitored *ret,
		  struct err *err);
/* By what it is started again, from its place in the job and its own wish. */
struct restart monitored_policy(const struct job *, size_t task);
/* It has ended, and is going to be started again. */
bool monitored_is_restarting(const struct record *, const struct task_status *tasks, size_t n);
/* RECORD_RESTARTS and the like as they are called of one task: all stand on the job's record, so that one change of it is whole. */
enum { MONITORED_LABEL = 64 };
const char *monitored_label(const char *label, size_t task, char out[MONITORED_LABEL]);
/* When a task's life began, as its record says; NULL: it was never started. */
const char *monitored_life(const struct record *job, size_t task);
/* How often the job's tasks were started again. */
int64_t monitored_restarts(const struct record *);
/* What a start of the whole job forgets of the lives before it, as changes of the labels that it @has. */
void monitored_forget_lives(const struct dict *has, size_t n_tasks, struct dict *labels);
/* Is it to be started because the machine has booted, @boot being the name of this boot? Not what waits for its time: that is its
 * monitor's. Nor what was started in this boot already. */
bool monitored_at_boot(const struct record *, const struct task_status *tasks, size_t n, const char *boot);
/* The same job's start is begun, under its lock: from here on its policy has it running, though this start fails. */
int monitored_boot_begun(struct core *, const struct record *, const struct monitored *, const struct ctx *, struct err *err);
/* All that it has but those that come last has ended, and none of these was started: settled now, they never would be. */
bool monitored_last_are_due(const struct record *, const struct task_status *tasks, size_t n);
/* Does somebody look after it just now? */
bool monitored_now(const struct core *, const char *id);
/* Does it want one, whether it has it or not? Also one that is over while some of it still runs, or is still to,
 * and one whose recovery broke off. */
bool monitored_wants(const struct record *, const struct task_status *tasks, size_t n);
/* A monitor where it wants one and has none. What stands in its way is a notice: the job itself runs. */
void monitored_ensure(struct core *, const struct record *, const struct task_status *tasks, size_t n);
/* The same of a job that was just started. */
void monitored_started(struct core *, const struct job *, const char *id);

/* A person stops it: said before its end, so that it is not started again. Waits for a start that is under way: then it lives, and
 * is seen to, or nobody starts it any more. 1: it was between two lives, which was its end; 0: it lives or not, as any other job.
 */
int monitored_stop(struct core *, const struct record *, const struct ctx *, struct err *err);
/* How a task of several ended that containerd has lost since: what its monitor has noted of it. */
bool monitored_exit(const struct record *job, size_t task, struct ctrd_exit *ret);
/* The job is gone: so is its monitor, soon, and the file of its lock. */
void monitored_forget(const struct core *, const char *id);
/* Its monitor looks again: something was changed that no event tells of. */
void monitored_poke(const struct core *, const char *id);
