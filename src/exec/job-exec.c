/* A further process in a running job. */
#include "cap.h"
#include "identity.h"
#include "job-ops.h"
#include "job-state.h"
#include "mem.h"
#include "name.h"
#include "spec.h"
#include "task.h"
#include <string.h>

enum { DELETE_MS = 1000 /* somebody may have pressed Ctrl-C */ };
#define PROCESS_TYPE "types.containerd.io/opencontainers/runtime-spec/1/Process"

/* The user is looked up in the job as it is now: through its own root. Without one it is the job's own, but the look is taken all
 * the same: the engine opens those files in any case. */
static int look_up_user(const struct record *rec, pid_t pid, const char *spec, struct user *ret, struct err *err)
{
	_cleanup_(user_files_done) struct user_files files = { 0 };
	int r = identity_of_process(pid, &files, err);

	if (r < 0 || !spec)
		return r;
	return user_lookup(&files, spec, rec->job ? strv_argv(&rec->job->tasks[0].group_add) : NULL, ret, err);
}

static int make_process(const struct record *rec, const struct exec_opts *o, pid_t pid, struct ctrd_any *ret, struct err *err)
{
	struct user user = { 0 };
	struct exec_process p = { .args = o->args, .env = o->env, .cwd = o->cwd, .tty = o->tty, .privileged = o->privileged,
		.bounding = cap_bounding() };
	const char *asked = o->user && *o->user ? o->user : NULL;
	struct winsize size;
	int r = look_up_user(rec, pid, asked, &user, err);

	if (o->tty && !o->detach && streams_size(o->interactive, &size))
		p.console = (struct spec_console){ size.ws_row, size.ws_col };
	p.user = asked ? &user : NULL;
	if (r >= 0)
		r = spec_exec_process(buf_str(&rec->c.spec.value), rec->c.spec.value.len, &p, &ret->value, err);
	if (r >= 0)
		ret->type_url = mem_strdup(PROCESS_TYPE);
	user_done(&user);
	return r;
}

static int running_task(struct core *c, const struct record *rec, const struct ctx *ctx, pid_t *ret_pid, struct err *err)
{
	struct task_status t;
	int r = task_look(c, rec->c.id, ctx, &t, err);

	*ret_pid = t.pid;
	if (r < 0 || t.state == TASK_LIVE)
		return r;
	return err_hint(err, err_set(err, ERR_PRECONDITION, "it is not running"), "start it with: davit start %s", rec->name);
}

static int start_and_run(struct core *c, const struct record *rec, const char *exec_id, const struct exec_opts *o,
			 struct streams *io, const struct ctx *ctx, int *ret_code, struct err *err)
{
	struct ctx forever = { 0 };
	struct ctrd_call *wait = tasks_wait_begin(c->ctrd, rec->c.id, exec_id, &forever);
	struct ctrd_exit exit = { 0 };
	pid_t pid;
	int r = tasks_start(c->ctrd, rec->c.id, exec_id, ctx, &pid, err);

	if (r < 0 || o->detach) {
		ctrd_call_free(wait);
		*ret_code = 0;
		return r < 0 ? exec_error(o->args->v[0], "job", r, err) : 1;
	}
	r = streams_run(io, c, rec->c.id, exec_id, wait, ctx, &exit, err);
	if (r >= 0)
		*ret_code = (int)exit.status;
	return r == 0 ? 1 : r < 0 ? r : 0;
}

/* One that was not started goes at once, but where its engine hangs; that one is ended. */
static void exec_delete(struct core *c, const char *id, const char *exec_id)
{
	struct ctx limit = ctx_within(NULL, DELETE_MS);
	struct ctrd_exit unused;
	int r = tasks_delete(c->ctrd, id, exec_id, &limit, &unused, NULL);

	if (r >= 0 || r == -ERR_NOT_FOUND || core_reconnect(c, NULL) < 0 || task_break_exec(c, id, exec_id, NULL) < 0)
		return;
	limit = ctx_within(NULL, 5 * DELETE_MS);
	(void)tasks_delete(c->ctrd, id, exec_id, &limit, &unused, NULL);
}

/* Adds the exec, runs it, and deletes it unless it goes on without us. */
static int exec_in(struct core *c, const struct record *rec, pid_t pid, const struct exec_opts *o, const struct ctx *ctx,
		   int *ret_code, struct err *err)
{
	static const struct ctrd_io nothing = { 0 };
	_cleanup_(ctrd_any_done) struct ctrd_any process = { 0 };
	_cleanup_(streams_freep) struct streams *io = NULL;
	_cleanup_free_ char *run_dir = record_run_dir(c, rec->c.id), *dir = NULL;
	char exec_id[17];
	int r = make_process(rec, o, pid, &process, err);

	name_random(exec_id, 16);
	dir = mem_printf("%s/exec-%s", run_dir, exec_id);
	if (r >= 0 && !o->detach)
		r = streams_new(&(struct streams_conf){ .dir = dir, .tty = o->tty, .stdin_open = o->interactive,
			.detach_keys = o->detach_keys, .sig_proxy = true }, c->loop, &io, err);
	if (r < 0)
		return r;
	r = tasks_exec(c->ctrd, rec->c.id, exec_id, io ? streams_io(io) : &nothing, &process, ctx, err);
	if (r >= 0)
		r = start_and_run(c, rec, exec_id, o, io, ctx, ret_code, err);
	if (r <= 0) /* also when nobody answered whether it was made */
		exec_delete(c, rec->c.id, exec_id);
	return r < 0 ? r : 0;
}

int job_exec(struct core *c, const char *name, const struct exec_opts *o, const struct ctx *ctx, int *ret_code, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	pid_t pid = 0;
	int r = record_find(c, name, ctx, &rec, err);

	if (r < 0)
		return r;
	r = running_task(c, &rec, ctx, &pid, err);
	if (r >= 0)
		r = exec_in(c, &rec, pid, o, ctx, ret_code, err);
	return r < 0 ? err_wrap(err, r, "exec in job %s", rec.name) : 0;
}
