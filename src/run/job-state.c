#include "job-steps.h"
#include "health-gate.h"
#include "heir.h"
#include "job-name.h"
#include "log.h"
#include "mapped.h"
#include "mem.h"
#include "retry.h"
#include "set-state.h"
#include "task-logger.h"
#include "version.h"

enum { PROBE_MS = 1200 };

bool run_is_new(const struct run *run) { return !run->records; }
bool run_starts(const struct run *run) { return run->opts->mode != RUN_CREATE; }
bool task_is_new(const void *state) { return run_is_new(((const struct run_task *)state)->run); }
bool task_starts(const void *state)
{
	const struct run_task *t = state;

	if (t->run->only)
		return t == t->run->only;
	return run_starts(t->run) && (t->task->lifecycle == LIFE_POSTSTOP) == t->run->stopping;
}

struct ctrd *run_ctrd(const struct run *run) { return run->ctrd ? run->ctrd : run->core->ctrd; }

bool run_call_ready(const void *state, unsigned number)
{
	const struct run *run = state;

	return !run->call[number] || ctrd_call_ready(run->call[number]);
}

bool task_call_ready(const void *state, unsigned number)
{
	const struct run_task *t = state;

	return !t->call[number] || ctrd_call_ready(t->call[number]);
}

void run_give_up(struct run *run, enum step step) { ctrd_call_free(TAKE_PTR(run->call[step])); }
void task_give_up(struct run_task *t, enum step step) { ctrd_call_free(TAKE_PTR(t->call[step])); }

int task_await(struct run_task *t, enum step step, const struct ctx *ctx, struct err *err)
{
	while (!ctrd_call_ready(t->call[step])) {
		int r = loop_turn(t->core->loop, ctx, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static void give_up_all(struct run *run)
{
	for (enum step s = 0; s < N_STEPS; s++)
		run_give_up(run, s);
	for (size_t i = 0; i < run->n_tasks; i++) {
		for (enum step s = 0; s < N_STEPS; s++)
			task_give_up(&run->tasks[i], s);
		ctrd_call_free(TAKE_PTR(run->tasks[i].wait));
		image_look_free(TAKE_PTR(run->tasks[i].look));
	}
}

/* One that is stopped has every call wait: that is found out once, for all that start together. */
static int probe(struct run *run, struct err *err)
{
	const struct ctx soon = ctx_within(NULL, PROBE_MS);
	_cleanup_(ctrd_version_done) struct ctrd_version unused = { 0 };
	size_t n;
	struct run *first = run_peers(run, &n);
	int r;

	if (first->probed)
		return 0;
	first->probed = true;
	r = version_get(run_ctrd(run), &soon, &unused, err);
	if (r == -ERR_DEADLINE)
		return err_clear(err), err_set(err, ERR_UNAVAILABLE, "containerd does not answer");
	return ctrd_alive(run_ctrd(run)) ? 0 : r;
}

bool run_undo_connected(struct run *run)
{
	struct err err = ERR_INIT;
	size_t n;
	struct run *first = run_peers(run, &n);
	int r = 0;

	if (first->unreachable)
		return false;
	if (!ctrd_alive(run_ctrd(run))) {
		give_up_all(run);
		r = core_reconnect(run->core, &err);
	}
	if (r >= 0)
		r = probe(run, &err);
	if (r >= 0)
		return true;
	first->unreachable = true;
	give_up_all(run);
	run_undo_failed(run, &err);
	return false;
}

void run_undo_failed(const struct run *run, const struct err *err)
{
	log_warn("rollback of %s: %s; what is left goes with: davit prune", run->job->name, err->msg);
}

static void task_part_done(struct run_task *t)
{
	timer_done(&t->pull_timer);
	image_helper_stop(t->helper);
	task_wait_free(t->waiting);
	retry_free(t->retry);
	health_gate_free(t->gate);
	streams_free(t->streams);
	logfile_free(t->log);
	results_free(t->results);
	ledger_free(t->ledger);
	ctrd_mounts_done(&t->mounts);
	user_done(&t->user);
	selinux_labels_done(&t->labels);
	user_files_done(&t->files);
	image_done(&t->found);
	json_freep(&t->bundle);
	strv_done(&t->bind_sources);
	strv_done(&t->mapped);
	strv_done(&t->scripts);
	cdi_edits_done(&t->cdi);
	free(t->init);
	strv_done(&t->fresh_volumes);
	run_release_volumes(t);
	free(t->volume_holds);
	free(t->binds);
	task_over_free(t->over);
	free(t->cwd);
	free(t->id);
	free(t->image_name);
	free(t->log_uri);
	free(t->err_uri);
	free(t->in_uri);
	run_close_fifos(t);
	task_logger_leave(t);
	free(t->whose);
}

static void run_net_done(struct run_net *n)
{
	cni_op_abort(n->op);
	cni_net_free(n->net);
	cni_result_done(&n->result);
	strv_done(&n->names);
}

void run_done(struct run *run)
{
	give_up_all(run);
	heir_free(run->heir);
	for (size_t i = 0; i < run->n_tasks; i++)
		task_part_done(&run->tasks[i]);
	for (size_t i = 0; run->records && i < run->n_tasks; i++)
		record_done(&run->records[i]);
	free(run->records);
	job_over_free(run->over);
	free(run->tasks);
	for (size_t i = 0; i < run->n_nets; i++)
		run_net_done(&run->nets[i]);
	free(run->nets);
	claim_clashes_done(&run->clashes);
	runtime_done(&run->runtime);
	free(run->picked);
	run_users_free(run->users);
	free(run->joins.id);
	free(run->joins.name);
	free(run->joins.hostname);
	free(run->id);
	ctrd_free(run->ctrd);
	free(run->lease);
	free(run->snapshotter);
	prefixes_done(&run->prefixes);
	free(run->netns);
	free(run->whose);
	if (run->job)
		claim_unlock(run->core, run->job->name, run->lock);
	job_free(run->job);
}

/* "web", of a set "job shop: task web". */
static char *run_whose(const struct run *run, const char *task)
{
	if (!run->set)
		return mem_strdup(task);
	return mem_printf("job %s%s%s", run->job->name, *task ? ": task " : "", task);
}

void run_add_tasks(struct run *run)
{
	const size_t n = run->job->n_tasks;

	if (run->set)
		run->whose = run_whose(run, "");

	run->tasks = mem_array(struct run_task, n);
	for (run->n_tasks = 0; run->n_tasks < n; run->n_tasks++) {
		struct run_task *t = &run->tasks[run->n_tasks];

		t->run = run;
		t->core = run->core;
		t->task = &run->job->tasks[run->n_tasks];
		t->index = run->n_tasks;
		t->image = &t->found;
		t->image_by = t;
		t->whose = run_whose(run, n > 1 ? t->task->name : "");
		t->id = job_id_task(run->id, t->index);
		t->record = run->records ? &run->records[t->index] : NULL;
	}
}
