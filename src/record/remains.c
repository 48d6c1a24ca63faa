#include "remains.h"
#include "clock.h"
#include "file.h"
#include "job-exit.h"
#include "job-name.h"
#include "kept-logs.h"
#include "log.h"
#include "mem.h"
#include "monitored.h"
#include "netns.h"
#include "netshare.h"
#include "orphans.h"
#include "peers.h"
#include "snapshots.h"
#include "volume-folder.h"
#include "volume-users.h"
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>

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

/* Deletes of tasks that are over, under way side by side. */
struct deletes {
	struct core *core;
	const struct task_over **overs; /* borrowed proofs; NULL: not to be deleted */
	struct ctrd_call **calls;
	struct ctx limit;
	size_t n;
};

static void deletes_done(struct deletes *d)
{
	for (size_t i = 0; i < d->n; i++)
		ctrd_call_free(d->calls[i]);
	free(d->calls);
	free(d->overs);
}

static void deletes_begin(struct deletes *d, struct core *c, size_t n, const struct ctx *ctx)
{
	*d = (struct deletes){ c, mem_array(const struct task_over *, n), mem_array(struct ctrd_call *, n),
			       ctx_within(ctx, DELETE_MS), n };
}

static void deletes_add(struct deletes *d, size_t i, const struct task_over *over)
{
	d->overs[i] = over;
	if (task_over_is_there(over))
		d->calls[i] = tasks_delete_begin(d->core->ctrd, task_over_id(over), NULL, &d->limit);
}

/* What its shim should have cleaned is cleaned, too, where davit had to end it, and where containerd may have forgotten it. */
static int delete_finish(struct deletes *d, size_t i, const struct ctx *ctx, struct err *err)
{
	const char *id = d->overs[i] ? task_over_id(d->overs[i]) : NULL;
	int r = d->calls[i] ? delete_end(d->core, id, TAKE_PTR(d->calls[i]), ctx, err) : 0;

	if (id && r >= 0 && (r > 0 || task_over_was_forced(d->overs[i])))
		r = orphans_end_task(d->core, id, ctx, err);
	return r < 0 ? r : 0;
}

int remains_tasks(struct core *c, const char *const *ids, size_t n, const struct ctx *ctx, struct task_over **ret, struct err *err)
{
	_cleanup_(deletes_done) struct deletes all = { 0 };
	struct err why = ERR_INIT;
	int first = 0, r;

	deletes_begin(&all, c, n, ctx);
	if (n > 1)
		task_kill_all(c, ids, n, ctx);
	for (size_t i = 0; i < n; i++) {
		ret[i] = NULL;
		r = task_terminate(c, ids[i], ctx, &ret[i], &why);
		note(&first, err, r, &why);
		err_clear(&why);
		if (ret[i])
			deletes_add(&all, i, ret[i]);
	}
	for (size_t i = 0; i < n; i++) {
		r = delete_finish(&all, i, ctx, &why);
		note(&first, err, r, &why);
		err_clear(&why);
		if (r < 0)
			task_over_free(TAKE_PTR(ret[i]));
	}
	return first;
}

int remains_task(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	_cleanup_(task_over_freep) struct task_over *over = NULL;

	return remains_tasks(c, &id, 1, ctx, &over, err);
}

/* All but the first, whose Delete goes on beside the network's plugins; of those that containerd does not have, too, something may
 * be left. */
static int others_end(struct deletes *d, const struct job_over *over, const struct ctx *ctx, struct err *err)
{
	int first = 0;

	for (size_t i = 1; i < d->n; i++) {
		const struct task_over *its = job_over_task(over, i);
		struct err why = ERR_INIT;
		int r = task_over_is_there(its) ? delete_finish(d, i, ctx, &why)
						: orphans_end_task(d->core, task_over_id(its), ctx, &why);

		note(&first, err, r, &why);
	}
	return first;
}

/* The plugins' DEL beside the task's. The network namespace goes last, and only once every plugin has deleted what it added: one
 * that failed is asked again, with its namespace, as libcni's users have it. 1: it stays, since others are in it (netshare.h). */
static int remove_first_and_network(struct core *c, const struct job_over *over, const struct ctx *ctx, struct err *err)
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
	network = shared ? netshare_leave(c, over, ctx, &why) : remains_remove_network(c, over, ctx, &why);
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

static int remove_tasks_and_network(struct core *c, const struct job_over *over, const struct ctx *ctx, struct err *err)
{
	_cleanup_(deletes_done) struct deletes others = { 0 };
	struct err why = ERR_INIT;
	int first = 0, r;

	deletes_begin(&others, c, job_over_tasks(over), ctx);
	for (size_t i = 1; i < others.n; i++)
		deletes_add(&others, i, job_over_task(over, i));
	r = remove_first_and_network(c, over, ctx, &why);
	note(&first, err, r, &why);
	err_clear(&why);
	note(&first, err, others_end(&others, over, ctx, &why), &why);
	return first < 0 ? first : r;
}

struct exits {
	struct ctrd_call **calls;
	size_t n;
};

static void exit_add(struct exits *x, struct core *c, const char *id, const char *label, const struct ctrd_exit *exit,
		     const struct ctx *ctx)
{
	_cleanup_dict_ struct dict labels = { 0 };
	char at[CLOCK_TEXT];

	dict_setf(&labels, label, "%u %s", exit->status, clock_rfc3339(exit->at, at));
	x->calls[x->n++] = containers_set_labels_begin(c->ctrd, id, &labels, ctx);
}

/* What a job's end is to those who settle it. */
enum settling {
	SETTLE_UNSURE,
	SETTLE_FOR_GOOD, /* it is not to be started again, so that what its monitor has seen of those that containerd has lost
			    counts */
	SETTLE_BETWEEN,  /* two lives of a job of several tasks, whose exit says that it is over: it has none */
};

/* On each task's record its own, and on the job's the job's, before the tasks go: else nobody knows the exit in between, nor when
 * we are killed there. */
static int remember_exits(struct core *c, const struct record *rec, const struct job_over *over, enum settling how,
			  const struct ctx *ctx, struct err *err)
{
	const size_t n = job_over_tasks(over);
	_cleanup_free_ struct ctrd_call **calls = mem_array(struct ctrd_call *, n + 1);
	_cleanup_free_ struct ctrd_exit *exits = mem_array(struct ctrd_exit, n);
	struct exits x = { calls, 0 };
	struct ctrd_exit all;
	int first = 0;

	for (size_t i = 0; i < n; i++) {
		exits[i] = *task_over_exit(job_over_task(over, i));
		if (how == SETTLE_FOR_GOOD && n > 1 && !exits[i].at)
			(void)monitored_exit(rec, i, &exits[i]);
		if (n > 1 && exits[i].at)
			exit_add(&x, c, task_over_id(job_over_task(over, i)), RECORD_TASK_EXIT, &exits[i], ctx);
	}
	all = job_exit_of(rec->job, exits, n);
	if (all.at && how != SETTLE_BETWEEN)
		exit_add(&x, c, job_over_id(over), RECORD_EXIT, &all, ctx);
	for (size_t i = 0; i < x.n; i++) {
		struct err why = ERR_INIT;

		note(&first, err, containers_set_labels_end(x.calls[i], ctx, &why), &why);
	}
	return first;
}

static void remove_folder(const char *path)
{
	struct err why = ERR_INIT;

	if (file_remove_tree(path, &why) < 0)
		log_warn("%s", why.msg);
}

/* What is mounted below a shared mount would be unmounted in its peers, too. */
void remains_unmount(const char *path)
{
	(void)mount(NULL, path, NULL, MS_REC | MS_PRIVATE, NULL);
	(void)umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
}

void remains_unmount_all(const char *run_dir)
{
	_cleanup_(closedirp) DIR *d = opendir(run_dir);

	for (const struct dirent *e; d && (e = readdir(d));) {
		_cleanup_free_ char *path = mem_printf("%s/%s", run_dir, e->d_name);

		if (!strncmp(e->d_name, PLACES_MAP, strlen(PLACES_MAP)))
			remains_unmount(path);
	}
}

/* What a start makes, and with @logs what stays from one start to the next. */
void remains_remove_files(const struct core *c, const struct job_over *over, bool logs)
{
	const char *id = job_over_id(over);
	_cleanup_free_ char *run_dir = places_run(c, id), *files_dir = places_files(c, id), *folders = places_folders(c, id);

	remains_unmount_all(run_dir);
	remove_folder(run_dir);
	remove_folder(files_dir);
	if (logs)
		remove_folder(folders);
	for (size_t i = 0; logs && i < job_over_tasks(over); i++) {
		const char *task = task_over_id(job_over_task(over, i));
		_cleanup_free_ char *log_dir = places_logs(c, task), *lost = places_lost(c, task);

		remove_folder(log_dir);
		(void)unlink(lost);
	}
}

int remains_remove_network(const struct core *c, const struct job_over *over, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *netns = places_netns(job_over_id(over));
	_cleanup_strv_ struct strv networks = { 0 };
	int r;

	cni_cached_networks(&c->conf.cni, job_over_id(over), &networks);
	r = cni_del_cached(c->loop, &c->conf.cni, job_over_id(over), netns, ctx, err);
	peers_update(c, &networks, ctx);
	return r;
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

static int remains_settle_so(struct core *c, const struct record *rec, enum settling how, const struct ctx *ctx, struct err *err)
{
	_cleanup_(job_over_freep) struct job_over *over = NULL;
	int r = job_over_end_unstarted(c, rec->c.id, ctx, NULL, &over, err);

	if (r <= 0)
		return r; /* it was started again, or nobody knows */
	r = remember_exits(c, rec, over, how, ctx, err);
	if (r < 0)
		return r;
	r = remove_tasks_and_network(c, over, ctx, err);
	remains_remove_files(c, over, false);
	return r < 0 ? r : 1;
}

/* Of several tasks all may be between two lives: settled for good, none of them would be started again. */
static int is_between_lives(struct core *c, const struct record *rec, const struct ctx *ctx, struct err *err)
{
	_cleanup_(monitored_done) struct monitored m = { 0 };
	_cleanup_(record_done) struct record now = { 0 };
	int r;

	if (job_id_tasks(rec->c.id) < 2)
		return 0;
	r = record_get(c, rec->c.id, ctx, &now, err);
	if (r >= 0 && now.job && monitored_asks(now.job))
		r = monitored_ask(c, &now, ctx, NULL, &m, err);
	return r < 0 ? r : m.state >= MONITORED_DECIDED;
}

int remains_settle(struct core *c, const struct record *rec, const struct ctx *ctx, struct err *err)
{
	const int r = is_between_lives(c, rec, ctx, err);

	return r < 0 ? r : remains_settle_so(c, rec, r ? SETTLE_BETWEEN : SETTLE_UNSURE, ctx, err);
}

/* Its own lock is held: no job is being made with it. 0: it stays, as another job's record names it. */
static int drop_unused(struct core *c, const char *name, const char *job, int lock, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *user = NULL;
	int r = volume_other_user(c, name, job, ctx, &user, err);

	if (r < 0)
		return r;
	if (!user)
		return volume_drop(c, name, lock, ctx, err);
	log_warn("job %s: its volume %s stays: job %s uses it", job, name, user);
	return 0;
}

/* But for one that has a name, or is another job's. */
static void drop_volume(struct core *c, const char *name, const char *job, const struct task_over *over, const struct ctx *ctx)
{
	_cleanup_(volume_done) struct volume v = { 0 };
	_cleanup_close_ int lock = -1;
	struct err why = ERR_INIT;
	int r = volume_get(c, name, &v, &why);

	if (r >= 0 && !volume_is_of(&v, over))
		return;
	if (r >= 0)
		r = volume_lock(c, name, LOCK_EX, &lock, &why);
	if (r > 0)
		r = drop_unused(c, name, job, lock, ctx, &why);
	else if (r == 0)
		log_warn("job %s: its volume %s stays: a job that is being started uses it", job, name);
	if (r < 0 && r != -ERR_NOT_FOUND)
		log_warn("%s", why.msg);
}

/* Killed before there was a record: the volumes themselves say whose they are. */
static void drop_volumes_of(struct core *c, const char *job, const struct task_over *over, const struct ctx *ctx)
{
	_cleanup_(volumes_done) struct volumes all = { 0 };

	if (volume_list(c, &all, NULL) < 0)
		return;
	for (size_t i = 0; i < all.n; i++)
		if (volume_is_of(&all.v[i], over))
			drop_volume(c, all.v[i].name, job, over, ctx);
}

/* Volumes that the job @name made for itself; their names stand in its stored form. @job: NULL where that is not known. */
static void remove_volumes(struct core *c, const char *name, const struct job *job, const struct job_over *over,
			   const struct ctx *ctx)
{
	for (size_t t = 0; t < job_over_tasks(over); t++) {
		const struct task *task = job && t < job->n_tasks ? &job->tasks[t] : NULL;

		if (!task)
			drop_volumes_of(c, name, job_over_task(over, t), ctx);
		for (size_t i = 0; task && i < task->n_mounts; i++)
			if (task->mounts[i].kind == MOUNT_VOLUME && task->mounts[i].source)
				drop_volume(c, task->mounts[i].source, name, job_over_task(over, t), ctx);
	}
}

int remains_remove_claim(struct core *c, const char *name, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *lease = claim_lease_id(name);

	return leases_delete(c->ctrd, lease, false, ctx, err);
}

struct removal {
	struct ctrd_call *record, *snapshot;
};

static struct removal removal_begin(struct core *c, const struct task_over *over, const char *snapshotter, const struct ctx *ctx)
{
	return (struct removal){ containers_delete_begin(c->ctrd, task_over_id(over), ctx),
				 snapshots_remove_begin(c->ctrd, snapshotter, task_over_id(over), ctx) };
}

static int removal_end(struct removal *x, const struct ctx *ctx, struct err *err)
{
	struct err why = ERR_INIT;
	int first = 0;

	note(&first, err, containers_delete_end(x->record, ctx, &why), &why);
	err_clear(&why);
	note(&first, err, snapshots_remove_end(x->snapshot, ctx, &why), &why);
	return first;
}

/* The first task's record last: it is the job's, by which the others are found. */
static int remove_records(struct core *c, const struct job_over *over, const char *snapshotter, const struct ctx *ctx,
			  struct err *err)
{
	const size_t n = job_over_tasks(over);
	_cleanup_free_ struct removal *all = mem_array(struct removal, n);
	int first = 0;

	for (size_t i = 1; i < n; i++)
		all[i] = removal_begin(c, job_over_task(over, i), snapshotter, ctx);
	for (size_t i = 1; i < n; i++) {
		struct err why = ERR_INIT;

		note(&first, err, removal_end(&all[i], ctx, &why), &why);
	}
	if (first < 0)
		return first;
	all[0] = removal_begin(c, job_over_task(over, 0), snapshotter, ctx);
	return removal_end(&all[0], ctx, err);
}

/* Its record says which; without one it is that of all jobs here. */
static int find_snapshotter(struct core *c, const struct record *rec, const struct ctx *ctx, char **ret, struct err *err)
{
	if (!rec->c.id)
		return core_snapshotter(c, ctx, ret, err);
	*ret = mem_strdup(rec->c.snapshotter);
	return 0;
}

int remains_remove(struct core *c, const char *name, const struct job_over *over, bool volumes, const struct ctx *ctx,
		   struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	_cleanup_free_ char *snapshotter = NULL;
	int r, kept = remove_tasks_and_network(c, over, ctx, err);

	if (kept < 0)
		return kept;
	r = record_get(c, job_over_id(over), ctx, &rec, err);
	if (r < 0 && r != -ERR_NOT_FOUND)
		return r;
	err_clear(err);
	r = find_snapshotter(c, &rec, ctx, &snapshotter, err);
	if (r < 0)
		return r;
	if (volumes)
		remove_volumes(c, name, rec.job, over, ctx);
	kept_logs_take(c, &rec, over);
	remains_remove_files(c, over, true);
	r = remove_records(c, over, snapshotter, ctx, err);
	monitored_forget(c, job_over_id(over));
	if (r < 0 || kept) /* the claim stays, so that what is left can be found; or it stands for the network */
		return r;
	return remains_remove_claim(c, rec.c.id ? rec.name : name, ctx, err); /* it may have been renamed since */
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
	_cleanup_free_ char *name = mem_strdup(rec->name);
	int lock, r = record_lock(c, rec->c.id, &name, true, ctx, &lock, err);

	if (r == -ERR_EXISTS)
		return err_clear(err), 0;
	if (r < 0)
		return r;
	r = is_between_lives(c, rec, ctx, err);
	if (r == 0)
		r = remains_is_over(c, rec->c.id, ctx, &over, err);
	else if (r > 0)
		r = 0;
	if (r > 0 && dict_get(&rec->c.labels, RECORD_REMOVE))
		r = remains_remove(c, name, over, true, ctx, err);
	else if (r > 0)
		r = remains_settle_so(c, rec, SETTLE_FOR_GOOD, ctx, err);
	claim_unlock(c, name, lock);
	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	return r < 0 ? r : 0;
}
