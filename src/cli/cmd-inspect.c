#include "cli.h"
#include "commands.h"
#include "job-ops.h"
#include <string.h>

static const struct opt opts_table[] = {
	OPT_NOT_HERE("format", 'f', "it prints JSON; jq takes a field out of it"),
	{ 0 },
};

static int inspect_one(struct cli *cli, const char *name, void *arg, json **ret, struct err *err)
{
	int r = job_inspect(cli->core, name, &cli->ctx, ret, err);

	(void)arg;
	if (r != -ERR_INVALID || !strpbrk(name, ":/@"))
		return r;
	err_clear(err); /* Docker's inspect takes images, too */
	r = err_set(err, ERR_NOT_FOUND, "job %s: not found", name);
	return err_hint(err, r, "an image: davit image inspect %s", name);
}

static int run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	int r = cli_core(cli, err);

	(void)opts;
	return r < 0 ? r : cli_inspect(cli, args, inspect_one, NULL, err);
}

const struct command cmd_inspect = {
	.name = "inspect", .usage = "JOB...", .summary = "Print everything about jobs as JSON",
	.text = "An array with one object for each: its state and network, the job in its native form, and the OCI spec.",
	.examples = "  davit inspect web | jq '.[0].job'",
	.opts = opts_table, .words = COMPLETE_JOB, .min = 1, .max = ARGS_ANY, .run = run,
};
