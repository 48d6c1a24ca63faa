#include "task-policy.h"
#include "beneath.h"
#include "cap.h"
#include "controllers.h"
#include "file.h"
#include "mem.h"
#include "mount-option.h"
#include "path.h"
#include "propagation.h"
#include "runtime.h"
#include "seccomp.h"
#include "task-path.h"
#include <string.h>
#include <strings.h>

#define OPERATOR "it takes, in the agent's plugin \"containerd-driver\" { config { ... } }: "

static int policy_privileged(const struct task_said *in, struct task_job *made, struct err *err)
{
	(void)made;
	if (!in->conf->privileged || in->driver->allow_privileged)
		return 0;
	return err_hint(err,
			err_set(err, ERR_PERMISSION, "option privileged: Running privileged jobs are not allowed on this node"),
			OPERATOR "allow_privileged = true");
}

/* All of /proc and /sys can be written then, where the root of a task is the host's: core_pattern is a program of the host. */
static int policy_system_paths(const struct task_said *in, struct task_job *made, struct err *err)
{
	const struct task_conf *c = in->conf;

	(void)made;
	if (!c->unmask_paths || c->privileged || in->driver->allow_privileged ||
	    (c->userns_mode && !strcmp(c->userns_mode, "private")))
		return 0;
	return err_hint(
		err,
		err_set(err, ERR_PERMISSION,
			"option security_opt: systempaths=unconfined is as good as privileged, which is not allowed on this node"),
		"userns_mode = \"private\" with it, or " OPERATOR "allow_privileged = true");
}

/* capabilities */

static int policy_caps_of(const struct strv *names, uint64_t *ret, struct err *err)
{
	int r = 0;

	*ret = 0;
	for (size_t i = 0; r >= 0 && i < names->n; i++) {
		uint64_t bits = 0;

		r = cap_parse(names->v[i], &bits, err);
		*ret |= bits;
	}
	return r;
}

static char *caps_text(uint64_t caps)
{
	_cleanup_strv_ struct strv names = { 0 };

	for (unsigned i = 0; cap_name(i); i++)
		if (caps & CAP_BIT(i))
			strv_push(&names, cap_name(i) + 4);
	return strv_join(&names, ", ");
}

static bool says_all(const struct strv *names)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcasecmp(names->v[i], "all") || !strcasecmp(names->v[i], "cap_all"))
			return true;
	return false;
}

/* As in Nomad's docker driver: nothing beyond the list may be added, and of what a container has by default only what is in it
 * stays. A privileged task has all. */
static int policy_caps(const struct task_said *in, struct task_job *made, struct err *err)
{
	struct task *t = &made->job->tasks[0];
	uint64_t allowed = 0, asked = 0;
	int r;

	if (in->driver->allow_all_caps || says_all(&in->driver->allow_caps) || in->conf->privileged)
		return 0;
	r = policy_caps_of(&in->driver->allow_caps, &allowed, err);
	if (r >= 0)
		r = policy_caps_of(&in->conf->cap_add, &asked, err);
	if (r < 0)
		return err_wrap(err, r, "option cap_add");
	if (asked & ~allowed) {
		_cleanup_free_ char *text = says_all(&in->conf->cap_add) ? mem_strdup("all") : caps_text(asked & ~allowed);

		return err_hint(
			err,
			err_set(err, ERR_PERMISSION, "option cap_add: driver does not allow the following capabilities: %s", text),
			OPERATOR "allow_caps = [..., \"%.60s\"]", text);
	}
	for (unsigned i = 0; cap_name(i); i++)
		if ((cap_default & ~allowed) & CAP_BIT(i))
			strv_push(&t->cap_drop, cap_name(i));
	return 0;
}

/* runtimes */

static bool permits_runtime(const struct driver_conf *driver, const char *asked)
{
	bool yes = driver->runtime && runtime_same(asked, driver->runtime);

	for (size_t i = 0; !yes && i < driver->allow_runtimes.n; i++)
		yes = runtime_same(asked, driver->allow_runtimes.v[i]);
	return yes || (driver->allow_all_runtimes && *asked != '/');
}

/* A path is a program that would run as root on the host: only a list permits one. */
static int policy_runtime(const struct task_said *in, struct task_job *made, struct err *err)
{
	const char *asked = in->conf->runtime;

	(void)made;
	if (!asked || !*asked || permits_runtime(in->driver, asked))
		return 0;
	return err_hint(err, err_set(err, ERR_PERMISSION, "option runtime: requested runtime \"%.200s\" is not allowed", asked),
			OPERATOR "allow_runtimes = [\"%.80s\"]", asked);
}

/* namespaces */

static int policy_modes(const struct task_said *in, struct task_job *made, struct err *err)
{
	const struct task_conf *c = in->conf;
	const struct {
		const char *option, *key, *mode;
		const struct strv *allowed;
		bool usual; /* a task that says nothing is in the host's */
	} rows[] = {
		{ "pid_mode", "pid", c->pid_mode, &in->driver->allowed_modes.pid, false },
		{ "ipc_mode", "ipc", c->ipc_mode, &in->driver->allowed_modes.ipc, false },
		{ "uts_mode", "uts", c->uts_mode, &in->driver->allowed_modes.uts, false },
		{ "userns_mode", "userns", c->userns_mode, &in->driver->allowed_modes.userns, true },
		{ "cgroupns", "cgroup", c->cgroupns, &in->driver->allowed_modes.cgroup, !controllers_v2("") },
		{ "host_network", "network", c->host_network ? "host" : NULL, &in->driver->allowed_modes.network, false },
	};

	(void)made;
	for (size_t i = 0; i < sizeof rows / sizeof *rows && !c->privileged; i++)
		if (rows[i].mode && !rows[i].usual && !strcmp(rows[i].mode, "host") &&
		    !driver_conf_permits(rows[i].allowed, "host"))
			return err_hint(err,
					err_set(err, ERR_PERMISSION, "option %s: the host's namespace is not allowed on this node",
						rows[i].option),
					OPERATOR "allowed_modes { %s = [\"host\"] }", rows[i].key);
	return 0;
}

/* processes */

static int policy_pids(const struct task_said *in, struct task_job *made, struct err *err)
{
	const int64_t asked = in->conf->pids_limit, most = in->driver->pids_limit;

	if (most > 0 && (asked > most || asked < 0))
		return err_hint(err,
				err_set(err, ERR_PERMISSION,
					"option pids_limit: cannot be greater than the plugin's pids_limit: %lld", (long long)most),
				OPERATOR "pids_limit = N, or leave it out there");
	made->job->tasks[0].pids_limit = asked ? asked : most;
	return 0;
}

/* paths */

static int volumes_off(const char *option, const char *what, const char *path, struct err *err)
{
	return err_hint(err,
			err_set(err, ERR_PERMISSION,
				"option %s: volumes are not enabled; cannot %s %.300s, which is not in the "
				"allocation's folder",
				option, what, path),
			OPERATOR "volumes { enabled = true }");
}

/* What is read of a path that a job names: 1, and *ret_fd is open, where it is in the allocation's folder, whose tasks could put
 * something else in its place. */
static int policy_file(const struct task_said *in, const char *option, const char *path, int *ret_fd, struct err *err)
{
	int r;

	if (!path || *path != '/')
		return 0;
	if (!task_path_is_inside(in->task->alloc_dir, path))
		return in->driver->volumes.enabled ? 0 : volumes_off(option, "read", path, err);
	r = task_path_read(in->task->alloc_dir, path, ret_fd, err);
	return r < 0 ? err_wrap(err, r, "option %s", option) : 1;
}

/* The profile itself takes the place of its path. */
static int policy_seccomp(const struct task_said *in, struct task_job *made, struct err *err)
{
	struct task *t = &made->job->tasks[0];
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_close_ int fd = -1;
	char path[BENEATH_PATH];
	int r = policy_file(in, "seccomp_profile", t->seccomp, &fd, err);

	if (r <= 0)
		return r;
	r = seccomp_read(beneath_path(fd, path), &text, err);
	if (r < 0)
		return err_wrap(err, r, "option seccomp_profile: %s", t->seccomp);
	free(t->seccomp);
	t->seccomp = buf_take(&text);
	return 0;
}

static int policy_auth(const struct task_said *in, struct task_job *made, struct err *err)
{
	const struct auth *auth = made->job->tasks[0].auth;
	int r;

	if (!auth || !in->conf->auth.config)
		return 0;
	r = policy_file(in, "auth", auth->file, &made->auth_fd, err);
	return r < 0 ? r : 0;
}

/* MOUNT_CREATE was done here, without following a link: the core need not. */
static void drop_option(struct strv *options, const char *option)
{
	struct strv rest = { 0 };

	for (size_t i = 0; i < options->n; i++)
		if (strcmp(options->v[i], option) != 0)
			strv_push(&rest, options->v[i]);
	strv_done(options);
	*options = rest;
}

static int resolve_mount(const struct task_said *in, struct mount *m, struct err *err)
{
	char *real = NULL;
	int r = task_path_resolve(in->task->alloc_dir, m->source, strv_has(&m->options, MOUNT_CREATE), &real, err);

	if (r < 0)
		return err_wrap(err, r, "mount of %.200s", m->target);
	free(m->source);
	m->source = real;
	drop_option(&m->options, MOUNT_CREATE);
	if (!strv_has(&m->options, MOUNT_NO_LINKS))
		strv_push(&m->options, MOUNT_NO_LINKS);
	return 0;
}

static bool has_target(const struct task *t, const char *target)
{
	bool has = false;

	for (size_t i = 0; !has && i < t->n_mounts; i++) {
		_cleanup_free_ char *clean = path_clean(t->mounts[i].target, NULL);

		has = !strcmp(clean, target);
	}
	return has;
}

/* The agent's logmon opens what is in alloc/logs by its name, as root, to write. So no task may write there, nor put another
 * folder in its place, whatever it has mounted above it: what is a mount point cannot be renamed. */
static int guard_logs(const struct task_said *in, struct task *t, size_t i, struct err *err)
{
	static const char *const folders[] = { "alloc", "alloc/logs" };
	_cleanup_free_ char *source = mem_strdup(t->mounts[i].source), *at = path_clean(t->mounts[i].target, NULL), *dir = NULL;
	const char *word = propagation_of(&t->mounts[i].options);
	int r = task_path_resolve(in->task->alloc_dir, in->task->alloc_dir, false, &dir, err);

	for (size_t k = 0; r >= 0 && k < sizeof folders / sizeof *folders && !t->mounts[i].read_only; k++) {
		_cleanup_free_ char *path = mem_printf("%s/%s", dir, folders[k]), *target = NULL;
		struct mount *m;

		if (k && path_begins(source, path))
			t->mounts[i].read_only = true;
		if (!path_begins(path, source) || !strcmp(path, source))
			continue;
		if (word && strstr(word, "shared"))
			return err_hint(err,
					err_set(err, ERR_PERMISSION,
						"mount of %.200s: the logs in it, which the agent writes, cannot be shared", at),
					"leave out %s, or mount alloc/data", word);
		target = mem_printf("%s%s", strcmp(at, "/") != 0 ? at : "", path + strlen(source));
		if (has_target(t, target))
			continue;
		m = task_add_mount(t);
		m->source = mem_printf("%s/%s", in->task->alloc_dir, folders[k]);
		m->target = TAKE_PTR(target);
		m->read_only = k > 0;
		strv_push(&m->options, MOUNT_CREATE);
	}
	return r;
}

static int policy_mounts(const struct task_said *in, struct task_job *made, struct err *err)
{
	struct task *t = &made->job->tasks[0];
	int r = 0;

	for (size_t i = 0; r >= 0 && i < t->n_mounts; i++) { /* guards are behind the others */
		struct mount *m = &t->mounts[i];
		const bool bind = m->kind == MOUNT_BIND, inside = bind && task_path_is_inside(in->task->alloc_dir, m->source);

		if (inside)
			r = resolve_mount(in, m, err);
		if (inside && r >= 0)
			r = guard_logs(in, t, i, err);
		else if (!inside && i < made->n_asked && m->kind != MOUNT_TMPFS && !in->driver->volumes.enabled)
			r = volumes_off("mounts", "mount", m->source ? m->source : "a volume", err);
	}
	return r;
}

int task_policy(const struct task_said *in, struct task_job *made, struct err *err)
{
	static int (*const checks[])(const struct task_said *, struct task_job *, struct err *) = {
		policy_privileged, policy_system_paths, policy_caps, policy_runtime, policy_modes,
		policy_pids,       policy_seccomp,      policy_auth, policy_mounts,
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof checks / sizeof *checks; i++)
		r = checks[i](in, made, err);
	return r;
}
