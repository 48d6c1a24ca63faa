/* run and create. */
#include "cli.h"
#include "commands.h"
#include "clock.h"
#include "job-flags.h"
#include "job-run.h"
#include "table.h"
#include "term.h"

static int print_plan(struct cli *cli, const struct job *job, struct err *err)
{
	_cleanup_strv_ struct strv steps = { 0 };
	int r = job_plan(cli->core, job, &cli->ctx, &steps, err);

	for (size_t i = 0; r >= 0 && i < steps.n; i++)
		r = cli_outf(cli, err, "%2zu  %s\n", i + 1, steps.v[i]);
	return r;
}

static int print_spec(struct cli *cli, const struct job *job, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 }, pretty = { 0 };
	_cleanup_json_ json *j = NULL;
	int r = job_spec(cli->core, job, &cli->ctx, &text, err);

	if (r >= 0)
		r = json_parse(buf_str(&text), text.len, &j, err);
	if (r < 0)
		return r;
	json_write_pretty(j, &pretty);
	buf_addc(&pretty, '\n');
	return cli_out(cli, pretty.data, pretty.len, err);
}

static int print_job(struct cli *cli, const struct job *job, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_json_ json *j = NULL;
	int r = job_check(job, err);

	if (r < 0)
		return r;
	j = job_to_json(job);
	json_write_pretty(j, &text);
	buf_addc(&text, '\n');
	return cli_out(cli, text.data, text.len, err);
}

static int dry_run(struct cli *cli, const struct job_flags *f, struct err *err)
{
	int r;

	if (f->format[0] == 'j')
		return print_job(cli, f->job, err);
	r = cli_core(cli, err);
	if (r < 0)
		return r;
	return f->format[0] == 's' ? print_spec(cli, f->job, err) : print_plan(cli, f->job, err);
}

static void print_timing(const struct timing *t)
{
	static const struct column columns[] = { { "STEP", 0, false }, { "BEGAN ms", 0, true }, { "TOOK ms", 0, true } };
	struct table table = { .columns = columns, .n_columns = 3 };
	_cleanup_buf_ struct buf text = { 0 };

	for (size_t i = 0; i < t->n; i++) {
		table_cell(&table, t->v[i].step);
		table_cellf(&table, "%.1f", (double)t->v[i].began / NSEC_PER_MSEC);
		table_cellf(&table, "%.1f", (double)(t->v[i].ended - t->v[i].began) / NSEC_PER_MSEC);
	}
	table_write(&table, 0, &text);
	(void)!write(STDERR_FILENO, text.data, text.len);
	table_done(&table);
}

static int check_terminal(const struct job_flags *f, struct err *err)
{
	if (f->job->tasks[0].tty && f->job->tasks[0].stdin_open && !f->detach && !isatty(STDIN_FILENO))
		return err_hint(err, err_set(err, ERR_INVALID, "standard input is not a terminal"), "leave -t away");
	return 0;
}

static int run_job(struct cli *cli, struct job_flags *f, enum run_mode mode, struct err *err)
{
	struct timing timing = { .n = 0 };
	const struct run_opts opts = { .mode = mode, .detach_keys = f->detach_keys, .quiet = f->quiet, .sig_proxy = f->sig_proxy,
		.cidfile = f->cidfile, .remove_behind = true, .timing = f->timing ? &timing : NULL };
	struct run_result res = { 0 };
	int r = cli_core(cli, err);

	if (r >= 0)
		r = job_run(cli->core, f->job, &opts, &cli->ctx, &res, err);
	if (r < 0)
		return cli_fail_run(cli, r, &f->job->tasks[0].args, "image", err);
	r = mode == RUN_FOREGROUND ? 0 : cli_outf(cli, err, "%s\n", res.name);
	if (f->timing)
		print_timing(&timing);
	if (r >= 0 && mode == RUN_FOREGROUND)
		r = cli_end_run(cli, &res);
	run_result_done(&res);
	return r;
}

static int run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	struct job_flags *f = opts;
	int r;

	r = job_flags_args(f, args, err);
	if (r < 0)
		return r;
	if (f->dry_run)
		return dry_run(cli, f, err);
	r = check_terminal(f, err);
	if (r < 0)
		return r;
	return run_job(cli, f, f->detach ? RUN_DETACHED : RUN_FOREGROUND, err);
}

static int create(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	struct job_flags *f = opts;
	int r = job_flags_args(f, args, err);

	if (r < 0)
		return r;
	return f->dry_run ? dry_run(cli, f, err) : run_job(cli, f, RUN_CREATE, err);
}

const struct command cmd_run = {
	.name = "run",
	.usage = "[FLAGS] IMAGE [COMMAND [ARGUMENT...]]",
	.summary = "Run a job",
	.text = "In the foreground davit ends with the job's exit status: 125 is an error of davit's own, 126 a command\n"
		"that cannot be invoked, 127 one that is not found, 128+N the end by signal N. A failure at any step\n"
		"takes back what was done.",
	.examples = "  davit run --rm -it busybox sh\n"
		    "  davit run -d --name web -p 18080:8080 busybox:local httpd -f -p 8080 -h /www\n"
		    "  davit run --rm -m 256m --cpus 0.5 -v data:/data -u 1000:1000 redis:7\n"
		    "  davit run --dry-run -p 80:80 nginx",
	.opts = run_opts_table,
	.words = COMPLETE_IMAGE,
	.min = 1,
	.max = ARGS_ANY,
	.stop_at_first = true,
	.size = sizeof(struct job_flags),
	.init = job_flags_init,
	.done = job_flags_done,
	.run = run,
};

const struct command cmd_create = {
	.name = "create", .usage = "[FLAGS] IMAGE [COMMAND [ARGUMENT...]]", .summary = "Make a job without starting it",
	.examples = "  davit create --name web -p 18080:8080 busybox:local httpd -f -p 8080\n  davit start web",
	.opts = create_opts_table, .words = COMPLETE_IMAGE, .min = 1, .max = ARGS_ANY, .stop_at_first = true,
	.size = sizeof(struct job_flags), .init = job_flags_init, .done = job_flags_done, .run = create,
};
