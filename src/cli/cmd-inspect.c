#include "cli.h"
#include "commands.h"
#include "docker-view.h"
#include "job-inspect.h"
#include <string.h>

struct inspect_flags {
	const char *format, *type;
	bool size;
};
#define AT(f) .at = offsetof(struct inspect_flags, f)
static const struct opt opts_table[] = {
	{ "format", 'f', .arg = "TEMPLATE", .help = "A line for each job, as in '{{.State.Status}}'", .topic = "Flags",
	  .set = opt_string, AT(format) },
	{ "type", .arg = "KIND", .help = "For Docker's users: davit inspects jobs", .words = "container job", .set = opt_word,
	  AT(type), .hidden = true },
	{ "size", 's', .help = "For Docker's users: davit ps -s has sizes", .set = opt_bool, AT(size), .hidden = true },
	{ 0 },
};

static int job_inspect_one(struct cli *cli, const char *name, void *arg, json **ret, struct err *err)
{
	int r = job_inspect(cli->core, name, &cli->ctx, ret, err);

	(void)arg;
	if (r != -ERR_INVALID || !strpbrk(name, ":/@"))
		return r;
	err_clear(err); /* Docker's inspect takes images, too */
	r = err_set(err, ERR_NOT_FOUND, "job %s: not found", name);
	return err_hint(err, r, "an image: davit image inspect %s", name);
}

static int inspect_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct inspect_flags *f = opts;
	const struct cli_inspection how = { .one = job_inspect_one, .format = f->format, .view = docker_view_job };

	return cli_inspect(cli, args, &how, err);
}

const struct command cmd_inspect = {
	.name = "inspect",
	.usage = "[FLAGS] JOB[.TASK]...",
	.summary = "Print everything about jobs as JSON",
	.text = "An array with one object for each: its state and network, the job in its native form, and the OCI spec.\n"
		"A template sees these fields, and those of docker inspect beside them.",
	.examples = "  davit inspect web | jq '.[0].job'\n  davit inspect -f '{{.NetworkSettings.IPAddress}}' web",
	.opts = opts_table,
	.words = COMPLETE_JOB,
	.min = 1,
	.max = ARGS_ANY,
	.size = sizeof(struct inspect_flags),
	.run = inspect_run,
};
