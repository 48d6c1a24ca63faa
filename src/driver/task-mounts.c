/* What a task has mounted: first what its options ask for, then Nomad's own: volume_mount and CSI volumes, and the folders of the
 * allocation, with the logs, whose FIFOs the agent reads, read-only on top of the folder that all tasks may write. */
#include "task-job.h"
#include "mem.h"
#include "mount-option.h"
#include "task-path.h"
#include <string.h>

/* of the options */

static int put_source(const struct task_said *in, const struct conf_mount *c, struct mount *m, struct err *err)
{
	bool host;

	if (c->type != CONF_MOUNT_BIND) {
		m->source = c->source && *c->source ? mem_strdup(c->source) : NULL;
		return 0;
	}
	if (!c->source || !*c->source)
		return err_set(err, ERR_INVALID, "no source");
	return task_path(in->task->alloc_dir, in->task->name, c->source, &m->source, &host, err);
}

static void put_options(const struct task_said *in, const struct conf_mount *c, struct mount *m)
{
	const char *label = in->driver->volumes.selinuxlabel;

	m->read_only = c->readonly;
	for (size_t i = 0; i < c->options.n; i++) /* `volumes` may have turned out to be names */
		if (c->type == CONF_MOUNT_BIND || strcmp(c->options.v[i], MOUNT_CREATE) != 0)
			strv_push(&m->options, c->options.v[i]);
	if (c->type == CONF_MOUNT_BIND && label && !strv_has(&m->options, "z") && !strv_has(&m->options, "Z"))
		strv_push(&m->options, label);
}

static int put_mount(const struct task_said *in, const struct conf_mount *c, struct task *t, struct err *err)
{
	static const enum mount_kind kinds[] = {
		[CONF_MOUNT_BIND] = MOUNT_BIND, [CONF_MOUNT_VOLUME] = MOUNT_VOLUME, [CONF_MOUNT_TMPFS] = MOUNT_TMPFS
	};
	struct mount *m = task_add_mount(t);
	int r;

	m->kind = kinds[c->type];
	m->target = mem_printf("%s%s", *c->target == '/' ? "" : "/", c->target);
	put_options(in, c, m);
	r = put_source(in, c, m, err);
	return r < 0 ? err_wrap(err, r, "option mount of %.200s", m->target) : 0;
}

/* Nomad's own */

static struct mount *add_bind(struct task *t, char *source, const char *target)
{
	struct mount *m = task_add_mount(t);

	m->kind = MOUNT_BIND;
	m->source = source;
	m->target = mem_strdup(target);
	return m;
}

static int put_propagation(const char *mode, struct mount *m, struct err *err)
{
	static const char *const words[][2] = {
		{ "", "rprivate" }, { "private", "rprivate" }, { "host-to-task", "rslave" }, { "bidirectional", "rshared" }
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(mode, words[i][0])) {
			strv_push(&m->options, words[i][1]);
			return 0;
		}
	return err_hint(
		err, err_set(err, ERR_INVALID, "volume_mount of %.200s: propagation_mode \"%.80s\" is not known", m->target, mode),
		"private, host-to-task, bidirectional");
}

static int put_volumes(const struct task_said *in, struct task *t, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < in->task->n_mounts; i++) {
		const Driver__Mount *v = in->task->mounts[i];
		struct mount *m = add_bind(t, mem_strdup(v->host_path), v->task_path);

		m->read_only = v->readonly;
		if (!strcmp(v->selinux_label, "z") || !strcmp(v->selinux_label, "Z"))
			strv_push(&m->options, v->selinux_label);
		r = put_propagation(v->propagation_mode, m, err);
	}
	return r;
}

/* A folder that the job mounts something else on is the job's. */
static bool is_taken(const struct task *t, const char *target)
{
	for (size_t i = 0; i < t->n_mounts; i++)
		if (!strcmp(t->mounts[i].target, target))
			return true;
	return false;
}

static void put_folders(const struct task_said *in, struct task *t)
{
	const struct {
		const char *of, *folder, *target;
		bool logs;
	} folders[] = {
		{ "", "alloc", "/alloc", false },
		{ "", "alloc/logs", "/alloc/logs", true },
		{ in->task->name, "/local", "/local", false },
		{ in->task->name, "/secrets", "/secrets", false },
	};

	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		struct mount *m;

		if (is_taken(t, folders[i].target))
			continue;
		m = add_bind(t, mem_printf("%s/%s%s", in->task->alloc_dir, folders[i].of, folders[i].folder), folders[i].target);
		m->read_only = folders[i].logs;
		if (folders[i].logs)
			strv_push(&m->options, MOUNT_CREATE);
	}
}

/* What is read-only has a place for its pid files all the same: a tmpfs that has what the image has there, as containerd's own
 * clients (and so jobs for Roblox's driver) and podman have it. */
static void put_run(struct task *t)
{
	static const char *const options[] = { MOUNT_COPY_UP, "mode=0755", "size=64m" };
	struct mount *m;

	if (!t->read_only || is_taken(t, "/run"))
		return;
	m = task_add_mount(t);
	m->kind = MOUNT_TMPFS;
	m->target = mem_strdup("/run");
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		strv_push(&m->options, options[i]);
}

/* devices */

static void put_device(struct task *t, const char *host, const char *inside, const char *access)
{
	struct device *d = task_add_device(t);

	d->host = mem_strdup(host);
	d->inside = mem_strdup(*inside ? inside : host);
	d->access = mem_strdup(*access ? access : "rwm");
}

static void put_devices(const struct task_said *in, struct task *t)
{
	for (size_t i = 0; i < in->conf->n_devices; i++)
		put_device(t, in->conf->devices[i].host, in->conf->devices[i].inside, in->conf->devices[i].access);
	for (size_t i = 0; i < in->task->n_devices; i++)
		put_device(t, in->task->devices[i]->host_path, in->task->devices[i]->task_path,
			   in->task->devices[i]->cgroup_permissions);
}

int task_job_mounts(const struct task_said *in, struct task_job *made, struct err *err)
{
	struct task *t = &made->job->tasks[0];
	int r = 0;

	for (size_t i = 0; r >= 0 && i < in->conf->n_mounts; i++)
		r = put_mount(in, &in->conf->mounts[i], t, err);
	made->n_asked = t->n_mounts;
	if (r >= 0)
		r = put_volumes(in, t, err);
	if (r < 0)
		return r;
	put_folders(in, t);
	put_run(t);
	put_devices(in, t);
	return 0;
}
