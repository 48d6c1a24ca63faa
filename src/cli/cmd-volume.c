/* volume ls, create, rm, inspect. */
#include "cli.h"
#include "clock.h"
#include "commands.h"
#include "docker-view.h"
#include "human.h"
#include "job-remove.h"
#include "listing.h"
#include "mem.h"
#include "parse.h"
#include "prune.h"
#include "volume-use.h"
#include <string.h>

/* name=PART, label=KEY[=VALUE], dangling=true|false: used by no job. */
static bool volume_suits(struct cli *cli, const struct volume *v, const char *filter)
{
	const char *value = strchr(filter, '=') + 1;

	if (filter[0] == 'n')
		return strstr(v->name, value) != NULL;
	if (filter[0] == 'l')
		return list_suits_label(&v->labels, filter);
	_cleanup_strv_ struct strv users = { 0 };

	return volume_users(cli->core, v->name, &cli->ctx, &users, NULL) >= 0 && !users.n == !strcmp(value, "true");
}

static bool suits_all(struct cli *cli, const struct volume *v, const struct strv *filters)
{
	for (size_t i = 0; i < filters->n; i++)
		if (!volume_suits(cli, v, filters->v[i]))
			return false;
	return true;
}

static int volume_add_filter(const struct opt *o, const char *value, void *into, struct err *err)
{
	int r;

	(void)o;
	if (!strncmp(value, "name=", 5) || !strncmp(value, "label=", 6) || !strcmp(value, "dangling=true") ||
	    !strcmp(value, "dangling=false")) {
		strv_push(&((struct listing_flags *)into)->filters, value);
		return 0;
	}
	r = err_set(err, ERR_INVALID, "filter \"%.80s\": not name=PART, label=KEY[=VALUE], dangling=true or dangling=false", value);
	return err_hint(err, r, "davit volume ls --format json | jq picks by anything else");
}

static const struct opt list_opts[] = {
	LIST_OPTS("Only those with name=PART, label=K[=V] or dangling=true (no job's)", volume_add_filter),
	{ 0 },
};

/* Drops what the filters leave out. */
static void narrow_volumes(struct cli *cli, const struct strv *filters, struct volumes *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (suits_all(cli, &l->v[i], filters))
			l->v[n++] = l->v[i];
		else
			volume_done(&l->v[i]);
	l->n = n;
}

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

static int volume_print_table(struct cli *cli, const void *rows, bool whole, struct err *err)
{
	const struct volumes *l = rows;
	static const struct column columns[] = { { .title = "NAME" },
						 { .title = "CREATED", .min = 8, .drop = 2 },
						 { .title = "PATH", .min = 20, .drop = 1 } };
	_cleanup_(table_done) struct table t = { .columns = columns, .n_columns = 3 };
	char ago[HUMAN_TEXT];

	for (size_t i = 0; i < l->n; i++) {
		table_cell(&t, l->v[i].name);
		table_cell(&t, human_ago(l->v[i].created_at, clock_wall(), ago));
		table_cell(&t, l->v[i].path);
	}
	return cli_out_table(cli, &t, whole, err);
}

/* What a template may ask for: Docker's fields, and ours. */
#define FIELDS \
	"Name=VOLUME_NAME Driver Scope Mountpoint CreatedAt Labels Options Links Size Availability Group Status " \
	"name path created_at anonymous labels jobs"

static const char *volume_name_at(const void *rows, size_t i) { return ((const struct volumes *)rows)->v[i].name; }

static json *volume_json_at(struct cli *cli, const void *rows, size_t i)
{
	return volume_json(cli, &((const struct volumes *)rows)->v[i]);
}

static void volume_view(json *o)
{
	static const char *const unknown[] = { "Links", "Size", "Availability", "Group", "Status" };

	docker_view_volume(o);
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
		json_put_str(o, unknown[i], "N/A");
}

static int volume_list_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	static const struct list_kind kind = { FIELDS, volume_print_table, volume_name_at, volume_json_at, volume_view };
	const struct listing_flags *f = opts;
	_cleanup_(volumes_done) struct volumes l = { 0 };
	_cleanup_(listing_done) struct listing to = { 0 };
	int r = list_open(f, &kind, &to, err);

	(void)args;
	if (r >= 0)
		r = cli_core(cli, err);
	if (r < 0)
		return r;
	job_await_removals(cli->core, &cli->ctx);
	r = volume_list(cli->core, &l, err);
	if (r < 0)
		return r;
	narrow_volumes(cli, &f->filters, &l);
	return list_print(cli, f, &kind, &to, &l, l.n, err);
}

static const struct command volume_ls = {
	.group = "volume",
	.name = "ls",
	.usage = "[FLAGS]",
	.summary = "List volumes",
	.examples = "  davit volume ls\n  davit volume ls --format json | jq .jobs",
	.opts = list_opts,
	.size = sizeof(struct listing_flags),
	.init = listing_flags_init,
	.done = listing_flags_done,
	.run = volume_list_run,
};

struct create_flags {
	struct dict labels;
	const char *name, *driver;
};
static int volume_set_label(const struct opt *o, const char *value, void *into, struct err *err)
{
	(void)o;
	return parse_label(value, &((struct create_flags *)into)->labels, err);
}
static const struct opt create_opts[] = {
	{ "label", 'l', .arg = "K=V", .help = "A label", .topic = "Flags", .set = volume_set_label },
	{ "name", .arg = "NAME", .help = "For Docker's users: the same as NAME without the flag", .set = opt_string,
	  .at = offsetof(struct create_flags, name), .hidden = true },
	{ "driver", 'd', .arg = "DRIVER", .help = "For Docker's users: local is what there is", .words = "local", .set = opt_word,
	  .at = offsetof(struct create_flags, driver), .hidden = true },
	OPT_NOT_HERE("opt", 'o', "mount it yourself, then davit run -v /path:/dir; or davit run --tmpfs DIR"),
	{ 0 }
};
static void create_done(void *opts) { dict_done(&((struct create_flags *)opts)->labels); }

static int volume_create_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	struct create_flags *f = opts;
	_cleanup_(volume_done) struct volume v = { 0 };
	const char *name = args->n ? args->v[0] : f->name;
	bool fresh = false;
	int r;

	if (args->n && f->name)
		return err_hint(err, err_set(err, ERR_INVALID, "volume create: two names, %s and %s", f->name, args->v[0]),
				"leave --name away");
	r = cli_core(cli, err);
	if (r >= 0)
		r = volume_ensure(cli->core, name && *name ? name : NULL, &f->labels, &v, &fresh, err);
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
	.run = volume_create_run,
};

static const struct opt rm_opts[] = { DROP_OPTS, { 0 } };

static int volume_rm_one(struct cli *cli, const char *name, struct err *err)
{
	return volume_remove(cli->core, name, &cli->ctx, err);
}

static int volume_rm_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	return cli_drop_each(cli, args, volume_rm_one, opts, err);
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
	.size = sizeof(struct drop_flags),
	.run = volume_rm_run,
};

static int volume_inspect_one(struct cli *cli, const char *name, void *arg, json **ret, struct err *err)
{
	_cleanup_(volume_done) struct volume v = { 0 };
	int r = volume_get(cli->core, name, &v, err);

	(void)arg;
	if (r >= 0)
		*ret = volume_json(cli, &v);
	return r;
}

struct inspect_flags {
	const char *format;
};
static const struct opt inspect_opts[] = {
	{ "format", 'f', .arg = "TEMPLATE", .help = "A line for each volume, as in '{{.Mountpoint}}'", .topic = "Flags",
	  .set = opt_string, .at = offsetof(struct inspect_flags, format) },
	{ 0 },
};

static int volume_inspect_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct cli_inspection how = { .one = volume_inspect_one,
					    .format = ((struct inspect_flags *)opts)->format,
					    .view = docker_view_volume };

	return cli_inspect(cli, args, &how, err);
}

static const struct command volume_inspect = {
	.group = "volume",
	.name = "inspect",
	.usage = "[FLAGS] NAME...",
	.summary = "Print everything about volumes as JSON",
	.opts = inspect_opts,
	.size = sizeof(struct inspect_flags),
	.examples = "  davit volume inspect data | jq -r '.[0].path'",
	.words = COMPLETE_VOLUME,
	.min = 1,
	.max = ARGS_ANY,
	.run = volume_inspect_run,
};

static const struct opt prune_opts[] = {
	{ "all", 'a', .help = "Named ones, too", .topic = "Flags", .set = opt_bool, .at = offsetof(struct prune_flags, all) },
	PRUNE_OPTS(struct prune_flags, dry_run, force),
	OPT_NOT_HERE("filter", 0, "davit volume ls --format json | jq picks some for davit volume rm"),
	{ 0 },
};

static int volume_prune_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct prune_flags *f = opts;
	int r = prune_open(cli, err);

	(void)args;
	return r < 0 ? r : prune_volumes(cli, f->all, f->dry_run, "", err);
}

static const struct command volume_prune_cmd = {
	.group = "volume",
	.name = "prune",
	.usage = "[FLAGS]",
	.summary = "Remove volumes that no job uses: those without a name, or all",
	.examples = "  davit volume prune --dry-run\n  davit volume prune --all",
	.opts = prune_opts,
	.size = sizeof(struct prune_flags),
	.run = volume_prune_run,
};

static const struct command *const subs[] = {
	&volume_ls, &volume_create, &volume_rm, &volume_inspect, &volume_prune_cmd, NULL,
};
const struct command cmd_volume = {
	.name = "volume",
	.usage = "COMMAND",
	.summary = "Volumes: ls create rm inspect prune",
	.examples = "  davit volume create data\n  davit run -v data:/var/lib/data redis:7",
	.sub = subs,
};
