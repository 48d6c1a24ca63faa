#include "run-create.h"
#include "credentials.h"
#include "cli-console.h"
#include "clock.h"
#include "fork-heir.h"

static int print_plan(struct cli *cli, const struct job *job, enum run_mode mode, struct err *err)
{
	_cleanup_strv_ struct strv steps = { 0 };
	int r = job_plan(&cli->conf, job, mode, &steps, err);

	for (size_t i = 0; r >= 0 && i < steps.n; i++)
		r = cli_outf(cli, err, "%2zu  %s\n", i + 1, steps.v[i]);
	return r;
}

static int print_spec(struct cli *cli, const struct job *job, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_json_ json *j = NULL;
	int r = cli_core_existing(cli, err);

	if (r >= 0)
		r = job_spec(cli->core, job, &cli->ctx, &text, err);
	if (r >= 0)
		r = json_parse(buf_str(&text), text.len, &j, err);
	return r < 0 ? r : cli_out_pretty(cli, j, err);
}

/* True when there was a password. */
static bool hide_passwords(json *job)
{
	json *tasks = json_get_array(job, "tasks");
	bool any = false;

	for (size_t i = 0; i < json_len(tasks); i++)
		if (json_get(json_get_object(json_at(tasks, i), "auth"), "username")) {
			json_object_object_del(json_at(tasks, i), "auth");
			any = true;
		}
	return any;
}

int print_job_json(struct cli *cli, json *j, struct err *err)
{
	json *jobs = json_get_array(j, "jobs");
	bool hidden = hide_passwords(j);

	for (size_t i = 0; i < json_len(jobs); i++)
		hidden |= hide_passwords(json_at(jobs, i));
	if (hidden)
		cli_notice(cli, "users and passwords of registries are not printed: give them again with --creds or in auth");
	return cli_out_pretty(cli, j, err);
}

static int print_job(struct cli *cli, const struct job *job, struct err *err)
{
	_cleanup_json_ json *j = NULL;
	int r = job_check(job, err);

	if (r < 0)
		return r;
	j = job_to_json(job);
	return print_job_json(cli, j, err);
}

static int dry_run(struct cli *cli, const struct job_flags *f, enum run_mode mode, struct err *err)
{
	if (f->format[0] == 'j')
		return print_job(cli, f->job, err);
	return f->format[0] == 's' ? print_spec(cli, f->job, err) : print_plan(cli, f->job, mode, err);
}

void print_timing(const struct timing *t)
{
	static const struct column columns[] = { { .title = "STEP" },
						 { .title = "BEGAN ms", .right = true },
						 { .title = "TOOK ms", .right = true } };
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

static int run_now(struct cli *cli, struct job_flags *f, enum run_mode mode, struct err *err)
{
	_cleanup_(timing_done) struct timing timing = { 0 };
	const struct run_opts opts = { .mode = mode,
				       .detach_keys = f->detach_keys,
				       .quiet = f->quiet,
				       .sig_proxy = f->sig_proxy,
				       .cidfile = f->cidfile && *f->cidfile ? f->cidfile : NULL,
				       .set = f->set,
				       .heir = fork_heir,
				       .console = &cli_console,
				       .timing = f->timing ? &timing : NULL };
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

int run_job(struct cli *cli, struct job_flags *f, enum run_mode mode, struct err *err)
{
	return f->dry_run ? dry_run(cli, f, mode, err) : run_now(cli, f, mode, err);
}

int check_terminal(const struct job_flags *f, struct err *err)
{
	if (f->job->tasks[0].tty && f->job->tasks[0].stdin_open && !f->detach && !isatty(STDIN_FILENO))
		return err_hint(err, err_set(err, ERR_INVALID, "standard input is not a terminal"), "leave -t away");
	return 0;
}

int ask_password(struct cli *cli, struct job_flags *f, struct err *err)
{
	struct auth *a = f->job->tasks[0].auth;

	return a && a->username && !a->password ? credentials_ask(cli, a->username, &a->password, err) : 0;
}
