/* commit: an image of what a job has changed. */
#include "commands.h"
#include "helper.h"
#include "job-commit.h"
#include <unistd.h>

struct commit_flags {
	const char *author, *message;
	struct strv change;
	bool pause, no_pause;
};
#define AT(f) .at = offsetof(struct commit_flags, f)
static const struct opt opts_table[] = {
	{ "author", 'a', .arg = "NAME", .help = "Who made it", .topic = "Flags", .set = opt_string, AT(author) },
	{ "message", 'm', .arg = "TEXT", .help = "What it is, for davit image history", .set = opt_string, AT(message) },
	{ "change", 'c', .arg = "INSTRUCTION",
	  .help = "CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR as in a Dockerfile",
	  .set = opt_list, AT(change) },
	{ "pause", 'p', .help = "Freeze a running job meanwhile (true)", .set = opt_bool, AT(pause) },
	{ "no-pause", .help = "Let it run on", .set = opt_bool, AT(no_pause) },
	{ 0 },
};

static void commit_init(void *opts) { ((struct commit_flags *)opts)->pause = true; }

static void commit_flags_done(void *opts) { strv_done(&((struct commit_flags *)opts)->change); }

static void commit_words(const struct commit_flags *f, const char *image, struct strv *to)
{
	if (f->author)
		strv_pushf(to, "--author=%s", f->author);
	if (f->message)
		strv_pushf(to, "--message=%s", f->message);
	for (size_t i = 0; i < f->change.n; i++)
		strv_pushf(to, "--change=%s", f->change.v[i]);
	strv_push(to, "--");
	strv_push(to, image);
}

static int commit_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct commit_flags *f = opts;
	struct image_helper how = { .quiet = !isatty(STDERR_FILENO) };
	_cleanup_(job_commit_done) struct job_commit job = JOB_COMMIT_INIT;
	const bool freezes = f->pause && !f->no_pause;
	int r = cli_core(cli, err);

	if (r >= 0)
		r = job_commit(cli->core, args->v[0], &cli->ctx, &job, err);
	if (r < 0)
		return r;
	if (job.pauses && freezes) {
		strv_pushf(&job.words, "--freeze=%s", job.id);
		strv_pushf(&job.words, "--freeze-pid=%d", (int)job.pid);
	}
	commit_words(f, args->v[1], &job.words);
	how.out_fd = job.scratch.lock;
	how.root_fd = job.lock; /* only held: nobody starts the job while its disk is read, though we be killed */
	r = helper_run(cli, "commit", &how, &job.words, err);
	if (r < 0)
		job_commit_undo(cli->core, &job);
	return r;
}

const struct command cmd_commit = {
	.name = "commit",
	.usage = "[FLAGS] JOB[.TASK] IMAGE",
	.summary = "Make an image of what a job has changed in its files",
	.text = "The image that the job was made from, and a layer over it with what davit diff lists; its configuration is that\n"
		"image's, with each --change. What is mounted in the job is not in it. A job that runs is frozen meanwhile.",
	.opts = opts_table,
	.examples = "  davit commit web web:patched\n  davit commit -m 'with curl' -c 'CMD [\"curl\", \"--version\"]' box tools:1",
	.words = COMPLETE_JOB,
	.min = 2,
	.max = 2,
	.size = sizeof(struct commit_flags),
	.init = commit_init,
	.done = commit_flags_done,
	.run = commit_run,
};
