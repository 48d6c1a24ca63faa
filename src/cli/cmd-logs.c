#include "cli.h"
#include "commands.h"
#include "job-logs.h"
#include "when.h"
#include <signal.h>
#include <string.h>

struct logs_flags {
	bool follow, timestamps;
	int64_t tail, since, until;
};
#define AT(f) .at = offsetof(struct logs_flags, f)

static int set_tail(const struct opt *o, const char *value, void *into, struct err *err)
{
	struct logs_flags *f = into;

	if (!*value || !strcmp(value, "all") || !strcmp(value, "-1")) {
		f->tail = -1;
		return 0;
	}
	return opt_to_number(o, value, 0, INT64_C(1000000000), &f->tail, err);
}

static int set_time(const struct opt *o, const char *value, void *into, struct err *err)
{
	char noun[40];

	if (!*value) /* a script's variable that is not set */
		return 0;
	(void)snprintf(noun, sizeof noun, "flag --%s", o->name);
	return when_parse(noun, value, (int64_t *)(void *)((char *)into + o->at), err);
}

static const struct opt opts_table[] = {
	{ "follow", 'f', .help = "Go on until the job ends", .topic = "Flags", .set = opt_bool, AT(follow) },
	{ "tail", 'n', .arg = "N", .help = "Only the last N lines; all without", .set = set_tail },
	{ "since", .arg = "TIME", .help = "From then on: a time (2006-01-02T15:04:05Z, a day, date +%s), or 10m ago",
	  .set = set_time, AT(since) },
	{ "until", .arg = "TIME", .help = "Up to then", .set = set_time, AT(until) },
	{ "timestamps", 't', .help = "Each line with its time", .set = opt_bool, AT(timestamps) },
	OPT_NOT_HERE("details", 0, "davit inspect JOB prints its labels and its environment"),
	{ 0 },
};

static void logs_init(void *opts) { ((struct logs_flags *)opts)->tail = -1; }

static int logs_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct logs_flags *f = opts;
	const struct logs_opts o = { .follow = f->follow,
				     .timestamps = f->timestamps,
				     .tail = f->tail,
				     .since = f->since,
				     .until = f->until,
				     .out_fd = STDOUT_FILENO,
				     .err_fd = STDERR_FILENO,
				     .colours = isatty(STDOUT_FILENO) };
	int r = cli_core(cli, err);

	if (r >= 0)
		r = job_logs(cli->core, args->v[0], &o, &cli->ctx, err);
	if (r > 0) /* nobody reads any more */
		return 128 + SIGPIPE;
	if (r == -ERR_CANCELLED && f->follow && cli->ctx.cancel->on) /* Ctrl-C is how one stops following */
		return err_clear(err), 128 + cli->ctx.cancel->on;
	return r;
}

const struct command cmd_logs = {
	.name = "logs",
	.usage = "[FLAGS] JOB[.TASK]",
	.summary = "Print a job's log",
	.text = "Of a job of several tasks the lines of all, each with its task's name before it. Of a job that was removed, what "
		"its\n"
		"--log-opt retention=TIME keeps.",
	.opts = opts_table,
	.words = COMPLETE_JOB,
	.min = 1,
	.max = 1,
	.examples = "  davit logs -f --tail 20 web\n  davit logs --since 10m -t web",
	.size = sizeof(struct logs_flags),
	.init = logs_init,
	.run = logs_run,
};
