/* A further process in a running job. */
#include "dev-null.h"
#include "cap.h"
#include "engine-words.h"
#include "exec-clear.h"
#include "exec-spec.h"
#include "heir.h"
#include "job-exec.h"
#include "job-state.h"
#include "mem.h"
#include "mend.h"
#include "name.h"
#include "runtime-options.h"
#include "shim-streams.h"
#include "task.h"
#include <string.h>

enum { HANG_UP_MS = 1000, CLEAR_MS = 6000 };

static int make_process(const struct record *rec, const struct exec_opts *o, pid_t pid, struct ctrd_any *ret, struct err *err)
{
	struct exec_process p = { .args = o->args,
				  .env = o->env,
				  .cwd = o->cwd,
				  .tty = o->tty,
				  .privileged = o->privileged,
				  .bounding = cap_bounding() };
	struct winsize size;

	if (o->tty && !o->detach && streams_size(o->interactive, &size))
		p.console = (struct spec_console){ size.ws_row, size.ws_col };
	return exec_spec(&rec->c.spec, pid, o->user && *o->user ? o->user : NULL,
			 rec->job ? &rec->job->tasks[rec->task].group_add : NULL, &p, ret, err);
}

static int running_task(struct core *c, const struct record *rec, const struct ctx *ctx, pid_t *ret_pid, struct err *err)
{
	struct task_status t;
	int r = task_look(c, rec->c.id, ctx, &t, err);

	*ret_pid = t.pid;
	if (r >= 0 && t.state == TASK_LIVE)
		(void)mend_netns(c, record_job_id(rec), rec->job, ctx, NULL);
	if (r < 0 || t.state == TASK_LIVE)
		return r;
	return err_hint(err, err_set(err, ERR_PRECONDITION, "it is not running"), "start it with: davit start %s", rec->name);
}

/* An exec under way. */
struct process {
	struct core *core;
	const struct record *rec;
	const struct exec_opts *opts;
	char exec_id[17];
	struct ctrd_any spec;
	struct streams *io; /* NULL: detached */
	struct heir *heir;
	bool goes_on; /* without us */
};

static void process_done(struct process *x)
{
	heir_free(x->heir);
	streams_free(x->io);
	ctrd_any_done(&x->spec);
}

static void process_delete(const struct process *x, struct core *c)
{
	exec_clear(c, x->rec->c.id, x->exec_id, EXEC_CLEAR_ENDED, CLEAR_MS);
}

/* In the heir: what it prints is dropped until it ends. */
static void process_go_on(void *arg, enum heir_word word, int lock)
{
	const struct process *x = arg;
	const char *id = x->rec->c.id;
	_cleanup_(core_freep) struct core *core = NULL;
	struct ctrd_exit unused;
	int r = 0;

	(void)lock;
	streams_inherit(x->io, NULL, NULL);
	core = heir_connect(x->core, &x->io, 1);
	if (!core)
		return;
	if (word == HEIR_LOST)
		streams_close_stdin(x->io);
	if (word == HEIR_HANG_UP)
		streams_signal(x->io, SIGHUP);
	if (word != HEIR_LOST || heir_was_started(core, &x->io, 1, id, x->exec_id))
		r = streams_run(x->io, core, id, x->exec_id, NULL, NULL, &unused, NULL);
	if (r >= 0)
		process_delete(x, core);
	streams_free(x->io);
}

/* Our terminal has gone, and so will we: what it would say is said now. */
static void process_hang_up(const struct process *x)
{
	struct ctx limit = ctx_within(NULL, HANG_UP_MS);

	if (!heir_tell(x->heir, HEIR_HANG_UP, -1) && core_reconnect(x->core, NULL) >= 0)
		(void)tasks_kill(x->core->ctrd, x->rec->c.id, x->exec_id, SIGHUP, false, &limit, NULL);
}

static int process_run(struct process *x, const struct ctx *ctx, int *ret_code, struct err *err)
{
	struct ctx forever = { 0 };
	struct ctrd_call *wait = tasks_wait_begin(x->core->ctrd, x->rec->c.id, x->exec_id, &forever);
	struct ctrd_exit exit = { 0 };
	pid_t pid;
	int r = tasks_start(x->core->ctrd, x->rec->c.id, x->exec_id, ctx, &pid, err);

	dev_null_keep();
	x->goes_on = r >= 0 && !x->io;
	*ret_code = 0;
	if (r < 0 || !x->io) {
		ctrd_call_free(wait);
		return r < 0 ? exec_error(x->opts->args->v[0], "job", r, err) : 0;
	}
	r = streams_run(x->io, x->core, x->rec->c.id, x->exec_id, wait, ctx, &exit, err);
	if (r == STREAMS_DETACHED)
		(void)heir_tell(x->heir, HEIR_CARRY_ON, -1);
	if (r == STREAMS_HUNG_UP)
		process_hang_up(x);
	if (r == STREAMS_EXITED)
		*ret_code = streams_exit_code(x->io, &exit);
	else if (r == STREAMS_UNREAD || r == STREAMS_HUNG_UP)
		*ret_code = r == STREAMS_UNREAD ? STREAMS_SIGPIPE : STREAMS_SIGHUP;
	x->goes_on = r != STREAMS_EXITED && r != -ERR_NOT_FOUND;
	return r;
}

/* It deletes what has ended, too, when we are not there. */
static bool shim_is_heir_of(const struct process *x) { return runtime_is_davit(x->rec->c.runtime); }

static int process_open(struct process *x, pid_t pid, struct err *err)
{
	_cleanup_(log_uri_done) struct log_uri uri = { 0 };
	_cleanup_free_ char *run_dir = places_run(x->core, record_job_id(x->rec)), *dir = NULL;
	const struct exec_opts *o = x->opts;
	int r = make_process(x->rec, o, pid, &x->spec, err);

	name_random(x->exec_id, 16);
	dir = mem_printf("%s/exec-%s", run_dir, x->exec_id);
	if (r < 0 || o->detach)
		return r;
	shim_streams_exec(x->core, record_job_id(x->rec), x->exec_id, &uri);
	return streams_new(&(struct streams_conf){ .dir = dir,
						   .tty = o->tty,
						   .stdin_open = o->interactive,
						   .detach_keys = o->detach_keys,
						   .uri = shim_is_heir_of(x) ? &uri : NULL,
						   .sig_proxy = true,
						   .console = o->console },
			   x->core->loop, &x->io, err);
}

/* Adds the exec, runs it, and deletes it unless it goes on without us. */
static int exec_in(struct core *c, const struct record *rec, pid_t pid, const struct exec_opts *o, const struct ctx *ctx,
		   int *ret_code, struct err *err)
{
	static const struct ctrd_io nothing = { 0 };
	_cleanup_(process_done) struct process x = { .core = c, .rec = rec, .opts = o };
	struct ctrd_call *call;
	int r = process_open(&x, pid, err);

	if (r < 0)
		return r;
	call = tasks_exec_begin(c->ctrd, rec->c.id, x.exec_id, x.io ? streams_io(x.io) : &nothing, &x.spec, ctx);
	if (x.io && o->heir && !shim_is_heir_of(&x))
		x.heir = heir_new(c, &x.io, 1, o->heir, process_go_on, &x);
	r = tasks_exec_end(call, ctx, err);
	if (r >= 0)
		r = process_run(&x, ctx, ret_code, err);
	if (!x.goes_on) { /* also when nobody answered whether it was made */
		process_delete(&x, c);
		(void)heir_tell(x.heir, HEIR_DONE, -1);
	}
	return r < 0 ? r : 0;
}

int job_exec(struct core *c, const char *name, const struct exec_opts *o, const struct ctx *ctx, int *ret_code, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	pid_t pid = 0;
	bool all;
	int r = record_find_task(c, name, ctx, &rec, &all, err);

	if (r < 0)
		return r;
	r = running_task(c, &rec, ctx, &pid, err);
	if (r >= 0)
		r = exec_in(c, &rec, pid, o, ctx, ret_code, err);
	return r < 0 ? err_wrap(err, r, "exec in job %s", rec.name) : 0;
}
