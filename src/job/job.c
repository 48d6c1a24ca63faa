#include "job.h"
#include "job-table.h"
#include "mem.h"
#include "tree-json.h"
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
struct attachment *job_add_network(struct job *j) { return ADD(j, networks, n_networks); }
struct mount *task_add_mount(struct task *t) { return ADD(t, mounts, n_mounts); }
struct ulimit *task_add_ulimit(struct task *t) { return ADD(t, ulimits, n_ulimits); }
struct device *task_add_device(struct task *t) { return ADD(t, devices, n_devices); }

struct restart *task_make_restart(struct task *t)
{
	if (!t->restart) {
		t->restart = mem_new(struct restart);
		shape_init(&restart_shape, t->restart);
	}
	return t->restart;
}

struct healthcheck *task_make_healthcheck(struct task *t)
{
	if (!t->healthcheck) {
		t->healthcheck = mem_new(struct healthcheck);
		shape_init(&healthcheck_shape, t->healthcheck);
	}
	return t->healthcheck;
}

bool task_is_checked(const struct task *t)
{
	const struct healthcheck *h = t->healthcheck;

	return h && h->kind != HEALTH_NONE && (h->kind != HEALTH_COMMAND || h->exec.n);
}

bool job_is_checked(const struct job *j)
{
	for (size_t i = 0; i < j->n_tasks; i++)
		if (task_is_checked(&j->tasks[i]))
			return true;
	return false;
}

json *job_to_json(const struct job *j) { return shape_write(&job_shape, j); }

json *job_to_json_kept(const struct job *j)
{
	json *o = job_to_json(j), *tasks = json_get_array(o, "tasks");

	for (size_t i = 0; i < json_len(tasks); i++)
		json_object_object_del(json_at(tasks, i), "auth");
	return o;
}

int job_read(const struct tree *from, struct job **ret, struct err *err)
{
	_cleanup_(job_freep) struct job *j = mem_new(struct job); /* without the one task of job_new() */
	const struct node *bad = from->root;
	int r;

	shape_init(&job_shape, j);
	r = shape_read(&job_shape, from->root, j, &bad, err);
	if (r < 0)
		return tree_err(from, bad->at, r, err);
	*ret = TAKE_PTR(j);
	return 0;
}

int job_read_json(const char *file, const char *data, size_t len, struct job **ret, struct err *err)
{
	_cleanup_tree_ struct tree tree = { .file = file };
	int r = tree_json(data, len, &tree, err);

	return r < 0 ? r : job_read(&tree, ret, err);
}

struct job *job_copy(const struct job *from)
{
	struct job *j = mem_new(struct job);

	shape_copy(&job_shape, from, j);
	return j;
}

int job_check(const struct job *j, struct err *err) { return shape_check(&job_shape, j, err); }

static const char *behind(const char *network, const char *word)
{
	const size_t n = strlen(word);

	return !strncmp(network, word, n) ? network + n : NULL;
}

const char *network_joins(const char *network) { return behind(network, "container:"); }
const char *network_foreign_netns(const char *network) { return behind(network, "ns:"); }
const char *job_foreign_netns(const struct job *j) { return j->network ? network_foreign_netns(j->network) : NULL; }

bool job_keeps_dns(const struct job *j) { return j->dns.n && !strcmp(j->dns.v[0], JOB_DNS_NONE); }

const char *job_joins(const struct job *j) { return j->network ? network_joins(j->network) : NULL; }
