/* image history: the steps that an image was built of. */
#include "cli.h"
#include "clock.h"
#include "commands.h"
#include "digest.h"
#include "image.h"
#include "human.h"
#include "listing.h"
#include <string.h>

struct history_flags {
	bool quiet, no_trunc;
	const char *platform, *format;
};
#define AT(f) .at = offsetof(struct history_flags, f)
static const struct opt opts_table[] = {
	{ "quiet", 'q', .help = "Only the layers' digests", .topic = "Flags", .set = opt_bool, AT(quiet) },
	{ "no-trunc", .help = "Never cut a column", .set = opt_bool, AT(no_trunc) },
	{ "format", .arg = "FORM", .help = "table, json (a line each), or a template such as '{{.CreatedBy}}'",
	  .words = "table json", .set = opt_format, AT(format) },
	{ "platform", .arg = "OS/ARCH", .help = "Which image of several; the host's without", .set = opt_string, AT(platform) },
	{ 0 },
};
#undef AT

enum { SHORT = 12, COMMAND = 60 };

static void history_init(void *opts) { ((struct history_flags *)opts)->format = "table"; }

/* One line, whatever a builder wrote; cut unless all is wanted. */
static void add_command(struct table *t, const char *text, bool whole)
{
	_cleanup_buf_ struct buf line = { 0 };
	bool blank = false;

	for (const char *c = text ? text : ""; *c; c++) {
		if (*c == ' ' || *c == '\t' || *c == '\n') {
			blank = line.len > 0;
			continue;
		}
		if (blank)
			buf_addc(&line, ' ');
		blank = false;
		buf_addc(&line, *c);
	}
	if (!whole && line.len > COMMAND) {
		size_t n = COMMAND - 3;

		while (n && ((unsigned char)line.data[n] & 0xc0) == 0x80) /* never within a character */
			n--;
		buf_cut(&line, n);
		buf_adds(&line, "...");
	}
	table_cell(t, buf_str(&line));
}

static void history_add_row(struct table *t, const struct image_step *s, bool whole)
{
	char text[HUMAN_TEXT];

	table_cellf(t, "%.*s", whole ? 80 : SHORT, !s->digest ? "" : whole ? s->digest : digest_digits(s->digest));
	table_cell(t, human_ago(s->created_at, clock_wall(), text));
	add_command(t, s->created_by, whole);
	table_cell(t, human_size(s->size, text));
	table_cell(t, s->comment);
}

static json *step_json(const struct image_step *s)
{
	json *o = json_new_object();
	char text[CLOCK_TEXT];

	json_put_str(o, "layer", s->digest);
	if (s->created_at)
		json_put_str(o, "created_at", clock_rfc3339(s->created_at, text));
	json_put_str(o, "created_by", s->created_by);
	json_put_int(o, "size", s->size);
	json_put_str(o, "comment", s->comment);
	return o;
}

static int history_print_json(struct cli *cli, const struct image_step *s, struct err *err)
{
	_cleanup_json_ json *o = step_json(s);

	return cli_out_json(cli, o, err);
}

/* What a template may ask for: Docker's fields, and ours. */
#define FIELDS "ID=IMAGE CreatedSince=CREATED CreatedAt CreatedBy Size Comment layer created_at created_by size comment"

static int history_print_templated(struct cli *cli, const struct image_history *h, const char *format, struct err *err)
{
	_cleanup_(listing_done) struct listing l = { 0 };
	int r = listing_open(&l, format, listing_fields(FIELDS), err);
	char text[HUMAN_TEXT];

	for (size_t i = 0; r >= 0 && i < h->n; i++) {
		const struct image_step *s = &h->v[i];
		_cleanup_json_ json *o = step_json(s);
		_cleanup_free_ char *created = human_date(s->created_at);

		json_put_str(o, "ID", s->digest ? s->digest : "<missing>");
		json_put_str(o, "CreatedSince", human_ago(s->created_at, clock_wall(), text));
		json_put_str(o, "CreatedAt", created);
		json_put_str(o, "CreatedBy", s->created_by ? s->created_by : "");
		json_put_str(o, "Size", human_size(s->size, text));
		json_put_str(o, "Comment", s->comment ? s->comment : "");
		r = listing_add(&l, cli, o, err);
	}
	return r < 0 ? r : listing_close(&l, cli, true, err);
}

static int history_print(struct cli *cli, const struct history_flags *f, const struct image_history *h, struct err *err)
{
	static const struct column columns[] = { { .title = "LAYER" },
						 { .title = "CREATED", .min = 8, .drop = 2 },
						 { .title = "CREATED BY", .min = 20 },
						 { .title = "SIZE", .right = true, .drop = 3 },
						 { .title = "COMMENT", .min = 8, .drop = 1 } };
	_cleanup_(table_done) struct table t = { .columns = columns, .n_columns = sizeof columns / sizeof *columns };
	int r = 0;

	if (format_is_template(f->format) && !f->quiet)
		return history_print_templated(cli, h, f->format, err);
	for (size_t i = 0; r >= 0 && i < h->n; i++) {
		if (!strcmp(f->format, "json"))
			r = history_print_json(cli, &h->v[i], err);
		else if (f->quiet)
			r = h->v[i].digest ? cli_outf(cli, err, "%s\n", h->v[i].digest) : 0;
		else
			history_add_row(&t, &h->v[i], f->no_trunc);
	}
	if (r >= 0 && !f->quiet && !strcmp(f->format, "table"))
		r = cli_out_table(cli, &t, f->no_trunc, err);
	return r;
}

static int history(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct history_flags *f = opts;
	_cleanup_(image_history_done) struct image_history h = { 0 };
	_cleanup_free_ char *snapshotter = NULL;
	int r = cli_core(cli, err);

	if (r >= 0)
		r = core_snapshotter(cli->core, &cli->ctx, &snapshotter, err);
	if (r >= 0)
		r = image_history(cli->core->ctrd, args->v[0], f->platform, snapshotter, &cli->ctx, &h, err);
	return r < 0 ? r : history_print(cli, f, &h, err);
}

const struct command image_history_cmd = {
	.group = "image",
	.name = "history",
	.usage = "[FLAGS] IMAGE",
	.summary = "List the steps that an image was built of",
	.text = "Newest first. The size is that of the layer as it is stored.",
	.opts = opts_table,
	.examples = "  davit image history --no-trunc redis:7",
	.words = COMPLETE_IMAGE,
	.min = 1,
	.max = 1,
	.size = sizeof(struct history_flags),
	.init = history_init,
	.run = history,
};
