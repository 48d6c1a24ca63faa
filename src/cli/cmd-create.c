#include "commands.h"
#include "run-create.h"

static int create_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	int r = job_flags_args(opts, args, err);

	return r < 0 ? r : run_job(cli, opts, RUN_CREATE, err);
}

const struct command cmd_create = {
	.name = "create",
	.summary = "Make a job without starting it",
	.examples = "  davit create --name web -p 18080:8080 busybox:local httpd -f -p 8080\n  davit start web",
	.make_opts = create_opts_make,
	RUN_CREATE_COMMAND(1),
	.run = create_run,
};
