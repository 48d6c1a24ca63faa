#include "commands.h"
#include "run-file.h"
#include "set-plan.h"
#include <string.h>

struct plan_flags {
	struct file_flags from;
	const char *name, *format;
};
#define AT(f) .at = offsetof(struct plan_flags, f)
static const struct opt plan_opts[] = {
	FILE_OPTS(from),
	{ "name", .arg = "NAME", .help = "Of the set, instead of the file's", .set = opt_string, AT(name) },
	{ "format", .arg = "FORM", .help = "table or json", .words = "table json", .set = opt_word, AT(format) },
	{ 0 },
};

static void plan_init(void *opts) { ((struct plan_flags *)opts)->format = "table"; }
static void plan_done(void *opts) { file_flags_done(&((struct plan_flags *)opts)->from); }

static json *row_json(const struct set_row *row)
{
	json *o = json_new_object();

	json_put_str(o, "name", row->name);
	json_put_str(o, "change", set_change_name(row->change));
	if (row->keys.n)
		json_put_strv(o, "keys", &row->keys);
	json_put_str(o, "why", row->why);
	return o;
}

static int print_rows_json(struct cli *cli, const struct set_rows *rows, struct err *err)
{
	_cleanup_json_ json *o = json_new_object();
	json *jobs = json_new_array();

	for (size_t i = 0; i < rows->n; i++)
		json_append(jobs, row_json(&rows->v[i]));
	json_put(o, "jobs", jobs);
	return cli_out_pretty(cli, o, err);
}

static int print_rows(struct cli *cli, const struct set_rows *rows, struct err *err)
{
	static const struct column columns[] = { { .title = "JOB" }, { .title = "CHANGE" }, { .title = "WHAT", .min = 10 } };
	struct table table = { .columns = columns, .n_columns = 3 };
	int r;

	for (size_t i = 0; i < rows->n; i++) {
		_cleanup_free_ char *keys = strv_join(&rows->v[i].keys, ", ");

		table_cell(&table, rows->v[i].name);
		table_cell(&table, set_change_name(rows->v[i].change));
		table_cell(&table, rows->v[i].why ? rows->v[i].why : keys);
	}
	r = cli_out_table(cli, &table, false, err);
	table_done(&table);
	return r;
}

static int plan_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct plan_flags *f = opts;
	_cleanup_(jobset_freep) struct jobset *set = NULL;
	_cleanup_(set_rows_done) struct set_rows rows = { 0 };
	int r;

	(void)args;
	if (!f->from.file)
		return err_hint(err, err_set(err, ERR_INVALID, "plan: no file is named"), "davit plan -f FILE");
	r = read_job_file(cli, &f->from, f->name, &set, err);
	if (r >= 0)
		r = cli_core(cli, err);
	if (r >= 0)
		r = set_compare(cli->core, set, &cli->ctx, &rows, err);
	if (r < 0)
		return r;
	return f->format[0] == 'j' ? print_rows_json(cli, &rows, err) : print_rows(cli, &rows, err);
}

const struct command cmd_plan = {
	.name = "plan",
	.usage = "-f FILE [FLAGS]",
	.summary = "Say what a job file would change",
	.text = "A line for each of its jobs: create (it is not there), same, differs (it is there, and otherwise: run would "
		"refuse\n"
		"its name), blocked (a port is taken), left (of the set of this name, and no longer in the file). Changes nothing.",
	.examples = "  davit plan -f shop.nomad\n  davit plan -f shop.json --format json",
	.opts = plan_opts,
	.size = sizeof(struct plan_flags),
	.init = plan_init,
	.done = plan_done,
	.run = plan_run,
};
