/* image ls, pull, load, import, rm, inspect; and pull and images at the top. What fetches or reads is done by davit-image. */
#include "cli.h"
#include "clock.h"
#include "commands.h"
#include "image.h"
#include "job-ops.h"
#include "mem.h"
#include "namespaces.h"
#include "ref.h"
#include "table.h"
#include "term.h"
#include <string.h>

/* The lists of names in davit-image's result, one a line. */
static int print_names(struct cli *cli, json *result, bool quiet, struct err *err)
{
	json *images = json_get_array(result, "images");
	int r = 0;

	for (size_t i = 0; r >= 0 && !quiet && i < json_len(images); i++)
		r = cli_outf(cli, err, "%s\n", ref_familiar(json_get_str(json_at(images, i), "name")));
	return r;
}

static int run_helper(struct cli *cli, const char *verb, const char *platform, bool quiet, const struct strv *args, struct err *err)
{
	_cleanup_free_ char *snapshotter = NULL;
	_cleanup_json_ json *result = NULL;
	struct image_helper how = { .ns = cli->conf.ns, .platform = platform, .quiet = quiet, .debug = cli->conf.debug,
		.json_progress = cli->global.json_log };
	int r = cli_core(cli, err);

	if (r >= 0)
		r = core_snapshotter(cli->core, &cli->ctx, &snapshotter, err);
	if (r < 0)
		return r;
	how.address = cli->core->address;
	how.snapshotter = snapshotter;
	r = image_helper_run(cli->core->loop, &how, verb, args, &cli->ctx, &result, err);
	return r < 0 ? r : print_names(cli, result, false, err);
}

struct pull_flags { bool quiet; const char *platform, *hosts_dir; };
#define AT(f) .at = offsetof(struct pull_flags, f)
static const struct opt pull_opts[] = {
	{ "quiet", 'q', .help = "No progress", .topic = "Flags", .set = opt_bool, AT(quiet) },
	{ "platform", .arg = "OS/ARCH", .help = "Which image of several; the host's without", .set = opt_string, AT(platform) },
	{ "hosts-dir", .arg = "DIR", .help = "Registries' hosts.toml (/etc/containerd/certs.d)", .words = COMPLETE_FILE,
	  .set = opt_string, AT(hosts_dir) },
	OPT_NOT_HERE("all-tags", 'a', "name each tag that you want"),
	{ 0 },
};
#undef AT

static int pull(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct pull_flags *f = opts;
	_cleanup_strv_ struct strv words = { 0 };

	if (f->hosts_dir)
		strv_pushf(&words, "--hosts-dir=%s", f->hosts_dir);
	strv_add(&words, args);
	return run_helper(cli, "pull", f->platform, f->quiet, &words, err);
}

#define PULL \
	.name = "pull", .usage = "[FLAGS] IMAGE", .summary = "Fetch an image from its registry", .opts = pull_opts, \
	.min = 1, .max = 1, \
	.text = "redis:7 is docker.io/library/redis:7. Credentials are Docker's (~/.docker/config.json), mirrors and\n" \
		"certificates containerd's (hosts.toml). An interrupted pull goes on where it was.", \
	.size = sizeof(struct pull_flags), .run = pull
const struct command cmd_pull = { PULL };
static const struct command image_pull = { .group = "image", PULL };

struct load_flags { bool quiet; const char *input, *platform; };
#define AT(f) .at = offsetof(struct load_flags, f)
static const struct opt load_opts[] = {
	{ "input", 'i', .arg = "FILE", .help = "The archive; standard input without", .topic = "Flags", .words = COMPLETE_FILE,
	  .set = opt_string, AT(input) },
	{ "platform", .arg = "OS/ARCH", .help = "Which image of several; the host's without", .set = opt_string, AT(platform) },
	{ "quiet", 'q', .help = "No progress", .set = opt_bool, AT(quiet) },
	{ 0 },
};
#undef AT

static int refuse_terminal(const char *what, struct err *err)
{
	if (!isatty(STDIN_FILENO))
		return 0;
	return err_hint(err, err_set(err, ERR_INVALID, "%s: standard input is a terminal, not an archive", what),
			"docker save IMAGE | davit image load, or name a file");
}

static int load(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct load_flags *f = opts;
	_cleanup_strv_ struct strv words = { 0 };
	int r = f->input ? 0 : refuse_terminal("image load", err);

	(void)args;
	if (r < 0)
		return r;
	if (f->input)
		strv_pushf(&words, "--input=%s", f->input);
	return run_helper(cli, "load", f->platform, f->quiet, &words, err);
}

static const struct command image_load = {
	.group = "image",
	.name = "load",
	.usage = "[FLAGS]",
	.summary = "Read images from an OCI or Docker archive",
	.opts = load_opts,
	.examples = "  docker save app | davit image load\n  davit image load -i app.tar.zst",
	.size = sizeof(struct load_flags),
	.run = load,
};

struct import_flags { struct strv words; bool quiet; const char *platform; };
/* Handed on as they are, in their long form. */
static int hand_on(const struct opt *o, const char *value, void *into, struct err *err)
{
	(void)err;
	strv_pushf(&((struct import_flags *)into)->words, "--%s=%s", o->name, value);
	return 0;
}
static const struct opt import_opts[] = {
	{ "cmd", .arg = "WORDS", .help = "The command: words, or a JSON array", .topic = "Flags", .set = hand_on },
	{ "entrypoint", .arg = "WORDS", .help = "The entry point: words, or a JSON array", .set = hand_on },
	{ "env", 'e', .arg = "K=V", .help = "An environment variable", .set = hand_on },
	{ "workdir", 'w', .arg = "DIR", .help = "The working folder", .set = hand_on },
	{ "user", 'u', .arg = "USER[:GROUP]", .help = "The user", .set = hand_on },
	{ "expose", .arg = "PORT[/PROTO]", .help = "A port that the image serves", .set = hand_on },
	{ "label", 'l', .arg = "K=V", .help = "A label", .set = hand_on },
	{ "platform", .arg = "OS/ARCH", .help = "Of the programs in it; the host's without", .set = opt_string,
	  .at = offsetof(struct import_flags, platform) },
	{ "quiet", 'q', .help = "No progress", .set = opt_bool, .at = offsetof(struct import_flags, quiet) },
	OPT_NOT_HERE("change", 'c', "--cmd, --entrypoint, --env, --workdir, --user, --expose and --label say it"),
	OPT_NOT_HERE("message", 'm', "--label org.opencontainers.image.description=TEXT keeps one"),
	{ 0 },
};

static void import_done(void *opts)
{
	strv_done(&((struct import_flags *)opts)->words);
}

static int import(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	struct import_flags *f = opts;
	int r = strcmp(args->v[0], "-") != 0 ? 0 : refuse_terminal("image import", err);

	if (r < 0)
		return r;
	strv_add(&f->words, args);
	return run_helper(cli, "import", f->platform, f->quiet, &f->words, err);
}

static const struct command image_import = {
	.group = "image",
	.name = "import",
	.usage = "[FLAGS] FILE|- IMAGE",
	.summary = "Make an image of a root file system's tar",
	.opts = import_opts,
	.examples = "  davit image import --cmd sh rootfs.tar busybox:local",
	.words = COMPLETE_FILE,
	.min = 2,
	.max = 2,
	.size = sizeof(struct import_flags),
	.done = import_done,
	.run = import,
};

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
	table_cell(t, f->digests ? row->digest : row->short_id);
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
	static const struct column columns[] = { { "NAMESPACE", 0, false }, { "IMAGE", 20, false }, { "ID", 12, false },
		{ "CREATED", 8, false }, { "PLATFORM", 8, false }, { "SIZE", 0, true }, { "UNPACKED", 0, false } };
	const struct list_flags *f = opts;
	_cleanup_(ctrd_namespaces_done) struct ctrd_namespaces all = { 0 };
	_cleanup_buf_ struct buf text = { 0 };
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
	if (r >= 0 && is_table) {
		table_write(&t, f->no_trunc ? 0 : term_width(STDOUT_FILENO), &text);
		r = cli_out(cli, text.data, text.len, err);
	}
	if (r >= 0 && is_table && !count)
		look_elsewhere(cli, &all);
	table_done(&t);
	return r;
}

#define LIST \
	.usage = "[FLAGS]", .summary = "List images", .opts = list_opts, .size = sizeof(struct list_flags), \
	.init = list_init, .run = list
const struct command cmd_images = { .name = "images", LIST };
static const struct command image_ls = { .group = "image", .name = "ls", LIST };

struct rm_flags { bool force; };
static const struct opt rm_opts[] = {
	{ "force", 'f', .help = "Though a job was made from it; an absent one is no error", .topic = "Flags", .set = opt_bool,
	  .at = offsetof(struct rm_flags, force) },
	{ 0 },
};

static int rm_one(struct cli *cli, const char *name, void *arg, struct err *err)
{
	const struct rm_flags *f = arg;
	_cleanup_free_ char *removed = NULL;
	int r = image_remove(cli->core->ctrd, name, f->force, &cli->ctx, &removed, err);

	if (r == -ERR_NOT_FOUND && f->force) {
		cli_notice(cli, "%s", err->msg);
		return err_clear(err), 0;
	}
	return r < 0 ? r : cli_outf(cli, err, "%s\n", ref_familiar(removed));
}

static int rm(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	int r = cli_core(cli, err);

	if (r < 0)
		return r;
	job_await_removals(cli->core, &cli->ctx);
	return cli_each(cli, args, rm_one, opts, true, err);
}

static const struct command image_rm = {
	.group = "image",
	.name = "rm",
	.usage = "[FLAGS] IMAGE...",
	.summary = "Remove images; their content goes when nothing needs it",
	.opts = rm_opts,
	.words = COMPLETE_IMAGE,
	.min = 1,
	.max = ARGS_ANY,
	.size = sizeof(struct rm_flags),
	.run = rm,
};

struct inspect_state { json *all; const char *platform; char *snapshotter; };
struct inspect_flags { const char *platform; };
static const struct opt inspect_opts[] = {
	{ "platform", .arg = "OS/ARCH", .help = "Which image of several; the host's without", .topic = "Flags", .set = opt_string,
	  .at = offsetof(struct inspect_flags, platform) },
	{ 0 },
};

static int inspect_one(struct cli *cli, const char *name, void *arg, struct err *err)
{
	struct inspect_state *s = arg;
	json *j = NULL;
	int r = image_inspect(cli->core->ctrd, name, s->platform, s->snapshotter, &cli->ctx, &j, err);

	if (r >= 0)
		json_append(s->all, j);
	return r;
}

static int inspect(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	_cleanup_json_ json *all = json_new_array();
	_cleanup_free_ char *snapshotter = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	struct inspect_state s = { .all = all, .platform = ((struct inspect_flags *)opts)->platform };
	int r = cli_core(cli, err), code;

	if (r >= 0)
		r = core_snapshotter(cli->core, &cli->ctx, &snapshotter, err);
	if (r < 0)
		return r;
	s.snapshotter = snapshotter;
	code = cli_each(cli, args, inspect_one, &s, true, err);
	if (code < 0)
		return code;
	json_write_pretty(all, &text);
	buf_addc(&text, '\n');
	r = cli_out(cli, text.data, text.len, err);
	return r < 0 ? r : code;
}

static const struct command image_inspect_cmd = {
	.group = "image",
	.name = "inspect",
	.usage = "[FLAGS] IMAGE...",
	.summary = "Print everything about images as JSON",
	.opts = inspect_opts,
	.words = COMPLETE_IMAGE,
	.min = 1,
	.max = ARGS_ANY,
	.size = sizeof(struct inspect_flags),
	.run = inspect,
};

static const struct command *const subs[] = {
	&image_ls, &image_pull, &image_load, &image_import, &image_rm, &image_inspect_cmd, NULL,
};
const struct command cmd_image = {
	.name = "image", .usage = "COMMAND", .summary = "Images: ls pull load import rm inspect", .sub = subs
};
