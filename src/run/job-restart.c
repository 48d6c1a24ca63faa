#include "job-restart.h"
#include "job-run.h"
#include "job-stop.h"
#include "poststop.h"
#include "record.h"

int job_restart(struct core *c, const char *name, int timeout, const struct ctx *ctx, struct err *err)
{
	const struct run_opts detached = { .mode = RUN_DETACHED };
	_cleanup_(record_done) struct record rec = { 0 };
	struct run_result unused = { 0 };
	int r = record_find(c, name, ctx, &rec, err);

	if (r >= 0 && dict_get(&rec.c.labels, RECORD_REMOVE))
		return err_hint(
			err, err_set(err, ERR_PRECONDITION, "job %s: it was run with --rm, so that stopping removes it", rec.name),
			"stop it, and run it anew");
	if (r >= 0)
		r = job_stop(c, name, timeout, poststop_of_jobs, ctx, err);
	if (r >= 0)
		r = job_start(c, name, &detached, ctx, &unused, err);
	run_result_done(&unused);
	return r;
}
