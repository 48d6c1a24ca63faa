#include "others.h"
#include "containers.h"
#include "file.h"
#include "job-name.h"
#include "mem.h"
#include "places.h"
#include "remains.h"
#include "snapshots.h"
#include "task.h"
#include <signal.h>

int others_are_over(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	int r = 1;

	for (size_t i = 1; r > 0 && i < job_id_tasks(id); i++) {
		_cleanup_free_ char *its = job_id_task(id, i);
		struct task_status t;

		r = task_look(c, its, ctx, &t, err);
		if (r >= 0)
			r = !task_may_live(&t);
	}
	return r;
}

/* Each dies while the others do: what does not, or was never started, is for remains_task(). */
static void kill_all(struct core *c, const char *id, size_t n, const struct ctx *ctx)
{
	_cleanup_free_ struct ctrd_call **calls = mem_array(struct ctrd_call *, n);

	for (size_t i = 1; i < n; i++) {
		_cleanup_free_ char *its = job_id_task(id, i);

		calls[i] = tasks_kill_begin(c->ctrd, its, NULL, SIGKILL, true, ctx);
	}
	for (size_t i = 1; i < n; i++) {
		while (!ctrd_call_ready(calls[i]) && loop_turn(c->loop, ctx, NULL) >= 0)
			;
		ctrd_call_free(calls[i]);
	}
}

enum { KILL_MS = 1500 };

int others_end(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	const struct ctx limit = ctx_within(ctx, KILL_MS);
	const size_t n = job_id_tasks(id);
	int r = 0;

	if (n > 1)
		kill_all(c, id, n, &limit);
	for (size_t i = 1; r >= 0 && i < n; i++) {
		_cleanup_free_ char *its = job_id_task(id, i);

		r = remains_task(c, its, ctx, err);
	}
	return r;
}

int others_remove(struct core *c, const char *id, const char *snapshotter, const struct ctx *ctx, struct err *err)
{
	int first = 0;

	for (size_t i = 1; i < job_id_tasks(id); i++) {
		_cleanup_free_ char *its = job_id_task(id, i), *log = places_logs(c, its);
		struct err why = ERR_INIT;
		int r = containers_delete(c->ctrd, its, ctx, &why);

		if (r >= 0)
			r = snapshots_remove(c->ctrd, snapshotter, its, ctx, &why);
		if (r >= 0)
			r = file_remove_tree(log, &why);
		if (r >= 0 || first < 0)
			continue;
		first = r;
		if (err)
			*err = why;
	}
	return first;
}
