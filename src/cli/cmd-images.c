/* images, which is also image ls. */
#include "cli.h"
#include "clock.h"
#include "commands.h"
#include "human.h"
#include "image.h"
#include "listing.h"
#include "mem.h"
#include "namespaces.h"
#include "ref.h"
#include <fnmatch.h>
#include <string.h>

enum dangling { ANY, NAMED, NAMELESS };
struct list_flags {
	enum dangling dangling;
	bool all, quiet, digests, no_trunc, everywhere;
	struct strv patterns;
	const char *format;
};
#define AT(f) .at = offsetof(struct list_flags, f)
static int images_add_filter(const struct opt *o, const char *value, void *into, struct err *err)
{
	struct list_flags *f = into;
	int r;

	(void)o;
	if (!strncmp(value, "reference=", 10)) {
		strv_push(&f->patterns, value + 10);
		return 0;
	}
	if (!strcmp(value, "dangling=true") || !strcmp(value, "dangling=false")) {
		f->dangling = value[9] == 't' ? NAMELESS : NAMED;
		return 0;
	}
	r = err_set(err, ERR_INVALID, "filter \"%.80s\": not reference=PATTERN, dangling=true or dangling=false", value);
	return err_hint(err, r, "davit images --format json | jq picks by anything else");
}

static const struct opt list_opts[] = {
	{ "quiet", 'q', .help = "Only names", .topic = "Flags", .set = opt_bool, AT(quiet) },
	{ "all-namespaces", 'A', .help = "Of every containerd namespace", .set = opt_bool, AT(everywhere) },
	{ "digests", .help = "With digests", .set = opt_bool, AT(digests) },
	{ "no-trunc", .help = "Never cut a column", .set = opt_bool, AT(no_trunc) },
	{ "filter", 'f', .arg = "reference=PATTERN",
	  .help = "Only names that match, as in 'redis:*'; dangling=true: those that nobody named", .set = images_add_filter },
	{ "format", .arg = "FORM", .help = "table, json (a line each), names, or a template such as '{{.Repository}}'",
	  .words = "table json names", .set = opt_format, AT(format) },
	{ "all", 'a', .help = "For Docker's users; all are listed anyway", .set = opt_bool, AT(all), .hidden = true },
	{ 0 },
};
#undef AT

static void images_init(void *opts) { ((struct list_flags *)opts)->format = "table"; }

static void images_done(void *opts) { strv_done(&((struct list_flags *)opts)->patterns); }

/* The length of a name without its tag and digest. */
static size_t repository_of(const char *name)
{
	size_t n = strcspn(name, "@");
	const char *colon = memrchr(name, ':', n);

	return colon && !memchr(colon, '/', n - (size_t)(colon - name)) ? (size_t)(colon - name) : n;
}

/* A pattern is of the whole name, or of what stands before its tag, in the long form or the short. */
static bool matches(const struct strv *patterns, const char *name)
{
	const char *const forms[] = { name, ref_familiar(name) };

	for (size_t i = 0; i < patterns->n; i++)
		for (size_t k = 0; k < 2; k++) {
			_cleanup_free_ char *repository = mem_strndup(forms[k], repository_of(forms[k]));

			if (fnmatch(patterns->v[i], forms[k], FNM_PATHNAME) == 0 ||
			    fnmatch(patterns->v[i], repository, FNM_PATHNAME) == 0)
				return true;
		}
	return !patterns->n;
}

static void images_add_row(struct table *t, const struct list_flags *f, const char *ns, const struct image_row *row)
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

static json *images_row_json(const char *ns, const struct image_row *row)
{
	json *o = json_new_object();
	char text[CLOCK_TEXT];

	json_put_str(o, "name", row->name);
	json_put_str(o, "namespace", ns);
	json_put_str(o, "digest", row->digest);
	json_put_int(o, "size", row->size);
	json_put_str(o, "platform", row->platform);
	json_put_str(o, "created_at", clock_rfc3339(row->created_at, text));
	json_put_bool(o, "unpacked", row->unpacked);
	return o;
}

/* What a template may ask for: Docker's fields, and ours. */
#define FIELDS \
	"Repository Tag ID=IMAGE_ID Digest CreatedSince=CREATED CreatedAt Size Containers SharedSize UniqueSize VirtualSize " \
	"name namespace digest size platform created_at unpacked"

static int images_print_templated(struct cli *cli, const struct list_flags *f, const char *ns, const struct image_row *row,
				  struct listing *l, struct err *err)
{
	_cleanup_json_ json *o = images_row_json(ns, row);
	const char *name = ref_familiar(row->name), *tag = name + repository_of(name);
	_cleanup_free_ char *repository = mem_strndup(name, repository_of(name)), *created = human_date(row->created_at);
	_cleanup_free_ char *tag_text = mem_strndup(tag + (*tag == ':'), strcspn(tag + (*tag == ':'), "@"));
	static const char *const unknown[] = { "Containers", "SharedSize", "UniqueSize" };
	char text[HUMAN_TEXT];

	json_put_str(o, "Repository", repository);
	json_put_str(o, "Tag", *tag_text ? tag_text : "<none>");
	json_put_str(o, "ID", f->no_trunc ? row->digest : row->short_id);
	json_put_str(o, "Digest", row->digest);
	json_put_str(o, "CreatedSince", human_ago(row->created_at, clock_wall(), text));
	json_put_str(o, "CreatedAt", created);
	json_put_str(o, "Size", human_size(row->size, text));
	json_put_str(o, "VirtualSize", human_size(row->size, text));
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
		json_put_str(o, unknown[i], "N/A");
	return listing_add(l, cli, o, err);
}

static int images_print_json(struct cli *cli, const char *ns, const struct image_row *row, struct err *err)
{
	_cleanup_json_ json *o = images_row_json(ns, row);

	return cli_out_json(cli, o, err);
}

/* Where the rows go: a table of people, one of a template, or straight out. */
struct sink {
	struct table t;
	struct listing l;
	bool templated;
	size_t count;
};

static int put_row(struct cli *cli, const struct list_flags *f, const char *ns, const struct image_row *row, struct sink *to,
		   struct err *err)
{
	to->count++;
	if (!strcmp(f->format, "json"))
		return images_print_json(cli, ns, row, err);
	if (f->quiet || !strcmp(f->format, "names"))
		return cli_outf(cli, err, "%s\n", ref_familiar(row->name));
	if (to->templated)
		return images_print_templated(cli, f, ns, row, &to->l, err);
	images_add_row(&to->t, f, ns, row);
	return 0;
}

static bool images_suits(const struct list_flags *f, const char *name)
{
	return matches(&f->patterns, name) && (f->dangling == ANY || image_is_named(name) == (f->dangling == NAMED));
}

/* The images of one namespace. */
static int list_one(struct cli *cli, const struct list_flags *f, const char *ns, struct sink *to, struct err *err)
{
	_cleanup_(image_rows_done) struct image_rows rows = { 0 };
	_cleanup_free_ char *snapshotter = NULL;
	_cleanup_(core_leave) struct core there = core_in(cli->core, ns);
	int r = core_snapshotter(&there, &cli->ctx, &snapshotter, err);

	if (r >= 0)
		r = image_list(there.ctrd, snapshotter, &cli->ctx, &rows, err);
	for (size_t i = 0; r >= 0 && i < rows.n; i++)
		if (images_suits(f, rows.v[i].name))
			r = put_row(cli, f, ns, &rows.v[i], to, err);
	return r;
}

static void images_look_elsewhere(struct cli *cli, const struct ctrd_namespaces *all)
{
	for (size_t i = 0; i < all->n; i++) {
		_cleanup_(ctrd_freep) struct ctrd *there = ctrd_in(cli->core->ctrd, all->v[i].name);
		struct ctrd_images images = { 0 };
		size_t n = 0;

		if (images_list(there, NULL, &cli->ctx, &images, NULL) >= 0)
			n = images.n;
		ctrd_images_done(&images);
		if (!n || !strcmp(all->v[i].name, cli->conf.ns))
			continue;
		cli_notice(cli, "no images in namespace %s; namespace %s has %zu: davit -n %s images, or davit images -A",
			   cli->conf.ns, all->v[i].name, n, all->v[i].name);
		return;
	}
}

static int images_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	static const struct column columns[] = { { .title = "NAMESPACE" },
						 { .title = "IMAGE", .min = 20 },
						 { .title = "ID", .min = 12, .drop = 3 },
						 { .title = "CREATED", .min = 8, .drop = 4 },
						 { .title = "PLATFORM", .min = 8, .drop = 2 },
						 { .title = "SIZE", .right = true, .drop = 5 },
						 { .title = "UNPACKED", .drop = 1 } };
	struct list_flags *f = opts;
	_cleanup_(ctrd_namespaces_done) struct ctrd_namespaces all = { 0 };
	size_t skip = f->everywhere ? 0 : 1;
	struct sink to = { .t = { .columns = columns + skip, .n_columns = sizeof columns / sizeof *columns - skip },
			   .templated = format_is_template(f->format) && !f->quiet };
	bool is_table = !f->quiet && !strcmp(f->format, "table");
	int r = to.templated ? listing_open(&to.l, f->format, listing_fields(FIELDS), err) : 0;

	strv_add(&f->patterns, args);
	if (r >= 0)
		r = cli_core(cli, err);
	if (r >= 0)
		r = namespaces_list(cli->core->ctrd, &cli->ctx, &all, err);
	for (size_t i = 0; r >= 0 && f->everywhere && i < all.n; i++)
		r = list_one(cli, f, all.v[i].name, &to, err);
	if (r >= 0 && !f->everywhere)
		r = list_one(cli, f, cli->conf.ns, &to, err);
	if (r >= 0 && to.templated)
		r = listing_close(&to.l, cli, f->no_trunc, err);
	if (r >= 0 && is_table)
		r = cli_out_table(cli, &to.t, f->no_trunc, err);
	if (r >= 0 && is_table && !to.count && !f->patterns.n)
		images_look_elsewhere(cli, &all);
	table_done(&to.t);
	listing_done(&to.l);
	return r;
}

#define LIST \
	.usage = "[FLAGS] [NAME]", .summary = "List images", .opts = list_opts, .size = sizeof(struct list_flags), \
	.words = COMPLETE_IMAGE, .max = 1, .init = images_init, .done = images_done, .run = images_run, \
	.examples = "  davit images\n  davit images -A --digests\n  davit images 'redis:*' --format '{{.Tag}} {{.Size}}'"
const struct command cmd_images = { .name = "images", LIST };
const struct command image_ls = { .group = "image", .name = "ls", LIST };
