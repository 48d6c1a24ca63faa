/* runtime ls; runtime config stands in cmd-runtime-config.c. */
#include "cli.h"
#include "commands.h"
#include "listing.h"
#include "mem.h"
#include "runtimes.h"
#include "table.h"
#include <string.h>

static const char *runtime_kind(const struct found_runtime *f) { return f->engine ? "engine" : "shim"; }

static bool runtime_suits(const struct found_runtime *f, const struct strv *filters)
{
	for (size_t i = 0; i < filters->n; i++) {
		const char *filter = filters->v[i], *value = strchr(filter, '=') + 1;

		if (!strncmp(filter, "kind=", 5)   ? strcmp(runtime_kind(f), value) != 0
		    : !strncmp(filter, "runs=", 5) ? !f->why != !strcmp(value, "true")
						   : !strstr(f->name, value))
			return false;
	}
	return true;
}

static int runtime_add_filter(const struct opt *o, const char *value, void *into, struct err *err)
{
	static const char *const whole[] = { "kind=shim", "kind=engine", "runs=true", "runs=false" };
	bool ok = !strncmp(value, "name=", 5);

	(void)o;
	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
		ok = ok || !strcmp(value, whole[i]);
	if (!ok)
		return err_hint(err,
				err_set(err, ERR_INVALID,
					"filter \"%.80s\": not name=PART, kind=shim, kind=engine, runs=true or runs=false", value),
				"davit runtime ls --format json | jq picks by anything else");
	strv_push(&((struct listing_flags *)into)->filters, value);
	return 0;
}

static const struct opt list_opts[] = {
	LIST_OPTS("Only those with name=PART, kind=shim or engine, runs=true or false", runtime_add_filter),
	{ 0 },
};

static int runtime_print_table(struct cli *cli, const void *rows, bool whole, struct err *err)
{
	const struct found_runtimes *l = rows;
	static const struct column columns[] = {
		{ .title = "NAME" }, { .title = "KIND", .min = 4, .drop = 1 },  { .title = "VERSION", .min = 8, .drop = 3 },
		{ .title = "RUNS" }, { .title = "PATH", .min = 20, .drop = 2 }, { .title = "WHY NOT", .min = 20 }
	};
	_cleanup_(table_done) struct table t = { .columns = columns, .n_columns = sizeof columns / sizeof *columns };

	for (size_t i = 0; i < l->n; i++) {
		table_cell(&t, l->v[i].name);
		table_cell(&t, runtime_kind(&l->v[i]));
		table_cell(&t, l->v[i].version);
		table_cell(&t, l->v[i].why ? "no" : "yes");
		table_cell(&t, l->v[i].path);
		table_cell(&t, l->v[i].why);
	}
	return cli_out_table(cli, &t, whole, err);
}

static const char *runtime_name_at(const void *rows, size_t i) { return ((const struct found_runtimes *)rows)->v[i].name; }

static json *runtime_json_at(struct cli *cli, const void *rows, size_t i)
{
	const struct found_runtime *f = &((const struct found_runtimes *)rows)->v[i];
	json *o = json_new_object();

	(void)cli;
	json_put_str(o, "name", f->name);
	json_put_str(o, "kind", runtime_kind(f));
	json_put_str(o, "version", f->version);
	json_put_str(o, "path", f->path);
	json_put_bool(o, "runs", !f->why);
	json_put_str(o, "why", f->why);
	json_put_str(o, "remedy", f->remedy);
	return o;
}

/* Under the names that templates of Docker's lists have theirs. */
static void runtime_view(json *o)
{
	static const char *const names[][2] = { { "Name", "name" }, { "Kind", "kind" }, { "Version", "version" },
						{ "Path", "path" }, { "Why", "why" },   { "Remedy", "remedy" } };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *text = json_get_str(o, names[i][1]);

		json_put_str(o, names[i][0], text ? text : "");
	}
	json_put_bool(o, "Runs", json_get_bool(o, "runs", false));
}

static void narrow_runtimes(struct found_runtimes *l, const struct strv *filters)
{
	struct found_runtimes left = { 0 }, out = { 0 };

	for (size_t i = 0; i < l->n; i++) {
		struct found_runtimes *to = runtime_suits(&l->v[i], filters) ? &left : &out;

		to->v = mem_grow(to->v, &to->cap, to->n + 1, sizeof *to->v);
		to->v[to->n++] = l->v[i];
	}
	free(l->v);
	*l = left;
	found_runtimes_done(&out);
}

static int runtime_list_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	static const struct list_kind kind = {
		"Name Kind Version Path Runs Why=WHY_NOT Remedy name kind version path runs why remedy", runtime_print_table,
		runtime_name_at, runtime_json_at, runtime_view
	};
	const struct listing_flags *f = opts;
	_cleanup_(found_runtimes_done) struct found_runtimes l = { 0 };
	_cleanup_(listing_done) struct listing to = { 0 };
	int r = list_open(f, &kind, &to, err);

	(void)args;
	if (r < 0)
		return r;
	runtimes_find("", cli->conf.address ? cli->conf.address : CTRD_ADDRESS, &cli->ctx, &l);
	narrow_runtimes(&l, &f->filters);
	return list_print(cli, f, &kind, &to, &l, l.n, err);
}

static const struct command runtime_ls = {
	.group = "runtime",
	.name = "ls",
	.usage = "[FLAGS]",
	.summary = "List shims and engines, and whether each can run here",
	.text = "A shim is what containerd starts for a job; an engine is what the shim calls. Shims are looked for where "
		"containerd looks, "
		"beside davit, and in PATH.",
	.examples = "  davit runtime ls\n  davit runtime ls --filter runs=false --format '{{.Name}}: {{.Why}} ({{.Remedy}})'",
	.opts = list_opts,
	.size = sizeof(struct listing_flags),
	.init = listing_flags_init,
	.done = listing_flags_done,
	.run = runtime_list_run,
};

static const struct command *const subs[] = { &runtime_ls, &runtime_config_cmd, NULL };
const struct command cmd_runtime = {
	.name = "runtime",
	.usage = "COMMAND",
	.summary = "Shims and engines: ls config",
	.examples = "  davit runtime ls\n  davit runtime config --write davit",
	.sub = subs,
};
