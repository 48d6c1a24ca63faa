#include "remains.h"
#include "clock.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "netns.h"
#include "snapshots.h"
#include "tasks.h"
#include "volume.h"
#include <signal.h>
#include <string.h>

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

static int kill_and_wait(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	struct ctrd_call *wait = tasks_wait_begin(c->ctrd, id, NULL, ctx);
	struct ctrd_exit unused;
	int r = tasks_kill(c->ctrd, id, NULL, SIGKILL, true, ctx, err);

	if (r == -ERR_NOT_FOUND) { /* has ended already, or was never started: Delete tells */
		err_clear(err);
		ctrd_call_free(wait);
		return 0;
	}
	if (r < 0) {
		ctrd_call_free(wait);
		return r;
	}
	r = tasks_wait_end(wait, ctx, &unused, err);
	if (r == -ERR_NOT_FOUND) {
		err_clear(err);
		return 0;
	}
	return r;
}

/* 1: there may be a task to be deleted. */
static int stop_task(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	struct ctrd_process p = { 0 };
	int r = tasks_get(c->ctrd, id, NULL, ctx, &p, err);

	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	if (r < 0)
		return r;
	if (p.status != CTRD_STOPPED)
		r = kill_and_wait(c, id, ctx, err);
	ctrd_process_done(&p);
	return r < 0 ? r : 1;
}

static int delete_end(struct ctrd_call *call, const struct ctx *ctx, struct ctrd_exit *ret_exit, struct err *err)
{
	struct ctrd_exit unused;
	int r = tasks_delete_end(call, ctx, ret_exit ? ret_exit : &unused, err);

	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	return r < 0 ? r : 1;
}

int remains_task(struct core *c, const char *id, bool kill, const struct ctx *ctx, struct ctrd_exit *ret_exit, struct err *err)
{
	int r = kill ? stop_task(c, id, ctx, err) : 1;

	return r <= 0 ? r : delete_end(tasks_delete_begin(c->ctrd, id, NULL, ctx), ctx, ret_exit, err);
}

/* The plugins' DEL beside the task's: whatever ran in it has ended. The network namespace goes last, and only once every plugin
 * has deleted what it added: one that failed is asked again, with its namespace, as libcni's users have it. */
static int remove_task_and_network(struct core *c, const char *id, bool kill, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *netns = record_netns(id);
	struct err why = ERR_INIT;
	struct ctrd_call *call = NULL;
	int first = 0, network, r = kill ? stop_task(c, id, ctx, &why) : 1;

	if (r > 0)
		call = tasks_delete_begin(c->ctrd, id, NULL, ctx);
	note(&first, err, r, &why);
	err_clear(&why);
	network = cni_del_cached(c->loop, &c->conf.cni, id, netns, ctx, &why);
	note(&first, err, network, &why);
	err_clear(&why);
	if (call)
		note(&first, err, delete_end(call, ctx, NULL, &why), &why);
	err_clear(&why);
	if (network >= 0)
		note(&first, err, netns_remove(netns, &why), &why);
	return first;
}

/* The state of its task; CTRD_STOPPED and nothing in *ret_exit when there is none. */
static int task_status(struct core *c, const char *id, const struct ctx *ctx, enum ctrd_status *ret, struct ctrd_exit *ret_exit,
		       struct err *err)
{
	struct ctrd_process p = { .status = CTRD_STOPPED };
	int r = tasks_get(c->ctrd, id, NULL, ctx, &p, err);

	if (r == -ERR_NOT_FOUND)
		r = (err_clear(err), 0);
	if (r >= 0) {
		*ret = p.status;
		*ret_exit = (struct ctrd_exit){ p.exit_status, p.exited_at };
	}
	ctrd_process_done(&p);
	return r;
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

/* What a start makes, and with @log what stays from one start to the next. */
static void remove_files(const struct core *c, const char *id, bool log)
{
	_cleanup_free_ char *run_dir = record_run_dir(c, id), *files_dir = record_files_dir(c, id),
			    *log_dir = record_log_dir(c, id);

	remove_folder(run_dir);
	remove_folder(files_dir);
	if (log)
		remove_folder(log_dir);
}

int remains_settle(struct core *c, const struct record *rec, const struct ctx *ctx, struct err *err)
{
	enum ctrd_status status;
	struct ctrd_exit exit;
	int r = task_status(c, rec->c.id, ctx, &status, &exit, err);

	if (r < 0 || (status != CTRD_STOPPED && status != CTRD_CREATED))
		return r; /* it was started again */
	if (status == CTRD_STOPPED) /* before the task goes: else nobody knows the exit in between, nor when we are killed there */
		r = remember_exit(c, rec->c.id, &exit, ctx, err);
	if (r < 0)
		return r;
	r = remove_task_and_network(c, rec->c.id, status == CTRD_CREATED, ctx, err);
	remove_files(c, rec->c.id, false);
	return r;
}

/* Killed before there was a record: the volumes themselves say whose they are. */
static void remove_volumes_of(struct core *c, const char *id)
{
	_cleanup_(volumes_done) struct volumes all = { 0 };

	if (volume_list(c, &all, NULL) < 0)
		return;
	for (size_t i = 0; i < all.n; i++) {
		const char *of = dict_get(&all.v[i].labels, CLAIM_ID);

		if (all.v[i].anonymous && of && !strcmp(of, id))
			(void)volume_drop(c, all.v[i].name, NULL);
	}
}

/* Volumes that the job made for itself; their names stand in its stored form. */
static void remove_volumes(struct core *c, const char *id, const struct ctx *ctx)
{
	_cleanup_(record_done) struct record rec = { 0 };
	struct strv names = { 0 };

	if (record_find(c, id, ctx, &rec, NULL) < 0 || !rec.job) {
		remove_volumes_of(c, id);
		return;
	}
	for (size_t i = 0; i < rec.job->tasks[0].n_mounts; i++) {
		const struct mount *m = &rec.job->tasks[0].mounts[i];

		if (m->kind == MOUNT_VOLUME && m->source)
			strv_push(&names, m->source);
	}
	for (size_t i = 0; i < names.n; i++) {
		struct volume v = { 0 };

		if (volume_get(c, names.v[i], &v, NULL) >= 0 && v.anonymous)
			(void)volume_drop(c, names.v[i], NULL);
		volume_done(&v);
	}
	strv_done(&names);
}

static int remove_records(struct core *c, const char *name, const char *id, const char *snapshotter, const struct ctx *ctx,
			  struct err *err)
{
	_cleanup_free_ char *lease = claim_lease_id(name);
	struct ctrd_call *record = id ? containers_delete_begin(c->ctrd, id, ctx) : NULL;
	struct ctrd_call *snapshot = id ? snapshots_remove_begin(c->ctrd, snapshotter, id, ctx) : NULL;
	struct err why = ERR_INIT;
	int first = 0;

	if (record)
		note(&first, err, containers_delete_end(record, ctx, &why), &why);
	err_clear(&why);
	if (snapshot)
		note(&first, err, snapshots_remove_end(snapshot, ctx, &why), &why);
	if (first < 0)
		return first; /* the claim stays, so that what is left can be found */
	return leases_delete(c->ctrd, lease, false, ctx, err);
}

int remains_remove(struct core *c, const char *name, const char *id, const char *snapshotter, bool volumes, const struct ctx *ctx,
		   struct err *err)
{
	if (id) {
		int r = remove_task_and_network(c, id, true, ctx, err);

		if (r < 0)
			return r;
		if (volumes)
			remove_volumes(c, id, ctx);
		remove_files(c, id, true);
	}
	return remove_records(c, name, id, snapshotter, ctx, err);
}

int remains_is_over(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	struct ctrd_container now = { 0 };
	enum ctrd_status status;
	struct ctrd_exit unused;
	int r = containers_get(c->ctrd, id, ctx, &now, err);

	ctrd_container_done(&now);
	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	if (r >= 0)
		r = task_status(c, id, ctx, &status, &unused, err);
	return r < 0 ? r : status == CTRD_STOPPED || status == CTRD_CREATED;
}

int remains_after_end(struct core *c, const struct record *rec, const struct ctx *ctx, struct err *err)
{
	int lock, r = claim_lock(c, rec->name, true, ctx, &lock, err);

	if (r == -ERR_EXISTS)
		return err_clear(err), 0;
	if (r < 0)
		return r;
	r = remains_is_over(c, rec->c.id, ctx, err);
	if (r > 0 && dict_get(&rec->c.labels, RECORD_REMOVE))
		r = remains_remove(c, rec->name, rec->c.id, rec->c.snapshotter, true, ctx, err);
	else if (r > 0)
		r = remains_settle(c, rec, ctx, err);
	claim_unlock(c, rec->name, lock);
	return r == -ERR_NOT_FOUND ? (err_clear(err), 0) : r;
}
