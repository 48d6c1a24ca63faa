#include "prune.h"
#include "job-remove.h"
#include "network-use.h"
#include "volume-use.h"

int prune_open(struct cli *cli, struct err *err)
{
	int r = cli_core(cli, err);

	if (r >= 0)
		job_await_removals(cli->core, &cli->ctx);
	return r;
}

int prune_jobs(struct cli *cli, const struct prune_flags *f, struct err *err)
{
	_cleanup_strv_ struct strv removed = { 0 };
	int r = job_prune(cli->core, f->all, f->volumes, f->dry_run, &cli->ctx, &removed, err);

	return cli_out_removed(cli, r, "", &removed, f->dry_run, err);
}

int prune_images(struct cli *cli, const struct image_prune *what, const char *noun, struct err *err)
{
	_cleanup_strv_ struct strv removed = { 0 };
	_cleanup_free_ char *snapshotter = NULL;
	int r = core_snapshotter(cli->core, &cli->ctx, &snapshotter, err);

	if (r >= 0)
		r = image_prune(cli->core->ctrd, what, snapshotter, &cli->ctx, &removed, err);
	return cli_out_removed(cli, r, noun, &removed, what->dry_run, err);
}

int prune_volumes(struct cli *cli, bool all, bool dry_run, const char *noun, struct err *err)
{
	_cleanup_strv_ struct strv removed = { 0 };
	int r = volume_prune(cli->core, all, dry_run, &cli->ctx, &removed, err);

	return cli_out_removed(cli, r, noun, &removed, dry_run, err);
}

int prune_networks(struct cli *cli, bool dry_run, const char *noun, struct err *err)
{
	_cleanup_strv_ struct strv removed = { 0 };
	int r = network_prune(cli->core, dry_run, &cli->ctx, &removed, err);

	return cli_out_removed(cli, r, noun, &removed, dry_run, err);
}
