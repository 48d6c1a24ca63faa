/* images, which is also image ls. */
#include "cli.h"
#include "clock.h"
#include "commands.h"
#include "human.h"
#include "image.h"
#include "namespaces.h"
#include "ref.h"
#include <string.h>

struct list_flags { bool all, quiet, digests, no_trunc, everywhere; const char *format; };
#define AT(f) .at = offsetof(struct list_flags, f)
static const struct opt list_opts[] = {
	{ "quiet", 'q', .help = "Only names", .topic = "Flags", .set = opt_bool, AT(quiet) },
	{ "all-namespaces", 'A', .help = "Of every containerd namespace", .set = opt_bool, AT(everywhere) },
	{ "digests", .help = "With digests", .set = opt_bool, AT(digests) },
	{ "no-trunc", .help = "Never cut a column", .set = opt_bool, AT(no_trunc) },
	{ "format", .arg = "FORM", .help = "table, json (a line each) or names", .words = "table json names",
	  .set = opt_word, AT(format) },
	OPT_NOT_HERE("filter", 'f', "davit images --format json | jq picks some"),
	{ "all", 'a', .help = "For Docker's users; all are listed anyway", .set = opt_bool, AT(all), .hidden = true },
	{ 0 },
};
#undef AT

static void list_init(void *opts)
{
	((struct list_flags *)opts)->format = "table";
}

static void add_row(struct table *t, const struct list_flags *f, const char *ns, const struct image_row *row)
{
	char text[HUMAN_TEXT];

	if (f->everywhere)
		table_cell(t, ns);
	table_cell(t, ref_familiar(row->name));
	table_cell(t, f->digests || f->no_trunc ? row->digest : row->short_id);
	table_cell(t, human_ago(row->created_at, clock_wall(), text));
	table_cell(t, row->platform);
	table_cell(t, human_size(row->size, text));
	table_cell(t, row->unpacked ? "yes" : "no");
}

static int print_json(struct cli *cli, const char *ns, const struct image_row *row, struct err *err)
{
	_cleanup_json_ json *o = json_new_object();
	char text[CLOCK_TEXT];

	json_put_str(o, "name", row->name);
	json_put_str(o, "namespace", ns);
	json_put_str(o, "digest", row->digest);
	json_put_int(o, "size", row->size);
	json_put_str(o, "platform", row->platform);
	json_put_str(o, "created_at", clock_rfc3339(row->created_at, text));
	json_put_bool(o, "unpacked", row->unpacked);
	return cli_out_json(cli, o, err);
}

/* The images of one namespace, into @t or straight out. */
static int list_one(struct cli *cli, const struct list_flags *f, const char *ns, struct table *t, size_t *count, struct err *err)
{
	_cleanup_(image_rows_done) struct image_rows rows = { 0 };
	_cleanup_free_ char *snapshotter = NULL;
	int r;

	ctrd_set_namespace(cli->core->ctrd, ns);
	r = core_snapshotter(cli->core, &cli->ctx, &snapshotter, err);
	if (r >= 0)
		r = image_list(cli->core->ctrd, snapshotter, &cli->ctx, &rows, err);
	for (size_t i = 0; r >= 0 && i < rows.n; i++) {
		if (f->format[0] == 'j')
			r = print_json(cli, ns, &rows.v[i], err);
		else if (f->quiet || f->format[0] == 'n')
			r = cli_outf(cli, err, "%s\n", ref_familiar(rows.v[i].name));
		else
			add_row(t, f, ns, &rows.v[i]);
	}
	*count += rows.n;
	return r;
}

static void look_elsewhere(struct cli *cli, const struct ctrd_namespaces *all)
{
	for (size_t i = 0; i < all->n; i++) {
		struct ctrd_images images = { 0 };
		size_t n = 0;

		ctrd_set_namespace(cli->core->ctrd, all->v[i].name);
		if (images_list(cli->core->ctrd, NULL, &cli->ctx, &images, NULL) >= 0)
			n = images.n;
		ctrd_images_done(&images);
		if (!n || !strcmp(all->v[i].name, cli->conf.ns))
			continue;
		cli_notice(cli,
			   "no images in namespace %s; namespace %s has %zu: davit -n %s images, or davit images -A",
			   cli->conf.ns, all->v[i].name, n, all->v[i].name);
		return;
	}
}

static int list(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	static const struct column columns[] = { { .title = "NAMESPACE" }, { .title = "IMAGE", .min = 20 },
		{ .title = "ID", .min = 12, .drop = 3 }, { .title = "CREATED", .min = 8, .drop = 4 },
		{ .title = "PLATFORM", .min = 8, .drop = 2 }, { .title = "SIZE", .right = true, .drop = 5 },
		{ .title = "UNPACKED", .drop = 1 } };
	const struct list_flags *f = opts;
	_cleanup_(ctrd_namespaces_done) struct ctrd_namespaces all = { 0 };
	size_t skip = f->everywhere ? 0 : 1, count = 0;
	struct table t = { .columns = columns + skip, .n_columns = sizeof columns / sizeof *columns - skip };
	bool is_table = !f->quiet && f->format[0] == 't';
	int r = cli_core(cli, err);

	(void)args;
	if (r >= 0)
		r = namespaces_list(cli->core->ctrd, &cli->ctx, &all, err);
	for (size_t i = 0; r >= 0 && f->everywhere && i < all.n; i++)
		r = list_one(cli, f, all.v[i].name, &t, &count, err);
	if (r >= 0 && !f->everywhere)
		r = list_one(cli, f, cli->conf.ns, &t, &count, err);
	if (r >= 0 && is_table)
		r = cli_out_table(cli, &t, f->no_trunc, err);
	if (r >= 0 && is_table && !count)
		look_elsewhere(cli, &all);
	table_done(&t);
	return r;
}

#define LIST \
	.usage = "[FLAGS]", .summary = "List images", .opts = list_opts, .size = sizeof(struct list_flags), \
	.init = list_init, .run = list, \
	.examples = "  davit images\n  davit images -A --digests\n  davit images --format json | jq .name"
const struct command cmd_images = { .name = "images", LIST };
const struct command image_ls = { .group = "image", .name = "ls", LIST };
