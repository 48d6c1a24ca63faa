#include "job-run.h"
#include "cidfile.h"
#include "clock.h"
#include "decide.h"
#include "foreground.h"
#include "mem.h"
#include "unheeded.h"
#include "job-steps.h"
#include "monitored.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { PICKS_MAX = 50 };

void run_result_done(struct run_result *r)
{
	free(r->name);
	free(r->id);
	*r = (struct run_result){ 0 };
}

struct report {
	struct timing *timing;
	int64_t origin;
};

static void report_row(void *arg, const char *step, const char *whose, int64_t began, int64_t ended)
{
	const struct report *r = arg;

	timing_add(r->timing, step, whose, began - r->origin, ended - r->origin);
}

void run_report_timing(const struct graph *g, struct timing *t, int64_t origin)
{
	struct report r = { t, origin };

	graph_times(g, report_row, &r);
}

static int run_execute_so(struct run *run, bool follows, const struct ctx *ctx, struct run_result *ret, struct err *err)
{
	_cleanup_(graph_freep) struct graph *graph = job_start_graph(run);
	const struct graph_how how = { .loop = run->core->loop,
				       .step_ms = run->core->conf.call_ms ? run->core->conf.call_ms : JOB_CALL_MS,
				       .undo_ms = run_undo_ms(run->core) };
	int64_t origin = clock_mono();
	int r = cidfile_write(run->opts->cidfile, run, 1, err);

	if (r < 0)
		return r;
	r = graph_run(graph, &how, ctx, err);
	if (r < 0) {
		cidfile_undo(run->opts->cidfile);
		return r;
	}
	run_report_timing(graph, run->opts->timing, origin);
	claim_unlock(run->core, run->job->name, TAKE_FD(run->lock));
	ret->name = mem_strdup(run->job->name);
	ret->id = mem_strdup(run->id);
	ret->pid = run->tasks[0].pid;
	if (run->opts->started)
		run->opts->started(run->opts->started_arg, ret->name, ret->id);
	if (run_starts(run) && !run->opts->unwatched)
		monitored_started(run->core, run->job, run->id);
	if (follows)
		return foreground_follow(run, ctx, ret, err);
	if (run->opts->mode == RUN_FOREGROUND)
		return foreground_run(run, ctx, ret, origin, err);
	if (run->n_tasks > 1) /* while their steps went on side by side, a fork would have come between */
		foreground_heir(run);
	foreground_leave(run);
	return 0;
}

int run_execute(struct run *run, const struct ctx *ctx, struct run_result *ret, struct err *err)
{
	const struct run_opts *asked = run->opts;
	struct run_opts detached = *asked;
	const bool follows = foreground_follows(run);
	int r;

	detached.mode = RUN_DETACHED;
	run->opts = follows ? &detached : asked;
	r = run_execute_so(run, follows, ctx, ret, err);
	run->opts = asked;
	return r;
}

static int run_once(struct core *core, const struct job *job, const struct run_opts *opts, const struct ctx *ctx,
		    struct run_result *ret, bool *ret_lost, struct err *err)
{
	_cleanup_(run_done) struct run run = { .core = core, .opts = opts, .lock = -1 };
	struct run_result res = { 0 };
	int r = run_copy_job(job, &run.job, err);

	if (r >= 0)
		r = run_decide(&run, ctx, err);
	if (r >= 0)
		r = run_execute(&run, ctx, &res, err);
	*ret_lost = run.lost_pick;
	if (r < 0) {
		run_result_done(&res);
		return run.job && run.job->name ? err_wrap(err, r, "run job %s", run.job->name) : err_wrap(err, r, "run job");
	}
	*ret = res;
	return 0;
}

/* Of two that choose the same port at the same time one gives way: to choose another. */
int job_run(struct core *core, const struct job *job, const struct run_opts *opts, const struct ctx *ctx, struct run_result *ret,
	    struct err *err)
{
	bool lost = false;
	int r;

	unheeded_say(core, job, 1, opts->mode == RUN_FOREGROUND || job->remove);
	r = run_once(core, job, opts, ctx, ret, &lost, err);

	for (int i = 0; r < 0 && lost && i < PICKS_MAX && ctx_check(ctx, NULL) >= 0; i++) {
		err_clear(err);
		r = run_once(core, job, opts, ctx, ret, &lost, err);
	}
	return r;
}
