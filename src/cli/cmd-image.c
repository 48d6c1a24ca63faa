/* image load, import, rm, inspect; image ls, pull and push are images, pull and push, the others have files of their own. */
#include "commands.h"
#include "docker-view.h"
#include "helper.h"
#include "image.h"
#include "job-remove.h"
#include "mem.h"
#include "ref.h"
#include <string.h>

struct load_flags {
	bool quiet;
	const char *input, *platform;
};
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
	return helper_run(cli, "load", &(struct image_helper){ .platform = f->platform, .quiet = f->quiet }, &words, err);
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

struct import_flags {
	struct strv words;
	bool quiet;
	const char *platform;
};
/* Handed on as they are, in their long form. */
static int hand_on_flag(const struct opt *o, const char *value, void *into, struct err *err)
{
	(void)err;
	strv_pushf(&((struct import_flags *)into)->words, "--%s=%s", o->name, value);
	return 0;
}
static const struct opt import_opts[] = {
	{ "cmd", .arg = "WORDS", .help = "The command: words, or a JSON array", .topic = "Flags", .set = hand_on_flag },
	{ "entrypoint", .arg = "WORDS", .help = "The entry point: words, or a JSON array", .set = hand_on_flag },
	{ "env", 'e', .arg = "K=V", .help = "An environment variable", .set = hand_on_flag },
	{ "workdir", 'w', .arg = "DIR", .help = "The working folder", .set = hand_on_flag },
	{ "user", 'u', .arg = "USER[:GROUP]", .help = "The user", .set = hand_on_flag },
	{ "expose", .arg = "PORT[/PROTO]", .help = "A port that the image serves", .set = hand_on_flag },
	{ "label", 'l', .arg = "K=V", .help = "A label", .set = hand_on_flag },
	{ "platform", .arg = "OS/ARCH", .help = "Of the programs in it; the host's without", .set = opt_string,
	  .at = offsetof(struct import_flags, platform) },
	{ "quiet", 'q', .help = "No progress", .set = opt_bool, .at = offsetof(struct import_flags, quiet) },
	OPT_NOT_HERE("change", 'c', "--cmd, --entrypoint, --env, --workdir, --user, --expose and --label say it"),
	OPT_NOT_HERE("message", 'm', "--label org.opencontainers.image.description=TEXT keeps one"),
	{ 0 },
};

static void import_done(void *opts) { strv_done(&((struct import_flags *)opts)->words); }

static int import(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	struct import_flags *f = opts;
	int r = strcmp(args->v[0], "-") != 0 ? 0 : refuse_terminal("image import", err);

	if (r < 0)
		return r;
	strv_add(&f->words, args);
	return helper_run(cli, "import", &(struct image_helper){ .platform = f->platform, .quiet = f->quiet }, &f->words, err);
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

struct rm_flags {
	bool force;
};
static const struct opt rm_opts[] = {
	{ "force", 'f', .help = "Though a job was made from it, or an ID has several names; an absent one is no error",
	  .topic = "Flags", .set = opt_bool, .at = offsetof(struct rm_flags, force) },
	{ 0 },
};

static int image_rm_one(struct cli *cli, const char *name, void *arg, struct err *err)
{
	const struct rm_flags *f = arg;
	_cleanup_strv_ struct strv removed = { 0 };
	int r = image_remove(cli->core->ctrd, name, f->force, &cli->ctx, &removed, err), out = 0;

	if (r == -ERR_NOT_FOUND && f->force) {
		cli_notice(cli, "%s", err->msg);
		return err_clear(err), 0;
	}
	for (size_t i = 0; out >= 0 && i < removed.n; i++)
		out = cli_outf(cli, r < 0 ? NULL : err, "%s\n", ref_familiar(removed.v[i]));
	return r < 0 ? r : out;
}

static int image_rm_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	int r = cli_core(cli, err);

	if (r < 0)
		return r;
	job_await_removals(cli->core, &cli->ctx);
	return cli_each(cli, args, image_rm_one, opts, true, err);
}

static const struct command image_rm = {
	.group = "image",
	.name = "rm",
	.usage = "[FLAGS] IMAGE...",
	.summary = "Remove images; their content goes when nothing needs it",
	.opts = rm_opts,
	.examples = "  davit image rm redis:7",
	.words = COMPLETE_IMAGE,
	.min = 1,
	.max = ARGS_ANY,
	.size = sizeof(struct rm_flags),
	.run = image_rm_run,
};

struct inspect_flags {
	const char *platform, *format;
	char *snapshotter;
};
static const struct opt inspect_opts[] = {
	{ "platform", .arg = "OS/ARCH", .help = "Which image of several; the host's without", .topic = "Flags", .set = opt_string,
	  .at = offsetof(struct inspect_flags, platform) },
	{ "format", 'f', .arg = "TEMPLATE", .help = "A line for each image, as in '{{.Config.Cmd}}'", .set = opt_string,
	  .at = offsetof(struct inspect_flags, format) },
	{ 0 },
};
static void inspect_done(void *opts) { free(((struct inspect_flags *)opts)->snapshotter); }

static int image_inspect_one(struct cli *cli, const char *name, void *arg, json **ret, struct err *err)
{
	const struct inspect_flags *f = arg;

	return image_inspect(cli->core->ctrd, name, f->platform, f->snapshotter, &cli->ctx, ret, err);
}

static int image_inspect_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	struct inspect_flags *f = opts;
	const struct cli_inspection how = { .one = image_inspect_one, .arg = f, .format = f->format, .view = docker_view_image };
	int r = cli_core(cli, err);

	if (r >= 0)
		r = core_snapshotter(cli->core, &cli->ctx, &f->snapshotter, err);
	return r < 0 ? r : cli_inspect(cli, args, &how, err);
}

static const struct command image_inspect_cmd = {
	.group = "image",
	.name = "inspect",
	.usage = "[FLAGS] IMAGE...",
	.summary = "Print everything about images as JSON",
	.opts = inspect_opts,
	.examples = "  davit image inspect redis:7 | jq '.[0].config'",
	.words = COMPLETE_IMAGE,
	.min = 1,
	.max = ARGS_ANY,
	.size = sizeof(struct inspect_flags),
	.done = inspect_done,
	.run = image_inspect_run,
};

static const struct command *const subs[] = {
	&image_ls,      &image_pull,        &image_push,        &image_load, &image_import,    &image_save_cmd,
	&image_tag_cmd, &image_history_cmd, &image_inspect_cmd, &image_rm,   &image_prune_cmd, NULL,
};
const struct command cmd_image = {
	.name = "image",
	.usage = "COMMAND",
	.summary = "Images: ls pull push load import save tag history inspect rm prune",
	.examples = "  docker save app | davit image load\n  davit image import --cmd sh rootfs.tar busybox:local",
	.sub = subs,
};
