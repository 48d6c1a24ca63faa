#include "job-top.h"
#include "job-cgroup.h"
#include "job-name.h"
#include "mem.h"
#include "record.h"
#include "runtime-kind.h"
#include "task.h"
#include "value.h"
#include <dirent.h>
#include <fcntl.h>
#include <string.h>

void task_processes_done(struct task_processes *all)
{
	for (size_t i = 0; i < all->n; i++) {
		process_done(&all->v[i].p);
		free(all->v[i].task);
	}
	free(all->v);
	*all = (struct task_processes){ 0 };
}

static void top_add(struct task_processes *to, const struct process *p, const char *task)
{
	to->v = mem_grow(to->v, &to->cap, to->n + 1, sizeof *to->v);
	to->v[to->n++] = (struct task_process){ .p = *p, .task = mem_strdup(task) };
}

static void top_read(struct task_processes *to, const char *path, pid_t pid, pid_t thread, const char *task)
{
	_cleanup_close_ int dirfd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct process p;

	if (dirfd < 0 || process_read(dirfd, pid, &p, NULL) < 0)
		return;
	p.thread = thread;
	top_add(to, &p, task);
}

static void top_read_threads(struct task_processes *to, const char *path, pid_t pid, const char *task)
{
	_cleanup_free_ char *folder = mem_printf("%s/task", path);
	_cleanup_(closedirp) DIR *d = opendir(folder);

	for (const struct dirent *e; d && (e = readdir(d));) {
		_cleanup_free_ char *own = mem_printf("%s/%s", folder, e->d_name);
		int64_t thread;

		if (parse_whole(e->d_name, &thread))
			top_read(to, own, pid, (pid_t)thread, task);
	}
}

/* A number can have passed to another process since the list was read: who is not in a second one is not told of. */
static int top_of_cgroup(const struct core *c, const char *id, const char *name, bool threads, struct task_processes *to,
			 struct err *err)
{
	_cleanup_(cgroup_pids_done) struct cgroup_pids pids = { 0 }, now = { 0 };
	const size_t before = to->n;
	size_t kept = before;
	int r = job_cgroup_pids(c, id, &pids, err);

	if (r >= 0 && pids.n && pids.v[pids.n - 1] == 0)
		return err_hint(
			err, err_set(err, ERR_PRECONDITION, "task %s: its processes are of another pid namespace than davit", name),
			"run davit in the host's, or: davit exec %s ps", name);
	for (size_t i = 0; r >= 0 && i < pids.n; i++) {
		_cleanup_free_ char *path = mem_printf("/proc/%d", (int)pids.v[i]);

		if (threads)
			top_read_threads(to, path, pids.v[i], name);
		else
			top_read(to, path, pids.v[i], 0, name);
	}
	if (r >= 0)
		r = job_cgroup_pids(c, id, &now, err);
	for (size_t i = before; i < to->n; i++) {
		const bool is_in = r >= 0 && cgroup_has(&now, to->v[i].p.pid);
		struct task_process t = to->v[i];

		if (is_in) {
			to->v[kept++] = t;
		} else {
			process_done(&t.p);
			free(t.task);
		}
	}
	to->n = kept;
	return r;
}

static int has_processes_here(const struct record *rec, struct err *err)
{
	const char *type = rec->c.runtime ? rec->c.runtime : "";
	int r;

	if (!runtime_has_kernel(type))
		return 0;
	r = err_set(err, ERR_UNIMPLEMENTED,
		    "job %s: runs on a kernel of its own (runtime %s), whose processes the host does not see", rec->name, type);
	return err_hint(err, r, "davit exec %s ps", rec->name);
}

/* An engine that makes no cgroup, as runsc may be told, has its processes anywhere. */
static int has_none(const struct record *rec, bool runs, struct err *err)
{
	if (!runs)
		return err_hint(err, err_set(err, ERR_PRECONDITION, "job %s: does not run", rec->name), "davit start %s",
				rec->name);
	return err_hint(err, err_set(err, ERR_PRECONDITION, "job %s: no process is in its cgroup", rec->name), "davit exec %s ps",
			rec->name);
}

int job_top(struct core *c, const char *what, bool threads, const struct ctx *ctx, struct task_processes *ret, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	_cleanup_(task_processes_done) struct task_processes found = { 0 };
	bool runs = false;
	int r = record_find_task(c, what, ctx, &rec, &found.several, err);

	if (r >= 0)
		r = has_processes_here(&rec, err);
	for (size_t i = 0, n = r < 0 ? 0 : job_id_tasks(record_job_id(&rec)); r >= 0 && i < n; i++) {
		_cleanup_free_ char *id = job_id_task(record_job_id(&rec), i), *name = record_task_name(&rec, i);
		struct task_status t;

		if (!found.several && i != rec.task)
			continue;
		r = task_look(c, id, ctx, &t, err);
		if (r < 0 || !task_may_live(&t))
			continue;
		runs = true;
		r = top_of_cgroup(c, id, found.several ? name : rec.name, threads, &found, err);
	}
	if (r >= 0 && !found.n)
		r = has_none(&rec, runs, err);
	if (r >= 0)
		*ret = TAKE_STRUCT(found);
	return r < 0 ? r : 0;
}
