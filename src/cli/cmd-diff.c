/* diff: what a job has changed in its files. */
#include "commands.h"
#include "cli.h"
#include "job-diff.h"
#include "listing.h"
#include "mem.h"
#include <string.h>

struct diff_flags {
	const char *format;
};
static const struct opt opts_table[] = {
	{ "format", .arg = "FORM", .help = "text, json (a line each), or a template such as '{{.Path}}'", .topic = "Flags",
	  .words = "text json", .set = opt_format, .at = offsetof(struct diff_flags, format) },
	{ 0 },
};

static void diff_init(void *opts) { ((struct diff_flags *)opts)->format = "text"; }

struct diff_sink {
	struct cli *cli;
	const char *format;
	struct listing *listing;
};

/* A name may have a line's end in it: JSON tells then where it ends. */
static int diff_print(void *arg, char kind, const char *path, struct err *err)
{
	struct diff_sink *s = arg;
	const char text[] = { kind, '\0' };
	json *row;
	int r;

	if (!strcmp(s->format, "text"))
		return cli_outf(s->cli, err, "%c %s\n", kind, path);
	row = json_new_object();
	json_put_str(row, "Type", text);
	json_put_str(row, "Path", path);
	r = s->listing ? listing_add(s->listing, s->cli, row, err) : cli_out_json(s->cli, row, err);
	(void)json_object_put(row);
	return r;
}

static int diff_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct diff_flags *f = opts;
	_cleanup_(listing_done) struct listing listing = { 0 };
	struct diff_sink sink = { .cli = cli, .format = f->format };
	int r = 0;

	if (format_is_template(f->format)) {
		r = listing_open(&listing, f->format, listing_fields("Type Path"), err);
		sink.listing = &listing;
	}
	if (r >= 0)
		r = cli_core(cli, err);
	if (r >= 0)
		r = job_diff(cli->core, args->v[0], &cli->ctx, diff_print, &sink, err);
	if (r >= 0 && sink.listing)
		r = listing_close(&listing, cli, true, err);
	return r < 0 ? r : 0;
}

const struct command cmd_diff = {
	.name = "diff",
	.usage = "[FLAGS] JOB[.TASK]",
	.summary = "List what a job has changed in its files",
	.text = "A line each: A is added, C changed, D deleted, over its image; of a job that runs or one that does not. What is\n"
		"mounted in it, as volumes are, is not its own. On a snapshotter other than overlayfs all files are compared with\n"
		"the image's.",
	.opts = opts_table,
	.examples = "  davit diff web\n  davit diff --format '{{.Path}}' web",
	.words = COMPLETE_JOB,
	.min = 1,
	.max = 1,
	.size = sizeof(struct diff_flags),
	.init = diff_init,
	.run = diff_run,
};
