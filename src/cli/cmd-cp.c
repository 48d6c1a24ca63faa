/* cp: files into a job and out of it, as docker cp has it. */
#include "commands.h"
#include "copy-bar.h"
#include "copy-path.h"
#include "helper.h"
#include "job-files.h"
#include "tree-copy.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct cp_flags {
	bool archive, follow, quiet;
};
#define AT(f) .at = offsetof(struct cp_flags, f)
static const struct opt opts_table[] = {
	{ "archive", 'a', .help = "Keep owners, set-id bits and capabilities", .topic = "Flags", .set = opt_bool, AT(archive) },
	{ "follow-link", 'L', .help = "What SRC leads to, where it is a link", .set = opt_bool, AT(follow) },
	{ "quiet", 'q', .help = "No progress, and nothing of what is left out", .set = opt_bool, AT(quiet) },
	{ 0 },
};

/* A copy under way. */
struct cp {
	struct cli *cli;
	const struct cp_flags *flags;
	struct copy_word from, to;
	struct copy_path source, target;
	struct job_files job;
};

static void cp_done(struct cp *c)
{
	job_files_done(&c->job);
	copy_path_done(&c->source);
	copy_path_done(&c->target);
	copy_word_done(&c->from);
	copy_word_done(&c->to);
}

static void say_left_out(const struct cp *c, unsigned long n)
{
	if (n && !c->flags->quiet)
		cli_notice(c->cli, "left out: %lu device%s, socket%s or file system%s of the kernel's", n, n > 1 ? "s" : "",
			   n > 1 ? "s" : "", n > 1 ? "s" : "");
}

static void bar_on_copied(void *bar, int64_t n) { copy_bar_add(bar, n); }

/* Of a file its size is known; of a folder nobody has added that up. */
static int64_t size_of_source(int source)
{
	struct stat st;

	return fstat(source, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size : -1;
}

static int put_with_bar(const struct cp *c, int source, int dir, const char *name, struct tree_put *how, struct err *err)
{
	const bool seen = !c->flags->quiet && !c->cli->global.json_log;
	struct copy_bar bar;
	int r;

	copy_bar_init(&bar, seen ? STDERR_FILENO : -1, size_of_source(source));
	how->copied = bar_on_copied;
	how->arg = &bar;
	r = tree_put(source, dir, name, how, &c->cli->ctx, err);
	copy_bar_done(&bar);
	return r;
}

static int put(struct cp *c, int source, bool is_folder, int dir, const char *name, struct err *err)
{
	unsigned long left_out = 0;
	struct tree_put how = { .archive = c->flags->archive, .left_out = &left_out };
	int r;

	if (c->to.job) {
		how.to = c->job.ids;
	} else {
		how.from = c->job.ids;
		how.uid = geteuid();
		how.gid = getegid();
	}
	r = put_with_bar(c, source, dir, name, &how, err);
	if (r >= 0 && left_out && !is_folder)
		return err_hint(err, err_set(err, ERR_INVALID, "%s is a device or a socket, which is not copied", c->source.text),
				"make one where it is wanted: --device");
	if (r >= 0)
		say_left_out(c, left_out);
	return r;
}

static void add_ids(const struct cp *c, struct strv *words)
{
	if (c->job.ids.n)
		strv_pushf(words, "--ids=%u:%u:%u", c->job.ids.uid, c->job.ids.gid, c->job.ids.n);
}

/* What the helper is given as descriptor 4 must not be below that. */
static int raise_fd(int fd, int *ret, struct err *err)
{
	*ret = fcntl(fd, F_DUPFD_CLOEXEC, 5);
	return *ret < 0 ? err_sys(err, errno, "descriptor") : 0;
}

static int stream_out(struct cp *c, int source, struct err *err)
{
	_cleanup_strv_ struct strv words = { 0 };
	_cleanup_close_ int out = -1, tree = -1;
	int r = helper_output("cp", NULL, &words, &out, err);

	if (r >= 0)
		r = raise_fd(source, &tree, err);
	if (r < 0)
		return r;
	if (c->source.base)
		strv_pushf(&words, "--base=%s", c->source.base);
	add_ids(c, &words);
	return helper_run_output(c->cli, "export", NULL, true, &words, out, tree, err);
}

static int stream_in(struct cp *c, struct err *err)
{
	_cleanup_strv_ struct strv words = { 0 };
	_cleanup_close_ int tree = -1, at = -1;
	bool is_folder;
	int r = copy_open_source(c->job.root, &c->target, true, &is_folder, &at, err);

	if (r >= 0 && !is_folder)
		r = err_sys(err, ENOTDIR, "%s", c->target.text);
	if (r >= 0)
		r = raise_fd(c->job.root, &tree, err);
	if (r < 0)
		return err_wrap(err, r, "job %s", c->job.name);
	add_ids(c, &words);
	strv_push(&words, "--");
	strv_push(&words, "-");
	strv_push(&words, c->target.text);
	return helper_run_output(c->cli, "extract", NULL, true, &words, -1, tree, err);
}

/* The job's side of either way: opened, and nothing of it hidden by what is mounted only while it runs. */
static int open_job(struct cp *c, const char *name, bool write, const char *path, struct copy_path *ret, struct err *err)
{
	int r = cli_core(c->cli, err);

	copy_path_read(path, true, ret);
	if (r >= 0)
		r = job_files_open(c->cli->core, name, write, &c->cli->ctx, &c->job, err);
	return r < 0 ? r : job_files_check(&c->job, ret->text, err);
}

static int copy_out(struct cp *c, struct err *err)
{
	_cleanup_close_ int source = -1, dir = -1;
	_cleanup_free_ char *name = NULL;
	bool is_folder;
	int r = open_job(c, c->from.job, false, c->from.path, &c->source, err);

	if (r < 0)
		return r;
	r = copy_open_source(c->job.root, &c->source, c->flags->follow, &is_folder, &source, err);
	if (r < 0)
		return err_wrap(err, r, "job %s", c->job.name);
	if (c->to.stream)
		return stream_out(c, source, err);
	copy_path_read(c->to.path, false, &c->target);
	r = copy_open_target(COPY_HERE, &c->target, &c->source, is_folder, &dir, &name, err);
	return r < 0 ? r : put(c, source, is_folder, dir, name, err);
}

static int copy_in(struct cp *c, struct err *err)
{
	_cleanup_close_ int source = -1, dir = -1;
	_cleanup_free_ char *name = NULL;
	bool is_folder = false;
	int r = 0;

	copy_path_read(c->from.path, false, &c->source);
	if (!c->from.stream)
		r = copy_open_source(COPY_HERE, &c->source, c->flags->follow, &is_folder, &source, err);
	if (r >= 0)
		r = open_job(c, c->to.job, true, c->to.path, &c->target, err);
	if (r < 0)
		return r;
	if (c->from.stream)
		return stream_in(c, err);
	r = copy_open_target(c->job.root, &c->target, &c->source, is_folder, &dir, &name, err);
	if (r >= 0)
		r = put(c, source, is_folder, dir, name, err);
	return r < 0 ? err_wrap(err, r, "job %s", c->job.name) : 0;
}

static int cp_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	_cleanup_(cp_done) struct cp c = { .cli = cli, .flags = opts, .job = { .root = -1, .lock = -1 } };
	int r = copy_word_parse(args->v[0], &c.from, err);

	if (r >= 0)
		r = copy_word_parse(args->v[1], &c.to, err);
	if (r < 0)
		return r;
	if (c.from.job && c.to.job)
		return err_hint(err, err_set(err, ERR_INVALID, "both are jobs'"), "davit cp %s - | davit cp - %s", args->v[0],
				args->v[1]);
	if (!c.from.job && !c.to.job)
		return err_hint(err, err_set(err, ERR_INVALID, "neither %s nor %s is a job's", args->v[0], args->v[1]),
				"write JOB:PATH for that one");
	return c.from.job ? copy_out(&c, err) : copy_in(&c, err);
}

const struct command cmd_cp = {
	.name = "cp",
	.usage = "[FLAGS] JOB[.TASK]:PATH DEST|-  |  [FLAGS] SRC|- JOB[.TASK]:PATH",
	.summary = "Copy files out of a job, or into it",
	.text = "A file goes to DEST, or into it where that is a folder; a folder to DEST where nothing is there, else into it, "
		"and\n"
		"with /. behind SRC what is in it does. A DEST with / behind it must be a folder. - is a tar on standard output "
		"or\n"
		"input. Of a job that runs with all that is mounted in it; of one that does not, what it has itself. Links are\n"
		"copied as links. Files belong to who copies, in a job to its root; with -a to whom they belonged, and a tar's\n"
		"always. Devices and sockets are left out. On a terminal a copy that takes its time says how far it is.",
	.opts = opts_table,
	.examples = "  davit cp web:/etc/nginx/nginx.conf .\n  davit cp site/. web:/usr/share/nginx/html\n"
		    "  davit cp web:/var/log - | tar t\n  tar c data | davit cp - web:/srv",
	.words = COMPLETE_JOB,
	.min = 2,
	.max = 2,
	.size = sizeof(struct cp_flags),
	.run = cp_run,
};
