#include "commands.h"
#include "run-create.h"

static int create_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	struct command with_image = cmd_create;
	int r;

	with_image.min = ((struct job_flags *)opts)->job->tasks[0].bundle ? 0 : 1;
	r = command_check_args(&with_image, args, err);
	if (r >= 0)
		r = job_flags_args(opts, args, err);
	if (r >= 0 && !((struct job_flags *)opts)->dry_run)
		r = ask_password(cli, opts, err);
	return r < 0 ? r : run_job(cli, opts, RUN_CREATE, err);
}

const struct command cmd_create = {
	.name = "create",
	.summary = "Make a job without starting it",
	.examples = "  davit create --name web -p 18080:8080 busybox:local httpd -f -p 8080\n  davit start web",
	.make_opts = create_opts_make,
	RUN_CREATE_COMMAND(0),
	.run = create_run,
};
