#include "job.h"
#include "job-table.h"
#include "mem.h"
#include <string.h>

void task_init(struct task *t)
{
	*t = (struct task){ 0 };
	shape_init(&task_shape, t);
}

void task_done(struct task *t) { shape_done(&task_shape, t); }
void port_done(struct port *p) { shape_done(&port_shape, p); }
void mount_done(struct mount *m) { shape_done(&mount_shape, m); }

struct job *job_new(void)
{
	struct job *j = mem_new(struct job);

	shape_init(&job_shape, j);
	(void)job_add_task(j);
	return j;
}

void job_free(struct job *j)
{
	if (!j)
		return;
	shape_done(&job_shape, j);
	free(j);
}

/* One more zeroed element; the arrays are short. */
#define ADD(owner, array, count) \
	({ \
		(owner)->array = mem_resize((owner)->array, ((owner)->count + 1) * sizeof *(owner)->array); \
		memset(&(owner)->array[(owner)->count], 0, sizeof *(owner)->array); \
		&(owner)->array[(owner)->count++]; \
	})

struct task *job_add_task(struct job *j)
{
	struct task *t = ADD(j, tasks, n_tasks);

	task_init(t);
	return t;
}

struct port *job_add_port(struct job *j) { return ADD(j, ports, n_ports); }
struct mount *task_add_mount(struct task *t) { return ADD(t, mounts, n_mounts); }
struct ulimit *task_add_ulimit(struct task *t) { return ADD(t, ulimits, n_ulimits); }
struct device *task_add_device(struct task *t) { return ADD(t, devices, n_devices); }

json *job_to_json(const struct job *j) { return shape_write(&job_shape, j); }

int job_from_json(json *from, struct job **ret, struct err *err)
{
	_cleanup_(job_freep) struct job *j = mem_new(struct job); /* without the one task of job_new() */
	int r;

	shape_init(&job_shape, j);
	r = shape_read(&job_shape, from, j, err);
	if (r < 0)
		return err_wrap(err, r, "job");
	r = job_check(j, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(j);
	return 0;
}

const char *job_joins(const struct job *j)
{
	static const char word[] = "container:";

	return j->network && !strncmp(j->network, word, sizeof word - 1) ? j->network + sizeof word - 1 : NULL;
}
