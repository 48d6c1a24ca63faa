#include "commands.h"
#include "run-create.h"
#include "run-file.h"

/* What @args are is known only once it is known that there is no file. */
static int check_image(const struct job_flags *f, const struct strv *args, struct err *err)
{
	struct command with_image = cmd_run;

	with_image.min = f->job->tasks[0].bundle ? 0 : 1;
	if (f->from.vars.n || f->from.var_files.n)
		return err_hint(err, err_set(err, ERR_INVALID, "flag --var without --file"),
				"-e NAME=VALUE is for the environment");
	return command_check_args(&with_image, args, err);
}

static int run_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	struct job_flags *f = opts;
	int r;

	if (f->from.file)
		return run_file(cli, f, args, err);
	r = check_image(f, args, err);
	if (r >= 0)
		r = job_flags_args(f, args, err);
	if (r >= 0 && !f->dry_run)
		r = check_terminal(f, err);
	if (r >= 0 && !f->dry_run)
		r = ask_password(cli, f, err);
	return r < 0 ? r : run_job(cli, f, f->detach ? RUN_DETACHED : RUN_FOREGROUND, err);
}

const struct command cmd_run = {
	.name = "run",
	.summary = "Run a job",
	.text = "In the foreground davit ends with the job's exit status: 125 is an error of davit's own, 126 a command\n"
		"that cannot be invoked, 127 one that is not found, 128+N the end by signal N. A failure at any step\n"
		"takes back what was done.\n"
		"With -f the jobs of a file are run, in the order of what they depend on: see docs/jobs.md.",
	.examples = "  davit run --rm -it busybox sh\n"
		    "  davit run -d --name web -p 18080:8080 busybox:local httpd -f -p 8080 -h /www\n"
		    "  davit run --rm -m 256m --cpus 0.5 -v data:/data -u 1000:1000 redis:7\n"
		    "  davit run --dry-run -p 80:80 nginx\n"
		    "  davit run -d -f web.json",
	.make_opts = run_opts_make,
	RUN_CREATE_COMMAND(0),
	.seen = job_flags_seen,
	.run = run_run,
};
