/* What is an option of the same meaning in both is a row of `same`; the rest is a function a noun. */
#include "task-job.h"
#include "clock.h"
#include "handle.h"
#include "job-table.h"
#include "labels.h"
#include "nomad-labels.h"
#include "mem.h"
#include "parse.h"
#include "task-path.h"
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

void task_job_done(struct task_job *t)
{
	job_free(t->job);
	if (t->auth_fd > 0)
		(void)close(t->auth_fd);
	*t = (struct task_job){ 0 };
}

/* what is the same in both */

enum same_type { SAME_TEXT, SAME_TEXTS, SAME_DICT, SAME_YES };
#define SAME(type, from, to) \
	{ \
		SAME_##type, offsetof(struct task_conf, from), offsetof(struct task, to) \
	}
static const struct same {
	enum same_type type;
	size_t from, to;
} same[] = {
	SAME(TEXT, image, image),
	SAME(TEXTS, entrypoint, entrypoint),
	SAME(YES, has_entrypoint, has_entrypoint),
	SAME(TEXT, cwd, cwd),
	SAME(TEXTS, group_add, group_add),
	SAME(YES, tty, tty),
	SAME(YES, interactive, stdin_open),
	SAME(YES, init, init),
	SAME(TEXT, pid_mode, pid),
	SAME(TEXT, ipc_mode, ipc),
	SAME(TEXT, uts_mode, uts),
	SAME(TEXT, userns_mode, userns),
	SAME(TEXT, cgroupns, cgroupns),
	SAME(YES, privileged, privileged),
	SAME(YES, readonly_rootfs, read_only),
	SAME(TEXTS, cap_add, cap_add),
	SAME(TEXTS, cap_drop, cap_drop),
	SAME(TEXT, apparmor, apparmor),
	SAME(TEXTS, selinux, selinux),
	SAME(TEXTS, cdi_devices, cdi_devices),
	SAME(DICT, sysctl, sysctl),
};

static void copy_same(const struct task_conf *c, struct task *t)
{
	for (const struct same *s = same; s < same + sizeof same / sizeof *same; s++) {
		const void *from = (const char *)c + s->from;
		void *to = (char *)t + s->to;
		const char *text = s->type == SAME_TEXT ? *(char *const *)from : NULL;

		if (s->type == SAME_TEXTS)
			strv_add(to, from);
		else if (s->type == SAME_DICT)
			dict_add(to, from);
		else if (s->type == SAME_YES)
			*(bool *)to = *(const bool *)from;
		else if (text && *text)
			*(char **)to = mem_strdup(text);
	}
}

/* the process */

/* As Docker has it: the command stands for the image's, with the arguments behind it; without one the arguments do. */
static int put_command(const struct task_said *in, struct task *t, struct err *err)
{
	const struct task_conf *c = in->conf;

	(void)err;
	if (c->command && *c->command)
		strv_push(&t->args, c->command);
	strv_add(&t->args, &c->args);
	return 0;
}

static int put_env(const struct task_said *in, struct task *t, struct err *err)
{
	const Driver__TaskConfig *task = in->task;
	struct strv devices = { 0 };

	(void)err;
	for (size_t i = 0; i < task->n_env; i++)
		strv_pushf(&t->env, "%s=%s", task->env[i]->key, task->env[i]->value);
	for (size_t i = 0; i < task->n_device_env; i++)
		strv_pushf(&devices, "%s=%s", task->device_env[i]->key, task->device_env[i]->value);
	strv_setenvs(&t->env, &devices);
	strv_done(&devices);
	strv_sort(&t->env, 0);
	if (*task->user)
		t->user = mem_strdup(task->user);
	return 0;
}

/* the image */

/* Rounded up: a limit of less than a second is none. */
static int64_t seconds(int64_t ns) { return (ns + NSEC_PER_SEC - 1) / NSEC_PER_SEC; }

static int put_image(const struct task_said *in, struct task *t, struct err *err)
{
	const struct task_conf *c = in->conf;
	const char *os = c->os && *c->os ? c->os : "linux", *variant = c->variant ? c->variant : "";

	t->pull = PULL_NEVER; /* task-images.h fetches what is not there */
	t->pull_timeout = seconds(c->image_pull_timeout ? c->image_pull_timeout : in->driver->image_pull_timeout);
	if (c->arch && *c->arch)
		t->platform = mem_printf("%s/%s%s%s", os, c->arch, *variant ? "/" : "", variant);
	else if ((c->os && *c->os) || *variant)
		return err_hint(err, err_set(err, ERR_INVALID, "option %s without arch", *variant ? "variant" : "os"),
				"arch = \"arm64\"");
	return 0;
}

/* Who pulls it: as the job says, else the operator. A job's file is one of the task's folder, as paths of mounts are. */
static int put_auth(const struct task_said *in, struct task *t, struct err *err)
{
	const struct conf_auth *own = &in->conf->auth, *a = own->username || own->config ? own : &in->driver->auth;
	bool host;

	if (!a->username && !a->config)
		return 0;
	t->auth = mem_new(struct auth);
	if (a->username) {
		t->auth->username = mem_strdup(a->username);
		t->auth->password = mem_strdup(a->password);
		return 0;
	}
	if (a == own)
		return task_path(in->task->alloc_dir, in->task->name, a->config, &t->auth->file, &host, err);
	t->auth->file = mem_strdup(a->config);
	return 0;
}

/* security */

/* davit's profile is the default, and stays unless the job says otherwise. */
static int put_security(const struct task_said *in, struct task *t, struct err *err)
{
	const struct task_conf *c = in->conf;
	bool host;
	int r = 0;

	if (c->seccomp_profile && *c->seccomp_profile)
		r = task_path(in->task->alloc_dir, in->task->name, c->seccomp_profile, &t->seccomp, &host, err);
	else if (c->no_seccomp)
		t->seccomp = mem_strdup("unconfined");
	t->no_new_privileges = c->no_new_privileges || (!c->new_privileges && !c->privileged);
	t->has_masked_paths = t->has_readonly_paths = c->unmask_paths; /* none are, then */
	return r < 0 ? err_wrap(err, r, "option seccomp_profile") : 0;
}

static int put_ulimits(const struct task_said *in, struct task *t, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < in->conf->ulimit.n; i++) {
		_cleanup_free_ char *text = mem_printf("%s=%s", in->conf->ulimit.v[i].key, in->conf->ulimit.v[i].value);

		r = parse_ulimit(text, t, err);
	}
	return r;
}

static int put_rest(const struct task_said *in, struct task *t, struct err *err)
{
	const struct task_conf *c = in->conf;

	(void)err;
	t->shm_size = c->shm_size ? c->shm_size : t->shm_size;
	if (c->no_healthcheck)
		task_make_healthcheck(t)->kind = HEALTH_NONE;
	t->log = JOB_LOG_NONE; /* what it writes goes to Nomad's FIFOs, which job_run() is told of */
	return 0;
}

/* labels */

static void put_labels(const struct task_said *in, struct dict *out)
{
	const Driver__TaskConfig *t = in->task;
	const struct {
		const char *key, *value;
		bool empty_too;
	} rows[] = {
		{ "job_name", t->job_name, true },
		{ "job_id", t->job_id, true },
		{ "parent_job_id", t->parent_job_id, false },
		{ "task_group_name", t->task_group_name, true },
		{ "task_name", t->name, true },
		{ "namespace", t->namespace_, true },
		{ "node_name", t->node_name, true },
		{ "node_id", t->node_id, true },
	};

	dict_add(out, &in->conf->labels);
	dict_set(out, NOMAD_ALLOC_LABEL, t->alloc_id);
	dict_set(out, NOMAD_TASK_LABEL, t->id);
	if (*t->node_id)
		dict_set(out, NOMAD_NODE_LABEL, t->node_id);
	for (size_t k = 0; k < in->driver->extra_labels.n; k++)
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
			if ((rows[i].empty_too || *rows[i].value) &&
			    fnmatch(in->driver->extra_labels.v[k], rows[i].key, FNM_NOESCAPE) == 0) {
				_cleanup_free_ char *key = mem_printf(NOMAD_LABEL "%s", rows[i].key);

				dict_set(out, key, rows[i].value);
			}
}

static const struct {
	const char *what; /* in errors; NULL: the function says itself which option it is about */
	int (*put)(const struct task_said *, struct task *, struct err *);
} parts[] = {
	{ NULL, put_command },       { NULL, put_env },      { NULL, put_image },
	{ "option auth", put_auth }, { NULL, put_security }, { "option ulimit", put_ulimits },
	{ NULL, put_rest },
};

static void put_job(const struct task_said *in, struct job *j)
{
	const struct task_conf *c = in->conf;
	const char *runtime = c->runtime && *c->runtime ? c->runtime : in->driver->runtime,
		   *snapshotter = c->snapshotter && *c->snapshotter ? c->snapshotter : in->driver->snapshotter;

	j->name = handle_job_name(in->task->id);
	j->runtime = mem_strdup(runtime && *runtime ? runtime : NULL);
	j->snapshotter = mem_strdup(snapshotter && *snapshotter ? snapshotter : NULL);
	put_labels(in, &j->labels);
}

int task_job_make(const struct task_said *in, struct task_job *ret, struct err *err)
{
	_cleanup_(task_job_done) struct task_job made = { .job = job_new() };
	struct task *t = &made.job->tasks[0];
	int r = 0;

	copy_same(in->conf, t);
	put_job(in, made.job);
	for (size_t i = 0; r >= 0 && i < sizeof parts / sizeof *parts; i++) {
		r = parts[i].put(in, t, err);
		if (r < 0 && parts[i].what)
			err_wrap(err, r, "%s", parts[i].what);
	}
	if (r >= 0)
		r = task_job_network(in, made.job, err);
	if (r >= 0)
		r = task_job_mounts(in, &made, err);
	if (r < 0)
		return r;
	*ret = made;
	made = (struct task_job){ 0 };
	return 0;
}
