#include "cli.h"
#include "commands.h"
#include "job-remove.h"

struct prune_flags {
	bool all, volumes, dry_run, force;
};
#define AT(f) .at = offsetof(struct prune_flags, f)
static const struct opt opts_table[] = {
	{ "all", 'a', .help = "Every job that does not run, too", .topic = "Flags", .set = opt_bool, AT(all) },
	{ "volumes", .help = "With --all: their anonymous volumes too", .set = opt_bool, AT(volumes) },
	{ "dry-run", .help = "Only say what would be removed", .set = opt_bool, AT(dry_run) },
	{ "force", 'f', .help = "For Docker's users; nothing is asked anyway", .set = opt_bool, AT(force), .hidden = true },
	{ 0 },
};

static int prune_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct prune_flags *f = opts;
	_cleanup_strv_ struct strv removed = { 0 };
	int r = cli_core(cli, err);

	(void)args;
	if (r < 0)
		return r;
	r = job_prune(cli->core, f->all, f->volumes, f->dry_run, &cli->ctx, &removed, err);
	return cli_out_removed(cli, r, "", &removed, f->dry_run, err);
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
