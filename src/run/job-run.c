#include "clock.h"
#include "file.h"
#include "foreground.h"
#include "heir.h"
#include "job-name.h"
#include "job-state.h"
#include "log.h"
#include "mem.h"
#include "name.h"
#include "ref.h"
#include "remains.h"
#include "task.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <linux/magic.h>

enum { PICKS_MAX = 50 };

void run_result_done(struct run_result *r)
{
	free(r->name);
	free(r->id);
	*r = (struct run_result){ 0 };
}

void run_done(struct run *run)
{
	for (size_t i = 0; i < STEPS_MAX; i++)
		ctrd_call_free(run->call[i]);
	ctrd_call_free(run->wait);
	heir_free(run->heir);
	streams_free(run->streams);
	logfile_free(run->log);
	cni_op_abort(run->op);
	cni_net_free(run->net);
	cni_result_done(&run->result);
	claim_clashes_done(&run->clashes);
	ctrd_mounts_done(&run->mounts);
	user_done(&run->user);
	selinux_labels_done(&run->labels);
	user_files_done(&run->files);
	image_done(&run->image);
	runtime_done(&run->runtime);
	strv_done(&run->bind_sources);
	strv_done(&run->fresh_volumes);
	run_release_volumes(run);
	free(run->volume_holds);
	free(run->picked);
	free(run->joins.id);
	free(run->joins.name);
	free(run->joins.hostname);
	free(run->binds);
	free(run->cwd);
	free(run->id);
	ctrd_free(run->ctrd);
	free(run->lease);
	free(run->snapshotter);
	free(run->image_name);
	free(run->netns);
	free(run->log_uri);
	if (run->job)
		claim_unlock(run->core, run->job->name, run->lock);
	job_free(run->job);
}

/* Deciding: what can be said before anything is started. */

static int copy_job(const struct job *job, struct job **ret, struct err *err)
{
	int r = job_check(job, err);

	if (r >= 0)
		*ret = job_copy(job);
	return r;
}

static int decide_runtime(struct run *run, struct err *err)
{
	const char *name = run->job->runtime ? run->job->runtime : run->core->conf.runtime;

	if (!name) {
		_cleanup_free_ char *own = runtime_shim("io.containerd.davit.v2");

		name = own ? "davit" : "runc";
	}
	return runtime_resolve(name, &run->runtime, err);
}

static bool has_cgroup2(void)
{
	struct statfs fs;

	return statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

static int decide_image(struct run *run, struct err *err)
{
	struct ref ref = { 0 };
	int r;

	if (!run->task->image)
		return err_set(err, ERR_INVALID, "no image is named");
	if (image_is_id(run->task->image)) {
		run->image_name = mem_strdup(run->task->image);
		return 0;
	}
	r = ref_parse(run->task->image, &ref, err);
	if (r >= 0)
		run->image_name = mem_strdup(ref.name);
	ref_done(&ref);
	return r;
}

/* What a host gives is not for job_check(): a record of another host is read, too. */
static int check_processors(const struct task *t, struct err *err)
{
	const double most = (double)sysconf(_SC_NPROCESSORS_ONLN);

	if (t->cpus <= most)
		return 0;
	return err_hint(err, err_set(err, ERR_INVALID, "invalid cpus \"%g\": more than there are", t->cpus), "this host has %g",
			most);
}

static int decide(struct run *run, const struct ctx *ctx, struct err *err)
{
	int r;

	if (run->job->n_tasks != 1)
		return err_set(err, ERR_UNIMPLEMENTED, "job of %zu tasks: davit runs jobs of one task", run->job->n_tasks);
	run->task = &run->job->tasks[0];
	if (!run->job->name)
		run->job->name = job_name_new();
	r = name_check("name", run->job->name, NAME_JOB_MAX, err);
	if (r >= 0)
		r = job_check(run->job, err);
	if (r >= 0)
		r = check_processors(run->task, err);
	if (r < 0)
		return r;
	if (!run->id)
		run->id = job_id_new(run->job->name);
	run->lease = claim_lease_id(run->job->name);
	run->cgroup2 = has_cgroup2();
	if (!run->snapshotter && (run->job->snapshotter || run->core->conf.snapshotter))
		run->snapshotter = mem_strdup(run->job->snapshotter ? run->job->snapshotter : run->core->conf.snapshotter);
	r = decide_image(run, err);
	if (r >= 0)
		r = decide_runtime(run, err);
	if (r >= 0)
		r = run_network(run, ctx, err);
	return r < 0 || (ctx && run_publishes_image(run)) ? r : run_pick_ports(run, ctx, err);
}

/* The engine says why in its own words; a command that is not there or cannot be run gets an exit code of its own. */

static const struct {
	const char *says;
	int exit_code;
} engine_says[] = {
	{ "executable file not found in $PATH", 127 },
	{ "executable file `", 127 },
	{ "no such file or directory: unknown", 127 },
	{ "stat /", 127 },
	{ "No such file or directory", 127 },
	{ "permission denied", 126 },
	{ "Permission denied", 126 },
	{ "exec format error", 126 },
	{ "Exec format error", 126 },
	{ "is a directory", 126 },
	{ "Is a directory", 126 },
	{ "open executable: Operation not permitted", 126 },
};

static bool is_about_exec(const char *msg)
{
	static const char *const others[] = { "mount", "cgroup", "chdir" };

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (strstr(msg, others[i]))
			return false;
	return strstr(msg, "exec") != NULL;
}

static int not_found(const char *command, const char *where, struct err *err)
{
	int r = err_set(err, ERR_NOT_FOUND, "command %s: not found in the %s", command, where);

	err->exit_code = 127;
	if (*command == '-')
		return r; /* the face knows better */
	if (strchr(command, ' '))
		return err_hint(err, r, "that is one word, so one program: leave the quotes away, or name a shell: sh -c '...'");
	if (strchr(command, '/'))
		return err_hint(err, r, "there is no such file, or what its first line names behind #! or its loader is not there");
	return err_hint(err, r, "it is in no folder of PATH there: give its whole path, or take %s that has it",
			!strcmp(where, "job") ? "a job" : "an image");
}

static int not_invoked(const char *command, const char *where, struct err *err)
{
	int r = err_set(err, ERR_PERMISSION, "command %s: cannot be invoked: permission denied, or not a program", command);

	err->exit_code = 126;
	return err_hint(err, r, "in the %s it must be a file with permission x, for this machine, or begin with #! and its shell",
			where);
}

int exec_error(const char *command, const char *where, int r, struct err *err)
{
	if (!err || r != -ERR_UNKNOWN || !is_about_exec(err->msg))
		return r;
	for (size_t i = 0; i < sizeof engine_says / sizeof *engine_says; i++) {
		int code = engine_says[i].exit_code;

		if (!strstr(err->msg, engine_says[i].says))
			continue;
		err_clear(err);
		return code == 127 ? not_found(command, where, err) : not_invoked(command, where, err);
	}
	return r;
}

int exit_code_of(const struct err *err) { return err->exit_code ? err->exit_code : 125; }

static int explain(const struct run *run, int r, struct err *err)
{
	_cleanup_strv_ struct strv args = { 0 };

	if (run->task)
		spec_args(run->task, &run->image.config, &args);
	return exec_error(args.n ? args.v[0] : "", "image", r, err);
}

static void report_timing(const struct step_run *s, int64_t origin, struct timing *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < s->n && t->n < sizeof t->v / sizeof *t->v; i++)
		if (s->time[i].began)
			t->v[t->n++] =
				(struct timing_row){ s->steps[i].name, s->time[i].began - origin, s->time[i].ended - origin };
}

static int write_cidfile(const char *path, const char *id, struct err *err)
{
	_cleanup_close_ int fd = path ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644) : -1;
	ssize_t n;
	int r;

	if (!path)
		return 0;
	if (fd < 0) {
		r = err_sys(err, errno, "cidfile %s", path);
		return r == -ERR_EXISTS ? err_hint(err, r, "remove it, or name another") : r;
	}
	n = write(fd, id, strlen(id));
	if (n == (ssize_t)strlen(id))
		return 0;
	r = err_sys(err, n < 0 ? errno : ENOSPC, "cidfile %s", path); /* a part of it only */
	(void)unlink(path);
	return r;
}

static int execute(struct run *run, const struct ctx *ctx, struct run_result *ret, struct err *err)
{
	struct step_run steps = job_steps(run);
	int64_t origin = clock_mono();
	int64_t call_ms = run->core->conf.call_ms ? run->core->conf.call_ms : JOB_CALL_MS;
	int r = write_cidfile(run->opts->cidfile, run->id, err);

	if (r < 0)
		return r;
	r = step_run(&steps, ctx, call_ms, run_undo_ms(run->core), err);
	if (r < 0) {
		if (run->opts->cidfile)
			(void)unlink(run->opts->cidfile);
		return explain(run, r, err);
	}
	report_timing(&steps, origin, run->opts->timing);
	claim_unlock(run->core, run->job->name, TAKE_FD(run->lock));
	ret->name = mem_strdup(run->job->name);
	ret->id = mem_strdup(run->id);
	if (run->opts->started)
		run->opts->started(run->opts->started_arg, ret->name, ret->id);
	if (run->opts->mode == RUN_FOREGROUND)
		return foreground_run(run, ctx, ret, origin, err);
	foreground_leave(run);
	return 0;
}

static int run_once(struct core *core, const struct job *job, const struct run_opts *opts, const struct ctx *ctx,
		    struct run_result *ret, bool *ret_lost, struct err *err)
{
	_cleanup_(run_done) struct run run = { .core = core, .opts = opts, .lock = -1 };
	struct run_result res = { 0 };
	int r = copy_job(job, &run.job, err);

	if (r >= 0)
		r = decide(&run, ctx, err);
	if (r >= 0)
		r = execute(&run, ctx, &res, err);
	*ret_lost = run.lost_pick;
	if (r < 0) {
		run_result_done(&res);
		return run.job && run.job->name ? err_wrap(err, r, "run job %s", run.job->name) : err_wrap(err, r, "run job");
	}
	*ret = res;
	return 0;
}

/* Of two that choose the same port at the same time one gives way: to choose another. */
int job_run(struct core *core, const struct job *job, const struct run_opts *opts, const struct ctx *ctx, struct run_result *ret,
	    struct err *err)
{
	bool lost = false;
	int r = run_once(core, job, opts, ctx, ret, &lost, err);

	for (int i = 0; r < 0 && lost && i < PICKS_MAX && ctx_check(ctx, NULL) >= 0; i++) {
		err_clear(err);
		r = run_once(core, job, opts, ctx, ret, &lost, err);
	}
	return r;
}

/* A job that exists: its record, with the task of its last run deleted. 1: it runs, and nobody wants to see it. */
static int start_prepare(struct run *run, struct record *rec, const struct ctx *ctx, struct err *err)
{
	struct task_status t;
	int r;

	if (!rec->job)
		return err_hint(err, err_set(err, ERR_DATA_LOSS, "its record is not davit's, or cannot be read"),
				"remove it with: davit rm -f %s", rec->name);
	run->job = TAKE_PTR(rec->job);
	run->record = rec;
	run->id = mem_strdup(rec->c.id);
	run->snapshotter = mem_strdup(rec->c.snapshotter);
	r = claim_lock(run->core, run->job->name, true, ctx, &run->lock, err);
	if (r < 0)
		return r;
	r = task_look(run->core, run->id, ctx, &t, err);
	if (r < 0)
		return r;
	if (t.state == TASK_LIVE && run->opts->mode == RUN_DETACHED)
		return 1;
	if (t.state == TASK_UNKNOWN)
		return err_hint(err, err_set(err, ERR_UNAVAILABLE, "its shim does not say how it is"), "end it with: davit stop %s",
				run->job->name);
	if (!task_is_over(&t)) /* a reboot takes the task and the network namespace, not what CNI remembers of it */
		return err_hint(err, err_set(err, ERR_PRECONDITION, "it is running already"), "davit logs -f %s follows it",
				run->job->name);
	return remains_settle(run->core, rec, ctx, err);
}

int job_start(struct core *core, const char *name, const struct run_opts *opts, const struct ctx *ctx, struct run_result *ret,
	      struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	_cleanup_(run_done) struct run run = { .core = core, .opts = opts, .lock = -1 };
	struct run_result res = { 0 };
	int r = record_find(core, name, ctx, &rec, err);

	if (r < 0)
		return r;
	r = start_prepare(&run, &rec, ctx, err);
	if (r > 0) {
		*ret = (struct run_result){ .name = mem_strdup(run.job->name), .id = mem_strdup(run.id) };
		return 0;
	}
	if (r == 0)
		r = decide(&run, ctx, err);
	if (r >= 0)
		r = execute(&run, ctx, &res, err);
	if (r < 0) {
		run_result_done(&res);
		return err_wrap(err, r, "start job %s", name);
	}
	*ret = res;
	return 0;
}

int job_plan(const struct core_conf *conf, const struct job *job, enum run_mode mode, struct strv *out, struct err *err)
{
	struct core core = { .conf = *conf }; /* connected to nothing: a plan asks nobody */
	_cleanup_(run_done) struct run run = { .core = &core, .opts = &(const struct run_opts){ .mode = RUN_CREATE }, .lock = -1 };
	const struct run_opts how = { .mode = mode };
	struct step_run steps;
	int r = copy_job(job, &run.job, err);

	if (r >= 0)
		r = decide(&run, NULL, err);
	if (r < 0)
		return r;
	run.opts = &how;
	steps = job_steps(&run);
	step_plan(steps.steps, steps.n, &run, out);
	return 0;
}

int job_spec(struct core *core, const struct job *job, const struct ctx *ctx, struct buf *out, struct err *err)
{
	_cleanup_(run_done) struct run run = { .core = core, .opts = &(const struct run_opts){ .mode = RUN_CREATE }, .lock = -1 };
	int r = copy_job(job, &run.job, err);

	if (r >= 0)
		r = decide(&run, NULL, err);
	if (r >= 0 && !run.snapshotter)
		r = core_snapshotter(core, ctx, &run.snapshotter, err);
	return r < 0 ? r : run_spec_dry(&run, ctx, out, err);
}
