/* stop, kill, rm, wait: what ends a job. */
#include "cli.h"
#include "commands.h"
#include "job-ops.h"
#include "parse.h"
#include <signal.h>

struct stop_flags { int64_t time; };
static const struct opt stop_opts[] = {
	{ "time", 't', .also = "timeout", .arg = "SECONDS",
	  .help = "Time before it is killed; the job's own (10) without", .topic = "Flags", .set = opt_seconds,
	  .at = offsetof(struct stop_flags, time) },
	{ 0 },
};
static void stop_init(void *opts) { ((struct stop_flags *)opts)->time = -1; }

static int stop_one(struct cli *cli, const char *name, void *arg, struct err *err)
{
	return job_stop(cli->core, name, (int)((struct stop_flags *)arg)->time, &cli->ctx, err);
}

static int stop(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	int r = cli_core(cli, err);

	return r < 0 ? r : cli_each(cli, args, stop_one, opts, false, err);
}

const struct command cmd_stop = {
	.name = "stop", .usage = "[FLAGS] JOB...", .summary = "Stop jobs: their stop signal, then SIGKILL", .opts = stop_opts,
	.words = COMPLETE_JOB, .min = 1, .max = ARGS_ANY, .size = sizeof(struct stop_flags), .init = stop_init, .run = stop,
};

struct kill_flags { int signal; };
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
	.usage = "[FLAGS] JOB...",
	.summary = "Send running jobs a signal",
	.opts = kill_opts,
	.words = COMPLETE_JOB,
	.min = 1,
	.max = ARGS_ANY,
	.size = sizeof(struct kill_flags),
	.init = kill_init,
	.run = kill_jobs,
};

struct rm_flags { bool force, volumes; };
static const struct opt rm_opts[] = {
	{ "force", 'f', .help = "Kill a running one; an absent one is no error", .topic = "Flags", .set = opt_bool,
	  .at = offsetof(struct rm_flags, force) },
	{ "volumes", 'v', .help = "Its anonymous volumes too", .set = opt_bool, .at = offsetof(struct rm_flags, volumes) },
	{ 0 },
};

static int rm_one(struct cli *cli, const char *name, void *arg, struct err *err)
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

static int rm(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	int r = cli_core(cli, err);

	return r < 0 ? r : cli_each(cli, args, rm_one, opts, false, err);
}

const struct command cmd_rm = {
	.name = "rm", .usage = "[FLAGS] JOB...", .summary = "Remove jobs, their logs and networks", .opts = rm_opts,
	.words = COMPLETE_JOB, .min = 1, .max = ARGS_ANY, .size = sizeof(struct rm_flags), .run = rm,
};

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
	.name = "wait", .usage = "JOB...", .summary = "Wait for jobs to end and print their exit statuses", .words = COMPLETE_JOB,
	.min = 1, .max = ARGS_ANY, .run = wait_jobs,
};
