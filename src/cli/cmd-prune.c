#include "commands.h"
#include "prune.h"

#define AT(f) .at = offsetof(struct prune_flags, f)
static const struct opt opts_table[] = {
	{ "all", 'a', .help = "Every job that does not run, too", .topic = "Flags", .set = opt_bool, AT(all) },
	{ "volumes", .help = "With --all: their anonymous volumes too", .set = opt_bool, AT(volumes) },
	PRUNE_OPTS(struct prune_flags, dry_run, force),
	{ 0 },
};

static int prune_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	int r = cli_core(cli, err);

	(void)args;
	return r < 0 ? r : prune_jobs(cli, opts, err);
}

const struct command cmd_prune = {
	.name = "prune",
	.usage = "[FLAGS]",
	.summary = "Remove what a killed davit left behind",
	.text = "Running jobs are never touched.",
	.examples = "  davit prune --dry-run\n  davit prune --all --volumes",
	.opts = opts_table,
	.size = sizeof(struct prune_flags),
	.run = prune_run,
};
