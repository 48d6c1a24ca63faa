#include "run-file.h"
#include "jobfile.h"
#include "mem.h"
#include "path.h"
#include "fork-heir.h"
#include "run-create.h"
#include "set-run.h"
#include <string.h>
#include <unistd.h>

/* One line, however much there is to say. */
static void say_notices(const struct cli *cli, const char *file, const struct strv *notices)
{
	_cleanup_free_ char *all = strv_join(notices, "; ");

	if (notices->n)
		cli_notice(cli, "%s: %s", file, all);
}

/* "NAME=DIR", the folder as seen from here. */
static int take_host_volumes(const struct strv *given, struct dict *out, struct err *err)
{
	_cleanup_free_ char *here = getcwd(NULL, 0);

	for (size_t i = 0; i < given->n; i++) {
		const char *text = given->v[i], *eq = strchr(text, '=');
		_cleanup_free_ char *name = eq ? mem_strndup(text, (size_t)(eq - text)) : NULL, *path = NULL;

		if (!eq || eq == text || !eq[1])
			return err_hint(err, err_set(err, ERR_INVALID, "host volume \"%.200s\": not NAME=DIR", text),
					"--host-volume certs=/etc/certs");
		path = path_clean(eq + 1, here);
		dict_set(out, name, path);
	}
	return 0;
}

int read_job_file(struct cli *cli, const struct file_flags *f, const char *name, struct jobset **ret, struct err *err)
{
	_cleanup_dict_ struct dict volumes = { 0 };
	const struct jobfile_how how = {
		.name = name, .vars = &f->vars, .var_files = &f->var_files, .host_volumes = &volumes, .env = environ
	};
	_cleanup_(jobset_freep) struct jobset *set = NULL;
	int r = take_host_volumes(&f->host_volumes, &volumes, err);

	if (r >= 0)
		r = jobfile_read(f->file, &how, &cli->ctx, &set, err);

	if (r < 0)
		return r;
	if (!cli->global.ns && set->containerd_ns) {
		cli->file_ns = mem_strdup(set->containerd_ns);
		cli->conf.ns = cli->file_ns;
	}
	say_notices(cli, f->file, &set->notices);
	*ret = TAKE_PTR(set);
	return 0;
}

static int check_beside_file(const struct job_flags *f, const struct strv *args, struct err *err)
{
	if (args->n)
		return err_hint(err, err_set(err, ERR_INVALID, "run: --file %s and an image, \"%s\"", f->from.file, args->v[0]),
				"the file says which images: leave out the one or the other");
	if (f->not_beside)
		return err_hint(err, err_set(err, ERR_INVALID, "flag --%s cannot stand beside --file", f->not_beside),
				"write it into the file; beside it stand %s", JOB_FLAGS_BESIDE_FILE);
	return 0;
}

static int print_set(struct cli *cli, const struct jobset *set, struct err *err)
{
	_cleanup_json_ json *j = set->n_jobs == 1 && !set->name ? job_to_json(&set->jobs[0]) : jobset_to_json(set);

	return print_job_json(cli, j, err);
}

/* Of several jobs each has a line with its name before its steps. */
static int print_steps(struct cli *cli, const struct jobset *set, struct job_flags *f, enum run_mode mode, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < set->n_jobs; i++) {
		job_free(f->job);
		f->job = job_copy(&set->jobs[i]);
		if (set->n_jobs > 1)
			r = cli_outf(cli, err, "job %s\n", f->job->name);
		if (r >= 0)
			r = run_job(cli, f, mode, err);
	}
	return r;
}

static int dry_run_set(struct cli *cli, const struct jobset *set, struct job_flags *f, enum run_mode mode, struct err *err)
{
	if (f->format[0] == 'j')
		return print_set(cli, set, err);
	if (f->format[0] == 's' && set->n_jobs > 1)
		return err_hint(err, err_set(err, ERR_INVALID, "--format spec: of one job, and the file has %zu", set->n_jobs),
				"davit inspect JOB has the spec of each once it is there");
	return print_steps(cli, set, f, mode, err);
}

static int run_one(struct cli *cli, struct job_flags *f, const struct jobset *set, enum run_mode mode, struct err *err)
{
	int r = 0;

	job_free(f->job);
	f->job = job_copy(&set->jobs[0]);
	f->set = set->name;
	if (mode == RUN_FOREGROUND)
		r = check_terminal(f, err);
	return r < 0 ? r : run_job(cli, f, mode, err);
}

static int run_several(struct cli *cli, struct job_flags *f, const struct jobset *set, enum run_mode mode, struct err *err)
{
	_cleanup_(timing_done) struct timing timing = { 0 };
	const struct run_opts opts = { .mode = mode,
				       .detach_keys = f->detach_keys,
				       .quiet = f->quiet,
				       .cidfile = f->cidfile && *f->cidfile ? f->cidfile : NULL,
				       .heir = fork_heir,
				       .timing = f->timing ? &timing : NULL };
	_cleanup_(set_result_done) struct set_result res = { 0 };
	int r = cli_core(cli, err);

	if (r >= 0)
		r = set_run(cli->core, set, &opts, &cli->ctx, &res, err);
	if (r < 0)
		return cli_fail_run(cli, r, NULL, "image", err);
	for (size_t i = 0; r >= 0 && i < res.n && mode == RUN_DETACHED; i++)
		r = cli_outf(cli, err, "%s\n", res.jobs[i].name);
	if (f->timing)
		print_timing(&timing);
	return r < 0 ? r : res.exit_code;
}

/* Flags beside the file: a runtime is for jobs that name none. */
static void say_to_job(const struct job *flags, struct job *job)
{
	job->remove |= flags->remove;
	if (!job->runtime)
		job->runtime = mem_strdup(flags->runtime);
}

int run_file(struct cli *cli, struct job_flags *f, const struct strv *args, struct err *err)
{
	const enum run_mode mode = f->detach ? RUN_DETACHED : RUN_FOREGROUND;
	_cleanup_(jobset_freep) struct jobset *set = NULL;
	int r = check_beside_file(f, args, err);

	if (r >= 0)
		r = read_job_file(cli, &f->from, f->job->name, &set, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < set->n_jobs; i++)
		say_to_job(f->job, &set->jobs[i]);
	if (f->dry_run)
		return dry_run_set(cli, set, f, mode, err);
	return set->n_jobs == 1 ? run_one(cli, f, set, mode, err) : run_several(cli, f, set, mode, err);
}
