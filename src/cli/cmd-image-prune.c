/* image prune: images that no job needs. */
#include "commands.h"
#include "prune.h"
#include "when.h"
#include <string.h>

struct image_prune_flags {
	struct image_prune what;
	bool force;
};
#define AT(f) .at = offsetof(struct image_prune_flags, f)

static int set_filter(const struct opt *o, const char *value, void *into, struct err *err)
{
	struct image_prune *what = &((struct image_prune_flags *)into)->what;
	bool named;
	int r;

	(void)o;
	if (strncmp(value, "label!=", 7) == 0 && value[7]) {
		strv_push(&what->no_labels, value + 7);
	} else if (strncmp(value, "label=", 6) == 0 && value[6]) {
		strv_push(&what->labels, value + 6);
	} else if (strncmp(value, "until=", 6) == 0) {
		return when_parse("flag --filter: until", value + 6, &what->until, err);
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
	PRUNE_OPTS(struct image_prune_flags, what.dry_run, force),
	{ "filter", .arg = "K=V", .help = "Only those with label=KEY[=VALUE], without (label!=), made before until=TIME",
	  .set = set_filter },
	{ 0 },
};
#undef AT

static void image_prune_done(void *opts)
{
	struct image_prune *what = &((struct image_prune_flags *)opts)->what;

	strv_done(&what->labels);
	strv_done(&what->no_labels);
}

static int image_prune_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	int r = prune_open(cli, err);

	(void)args;
	return r < 0 ? r : prune_images(cli, &((struct image_prune_flags *)opts)->what, "", err);
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
	.size = sizeof(struct image_prune_flags),
	.done = image_prune_done,
	.run = image_prune_run,
};
