/* What the tasks of a job are to each other: which speaks for it, what each waits for before it starts, and so in which order they
 * start and end. */
#pragma once
#include "job.h"

/* Else it runs a bundle, or is the sandbox of a pod. */
static inline bool task_has_image(const struct task *t) { return !t->bundle && !t->sandbox; }
/* Is its exit the job's matter? */
bool task_decides(const struct task *);
/* The task that speaks for the job: its leader, else its first main task. */
size_t job_main_task(const struct job *);
/* job->n_tasks: there is none of that name. */
size_t job_find_task(const struct job *, const char *name);
/* Of "task:NAME": NAME, borrowed; NULL: another mode, or none. */
const char *namespace_of_task(const char *mode);
/* Does the task join a namespace of another's? */
bool task_joins(const struct task *);

/* What must be so of another task before one starts. */
struct order_need {
	size_t task;
	bool ended;   /* with success; else that it was started */
	bool healthy; /* that its health check says so, too */
};
struct order_needs {
	struct order_need *v;
	size_t n, cap;
};
void order_needs_done(struct order_needs *);
/* Of task @i: what its depends_on, its namespaces and its place in the job's life say. */
void job_order_needs(const struct job *, size_t i, struct order_needs *ret);
/* -ERR_INVALID: a name that no task has, a task that waits for itself, tasks that wait for each other in a circle, a life that
 * cannot be. */
int job_order_check(const struct job *, struct err *err);
/* The tasks that start with the job, all but those of LIFE_POSTSTOP, in an order in which each comes after what it needs: that of
 * the file where that leaves a choice. @ret has room for job->n_tasks; returns how many. The job is one that was checked. */
size_t job_order(const struct job *, size_t *ret);
