/* system df and prune: what jobs, images and volumes take, and all that can go. */
#include "cli.h"
#include "commands.h"
#include "human.h"
#include "image.h"
#include "job-list.h"
#include "listing.h"
#include "mem.h"
#include "prune.h"
#include "volume-use.h"
#include <string.h>

struct df_flags {
	const char *format;
};
#define AT(f) .at = offsetof(struct df_flags, f)
static const struct opt df_opts[] = {
	{ "format", .arg = "FORM", .help = "table, json (a line each), or a template such as '{{.Size}}'", .topic = "Flags",
	  .words = "table json", .set = opt_format, AT(format) },
	OPT_NOT_HERE("verbose", 'v', "davit images, davit ps -as and davit volume ls have each"),
	{ 0 },
};
#undef AT
static void df_init(void *opts) { ((struct df_flags *)opts)->format = "table"; }

/* One line of df. */
struct kind {
	const char *name, *key;
	size_t total, active;
	int64_t size, reclaimable;
};

static void count_jobs(const struct job_rows *rows, struct kind *k)
{
	for (size_t i = 0; i < rows->n; i++) {
		const struct job_row *row = &rows->v[i];
		bool active = job_state_is_active(row->state);
		int64_t size = row->size > 0 ? row->size : 0;

		k->total++;
		k->active += active;
		k->size += size;
		k->reclaimable += active ? 0 : size;
	}
}

/* Does a row before @n have this digest? An image with two names weighs once. */
static bool counted(const struct image_rows *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(rows->v[i].digest, rows->v[n].digest))
			return true;
	return false;
}

static bool used(const struct image_rows *rows, const char *digest, const struct job_rows *jobs)
{
	for (size_t i = 0; i < rows->n; i++)
		for (size_t k = 0; !strcmp(rows->v[i].digest, digest) && k < jobs->n; k++)
			if (!strcmp(jobs->v[k].image, rows->v[i].name))
				return true;
	return false;
}

static int count_images(struct cli *cli, const struct job_rows *jobs, struct kind *k, struct err *err)
{
	_cleanup_(image_rows_done) struct image_rows rows = { 0 };
	_cleanup_free_ char *snapshotter = NULL;
	int r = core_snapshotter(cli->core, &cli->ctx, &snapshotter, err);

	if (r >= 0)
		r = image_list(cli->core->ctrd, snapshotter, &cli->ctx, &rows, err);
	for (size_t i = 0; r >= 0 && i < rows.n; i++) {
		bool active = used(&rows, rows.v[i].digest, jobs);

		if (counted(&rows, i))
			continue;
		k->total++;
		k->active += active;
		k->size += rows.v[i].size;
		k->reclaimable += active ? 0 : rows.v[i].size;
	}
	return r;
}

static int count_volumes(struct cli *cli, struct kind *k, struct err *err)
{
	_cleanup_(volumes_done) struct volumes all = { 0 };
	int r = volume_list(cli->core, &all, err);

	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		_cleanup_strv_ struct strv users = { 0 };
		int64_t size = 0;

		r = volume_users(cli->core, all.v[i].name, &cli->ctx, &users, err);
		if (r >= 0)
			r = volume_size(&all.v[i], &cli->ctx, &size, err);
		k->total++;
		k->active += users.n > 0;
		k->size += size;
		k->reclaimable += users.n ? 0 : size;
	}
	return r;
}

static json *kind_json(const struct kind *k)
{
	json *o = json_new_object();

	json_put_str(o, "kind", k->key);
	json_put_int(o, "total", (int64_t)k->total);
	json_put_int(o, "active", (int64_t)k->active);
	json_put_int(o, "size", k->size);
	json_put_int(o, "reclaimable", k->reclaimable);
	return o;
}

/* What a template may ask for: Docker's fields, and ours. */
#define FIELDS "Type TotalCount=TOTAL Active Size Reclaimable kind total active size reclaimable"

static int df_print_templated(struct cli *cli, const struct kind *kinds, size_t n, const char *format, struct err *err)
{
	_cleanup_(listing_done) struct listing l = { 0 };
	int r = listing_open(&l, format, listing_fields(FIELDS), err);
	char text[HUMAN_TEXT];

	for (size_t i = 0; r >= 0 && i < n; i++) {
		_cleanup_json_ json *o = kind_json(&kinds[i]);
		_cleanup_free_ char *total = mem_printf("%zu", kinds[i].total), *active = mem_printf("%zu", kinds[i].active);

		json_put_str(o, "Type", kinds[i].name);
		json_put_str(o, "TotalCount", total);
		json_put_str(o, "Active", active);
		json_put_str(o, "Size", human_size(kinds[i].size, text));
		json_put_str(o, "Reclaimable", human_size(kinds[i].reclaimable, text));
		r = listing_add(&l, cli, o, err);
	}
	return r < 0 ? r : listing_close(&l, cli, true, err);
}

static int df_print_table(struct cli *cli, const struct kind *kinds, size_t n, struct err *err)
{
	static const struct column columns[] = { { .title = "TYPE" },
						 { .title = "TOTAL", .right = true, .drop = 2 },
						 { .title = "ACTIVE", .right = true, .drop = 1 },
						 { .title = "SIZE", .right = true },
						 { .title = "RECLAIMABLE", .right = true, .drop = 3 } };
	_cleanup_(table_done) struct table t = { .columns = columns, .n_columns = sizeof columns / sizeof *columns };
	char text[HUMAN_TEXT];

	for (size_t i = 0; i < n; i++) {
		table_cell(&t, kinds[i].name);
		table_cellf(&t, "%zu", kinds[i].total);
		table_cellf(&t, "%zu", kinds[i].active);
		table_cell(&t, human_size(kinds[i].size, text));
		table_cell(&t, human_size(kinds[i].reclaimable, text));
	}
	return cli_out_table(cli, &t, false, err);
}

static int df(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const char *format = ((struct df_flags *)opts)->format;
	const struct job_filter every = { .all = true, .sizes = true };
	struct kind kinds[] = { { .name = "Images", .key = "images" },
				{ .name = "Jobs", .key = "jobs" },
				{ .name = "Volumes", .key = "volumes" } };
	const size_t n = sizeof kinds / sizeof *kinds;
	_cleanup_(job_rows_done) struct job_rows jobs = { 0 };
	int r = cli_core(cli, err);

	(void)args;
	if (r >= 0)
		r = job_list(cli->core, &every, &cli->ctx, &jobs, err);
	if (r >= 0)
		r = count_images(cli, &jobs, &kinds[0], err);
	count_jobs(&jobs, &kinds[1]);
	if (r >= 0)
		r = count_volumes(cli, &kinds[2], err);
	if (r >= 0 && !strcmp(format, "table"))
		return df_print_table(cli, kinds, n, err);
	if (r >= 0 && format_is_template(format))
		return df_print_templated(cli, kinds, n, format, err);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		_cleanup_json_ json *o = kind_json(&kinds[i]);

		r = cli_out_json(cli, o, err);
	}
	return r;
}

static const struct command system_df = {
	.group = "system",
	.name = "df",
	.usage = "[FLAGS]",
	.summary = "Tell what images, jobs and volumes take on disk",
	.text = "Of images it is what they are fetched as, of jobs what each has written.",
	.examples = "  davit system df\n  davit system df --format '{{.Type}} {{.Reclaimable}}'",
	.opts = df_opts,
	.size = sizeof(struct df_flags),
	.init = df_init,
	.run = df,
};

#define AT(f) .at = offsetof(struct prune_flags, f)
static const struct opt prune_opts[] = {
	{ "all", 'a', .help = "Every image that no job was made from, not only those without a name", .topic = "Flags",
	  .set = opt_bool, AT(all) },
	{ "volumes", .help = "Anonymous volumes that no job uses, too", .set = opt_bool, AT(volumes) },
	PRUNE_OPTS(struct prune_flags, dry_run, force),
	OPT_NOT_HERE("filter", 0, "davit image prune --filter picks images"),
	{ 0 },
};
#undef AT

/* First the jobs: what they used is free then. */
static int system_prune_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct prune_flags *f = opts, jobs = { .all = true, .volumes = f->volumes, .dry_run = f->dry_run };
	const struct image_prune images = { .all = f->all, .dry_run = f->dry_run };
	int r = prune_open(cli, err);

	(void)args;
	if (r >= 0)
		r = prune_jobs(cli, &jobs, err);
	if (r >= 0 && f->volumes)
		r = prune_volumes(cli, false, f->dry_run, "volume ", err);
	if (r >= 0)
		r = prune_networks(cli, f->dry_run, "network ", err);
	return r < 0 ? r : prune_images(cli, &images, "image ", err);
}

static const struct command system_prune = {
	.group = "system",
	.name = "prune",
	.usage = "[FLAGS]",
	.summary = "Remove jobs that have ended, networks that no job uses, and images that nobody named",
	.text = "And what a killed davit left behind. Running jobs, named volumes and networks that davit has not made stay.",
	.examples = "  davit system prune --dry-run\n  davit system prune --all --volumes",
	.opts = prune_opts,
	.size = sizeof(struct prune_flags),
	.run = system_prune_run,
};

static const struct command *const subs[] = { &system_df, &system_prune, NULL };
const struct command cmd_system = {
	.name = "system",
	.usage = "COMMAND",
	.summary = "The whole of it: df prune",
	.sub = subs,
	.examples = "  davit system df\n  davit system prune --dry-run",
};
