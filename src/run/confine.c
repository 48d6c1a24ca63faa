/* What confines a job beside namespaces, capabilities and seccomp: AppArmor or SELinux, whichever the host has.
 *
 * SELinux: the process gets the policy's type for containers and a pair of categories that no other job's record has, the
 * container's root and its own files get the same by the mount option "context" and by their attribute, and volumes the type
 * without categories, since jobs share them. A label stays with the record, in its spec and in RECORD_MOUNT_LABEL. */
#include "apparmor.h"
#include "job-steps.h"
#include "mem.h"
#include "mount-option.h"
#include "namespaces.h"
#include "relabel.h"
#include <string.h>

enum { DRAWS = 32 };

static const char *root_of(const struct run_task *t) { return t->core->conf.host_root ? t->core->conf.host_root : ""; }

/* AppArmor */

static int load_own(struct run_task *t, const struct ctx *ctx, struct err *err)
{
	int r = apparmor_loaded(root_of(t), APPARMOR_DEFAULT, err);

	if (r != 0)
		return r < 0 ? r : 0;
	return apparmor_load(root_of(t), t->core->loop, ctx, err);
}

static int confine_apparmor(struct run_task *t, const struct ctx *ctx, struct err *err)
{
	int r;

	if (!t->apparmor || strcmp(t->apparmor, APPARMOR_DEFAULT) != 0)
		return 0;
	r = load_own(t, ctx, err);
	if (r == -ERR_NOT_FOUND && !t->task->apparmor) { /* whoever asked for it by name gets it or an error */
		core_notice(t->core, "this host has AppArmor, but no apparmor_parser to load davit's profile with: "
				     "the job runs without one (apt-get install apparmor)");
		t->apparmor = NULL;
		err_clear(err);
		return 0;
	}
	return r == -ERR_PRECONDITION ? err_hint(err, r, "--security-opt apparmor=unconfined runs the job without one") : r;
}

/* SELinux */

/* A privileged task has labels only when it asks for some, as with Docker. */
static void choose_labels(struct run_task *t, const char *level)
{
	_cleanup_(selinux_done) struct selinux policy = { 0 };
	const struct task *task = t->task;

	selinux_labels_done(&t->labels);
	if (selinux_open(root_of(t), &policy) == SELINUX_ON && !(task->privileged && !task->selinux.n))
		selinux_labels(&policy, &task->selinux, level, &t->labels);
}

/* Has a job of this namespace, running or not, the level? */
static int level_is_taken(struct ctrd *c, const char *level, const struct ctx *ctx, struct err *err)
{
	_cleanup_(ctrd_containers_done) struct ctrd_containers found = { 0 };
	_cleanup_free_ char *filter = mem_printf("labels.\"" RECORD_MOUNT_LABEL "\"~=\":%s$\"", level);
	int r = containers_list(c, filter, ctx, &found, err);

	return r < 0 ? r : found.n > 0;
}

static int level_is_taken_anywhere(struct run_task *t, const char *level, const struct ctx *ctx, struct err *err)
{
	_cleanup_(ctrd_namespaces_done) struct ctrd_namespaces all = { 0 };
	int r = namespaces_list(run_ctrd(t->run), ctx, &all, err);

	for (size_t i = 0; r == 0 && i < all.n; i++) {
		_cleanup_(ctrd_freep) struct ctrd *there = ctrd_in(run_ctrd(t->run), all.v[i].name);

		r = level_is_taken(there, level, ctx, err);
	}
	return r;
}

static int own_level(struct run_task *t, char level[SELINUX_LEVEL], const struct ctx *ctx, struct err *err)
{
	int r = 1;

	for (int i = 0; r == 1 && i < DRAWS; i++) {
		selinux_draw(level);
		r = level_is_taken_anywhere(t, level, ctx, err);
	}
	return r == 1 ? err_set(err, ERR_EXHAUSTED, "SELinux: every pair of categories that was tried belongs to another job") : r;
}

/* Several tasks share them. */
static int label_files(struct run_task *t, const char *own, struct err *err)
{
	const char *label = t->run->n_tasks > 1 ? t->labels.shared : own;
	static const char *const names[] = { "resolv.conf", "hosts", "hostname" };
	_cleanup_free_ char *dir = places_files(t->core, t->run->id);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof names / sizeof *names; i++) {
		_cleanup_free_ char *path = mem_printf("%s/%s", dir, names[i]);

		r = relabel_file(path, label, err);
	}
	for (size_t i = 0; r >= 0 && i < t->task->n_files; i++) {
		_cleanup_free_ char *name = run_file_name(t, i), *path = mem_printf("%s/%s", dir, name);

		r = relabel_file(path, label, err);
	}
	return r;
}

/* What the job mounts: as z and Z say, and a volume that this job has made. */
static int label_binds(struct run_task *t, struct err *err)
{
	for (size_t i = 0, bind = 0; i < t->task->n_mounts; i++) {
		const struct mount *m = &t->task->mounts[i];
		const char *source, *label;
		int r;

		if (m->kind == MOUNT_TMPFS)
			continue;
		source = t->binds[bind++].source;
		label = strv_has(&m->options, "Z") ? t->labels.mount : t->labels.shared;
		if (!strv_has(&m->options, "z") && !strv_has(&m->options, "Z") && m->kind != MOUNT_JOB &&
		    !(m->kind == MOUNT_VOLUME && strv_has(&t->fresh_volumes, m->source)))
			continue;
		r = relabel_tree(source, strv_has(&m->options, MOUNT_NO_LINKS) ? m->source : source, label, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int confine_selinux(struct run_task *t, const struct ctx *ctx, struct err *err)
{
	char level[SELINUX_LEVEL] = "";
	int r;

	if (!t->labels.mount)
		return 0;
	if (!selinux_level(&t->task->selinux)) {
		r = own_level(t, level, ctx, err);
		if (r < 0)
			return r;
		choose_labels(t, level);
	}
	r = selinux_check(root_of(t), t->labels.process, err);
	if (r >= 0)
		r = selinux_check(root_of(t), t->labels.mount, err);
	if (r >= 0)
		r = label_files(t, t->labels.mount, err);
	return r < 0 ? r : label_binds(t, err);
}

/* both */

int run_confine_dry(struct run_task *t, struct err *err)
{
	char level[SELINUX_LEVEL];

	t->apparmor = NULL;
	if (t->run->runtime.vm) /* a guest has a kernel of its own */
		return 0;
	selinux_draw(level);
	choose_labels(t, level);
	return apparmor_choose(root_of(t), t->task, &t->apparmor, err);
}

int run_confine(struct run_task *t, const struct ctx *ctx, struct err *err)
{
	_cleanup_(selinux_done) struct selinux unused = { 0 };
	int r = run_confine_dry(t, err);

	if (r >= 0 && !t->run->runtime.vm && selinux_open(root_of(t), &unused) == SELINUX_WITHOUT)
		core_notice(t->core, "this host has SELinux, but its policy knows no containers: the job runs without labels "
				     "of its own (dnf install container-selinux)");
	if (r >= 0)
		r = confine_apparmor(t, ctx, err);
	return r < 0 ? r : confine_selinux(t, ctx, err);
}

int run_confine_again(struct run_task *t, const struct ctx *ctx, struct err *err)
{
	static const char has_own[] = "\"apparmorProfile\":\"" APPARMOR_DEFAULT "\"";
	const struct buf *spec = &t->record->c.spec.value;
	const char *label = dict_get(&t->record->c.labels, RECORD_MOUNT_LABEL);
	int r;

	if (label && t->run->n_tasks > 1)
		choose_labels(t, "");
	r = label ? label_files(t, label, err) : 0; /* they are made anew with each start */
	if (r < 0 || !spec->len || !memmem(spec->data, spec->len, has_own, sizeof has_own - 1) ||
	    apparmor_state(root_of(t)) != APPARMOR_ON)
		return r;
	return load_own(t, ctx, err);
}

void run_label_root(struct run_task *t)
{
	const char *label = t->record ? dict_get(&t->record->c.labels, RECORD_MOUNT_LABEL) : t->labels.mount;

	for (size_t i = 0; label && i < t->mounts.n; i++)
		strv_own(&t->mounts.v[i].options, selinux_mount_option(label));
}
