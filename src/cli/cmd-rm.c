#include "cli.h"
#include "commands.h"
#include "job-remove.h"

struct rm_flags {
	bool force, volumes;
};
static const struct opt rm_opts[] = {
	{ "force", 'f', .help = "Kill a running one; an absent one is no error", .topic = "Flags", .set = opt_bool,
	  .at = offsetof(struct rm_flags, force) },
	{ "volumes", 'v', .help = "Its anonymous volumes too", .set = opt_bool, .at = offsetof(struct rm_flags, volumes) },
	{ 0 },
};

static int job_rm_one(struct cli *cli, const char *name, void *arg, struct err *err)
{
	const struct rm_flags *f = arg;
	int r = job_remove(cli->core, name, f->force, f->volumes, &cli->ctx, err);

	if (r == -ERR_NOT_FOUND && f->force) {
		cli_notice(cli, "%s", err->msg);
		err_clear(err);
		return EACH_NOTHING;
	}
	return r;
}

static int rm_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	int r = cli_core(cli, err);

	return r < 0 ? r : cli_each(cli, args, job_rm_one, opts, false, err);
}

const struct command cmd_rm = {
	.name = "rm",
	.usage = "[FLAGS] JOB...",
	.summary = "Remove jobs, their logs and networks",
	.opts = rm_opts,
	.examples = "  davit rm web\n  davit rm -f $(davit ps -aq --filter status=exited)",
	.words = COMPLETE_JOB,
	.min = 1,
	.max = ARGS_ANY,
	.size = sizeof(struct rm_flags),
	.run = rm_run,
};
