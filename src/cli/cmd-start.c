#include "cli-console.h"
#include "cli.h"
#include "commands.h"
#include "fork-heir.h"
#include "mem.h"
#include "path.h"
#include "recover.h"
#include "task-again.h"
#include "value.h"
#include <unistd.h>

struct start_flags {
	bool attach, interactive, boot;
	const char *again;    /* "job", or which of its tasks */
	const char *recovery; /* for whose failure */
	const char *detach_keys, *checkpoint;
};
#define AT(f) .at = offsetof(struct start_flags, f)
static const struct opt start_opts[] = {
	{ "attach", 'a', .help = "In the foreground; ends with the job's exit status", .topic = "Flags", .set = opt_bool,
	  AT(attach) },
	{ "interactive", 'i', .help = "For Docker's users; a job made with -i has its input anyway", .set = opt_bool,
	  AT(interactive), .hidden = true },
	{ "again", .arg = "WHAT", .help = "Only where it is due, as its monitor has it: job, or a task's number", .set = opt_string,
	  AT(again), .hidden = true },
	{ "boot", .help = "Only where this boot has not started it, as davit reconcile has it", .set = opt_bool, AT(boot),
	  .hidden = true },
	{ "recovery", .arg = "ID", .help = "Only what the recovery from the failure of job ID had stopped", .set = opt_string,
	  AT(recovery), .hidden = true },
	{ "checkpoint", .arg = "FOLDER", .help = "From where davit checkpoint has frozen it", .words = COMPLETE_FILE,
	  .set = opt_string, AT(checkpoint) },
	{ "detach-keys", .arg = "KEYS", .help = "Keys that detach (ctrl-p,ctrl-q)", .set = opt_keys, AT(detach_keys) },
	{ 0 },
};

static int start_one(struct cli *cli, const char *name, void *arg, struct err *err)
{
	const struct start_flags *f = arg;
	_cleanup_free_ char *here = getcwd(NULL, 0), *folder = f->checkpoint ? path_clean(f->checkpoint, here) : NULL;
	const struct run_opts detached = { .mode = RUN_DETACHED,
					   .heir = fork_heir,
					   .checkpoint = folder,
					   .recovery = f->recovery,
					   .why = f->boot ? START_BOOT : START_ASKED };
	struct run_result res = { 0 };
	int64_t task;
	bool unwanted;
	int r;

	if (f->again && parse_whole(f->again, &task))
		return task_start_again(cli->core, name, (size_t)task, &cli->ctx, err);
	if (f->again)
		return recover_job(cli->core, name, &cli->ctx, err);
	r = job_start(cli->core, name, &detached, &cli->ctx, &res, err);
	unwanted = r >= 0 && f->boot && !res.pid;

	run_result_done(&res);
	return unwanted ? EACH_NOTHING : r;
}

static int start_attached(struct cli *cli, const struct start_flags *f, const char *name, struct err *err)
{
	const struct run_opts opts = {
		.mode = RUN_FOREGROUND, .sig_proxy = true, .heir = fork_heir, .console = &cli_console, .detach_keys = f->detach_keys
	};
	struct run_result res = { 0 };
	int r = job_start(cli->core, name, &opts, &cli->ctx, &res, err);

	if (r < 0)
		(void)cli_fail_run(cli, r, NULL, NULL, err);
	else
		r = cli_end_run(cli, &res);
	run_result_done(&res);
	return r;
}

static int start_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct start_flags *f = opts;
	int r;

	if (f->attach && args->n > 1)
		return err_set(err, ERR_INVALID, "start --attach: takes one job, not %zu", args->n);
	if (f->checkpoint && (f->attach || args->n > 1))
		return err_set(err, ERR_INVALID, "start --checkpoint: takes one job, in the background");
	r = cli_core(cli, err);
	if (r < 0)
		return r;
	return f->attach ? start_attached(cli, f, args->v[0], err) : cli_each(cli, args, start_one, opts, false, err);
}

const struct command cmd_start = {
	.name = "start",
	.usage = "[FLAGS] JOB...",
	.summary = "Start jobs that were created or have ended",
	.opts = start_opts,
	.examples = "  davit start web\n  davit start --attach backup",
	.words = COMPLETE_JOB,
	.min = 1,
	.max = ARGS_ANY,
	.size = sizeof(struct start_flags),
	.run = start_run,
};
