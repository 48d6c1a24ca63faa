/* What a run would do: its plan, and the spec that its container would have. */
#include "decide.h"
#include "job-pod.h"

int job_plan(const struct core_conf *conf, const struct job *job, enum run_mode mode, struct strv *out, struct err *err)
{
	struct core core = { .conf = *conf }; /* connected to nothing: a plan asks nobody */
	_cleanup_(run_done) struct run run = { .core = &core, .opts = &(const struct run_opts){ .mode = RUN_CREATE }, .lock = -1 };
	const struct run_opts how = { .mode = mode };
	_cleanup_(graph_freep) struct graph *graph = NULL;
	int r = run_copy_job(job, &run.job, err);

	if (r >= 0)
		r = run_decide(&run, NULL, err);
	if (r < 0)
		return r;
	run.opts = &how;
	graph = job_start_graph(&run);
	graph_plan(graph, out);
	return 0;
}

int job_spec(struct core *core, const struct job *job, const struct ctx *ctx, struct buf *out, struct err *err)
{
	_cleanup_(run_done) struct run run = { .core = core, .opts = &(const struct run_opts){ .mode = RUN_CREATE }, .lock = -1 };
	int r = run_copy_job(job, &run.job, err);

	if (r >= 0)
		r = run_decide(&run, NULL, err);
	if (r >= 0 && !run.snapshotter)
		r = core_snapshotter(core, ctx, &run.snapshotter, err);
	return r < 0 ? r : run_spec_dry(&run.tasks[job_is_pod(run.job)], ctx, out, err);
}
