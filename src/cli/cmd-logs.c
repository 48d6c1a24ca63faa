#include "cli.h"
#include "commands.h"
#include "job-logs.h"
#include "term.h"
#include "when.h"
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

struct logs_flags {
	bool follow, timestamps;
	const char *format, *set;
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
	{ "set", .arg = "NAME", .help = "Those of all jobs of a set", .set = opt_string, AT(set) },
	{ "format", .arg = "FORMAT", .help = "json: an object for each line", .set = opt_string, AT(format) },
	OPT_NOT_HERE("details", 0, "davit inspect JOB prints its labels and its environment"),
	{ 0 },
};

static void logs_init(void *opts) { ((struct logs_flags *)opts)->tail = -1; }

static int logs_check(const struct logs_flags *f, const struct strv *args, struct err *err)
{
	if (f->format && strcmp(f->format, "json") != 0)
		return err_hint(err, err_set(err, ERR_INVALID, "flag --format: %s is no form of a log", f->format), "json");
	if (!args->n && !f->set)
		return err_hint(err, err_set(err, ERR_INVALID, "logs: no job"), "davit logs JOB..., or --set NAME");
	return 0;
}

/* Those of several are read side by side, with all their rotated files. */
static void allow_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur == l.rlim_max)
		return;
	l.rlim_cur = l.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

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
				     .colours = term_color(STDOUT_FILENO),
				     .json = f->format != NULL,
				     .set = f->set };
	int r = logs_check(f, args, err);

	if (r >= 0)
		r = cli_core(cli, err);
	allow_files();
	if (r >= 0)
		r = job_logs(cli->core, args, &o, &cli->ctx, err);
	if (r > 0) /* nobody reads any more */
		return 128 + SIGPIPE;
	if (r == -ERR_CANCELLED && f->follow && cli->ctx.cancel->on) /* Ctrl-C is how one stops following */
		return err_clear(err), 128 + cli->ctx.cancel->on;
	return r;
}

const struct command cmd_logs = {
	.name = "logs",
	.usage = "[FLAGS] JOB[.TASK]...",
	.summary = "Print the logs of jobs",
	.text = "Of several tasks, and of several jobs, the lines of all in the order of their times, each with its task's or "
		"job's\n"
		"name before it. --follow goes on until all are over, while one is going to be started again, too, and with --set "
		"it\n"
		"takes up those that join the set meanwhile. Of a job that was removed, what its --log-opt retention=TIME keeps.",
	.opts = opts_table,
	.words = COMPLETE_JOB,
	.max = ARGS_ANY,
	.examples = "  davit logs -f --tail 20 web\n  davit logs --since 10m -t web db\n  davit logs -f --set shop",
	.size = sizeof(struct logs_flags),
	.init = logs_init,
	.run = logs_run,
};
