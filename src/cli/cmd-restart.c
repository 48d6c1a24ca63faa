#include "cli.h"
#include "commands.h"
#include "each-job.h"
#include "job-restart.h"
#include "stop-flags.h"

static int restart_one(struct cli *cli, const char *name, void *arg, struct err *err)
{
	return job_restart(cli->core, name, (int)((struct stop_flags *)arg)->time, &cli->ctx, err);
}

static int restart(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct stop_flags *f = opts;

	return cli_each_job(cli, &cmd_restart, f->set, args, restart_one, opts, err);
}

const struct command cmd_restart = {
	.name = "restart",
	.usage = "[FLAGS] JOB...",
	.summary = "Stop jobs and start them again",
	.opts = stop_opts,
	.examples = "  davit restart -t 30 web",
	.words = COMPLETE_JOB,
	.max = ARGS_ANY,
	.size = sizeof(struct stop_flags),
	.init = stop_flags_init,
	.run = restart,
};
