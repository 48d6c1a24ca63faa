#include "job-pod.h"
#include "job-order.h"
#include "mem.h"
#include <stdlib.h>
#include <string.h>

bool job_is_pod(const struct job *job) { return job->n_tasks && job->tasks[0].sandbox; }

static int pod_check(const struct job *job, struct err *err)
{
	if (job_find_task(job, POD_SANDBOX) < job->n_tasks)
		return err_hint(
			err,
			err_set(err, ERR_INVALID, "task " POD_SANDBOX ": under a VM runtime the task that davit adds is called so"),
			"give the task another name");
	for (size_t i = 0; i < job->n_tasks; i++)
		if (job->tasks[i].lifecycle == LIFE_POSTSTOP)
			return err_set(err, ERR_INVALID,
				       "task %s: lifecycle poststop: not under a VM runtime, whose machine has ended then",
				       job->tasks[i].name);
	return 0;
}

int job_pod_make(struct job *job, struct err *err)
{
	int r = pod_check(job, err);
	struct task *t;

	if (r < 0)
		return r;
	job->tasks = mem_resize(job->tasks, (job->n_tasks + 1) * sizeof *job->tasks);
	memmove(job->tasks + 1, job->tasks, job->n_tasks++ * sizeof *job->tasks);
	t = &job->tasks[0];
	task_init(t);
	free(t->name);
	t->name = mem_strdup(POD_SANDBOX);
	t->sandbox = t->sidecar = true;
	t->lifecycle = LIFE_PRESTART;
	t->log = JOB_LOG_NONE;
	return 0;
}

void job_pod_unmake(struct job *job)
{
	if (!job_is_pod(job))
		return;
	task_done(&job->tasks[0]);
	memmove(job->tasks, job->tasks + 1, --job->n_tasks * sizeof *job->tasks);
}
