#include "job-steps.h"
#include "log.h"
#include "version.h"

enum { PROBE_MS = 1200 };

bool run_is_new(const void *state)
{
	const struct run *run = state;

	return !run->record;
}

bool run_starts(const void *state)
{
	const struct run *run = state;

	return run->opts->mode != RUN_CREATE;
}

struct ctrd *run_ctrd(const struct run *run) { return run->ctrd ? run->ctrd : run->core->ctrd; }

void run_give_up(struct run *run, int step) { ctrd_call_free(TAKE_PTR(run->call[step])); }

int run_await(struct run *run, int step, const struct ctx *ctx, struct err *err)
{
	while (!ctrd_call_ready(run->call[step])) {
		int r = loop_turn(run->core->loop, ctx, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static void give_up_all(struct run *run)
{
	for (int i = 0; i < N_STEPS; i++)
		run_give_up(run, i);
	ctrd_call_free(TAKE_PTR(run->wait));
}

/* One that is stopped has every call wait: that is found out once. */
static int probe(struct run *run, struct err *err)
{
	const struct ctx soon = ctx_within(NULL, PROBE_MS);
	_cleanup_(ctrd_version_done) struct ctrd_version unused = { 0 };
	int r;

	if (run->probed)
		return 0;
	run->probed = true;
	r = version_get(run_ctrd(run), &soon, &unused, err);
	if (r == -ERR_DEADLINE)
		return err_clear(err), err_set(err, ERR_UNAVAILABLE, "containerd does not answer");
	return ctrd_alive(run_ctrd(run)) ? 0 : r;
}

bool run_undo_connected(struct run *run)
{
	struct err err = ERR_INIT;
	int r = 0;

	if (run->unreachable || run->task_left)
		return false;
	if (!ctrd_alive(run_ctrd(run))) {
		give_up_all(run);
		r = core_reconnect(run->core, &err);
	}
	if (r >= 0)
		r = probe(run, &err);
	if (r >= 0)
		return true;
	run->unreachable = true;
	give_up_all(run);
	run_undo_failed(run, &err);
	return false;
}

void run_undo_failed(const struct run *run, const struct err *err)
{
	log_warn("rollback of %s: %s; what is left goes with: davit prune", run->job->name, err->msg);
}
