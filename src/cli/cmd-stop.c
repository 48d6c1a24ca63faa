#include "cli.h"
#include "commands.h"
#include "each-job.h"
#include "job-end.h"
#include "job-stop.h"
#include "poststop.h"
#include "set-jobs.h"
#include "stop-flags.h"

const struct opt stop_opts[] = {
	{ "time", 't', .also = "timeout", .arg = "SECONDS", .help = "Time to stop before it is killed; the job's own (10) without",
	  .topic = "Flags", .set = opt_seconds, .at = offsetof(struct stop_flags, time) },
	{ "set", .arg = "NAME", .help = "The jobs of this set", .set = opt_string, .at = offsetof(struct stop_flags, set) },
	{ "over", .help = "Only where it is over, as its monitor has it", .set = opt_bool, .at = offsetof(struct stop_flags, over),
	  .hidden = true },
	{ 0 },
};

void stop_flags_init(void *opts) { ((struct stop_flags *)opts)->time = -1; }

static int stop_one(struct cli *cli, const char *name, void *arg, struct err *err)
{
	if (((struct stop_flags *)arg)->over)
		return job_end(cli->core, name, &cli->ctx, err);
	return job_stop(cli->core, name, (int)((struct stop_flags *)arg)->time, poststop_of_jobs, &cli->ctx, err);
}

static int stop_set(struct cli *cli, const struct stop_flags *f, struct err *err)
{
	_cleanup_strv_ struct strv stopped = { 0 };
	int r = cli_core(cli, err);

	if (r >= 0)
		r = set_stop(cli->core, f->set, (int)f->time, poststop_of_jobs, &cli->ctx, &stopped, err);
	for (size_t i = 0; r >= 0 && i < stopped.n; i++)
		r = cli_outf(cli, err, "%s\n", stopped.v[i]);
	return r;
}

static int stop_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct stop_flags *f = opts;

	if (f->set && !args->n)
		return stop_set(cli, f, err);
	return cli_each_job(cli, &cmd_stop, f->set, args, stop_one, opts, err);
}

const struct command cmd_stop = {
	.name = "stop",
	.usage = "[FLAGS] JOB...",
	.summary = "Stop jobs: their stop signal, then SIGKILL",
	.opts = stop_opts,
	.examples = "  davit stop web\n  davit stop --set shop\n  davit stop -t 30 web database",
	.words = COMPLETE_JOB,
	.max = ARGS_ANY,
	.size = sizeof(struct stop_flags),
	.init = stop_flags_init,
	.run = stop_run,
};
