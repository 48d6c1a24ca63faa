#include "commands.h"
#include "run-create.h"

static int check_terminal(const struct job_flags *f, struct err *err)
{
	if (f->job->tasks[0].tty && f->job->tasks[0].stdin_open && !f->detach && !isatty(STDIN_FILENO))
		return err_hint(err, err_set(err, ERR_INVALID, "standard input is not a terminal"), "leave -t away");
	return 0;
}

static int run_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	struct job_flags *f = opts;
	int r = job_flags_args(f, args, err);

	if (r >= 0 && !f->dry_run)
		r = check_terminal(f, err);
	return r < 0 ? r : run_job(cli, f, f->detach ? RUN_DETACHED : RUN_FOREGROUND, err);
}

const struct command cmd_run = {
	.name = "run",
	.summary = "Run a job",
	.text = "In the foreground davit ends with the job's exit status: 125 is an error of davit's own, 126 a command\n"
		"that cannot be invoked, 127 one that is not found, 128+N the end by signal N. A failure at any step\n"
		"takes back what was done.",
	.examples = "  davit run --rm -it busybox sh\n"
		    "  davit run -d --name web -p 18080:8080 busybox:local httpd -f -p 8080 -h /www\n"
		    "  davit run --rm -m 256m --cpus 0.5 -v data:/data -u 1000:1000 redis:7\n"
		    "  davit run --dry-run -p 80:80 nginx",
	.make_opts = run_opts_make,
	RUN_CREATE_COMMAND,
	.run = run_run,
};
