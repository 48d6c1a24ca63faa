#include "cli.h"
#include "commands.h"
#include "each-job.h"
#include "job-pause.h"

struct pause_flags {
	const char *set;
};
static const struct opt pause_opts[] = {
	{ "set", .arg = "NAME", .help = "The jobs of this set", .topic = "Flags", .set = opt_string,
	  .at = offsetof(struct pause_flags, set) },
	{ 0 },
};

static int pause_one(struct cli *cli, const char *name, void *arg, struct err *err)
{
	(void)arg;
	return job_pause(cli->core, name, &cli->ctx, err);
}

static int unpause_one(struct cli *cli, const char *name, void *arg, struct err *err)
{
	(void)arg;
	return job_unpause(cli->core, name, &cli->ctx, err);
}

static int pause_jobs(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	return cli_each_job(cli, &cmd_pause, ((struct pause_flags *)opts)->set, args, pause_one, NULL, err);
}

static int unpause_jobs(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	return cli_each_job(cli, &cmd_unpause, ((struct pause_flags *)opts)->set, args, unpause_one, NULL, err);
}

const struct command cmd_pause = {
	.name = "pause",
	.usage = "[FLAGS] JOB[.TASK]...",
	.summary = "Freeze all that jobs run",
	.text = "Its processes get no more time until unpause, and keep what they have. stop, kill and rm -f work on a paused job.",
	.examples = "  davit pause web\n  davit pause shop.db",
	.opts = pause_opts,
	.words = COMPLETE_JOB,
	.max = ARGS_ANY,
	.size = sizeof(struct pause_flags),
	.run = pause_jobs,
};

const struct command cmd_unpause = {
	.name = "unpause",
	.usage = "[FLAGS] JOB[.TASK]...",
	.summary = "Let paused jobs go on",
	.examples = "  davit unpause web\n  davit unpause --set shop",
	.opts = pause_opts,
	.words = COMPLETE_JOB,
	.max = ARGS_ANY,
	.size = sizeof(struct pause_flags),
	.run = unpause_jobs,
};
