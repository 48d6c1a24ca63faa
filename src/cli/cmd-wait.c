#include "cli.h"
#include "clock.h"
#include "commands.h"
#include "job-wait.h"
#include "status-wait.h"

struct wait_flags {
	const char *status;
	int64_t timeout_ns; /* 0: none */
};
#define AT(f) .at = offsetof(struct wait_flags, f)

static int set_timeout(const struct opt *o, const char *value, void *into, struct err *err)
{
	int r = clock_parse_span(value, &((struct wait_flags *)into)->timeout_ns, err);

	return r < 0 ? err_wrap(err, r, "flag --%s", o->name) : 0;
}

static const struct opt wait_opts[] = {
	{ "status", .arg = "STATUS", .help = "Until each is that, instead of its end; prints nothing", .topic = "Flags",
	  .words = WAIT_STATUS_WORDS, .set = opt_word, AT(status) },
	{ "timeout", .arg = "TIME", .help = "No longer than that (10s, 5m); without a limit if it is not given",
	  .set = set_timeout },
	{ 0 },
};

struct waiting {
	const struct wait_flags *flags;
	struct ctx ctx;
};

static int wait_one(struct cli *cli, const char *name, void *arg, struct err *err)
{
	const struct waiting *w = arg;
	int code, r;

	if (w->flags->status)
		return status_wait(cli->core, name, wait_status_of(w->flags->status), &w->ctx, err);
	r = job_wait(cli->core, name, &w->ctx, &code, err);
	return r < 0 ? r : cli_outf(cli, err, "%d\n", code);
}

static int wait_jobs(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct wait_flags *f = opts;
	struct waiting w = { f, f->timeout_ns ? ctx_within(&cli->ctx, f->timeout_ns / NSEC_PER_MSEC) : cli->ctx };
	int r = cli_core(cli, err);

	return r < 0 ? r : cli_each(cli, args, wait_one, &w, true, err);
}

const struct command cmd_wait = {
	.name = "wait",
	.usage = "[FLAGS] JOB[.TASK]...",
	.summary = "Wait for jobs to end and print their exit statuses",
	.text = "With --status for what a job is instead: pending (not started yet, or about to be started again), running, "
		"paused,\n"
		"failed, success, or exited, which is either of both. One that has ended in the other way is an error at once.",
	.opts = wait_opts,
	.words = COMPLETE_JOB,
	.examples = "  davit wait backup\n  test $(davit wait backup) = 0 && echo done\n  davit wait --status running --timeout "
		    "30s web",
	.min = 1,
	.max = ARGS_ANY,
	.size = sizeof(struct wait_flags),
	.run = wait_jobs,
};
