/* The proof that all of a job is over: that of each of its tasks (task.h), which are found by the job's id alone (job-name.h), so
 * that nobody has to be asked whether there are several. What its tasks share takes this one: network, namespace, files, claim. A
 * job of one task costs no more than its task. */
#pragma once
#include "task.h"

struct job_over;
void job_over_free(struct job_over *);
DEFINE_CLEANUP(struct job_over, job_over_free)
/* The job's id, which is that of its first task; borrowed. */
const char *job_over_id(const struct job_over *);
size_t job_over_tasks(const struct job_over *);
const struct task_over *job_over_task(const struct job_over *, size_t i);

/* Does any of its tasks run, or may it? 1, 0. Touches nothing. @ret_status, of its first task, may be NULL. */
int job_may_live(struct core *, const char *id, const struct ctx *, struct task_status *ret_status, struct err *err);
/* 1 with the proof, 0 when it is not over, or nobody can tell. Touches nothing. @ret_status, of its first task, may be NULL. */
int job_over_prove(struct core *, const char *id, const struct ctx *, struct task_status *ret_status, struct job_over **ret,
		   struct err *err);
/* The same, but tasks that were only created are ended, unless another of them may live. For who holds the job's lock. */
int job_over_end_unstarted(struct core *, const char *id, const struct ctx *, struct task_status *ret_status, struct job_over **ret,
			   struct err *err);
/* task_terminate() of all: each dies while the others do. */
int job_over_terminate(struct core *, const char *id, const struct ctx *, struct job_over **ret, struct err *err);
/* Of proofs that are there, @n of them, that of the job's first task first, all of which it needs: they are copied. */
struct job_over *job_over_of(const struct task_over *const *, size_t n);
