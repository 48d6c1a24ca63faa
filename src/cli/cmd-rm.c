#include "cli.h"
#include "commands.h"
#include "job-remove.h"
#include "each-job.h"

struct rm_flags {
	bool force, volumes;
	const char *set;
};
static const struct opt rm_opts[] = {
	{ "force", 'f', .help = "Kill a running one; an absent one is no error", .topic = "Flags", .set = opt_bool,
	  .at = offsetof(struct rm_flags, force) },
	{ "volumes", 'v', .help = "Its anonymous volumes too, but for those that another job uses", .set = opt_bool,
	  .at = offsetof(struct rm_flags, volumes) },
	{ "set", .arg = "NAME", .help = "The jobs of this set", .set = opt_string, .at = offsetof(struct rm_flags, set) },
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
	const struct rm_flags *f = opts;

	return cli_each_job(cli, &cmd_rm, f->set, args, job_rm_one, opts, err);
}

const struct command cmd_rm = {
	.name = "rm",
	.usage = "[FLAGS] JOB...",
	.summary = "Remove jobs, their logs and networks",
	.opts = rm_opts,
	.examples = "  davit rm web\n  davit rm -f --set shop\n  davit rm -f $(davit ps -aq --filter status=exited)",
	.words = COMPLETE_JOB,
	.max = ARGS_ANY,
	.size = sizeof(struct rm_flags),
	.run = rm_run,
};
