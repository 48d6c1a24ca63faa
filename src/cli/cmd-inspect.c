#include "cli.h"
#include "commands.h"
#include "job-ops.h"

static const struct opt opts_table[] = {
	OPT_NOT_HERE("format", 'f', "it prints JSON; jq takes a field out of it"),
	{ 0 },
};

/* Sets *arg's next element, so that several jobs make one array. */
static int inspect_one(struct cli *cli, const char *name, void *arg, struct err *err)
{
	json *j = NULL;
	int r = job_inspect(cli->core, name, &cli->ctx, &j, err);

	if (r >= 0)
		json_append(arg, j);
	return r;
}

static int run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	_cleanup_json_ json *all = json_new_array();
	_cleanup_buf_ struct buf text = { 0 };
	int r = cli_core(cli, err), code;

	(void)opts;
	if (r < 0)
		return r;
	code = cli_each(cli, args, inspect_one, all, true, err);
	if (code < 0)
		return code;
	json_write_pretty(all, &text);
	buf_addc(&text, '\n');
	r = cli_out(cli, text.data, text.len, err);
	return r < 0 ? r : code;
}

const struct command cmd_inspect = {
	.name = "inspect", .usage = "JOB...", .summary = "Print everything about jobs as JSON",
	.text = "An array with one object for each: its state and network, the job in its native form, and the OCI spec.",
	.opts = opts_table, .words = COMPLETE_JOB, .min = 1, .max = ARGS_ANY, .run = run,
};
