/* volume ls, create, rm, inspect. */
#include "cli.h"
#include "clock.h"
#include "commands.h"
#include "human.h"
#include "job-ops.h"
#include "parse.h"
#include "volume.h"

struct list_flags { bool quiet, no_trunc; const char *format; };
static const struct opt list_opts[] = {
	{ "quiet", 'q', .help = "Only names", .topic = "Flags", .set = opt_bool, .at = offsetof(struct list_flags, quiet) },
	{ "no-trunc", .help = "Never cut a column", .set = opt_bool, .at = offsetof(struct list_flags, no_trunc) },
	{ "format", .arg = "FORM", .help = "table, json (a line each) or names", .words = "table json names", .set = opt_word,
	  .at = offsetof(struct list_flags, format) },
	{ 0 },
};
static void list_init(void *opts) { ((struct list_flags *)opts)->format = "table"; }

static json *volume_json(struct cli *cli, const struct volume *v)
{
	_cleanup_strv_ struct strv users = { 0 };
	json *o = json_new_object();
	char text[CLOCK_TEXT];

	json_put_str(o, "name", v->name);
	json_put_str(o, "path", v->path);
	json_put_str(o, "created_at", clock_rfc3339(v->created_at, text));
	json_put_bool(o, "anonymous", v->anonymous);
	json_put_dict(o, "labels", &v->labels);
	if (volume_users(cli->core, v->name, &cli->ctx, &users, NULL) >= 0)
		json_put_strv(o, "jobs", &users);
	return o;
}

static int print_table(struct cli *cli, const struct volumes *l, bool whole, struct err *err)
{
	static const struct column columns[] = { { .title = "NAME" },
		{ .title = "CREATED", .min = 8, .drop = 2 }, { .title = "PATH", .min = 20, .drop = 1 } };
	struct table t = { .columns = columns, .n_columns = 3 };
	char ago[HUMAN_TEXT];
	int r;

	for (size_t i = 0; i < l->n; i++) {
		table_cell(&t, l->v[i].name);
		table_cell(&t, human_ago(l->v[i].created_at, clock_wall(), ago));
		table_cell(&t, l->v[i].path);
	}
	r = cli_out_table(cli, &t, whole, err);
	table_done(&t);
	return r;
}

static int list(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct list_flags *f = opts;
	_cleanup_(volumes_done) struct volumes l = { 0 };
	int r = cli_core(cli, err);

	(void)args;
	if (r >= 0) {
		job_await_removals(cli->core, &cli->ctx);
		r = volume_list(cli->core, &l, err);
	}
	if (r >= 0 && !f->quiet && f->format[0] == 't')
		return print_table(cli, &l, f->no_trunc, err);
	for (size_t i = 0; r >= 0 && i < l.n; i++) {
		_cleanup_json_ json *o = f->format[0] == 'j' ? volume_json(cli, &l.v[i]) : NULL;

		r = o ? cli_out_json(cli, o, err) : cli_outf(cli, err, "%s\n", l.v[i].name);
	}
	return r;
}

static const struct command volume_ls = {
	.group = "volume",
	.name = "ls",
	.usage = "[FLAGS]",
	.summary = "List volumes",
	.examples = "  davit volume ls\n  davit volume ls --format json | jq .jobs",
	.opts = list_opts,
	.size = sizeof(struct list_flags),
	.init = list_init,
	.run = list,
};

struct create_flags { struct dict labels; };
static int set_label(const struct opt *o, const char *value, void *into, struct err *err)
{
	(void)o;
	return parse_label(value, &((struct create_flags *)into)->labels, err);
}
static const struct opt create_opts[] = {
	{ "label", 'l', .arg = "K=V", .help = "A label", .topic = "Flags", .set = set_label }, { 0 }
};
static void create_done(void *opts) { dict_done(&((struct create_flags *)opts)->labels); }

static int create(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	_cleanup_(volume_done) struct volume v = { 0 };
	bool fresh = false;
	int r = cli_core(cli, err);

	if (r >= 0)
		r = volume_ensure(cli->core, args->n ? args->v[0] : NULL, &((struct create_flags *)opts)->labels, &v, &fresh, err);
	return r < 0 ? r : cli_outf(cli, err, "%s\n", v.name);
}

static const struct command volume_create = {
	.group = "volume",
	.name = "create",
	.usage = "[FLAGS] [NAME]",
	.summary = "Make a volume; one that is there stays",
	.examples = "  davit volume create data\n  davit run -v data:/var/lib/data redis:7",
	.opts = create_opts,
	.max = 1,
	.size = sizeof(struct create_flags),
	.done = create_done,
	.run = create,
};

struct rm_flags { bool force; };
static const struct opt rm_opts[] = {
	{ "force", 'f', .help = "An absent one is no error", .topic = "Flags", .set = opt_bool,
	  .at = offsetof(struct rm_flags, force) },
	{ 0 },
};

static int rm_one(struct cli *cli, const char *name, void *arg, struct err *err)
{
	int r = volume_remove(cli->core, name, &cli->ctx, err);

	if (r == -ERR_NOT_FOUND && ((struct rm_flags *)arg)->force)
		return err_clear(err), EACH_NOTHING;
	return r;
}

static int rm(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	int r = cli_core(cli, err);

	if (r < 0)
		return r;
	job_await_removals(cli->core, &cli->ctx);
	return cli_each(cli, args, rm_one, opts, false, err);
}

static const struct command volume_rm = {
	.group = "volume",
	.name = "rm",
	.usage = "[FLAGS] NAME...",
	.summary = "Remove volumes that no job uses, and what is in them",
	.opts = rm_opts,
	.examples = "  davit volume rm data",
	.words = COMPLETE_VOLUME,
	.min = 1,
	.max = ARGS_ANY,
	.size = sizeof(struct rm_flags),
	.run = rm,
};

static int inspect_one(struct cli *cli, const char *name, void *arg, json **ret, struct err *err)
{
	_cleanup_(volume_done) struct volume v = { 0 };
	int r = volume_get(cli->core, name, &v, err);

	(void)arg;
	if (r >= 0)
		*ret = volume_json(cli, &v);
	return r;
}

static int inspect(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	int r = cli_core(cli, err);

	(void)opts;
	return r < 0 ? r : cli_inspect(cli, args, inspect_one, NULL, err);
}

static const struct command volume_inspect = {
	.group = "volume",
	.name = "inspect",
	.usage = "NAME...",
	.summary = "Print everything about volumes as JSON",
	.examples = "  davit volume inspect data | jq -r '.[0].path'",
	.words = COMPLETE_VOLUME,
	.min = 1,
	.max = ARGS_ANY,
	.run = inspect,
};

static const struct command *const subs[] = { &volume_ls, &volume_create, &volume_rm, &volume_inspect, NULL };
const struct command cmd_volume = {
	.name = "volume", .usage = "COMMAND", .summary = "Volumes: ls create rm inspect",
	.examples = "  davit volume create data\n  davit run -v data:/var/lib/data redis:7", .sub = subs,
};
