#include "cli.h"
#include "commands.h"
#include "human.h"
#include "clock.h"
#include "job-ops.h"
#include "mem.h"
#include "ref.h"
#include <string.h>

struct ps_flags { bool all, quiet, everywhere, no_trunc; struct strv filters; const char *format; };
#define AT(f) .at = offsetof(struct ps_flags, f)
static const struct opt opts_table[] = {
	{ "all", 'a', .help = "Ended and created ones too", .topic = "Flags", .set = opt_bool, AT(all) },
	{ "quiet", 'q', .help = "Only ids", .set = opt_bool, AT(quiet) },
	{ "all-namespaces", 'A', .help = "Of every containerd namespace", .set = opt_bool, AT(everywhere) },
	{ "filter", 'f', .arg = "K=V", .help = "name (a pattern), id, status, label, ancestor, network or exited", .set = opt_list,
	  AT(filters) },
	{ "no-trunc", .help = "Never cut a column", .set = opt_bool, AT(no_trunc) },
	{ "format", .arg = "FORM", .help = "table, json (a line each) or names", .words = "table json names",
	  .set = opt_word, AT(format) },
	OPT_NOT_HERE("last", 0, "davit ps -a lists the newest first"),
	OPT_NOT_HERE("latest", 'l', "davit ps -a lists the newest first"),
	OPT_NOT_HERE("size", 's', "davit keeps no sizes of jobs; davit images prints those of images"),
	{ 0 },
};

static void init(void *opts)
{
	((struct ps_flags *)opts)->format = "table";
}

static void done(void *opts)
{
	strv_done(&((struct ps_flags *)opts)->filters);
}

static void status_text(const struct job_row *row, struct table *t)
{
	char text[HUMAN_TEXT];
	int64_t now = clock_wall();

	switch (row->state) {
	case JOB_RUNNING:
		table_cellf(t, "Up %s", human_span(now - row->started_at, text));
		break;
	case JOB_PAUSED:
		table_cellf(t, "Up %s (Paused)", human_span(now - row->started_at, text));
		break;
	case JOB_EXITED:
		table_cellf(t, "Exited (%d) %s", row->exit_code, human_ago(row->exited_at, now, text));
		break;
	case JOB_CREATED:
		table_cell(t, "Created");
		break;
	case JOB_UNKNOWN:
		table_cell(t, "Unknown");
		break;
	}
}

static int print_table(struct cli *cli, const struct ps_flags *f, const struct job_rows *rows, struct err *err)
{
	static const struct column columns[] = {
		{ .title = "NAMESPACE" }, { .title = "NAME" }, { .title = "IMAGE", .min = 12, .drop = 4 },
		{ .title = "COMMAND", .min = 10, .drop = 2 }, { .title = "STATUS", .min = 10, .drop = 5 },
		{ .title = "IP", .drop = 3 }, { .title = "PORTS", .list = true }, { .title = "ID", .drop = 1 },
	};
	size_t skip = f->everywhere ? 0 : 1;
	struct table t = { .columns = columns + skip, .n_columns = sizeof columns / sizeof *columns - skip };
	int r;

	for (size_t i = 0; i < rows->n; i++) {
		const struct job_row *row = &rows->v[i];

		if (!skip)
			table_cell(&t, row->ns);
		table_cell(&t, row->name);
		table_cell(&t, ref_familiar(row->image));
		table_cell(&t, row->command);
		status_text(row, &t);
		table_cell(&t, row->ip);
		table_cell(&t, row->ports);
		table_cell(&t, row->id);
	}
	r = cli_out_table(cli, &t, f->no_trunc, err);
	table_done(&t);
	return r;
}

static void put_time(json *o, const char *key, int64_t at)
{
	char text[CLOCK_TEXT];

	if (at)
		json_put_str(o, key, clock_rfc3339(at, text));
}

static int print_json(struct cli *cli, const struct job_row *row, struct err *err)
{
	_cleanup_json_ json *o = json_new_object();

	json_put_str(o, "name", row->name);
	json_put_str(o, "id", row->id);
	json_put_str(o, "namespace", row->ns);
	json_put_str(o, "image", row->image);
	json_put_str(o, "command", row->command);
	json_put_str(o, "status", job_state_name(row->state));
	if (row->state == JOB_EXITED)
		json_put_int(o, "exit_code", row->exit_code);
	json_put_int(o, "pid", row->state == JOB_RUNNING || row->state == JOB_PAUSED ? row->pid : 0);
	json_put_str(o, "runtime", row->runtime);
	json_put_str(o, "network", row->network);
	json_put_str(o, "ip", row->ip);
	json_put_str(o, "ports", row->ports);
	put_time(o, "created_at", row->created_at);
	put_time(o, "started_at", row->started_at);
	put_time(o, "exited_at", row->exited_at);
	json_put_dict(o, "labels", &row->labels);
	return cli_out_json(cli, o, err);
}

static int print(struct cli *cli, const struct ps_flags *f, const struct job_rows *rows, struct err *err)
{
	int r = 0;

	if (!f->quiet && f->format[0] == 't')
		return print_table(cli, f, rows, err);
	for (size_t i = 0; r >= 0 && i < rows->n; i++) {
		if (f->format[0] == 'j')
			r = print_json(cli, &rows->v[i], err);
		else
			r = cli_outf(cli, err, "%s\n", f->format[0] == 'n' ? rows->v[i].name : rows->v[i].id);
	}
	return r;
}

/* An empty list may only be the wrong namespace. */
static void look_elsewhere(struct cli *cli)
{
	_cleanup_free_ char *ns = NULL;
	size_t n = 0;

	if (job_count_elsewhere(cli->core, &cli->ctx, &n, &ns, NULL) >= 0 && n)
		cli_notice(cli, "no jobs in namespace %s; there %s %zu elsewhere: davit -n %s ps -a, or davit ps -a -A",
			   cli->conf.ns, n == 1 ? "is" : "are", n, ns);
}

static int run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct ps_flags *f = opts;
	const struct job_filter filter = { .all = f->all, .all_namespaces = f->everywhere, .filters = &f->filters };
	struct job_rows rows = { 0 };
	int r = cli_core(cli, err);

	(void)args;
	if (r >= 0)
		r = job_list(cli->core, &filter, &cli->ctx, &rows, err);
	if (r >= 0)
		r = print(cli, f, &rows, err);
	if (r >= 0 && !rows.n && !f->everywhere && !f->filters.n && !f->quiet && f->format[0] == 't')
		look_elsewhere(cli);
	job_rows_done(&rows);
	return r;
}

const struct command cmd_ps = {
	.name = "ps", .usage = "[FLAGS]", .summary = "List jobs", .opts = opts_table, .size = sizeof(struct ps_flags), .init = init,
	.done = done, .run = run, .examples = "  davit ps -a --filter status=exited\n  davit ps -A --format json | jq .name",
};
