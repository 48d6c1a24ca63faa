#include "orphans.h"
#include "job-cgroup.h"
#include "claim.h"
#include "containers.h"
#include "file.h"
#include "job-name.h"
#include "mem.h"
#include "record.h"
#include "shim.h"
#include "task.h"
#include <poll.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* where containerd's runc.v2 shim has every engine keep its state, unless told otherwise (reference A.8) */
#define ENGINE_STATE "/run/containerd/runc"
#define BUNDLES "io.containerd.runtime.v2.task"

enum { BUSY_MS = 5000, END_MS = 10000, PAUSE_MS = 20 };

/* One job that containerd may have lost. */
struct orphan {
	struct core *core;
	const char *id;
	ino_t home; /* of its shims */
	struct shims shims;
	char *bundle; /* that of a shim, else where containerd has it by default */
};

static void orphan_done(struct orphan *o)
{
	shims_done(&o->shims);
	free(o->bundle);
}

/* -- finding -------------------------------------------------------------------------------------------------------------- */

static void add_id(struct strv *ids, const char *id)
{
	if (job_id_is_ours(id) && !strv_has(ids, id))
		strv_push(ids, id);
}

static void ids_of_folder(const char *path, struct strv *ids)
{
	_cleanup_(closedirp) DIR *d = opendir(path);

	for (struct dirent *e; d && (e = readdir(d));)
		add_id(ids, e->d_name);
}

/* Where containerd has its bundles unless told otherwise: beside its socket. */
static char *bundles(const struct core *c)
{
	const char *socket = strncmp(c->address, "unix://", 7) ? c->address : c->address + 7, *slash = strrchr(socket, '/');

	return mem_printf("%.*s/" BUNDLES "/%s", slash ? (int)(slash - socket) : 0, socket, c->conf.ns);
}

enum known { IN_USE, ENDED, LOST };

/* What containerd knows of it: a task, a record without one (then *ret_name is the job's, to be freed), or neither. */
static int known_of(struct core *c, const char *id, const struct ctx *ctx, char **ret_name, struct err *err)
{
	struct ctrd_container container = { 0 };
	struct task_status task;
	const char *name;
	int r = task_look(c, id, ctx, &task, err);

	if (r < 0 || task.state != TASK_ABSENT)
		return r < 0 ? r : IN_USE;
	r = containers_get(c->ctrd, id, ctx, &container, err);
	if (r == -ERR_NOT_FOUND)
		return err_clear(err), LOST;
	if (r < 0)
		return r;
	name = dict_get(&container.labels, CLAIM_JOB);
	*ret_name = name ? mem_strdup(name) : NULL;
	ctrd_container_done(&container);
	return *ret_name ? ENDED : IN_USE;
}

int orphans_is_lost(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *name = NULL;
	int r = known_of(c, id, ctx, &name, err);

	return r < 0 ? r : r == LOST;
}

static char *engine_state(const struct orphan *o) { return mem_printf(ENGINE_STATE "/%s/%s", o->core->conf.ns, o->id); }

/* 1 when something of it is there and nothing of another containerd's. */
static int orphan_look(struct orphan *o, struct err *err)
{
	_cleanup_free_ char *folder = bundles(o->core), *state = engine_state(o);
	int r = shims_find(o->core, o->home, o->id, &o->shims, err);

	if (r < 0 || o->shims.foreign || o->shims.rival)
		return r;
	if (o->shims.pids.n && !o->bundle) {
		_cleanup_free_ char *link = mem_printf("/proc/%s/cwd", o->shims.pids.v[0]);
		char path[4096];
		ssize_t n = readlink(link, path, sizeof path);

		if (n > 0 && (size_t)n < sizeof path)
			o->bundle = mem_strndup(path, (size_t)n);
	}
	if (!o->bundle)
		o->bundle = mem_printf("%s/%s", folder, o->id);
	return o->shims.pids.n || file_exists(o->bundle) || file_exists(state) || job_cgroup_exists(o->core, o->id);
}

/* -- ending --------------------------------------------------------------------------------------------------------------- */

/* An engine at work is left to finish, for a while. What orphan_look() says at the end. */
static int await_engine(struct orphan *o, const struct ctx *ctx, struct err *err)
{
	const struct ctx limit = ctx_within(ctx, BUSY_MS);
	int r = orphan_look(o, err);

	while (r > 0 && shims_busy(&o->shims) && ctx_check(&limit, NULL) >= 0) {
		(void)poll(NULL, 0, PAUSE_MS);
		r = orphan_look(o, err);
	}
	return r;
}

/* containerd sees a shim end and removes its bundle by itself. */
static void await_containerd(const struct orphan *o, const struct ctx *ctx)
{
	const struct ctx limit = ctx_within(ctx, END_MS);

	while (file_exists(o->bundle) && ctx_check(&limit, NULL) >= 0)
		(void)poll(NULL, 0, PAUSE_MS);
}

/* A bundle, with the root file system mounted in it and a link to a second folder beside containerd's root. */
static int remove_bundle(const struct orphan *o, struct err *err)
{
	_cleanup_free_ char *rootfs = mem_printf("%s/rootfs", o->bundle), *link = mem_printf("%s/work", o->bundle);
	char work[4096];
	ssize_t n = readlink(link, work, sizeof work - 1);

	if (umount2(rootfs, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
		return err_sys(err, errno, "unmount %s", rootfs);
	if (n > 0 && (size_t)n < sizeof work - 1) {
		work[n] = '\0';
		if (strstr(work, "/" BUNDLES "/"))
			(void)file_remove_tree(work, NULL);
	}
	return file_remove_tree(o->bundle, err);
}

static int orphan_end(struct orphan *o, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *state = engine_state(o);
	const struct ctx limit = ctx_within(ctx, END_MS);
	int r = await_engine(o, ctx, err);

	if (r <= 0)
		return r;
	shims_end_engines(&o->shims, NULL);
	shims_end(&o->shims);
	r = job_cgroup_end(o->core, o->id, &limit, err);
	if (o->shims.pids.n)
		await_containerd(o, ctx);
	if (r >= 0)
		r = remove_bundle(o, err);
	if (r >= 0)
		r = file_remove_tree(state, err);
	return r < 0 ? r : 1;
}

/* Under its lock: nothing while containerd knows a task. 1 when there was something. */
static int end_without_task(struct orphan *o, const struct ctx *ctx, struct err *err)
{
	struct task_status task;
	int r = task_look(o->core, o->id, ctx, &task, err);

	return r < 0 ? r : task.state == TASK_ABSENT ? orphan_end(o, ctx, err) : 0;
}

/* Nobody is at work on it: its lock says so. */
static int end_of_ended(struct orphan *o, char **name, const struct ctx *ctx, struct err *err)
{
	int lock = -1, r = record_lock(o->core, o->id, name, false, ctx, &lock, err);

	if (r == -ERR_EXISTS)
		return err_clear(err), 0;
	if (r < 0)
		return r;
	r = end_without_task(o, ctx, err);
	claim_unlock(o->core, *name, lock);
	return r;
}

/* 1 when there was something. */
static int end_job(struct core *c, ino_t home, const char *id, bool dry_run, const struct ctx *ctx, struct err *err)
{
	_cleanup_(orphan_done) struct orphan o = { .core = c, .id = id, .home = home };
	_cleanup_free_ char *name = NULL;
	int r = known_of(c, id, ctx, &name, err);

	if (r == IN_USE || (r == ENDED && claim_locked(c, name)))
		return 0;
	if (r >= 0)
		r = dry_run ? orphan_look(&o, err) : r == LOST ? orphan_end(&o, ctx, err) : end_of_ended(&o, &name, ctx, err);
	return r < 0 ? err_wrap(err, r, "leftover of job %s", id) : r;
}

int orphans_end_task(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	_cleanup_(orphan_done) struct orphan o = { .core = c, .id = id, .home = shims_home(c) };
	int r = job_id_is_ours(id) ? end_without_task(&o, ctx, err) : 0;

	return r < 0 ? err_wrap(err, r, "leftover of job %s", id) : 0;
}

/* In the namespace "nomad" its own cgroups stand beside ours: ALLOC.TASK, whatever the task is called. */
static bool is_of_nomad(const char *id)
{
	enum { UUID = 36 };

	return strspn(id, "0123456789abcdef-") == UUID && id[UUID] == '.' && id[8] == '-' && id[13] == '-' && id[18] == '-' &&
	       id[23] == '-';
}

int orphans_end(struct core *c, bool dry_run, const struct ctx *ctx, struct strv *removed, struct err *err)
{
	_cleanup_free_ char *state = mem_printf(ENGINE_STATE "/%s", c->conf.ns), *folder = bundles(c);
	_cleanup_strv_ struct strv ids = { 0 };
	const ino_t home = shims_home(c);
	int r = shims_ids(c, home, &ids, err);

	cgroup_ids(CGROUPS, c->conf.ns, &ids);
	ids_of_folder(state, &ids);
	ids_of_folder(folder, &ids);
	for (size_t i = 0; r >= 0 && i < ids.n; i++) {
		if (!job_id_is_ours(ids.v[i]) || is_of_nomad(ids.v[i]))
			continue;
		r = end_job(c, home, ids.v[i], dry_run, ctx, err);
		if (r > 0 && removed)
			strv_pushf(removed, "leftover of job %s, which is gone", ids.v[i]);
	}
	return r < 0 ? r : 0;
}
