/* image prune: images that no job needs. */
#include "cli.h"
#include "clock.h"
#include "commands.h"
#include "image.h"
#include "job-remove.h"
#include <string.h>

struct prune_flags {
	struct image_prune what;
	bool force;
};
#define AT(f) .at = offsetof(struct prune_flags, f)

/* "10m" ago, or a time. */
static int take_until(struct image_prune *what, const char *value, struct err *err)
{
	int64_t span;

	if (clock_parse(value, &what->until, NULL) >= 0)
		return 0;
	if (clock_parse_span(value, &span, NULL) < 0)
		return err_set(err, ERR_INVALID,
			       "flag --filter: until is a time (2006-01-02T15:04:05Z) or how long ago (10m), not "
			       "\"%s\"",
			       value);
	what->until = clock_wall() - span;
	return 0;
}

static int set_filter(const struct opt *o, const char *value, void *into, struct err *err)
{
	struct image_prune *what = &((struct prune_flags *)into)->what;
	bool named;
	int r;

	(void)o;
	if (strncmp(value, "label!=", 7) == 0 && value[7]) {
		strv_push(&what->no_labels, value + 7);
	} else if (strncmp(value, "label=", 6) == 0 && value[6]) {
		strv_push(&what->labels, value + 6);
	} else if (strncmp(value, "until=", 6) == 0) {
		return take_until(what, value + 6, err);
	} else if (strncmp(value, "dangling=", 9) == 0) {
		r = opt_to_bool(o, value + 9, &named, err);
		if (r < 0)
			return r;
		what->all = !named;
	} else {
		return err_hint(err, err_set(err, ERR_INVALID, "flag --filter: \"%s\" is no filter", value),
				"label=KEY[=VALUE], label!=KEY[=VALUE], until=TIME, dangling=BOOL");
	}
	return 0;
}

static const struct opt opts_table[] = {
	{ "all", 'a', .help = "Named images, too", .topic = "Flags", .set = opt_bool, AT(what.all) },
	{ "dry-run", .help = "Only say what would be removed", .set = opt_bool, AT(what.dry_run) },
	{ "filter", .arg = "K=V", .help = "Only those with label=KEY[=VALUE], without (label!=), made before until=TIME",
	  .set = set_filter },
	{ "force", 'f', .help = "For Docker's users; nothing is asked anyway", .set = opt_bool, AT(force), .hidden = true },
	{ 0 },
};
#undef AT

static void image_prune_done(void *opts)
{
	struct image_prune *what = &((struct prune_flags *)opts)->what;

	strv_done(&what->labels);
	strv_done(&what->no_labels);
}

static int image_prune_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct image_prune *what = &((struct prune_flags *)opts)->what;
	_cleanup_strv_ struct strv removed = { 0 };
	_cleanup_free_ char *snapshotter = NULL;
	int r = cli_core(cli, err);

	(void)args;
	if (r < 0)
		return r;
	job_await_removals(cli->core, &cli->ctx);
	r = core_snapshotter(cli->core, &cli->ctx, &snapshotter, err);
	if (r >= 0)
		r = image_prune(cli->core->ctrd, what, snapshotter, &cli->ctx, &removed, err);
	return cli_out_removed(cli, r, "", &removed, what->dry_run, err);
}

const struct command image_prune_cmd = {
	.group = "image",
	.name = "prune",
	.usage = "[FLAGS]",
	.summary = "Remove images that no job was made from",
	.text = "Without --all only those that nobody named: they have a digest and no tag, or the name localhost/loaded:...,\n"
		"which image load gives for want of one.",
	.opts = opts_table,
	.examples = "  davit image prune --all --dry-run\n  davit image prune --all --filter until=240h",
	.size = sizeof(struct prune_flags),
	.done = image_prune_done,
	.run = image_prune_run,
};
