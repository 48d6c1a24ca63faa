#include "cli.h"
#include "commands.h"
#include "job-stop.h"
#include "parse.h"
#include <signal.h>

struct kill_flags {
	int signal;
};
static int set_signal(const struct opt *o, const char *value, void *into, struct err *err)
{
	(void)o;
	return parse_signal(value, &((struct kill_flags *)into)->signal, err);
}
static const struct opt kill_opts[] = {
	{ "signal", 's', .arg = "SIGNAL", .help = "Which (KILL)", .topic = "Flags", .words = "KILL TERM INT HUP QUIT USR1 USR2",
	  .set = set_signal },
	{ 0 },
};
static void kill_init(void *opts) { ((struct kill_flags *)opts)->signal = SIGKILL; }

static int kill_one(struct cli *cli, const char *name, void *arg, struct err *err)
{
	return job_kill(cli->core, name, ((struct kill_flags *)arg)->signal, &cli->ctx, err);
}

static int kill_jobs(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	int r = cli_core(cli, err);

	return r < 0 ? r : cli_each(cli, args, kill_one, opts, false, err);
}

const struct command cmd_kill = {
	.name = "kill",
	.usage = "[FLAGS] JOB[.TASK]...",
	.summary = "Send running jobs a signal",
	.examples = "  davit kill web\n  davit kill -s HUP web",
	.opts = kill_opts,
	.words = COMPLETE_JOB,
	.min = 1,
	.max = ARGS_ANY,
	.size = sizeof(struct kill_flags),
	.init = kill_init,
	.run = kill_jobs,
};
