#include "cli.h"
#include "commands.h"
#include "job-wait.h"

static int wait_one(struct cli *cli, const char *name, void *arg, struct err *err)
{
	int code, r = job_wait(cli->core, name, &cli->ctx, &code, err);

	(void)arg;
	return r < 0 ? r : cli_outf(cli, err, "%d\n", code);
}

static int wait_jobs(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	int r = cli_core(cli, err);

	(void)opts;
	return r < 0 ? r : cli_each(cli, args, wait_one, NULL, true, err);
}

const struct command cmd_wait = {
	.name = "wait",
	.usage = "JOB[.TASK]...",
	.summary = "Wait for jobs to end and print their exit statuses",
	.words = COMPLETE_JOB,
	.examples = "  davit wait backup\n  test $(davit wait backup) = 0 && echo done",
	.min = 1,
	.max = ARGS_ANY,
	.run = wait_jobs,
};
