#include "cli.h"
#include "commands.h"
#include "job-rename.h"

static int rename_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	int r = cli_core(cli, err);

	(void)opts;
	return r < 0 ? r : job_rename(cli->core, args->v[0], args->v[1], &cli->ctx, err);
}

const struct command cmd_rename = {
	.name = "rename",
	.usage = "JOB NAME",
	.summary = "Give a job another name",
	.text = "It goes on as it is, with its id, its logs and its host name; the jobs of its networks find it by its new name.",
	.examples = "  davit rename web web-old",
	.words = COMPLETE_JOB,
	.min = 2,
	.max = 2,
	.run = rename_run,
};
