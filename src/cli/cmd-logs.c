#include "cli.h"
#include "commands.h"
#include "clock.h"
#include "job-logs.h"
#include <signal.h>
#include <string.h>
#include <time.h>

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

/* Without a zone it is the time of this machine; a day begins at midnight. */
static bool parse_local(const char *s, int64_t *ret)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d" };

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(s, forms[i], &tm);
		time_t t = end && !*end ? mktime(&tm) : -1;

		if (t >= 0 && t < INT64_MAX / NSEC_PER_SEC) {
			*ret = t * NSEC_PER_SEC;
			return true;
		}
	}
	return false;
}

/* A time, or how long ago; Docker's forms. */
static int set_time(const struct opt *o, const char *value, void *into, struct err *err)
{
	int64_t *at = (int64_t *)(void *)((char *)into + o->at), span;

	if (!*value) /* a script's variable that is not set */
		return 0;
	if (clock_parse_epoch(value, at, NULL) >= 0 || parse_local(value, at) || clock_parse(value, at, NULL) >= 0)
		return 0;
	if (clock_parse_span(value, &span, NULL) < 0)
		return err_set(err, ERR_INVALID, "flag --%s is a time (2006-01-02T15:04:05Z) or how long ago (10m), not \"%s\"",
			       o->name, value);
	*at = clock_wall() - span;
	return 0;
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
				     .err_fd = STDERR_FILENO };
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
	.usage = "[FLAGS] JOB",
	.summary = "Print a job's log",
	.opts = opts_table,
	.words = COMPLETE_JOB,
	.min = 1,
	.max = 1,
	.examples = "  davit logs -f --tail 20 web\n  davit logs --since 10m -t web",
	.size = sizeof(struct logs_flags),
	.init = logs_init,
	.run = logs_run,
};
