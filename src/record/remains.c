#include "remains.h"
#include "clock.h"
#include "file.h"
#include "job-name.h"
#include "log.h"
#include "mem.h"
#include "netns.h"
#include "netshare.h"
#include "orphans.h"
#include "snapshots.h"
#include "volume-folder.h"
#include <string.h>

enum { DELETE_MS = 10000 };

/* Keeps the first error of several parts. */
static void note(int *first, struct err *err, int r, const struct err *why)
{
	if (r >= 0)
		return;
	log_debug("%s", why->msg);
	if (*first < 0)
		return;
	*first = r;
	if (err)
		*err = *why;
}

/* What its shim should have cleaned is cleaned, too, where davit had to end it. */
static int delete_task(struct core *c, const struct task_over *over, const struct ctx *ctx, struct err *err)
{
	const char *id = task_over_id(over);
	int r = task_over_is_there(over) ? task_delete(c, id, ctx, err) : 0;

	if (r >= 0 && (task_over_was_forced(over) || r == TASK_FORCED))
		r = orphans_end_task(c, id, ctx, err);
	return r < 0 ? r : 0;
}

int remains_task(struct core *c, const char *id, const struct ctx *ctx, struct task_over **ret, struct err *err)
{
	_cleanup_(task_over_freep) struct task_over *over = NULL;
	int r = task_terminate(c, id, ctx, &over, err);

	if (r >= 0)
		r = delete_task(c, over, ctx, err);
	if (r < 0)
		return r;
	if (ret)
		*ret = TAKE_PTR(over);
	return 0;
}

/* All but the first, whose Delete goes on beside the network's plugins. */
static int delete_others(struct core *c, const struct job_over *over, const struct ctx *ctx, struct err *err)
{
	int r = 0;

	for (size_t i = 1; r >= 0 && i < job_over_tasks(over); i++)
		r = task_over_is_there(job_over_task(over, i))
			    ? delete_task(c, job_over_task(over, i), ctx, err)
			    : orphans_end_task(c, task_over_id(job_over_task(over, i)), ctx, err); /* as of the first */
	return r;
}

/* Its shim may hang just now. 1 when something may be left for orphans.h: a task that containerd does not know may be one that it
 * has forgotten because its client was killed in the middle of Tasks.Delete, before containerd had ended the shim. */
static int delete_end(struct core *c, const char *id, struct ctrd_call *call, const struct ctx *ctx, struct err *err)
{
	struct ctrd_exit unused;
	int r = tasks_delete_end(call, ctx, &unused, err);

	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 1;
	if (r >= 0 || !task_delete_hangs(c, r, ctx))
		return r;
	err_clear(err);
	r = task_delete(c, id, ctx, err);
	return r < 0 ? r : r == TASK_FORCED;
}

/* The plugins' DEL beside the task's. The network namespace goes last, and only once every plugin has deleted what it added: one
 * that failed is asked again, with its namespace, as libcni's users have it. 1: it stays, since others are in it (netshare.h). */
static int remove_task_and_network(struct core *c, const struct job_over *over, const struct ctx *ctx, struct err *err)
{
	const struct task_over *first_over = job_over_task(over, 0);
	const char *id = job_over_id(over);
	_cleanup_free_ char *netns = places_netns(id);
	const struct ctx limit = ctx_within(ctx, DELETE_MS);
	const bool shared = netshare_is_shared(c, id), there = task_over_is_there(first_over);
	struct ctrd_call *call = NULL;
	struct err why = ERR_INIT;
	int first = 0, network, left = there ? task_over_was_forced(first_over) : orphans_end_task(c, id, ctx, err);

	if (left < 0)
		return left;
	if (there)
		call = tasks_delete_begin(c->ctrd, id, NULL, &limit);
	network = shared ? netshare_leave(c, over, ctx, &why) : cni_del_cached(c->loop, &c->conf.cni, id, netns, ctx, &why);
	note(&first, err, network, &why);
	err_clear(&why);
	if (call) {
		int r = delete_end(c, id, call, ctx, &why);

		note(&first, err, r, &why);
		left |= r > 0;
	}
	err_clear(&why);
	if (left)
		note(&first, err, orphans_end_task(c, id, ctx, &why), &why);
	err_clear(&why);
	if (network >= 0 && !shared)
		note(&first, err, netns_remove(netns, &why), &why);
	return first < 0 ? first : network > 0;
}

static int remember_exit(struct core *c, const char *id, const struct ctrd_exit *exit, const struct ctx *ctx, struct err *err)
{
	_cleanup_dict_ struct dict labels = { 0 };
	char at[CLOCK_TEXT];

	if (!exit->at)
		return 0;
	dict_setf(&labels, RECORD_EXIT, "%u %s", exit->status, clock_rfc3339(exit->at, at));
	return containers_set_labels(c->ctrd, id, &labels, ctx, err);
}

static void remove_folder(const char *path)
{
	struct err why = ERR_INIT;

	if (file_remove_tree(path, &why) < 0)
		log_warn("%s", why.msg);
}

/* What a start makes, and with @logs what stays from one start to the next. */
void remains_remove_files(const struct core *c, const struct job_over *over, bool logs)
{
	const char *id = job_over_id(over);
	_cleanup_free_ char *run_dir = places_run(c, id), *files_dir = places_files(c, id);

	remove_folder(run_dir);
	remove_folder(files_dir);
	for (size_t i = 0; logs && i < job_over_tasks(over); i++) {
		_cleanup_free_ char *log_dir = places_logs(c, task_over_id(job_over_task(over, i)));

		remove_folder(log_dir);
	}
}

int remains_remove_network(const struct core *c, const struct job_over *over, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *netns = places_netns(job_over_id(over));

	return cni_del_cached(c->loop, &c->conf.cni, job_over_id(over), netns, ctx, err);
}

int remains_remove_netns(const struct job_over *over, struct err *err)
{
	_cleanup_free_ char *netns = places_netns(job_over_id(over));

	return netns_remove(netns, err);
}

int remains_remove_snapshot(const struct core *c, const struct task_over *over, const char *snapshotter, const struct ctx *ctx,
			    struct err *err)
{
	return snapshots_remove(c->ctrd, snapshotter, task_over_id(over), ctx, err);
}

int remains_remove_record(const struct core *c, const struct task_over *over, const struct ctx *ctx, struct err *err)
{
	return containers_delete(c->ctrd, task_over_id(over), ctx, err);
}

int remains_settle(struct core *c, const struct record *rec, const struct ctx *ctx, struct err *err)
{
	_cleanup_(job_over_freep) struct job_over *over = NULL;
	struct task_status t;
	int r = job_over_end_unstarted(c, rec->c.id, ctx, &t, &over, err);

	if (r <= 0)
		return r;            /* it was started again, or nobody knows */
	if (t.state == TASK_STOPPED) /* before the task goes: else nobody knows the exit in between, nor when we are killed there */
		r = remember_exit(c, rec->c.id, &t.exit, ctx, err);
	if (r >= 0)
		r = delete_others(c, over, ctx, err);
	if (r < 0)
		return r;
	r = remove_task_and_network(c, over, ctx, err);
	remains_remove_files(c, over, false);
	return r < 0 ? r : 1;
}

static void drop_volume(struct core *c, const char *name, const struct task_over *over, const struct ctx *ctx)
{
	struct err why = ERR_INIT;
	int r = volume_drop_own(c, name, over, ctx, &why);

	if (r < 0 && r != -ERR_PRECONDITION) /* one that has a name, or is another job's */
		log_warn("%s", why.msg);
}

/* Killed before there was a record: the volumes themselves say whose they are. */
static void drop_volumes_of(struct core *c, const struct task_over *over, const struct ctx *ctx)
{
	_cleanup_(volumes_done) struct volumes all = { 0 };

	if (volume_list(c, &all, NULL) < 0)
		return;
	for (size_t i = 0; i < all.n; i++)
		if (volume_is_of(&all.v[i], over))
			drop_volume(c, all.v[i].name, over, ctx);
}

/* Volumes that the job made for itself; their names stand in its stored form. */
static void remove_volumes(struct core *c, const struct job_over *over, const struct ctx *ctx)
{
	_cleanup_(record_done) struct record rec = { 0 };
	const bool known = record_find(c, job_over_id(over), ctx, &rec, NULL) >= 0 && rec.job;

	for (size_t t = 0; t < job_over_tasks(over); t++) {
		const struct task *task = known && t < rec.job->n_tasks ? &rec.job->tasks[t] : NULL;

		if (!task)
			drop_volumes_of(c, job_over_task(over, t), ctx);
		for (size_t i = 0; task && i < task->n_mounts; i++)
			if (task->mounts[i].kind == MOUNT_VOLUME && task->mounts[i].source)
				drop_volume(c, task->mounts[i].source, job_over_task(over, t), ctx);
	}
}

int remains_remove_claim(struct core *c, const char *name, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *lease = claim_lease_id(name);

	return leases_delete(c->ctrd, lease, false, ctx, err);
}

static int remove_record_and_snapshot(struct core *c, const struct task_over *over, const char *snapshotter, const struct ctx *ctx,
				      struct err *err)
{
	struct ctrd_call *record = containers_delete_begin(c->ctrd, task_over_id(over), ctx);
	struct ctrd_call *snapshot = snapshots_remove_begin(c->ctrd, snapshotter, task_over_id(over), ctx);
	struct err why = ERR_INIT;
	int first = 0;

	note(&first, err, containers_delete_end(record, ctx, &why), &why);
	err_clear(&why);
	note(&first, err, snapshots_remove_end(snapshot, ctx, &why), &why);
	return first;
}

/* The first task's record last: it is the job's, by which the others are found. */
static int remove_records(struct core *c, const struct job_over *over, const char *snapshotter, const struct ctx *ctx,
			  struct err *err)
{
	int r = 0;

	for (size_t i = job_over_tasks(over); r >= 0 && i-- > 0;)
		r = remove_record_and_snapshot(c, job_over_task(over, i), snapshotter, ctx, err);
	return r;
}

int remains_remove(struct core *c, const char *name, const struct job_over *over, const char *snapshotter, bool volumes,
		   const struct ctx *ctx, struct err *err)
{
	int r = delete_others(c, over, ctx, err), kept;

	if (r < 0)
		return r;
	kept = remove_task_and_network(c, over, ctx, err);
	if (kept < 0)
		return kept;
	if (volumes)
		remove_volumes(c, over, ctx);
	remains_remove_files(c, over, true);
	r = remove_records(c, over, snapshotter, ctx, err);
	if (r < 0 || kept) /* the claim stays, so that what is left can be found; or it stands for the network */
		return r;
	return remains_remove_claim(c, name, ctx, err);
}

int remains_is_over(struct core *c, const char *id, const struct ctx *ctx, struct job_over **ret, struct err *err)
{
	struct ctrd_container now = { 0 };
	int r = containers_get(c->ctrd, id, ctx, &now, err);

	ctrd_container_done(&now);
	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	return r < 0 ? r : job_over_end_unstarted(c, id, ctx, NULL, ret, err);
}

int remains_after_end(struct core *c, const struct record *rec, const struct ctx *ctx, struct err *err)
{
	_cleanup_(job_over_freep) struct job_over *over = NULL;
	int lock, r = claim_lock(c, rec->name, true, ctx, &lock, err);

	if (r == -ERR_EXISTS)
		return err_clear(err), 0;
	if (r < 0)
		return r;
	r = remains_is_over(c, rec->c.id, ctx, &over, err);
	if (r > 0 && dict_get(&rec->c.labels, RECORD_REMOVE))
		r = remains_remove(c, rec->name, over, rec->c.snapshotter, true, ctx, err);
	else if (r > 0)
		r = remains_settle(c, rec, ctx, err);
	claim_unlock(c, rec->name, lock);
	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	return r < 0 ? r : 0;
}
