#include "job-order.h"
#include <string.h>

bool task_decides(const struct task *t) { return t->lifecycle == LIFE_MAIN && !t->sidecar; }

size_t job_main_task(const struct job *job)
{
	for (size_t i = 0; i < job->n_tasks; i++)
		if (job->tasks[i].leader)
			return i;
	for (size_t i = 0; i < job->n_tasks; i++)
		if (task_decides(&job->tasks[i]))
			return i;
	return 0;
}

size_t job_find_task(const struct job *job, const char *name)
{
	size_t i = 0;

	while (i < job->n_tasks && strcmp(job->tasks[i].name, name) != 0)
		i++;
	return i;
}
