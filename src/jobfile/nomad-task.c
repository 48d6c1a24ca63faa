/* Of a task: driver, resources, restart, logs, meta, environment. */
#include "nomad.h"
#include "mem.h"
#include "name.h"
#include <string.h>

#define MIB (INT64_C(1) << 20)
enum { CPU_DEFAULT = 100, MEMORY_DEFAULT = 300, SECRETS_DEFAULT = 1 };    /* Nomad's, in MHz and MiB */
enum { KILL_DEFAULT = 5, LOG_FILES_DEFAULT = 10, LOG_SIZE_DEFAULT = 10 }; /* seconds, files, MiB */
enum { SHARES_MIN = 2, SHARES_MAX = 262144, CORES_MAX = 1 << 16, MEMORY_MOST = 1 << 30 };

int nomad_driver(struct nomad *n, const struct node *v, struct err *err)
{
	const char *driver = "";
	int r = nomad_plain(n, v, &driver, err);

	if (r < 0 || !strcmp(driver, "docker") || !strcmp(driver, "containerd-driver"))
		return r;
	r = nomad_bad(n, v, err, "driver \"%.80s\": davit runs containers only", driver);
	return err_hint(err, r, "\"containerd-driver\" or \"docker\"");
}

int nomad_kill_timeout(struct nomad *n, const struct node *v, struct err *err)
{
	return nomad_seconds(n, v, &n->task->stop_timeout, err);
}

/* resources */

int nomad_cpu(struct nomad *n, const struct node *v, struct err *err) { return nomad_whole(n, v, 1, INT32_MAX, &n->cpu, err); }

int nomad_cores(struct nomad *n, const struct node *v, struct err *err) { return nomad_whole(n, v, 1, CORES_MAX, &n->cores, err); }

int nomad_memory(struct nomad *n, const struct node *v, struct err *err)
{
	return nomad_whole(n, v, 1, MEMORY_MOST, &n->memory, err);
}

/* -1: as much as there is. */
int nomad_memory_max(struct nomad *n, const struct node *v, struct err *err)
{
	return nomad_whole(n, v, -1, MEMORY_MOST, &n->memory_max, err);
}

int nomad_secrets(struct nomad *n, const struct node *v, struct err *err)
{
	return nomad_whole(n, v, 1, MEMORY_MOST, &n->secrets, err);
}

static int device_count(struct nomad *n, const struct node *v, struct err *err)
{
	return nomad_whole(n, v, 1, 128, &n->now.count, err);
}

static const struct nomad_key device_keys[] = {
	{ "count", .call = device_count },
	{ "constraint", .cluster = true, .is_block = true, .many = true },
	{ "affinity", .cluster = true, .is_block = true, .many = true },
};
static const struct nomad_block device_block = { .name = "", .keys = device_keys, .n = sizeof device_keys / sizeof *device_keys };

/* "gpu", "nvidia/gpu", "nvidia/gpu/MODEL": the first of them, by CDI. */
int nomad_device(struct nomad *n, const struct node *v, struct err *err)
{
	const struct node *label = hcl_label(v, 0);
	const char *name = label->key, *slash = strchr(name, '/');
	_cleanup_free_ char *vendor = slash ? mem_strndup(name, (size_t)(slash - name)) : mem_strdup("nvidia"),
			    *class = slash ? mem_strndup(slash + 1, strcspn(slash + 1, "/")) : mem_strdup(name);
	int r;

	n->now = (struct nomad_now){ .count = 1 };
	r = nomad_walk(n, &device_block, hcl_body(v), err);
	if (r < 0)
		return err_wrap(err, r, "device %s", name);
	for (int64_t i = 0; i < n->now.count; i++)
		strv_pushf(&n->task->cdi_devices, "%s%s/%s=%lld", vendor, strchr(vendor, '.') ? "" : ".com", class, (long long)i);
	return 0;
}

/* Memory: what it keeps, and with memory_max the limit; else both at once, as both drivers have it. */
static void take_resources(struct nomad *n)
{
	struct task *t = n->task;

	if (!t->memory && n->memory_max >= 0)
		t->memory = (n->memory_max > n->memory ? n->memory_max : n->memory) * MIB;
	if (n->memory_max || t->memory > n->memory * MIB)
		t->memory_reservation = n->memory * MIB;
	if (n->cpu)
		t->cpu_shares = n->cpu < SHARES_MIN ? SHARES_MIN : n->cpu > SHARES_MAX ? SHARES_MAX : n->cpu;
	if (n->cores)
		t->cpus = (double)n->cores;
}

/* Of what was asked for before the walk: resources and meta, which the variables say. */
int nomad_seen(struct nomad *n, const struct node *v, struct err *err)
{
	(void)n;
	(void)v;
	(void)err;
	return 0;
}

static int begin_resources(struct nomad *n, const struct node *body, struct err *err)
{
	const struct node *resources = node_get(body, "resources");
	int r = 0;

	n->cpu = n->cores = n->memory_max = 0;
	n->memory = MEMORY_DEFAULT;
	n->secrets = SECRETS_DEFAULT;
	if (resources && resources->block && !resources->labels)
		r = nomad_walk(n, &nomad_resources_block, hcl_body(resources), err);
	if (r >= 0 && !n->cpu && !n->cores)
		n->cpu = CPU_DEFAULT;
	return r;
}

/* logs */

int nomad_log_size(struct nomad *n, const struct node *v, struct err *err)
{
	int64_t mib = LOG_SIZE_DEFAULT;
	int r = nomad_whole(n, v, 1, 1 << 20, &mib, err);

	n->task->log_max_size = mib * MIB;
	return r;
}

static int log_switch(struct nomad *n, const struct node *v, bool off_when, struct err *err)
{
	bool yes = !off_when;
	int r = nomad_switch(n, v, &yes, err);

	if (r >= 0 && yes == off_when)
		n->task->log = JOB_LOG_NONE;
	return r;
}

int nomad_log_off(struct nomad *n, const struct node *v, struct err *err) { return log_switch(n, v, true, err); }
int nomad_log_on(struct nomad *n, const struct node *v, struct err *err) { return log_switch(n, v, false, err); }

/* restart: a group's holds for its tasks, a task's own keys count more */

int nomad_restart_of_group(struct nomad *n, const struct node *v, struct err *err)
{
	(void)err;
	n->group_restart = hcl_body(v);
	return 0;
}

/* What Nomad takes where a block says nothing: of a service, and of a batch, whose success is the end. */
static void restart_defaults(struct nomad *n)
{
	struct restart *r = task_make_restart(n->task);

	*r = (struct restart){ .policy = n->batch ? RESTART_ON_FAILURE : RESTART_ALWAYS,
			       .attempts = n->batch ? 3 : 2,
			       .interval = n->batch ? 86400 : 1800,
			       .delay = 15,
			       .mode = RESTART_FAIL };
}

int nomad_restart_of_task(struct nomad *n, const struct node *v, struct err *err)
{
	if (!n->group_restart)
		restart_defaults(n);
	return nomad_walk(n, &nomad_restart_block, hcl_body(v), err);
}

static int begin_restart(struct nomad *n, struct err *err)
{
	if (!n->group_restart)
		return 0;
	restart_defaults(n);
	return nomad_walk(n, &nomad_restart_block, n->group_restart, err);
}

/* attempts = 0: never again. */
static void end_restart(struct nomad *n)
{
	struct restart *r = n->task->restart;

	if (!r || r->attempts)
		return;
	r->policy = RESTART_NO;
	r->interval = r->delay = 0;
	r->mode = RESTART_FAIL;
}

/* environment */

enum { ENV_COST = 64 }; /* what a variable takes besides its text: an allocation, its place in two lists */

static int task_env_value(struct nomad *n, const struct node *m, struct err *err)
{
	const char *value = NULL;
	int r = nomad_text(n, m, &value, err);

	if (r < 0 || !value)
		return r;
	if (!*m->key || strchr(m->key, '='))
		return nomad_bad_key(n, m, err, "\"%.80s\" is no name of a variable", m->key);
	r = nomad_spend(n, strlen(m->key) + strlen(value) + ENV_COST, err);
	if (r < 0)
		return r;
	strv_pushf(&n->task->env, "%s=%s", m->key, value);
	return nomad_var_set(n, m->key, value, err);
}

int nomad_env(struct nomad *n, const struct node *v, struct err *err)
{
	int r = nomad_members(n, v, task_env_value, err);

	return r < 0 ? err_wrap(err, r, "env") : r;
}

static int begin_vars(struct nomad *n, const struct node *body, struct err *err)
{
	int r;

	n->n_vars = 0;
	n->vars_sorted = true;
	n->task_meta = node_get(body, "meta");
	if (n->task_meta && n->task_meta->block && n->task_meta->labels)
		n->task_meta = NULL; /* the walk says so */
	r = nomad_vars_begin(n, err);
	return r < 0 ? r : nomad_vars_meta(n, err);
}

/* The last value of a variable counts; each stands once. */
static void settle_env(struct task *t)
{
	struct strv all = { 0 };

	strv_setenvs(&all, &t->env);
	strv_done(&t->env);
	t->env = all;
}

/* the task */

static int task_begin(struct nomad *n, const struct node *label, const struct node *body, struct err *err)
{
	int r = name_check("task name", label->key, NAME_ID_MAX, err);

	if (r < 0) {
		n->at = label->key_at;
		return r;
	}
	if (n->job->n_tasks == ARRAY_MAX)
		return nomad_bad_key(n, label, err, "more than %d tasks", ARRAY_MAX);
	r = nomad_spend(n, sizeof *n->task, err);
	if (r < 0)
		return r;
	n->task = job_add_task(n->job);
	free(n->task->name);
	n->task->name = mem_strdup(label->key);
	n->task->stop_timeout = KILL_DEFAULT;
	n->task->log_max_files = LOG_FILES_DEFAULT;
	n->task->log_max_size = LOG_SIZE_DEFAULT * MIB;
	n->n_templates = 0;
	r = begin_resources(n, body, err);
	if (r >= 0)
		r = begin_restart(n, err);
	return r < 0 ? r : begin_vars(n, body, err);
}

static int task_end(struct nomad *n, const struct node *label, const struct node *body, struct err *err)
{
	if (!node_get(body, "driver"))
		return err_hint(err, nomad_bad_key(n, label, err, "no driver"), "driver = \"containerd-driver\" or \"docker\"");
	if (!n->task->image)
		return err_hint(err, nomad_bad_key(n, label, err, "no image"), "config { image = \"NAME\" }");
	take_resources(n);
	end_restart(n);
	settle_env(n->task);
	return nomad_folders(n, err);
}

int nomad_task_of_group(struct nomad *n, const struct node *v, struct err *err)
{
	const struct node *label = hcl_label(v, 0), *body = hcl_body(v);
	int r = task_begin(n, label, body, err);

	if (r >= 0)
		r = nomad_walk(n, &nomad_task_block, body, err);
	if (r >= 0)
		r = task_end(n, label, body, err);
	n->task = NULL;
	return r < 0 ? err_wrap(err, r, "task %s", label->key) : r;
}
