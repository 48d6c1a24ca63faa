#include "job-steps.h"
#include "log.h"

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

struct ctrd *run_ctrd(const struct run *run) { return run->core->ctrd; }

void run_give_up(struct run *run, int step) { ctrd_call_free(TAKE_PTR(run->call[step])); }

bool run_undo_connected(struct run *run)
{
	struct err err = ERR_INIT;

	if (ctrd_alive(run_ctrd(run)))
		return true;
	for (int i = 0; i < N_STEPS; i++)
		run_give_up(run, i);
	ctrd_call_free(TAKE_PTR(run->wait));
	if (core_reconnect(run->core, &err) >= 0)
		return true;
	log_warn("rollback of %s: %s; what is left goes with: davit prune", run->job->name, err.msg);
	return false;
}

void run_undo_failed(const struct run *run, const struct err *err)
{
	log_warn("rollback of %s: %s; what is left goes with: davit prune", run->job->name, err->msg);
}
