#include "job-exit.h"
#include "job-order.h"

static struct ctrd_exit first_failed(const struct job *job, const struct ctrd_exit *tasks, size_t n)
{
	struct ctrd_exit ret = { 0 };

	for (size_t i = 0; i < n; i++) {
		const struct ctrd_exit *x = &tasks[i];

		if (!task_decides(&job->tasks[i]) || !x->at)
			continue;
		if (x->status ? !ret.status || x->at < ret.at : !ret.status && x->at > ret.at)
			ret = *x;
	}
	return ret;
}

struct ctrd_exit job_exit_of(const struct job *job, const struct ctrd_exit *tasks, size_t n)
{
	size_t main_task = job ? job_main_task(job) : 0;

	if (!job || job->n_tasks != n || job->tasks[main_task].leader)
		return tasks[main_task < n ? main_task : 0];
	return first_failed(job, tasks, n);
}
