#include "task-service.h"
#include "checkpoint.h"
#include "events.pb-c.h"
#include "file.h"
#include "engine-kill.h"
#include "engine-kind.h"
#include "mem.h"
#include "mounts.h"
#include "sandbox-pod.h"
#include "runtime-shim.h"
#include "sandbox-service.h"
#include "shim-cgroup.h"
#include "spec-edit.h"
#include "task-call.h"
#include "task-resources.h"
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { SPEC_MAX = 16 << 20 };

/* Create */

static void answer_pid(struct ttrpc_stream *s, pid_t pid)
{
	Shim__PidResponse r = SHIM__PID_RESPONSE__INIT;

	r.pid = (uint32_t)pid;
	task_answer(s, &r.base);
}

static void task_forget(struct process *init)
{
	_cleanup_free_ char *rootfs = mem_printf("%s/rootfs", init->of->bundle);

	(void)mounts_drop(rootfs, NULL);
	container_free(init->of);
}

static void tell_created(const struct process *init, struct ttrpc_stream *s)
{
	Events__TaskCreate e = EVENTS__TASK_CREATE__INIT;

	e.container_id = init->of->id;
	e.bundle = init->of->bundle;
	e.pid = (uint32_t)init->pid;
	task_tell(init, "/tasks/create", "TaskCreate", &e.base);
	if (s)
		answer_pid(s, init->pid);
}

static void on_created(struct process *p)
{
	_cleanup_free_ char *pid_file = mem_printf("%s/init.pid", p->of->bundle);
	struct ttrpc_stream *s = take_asked(p);
	struct err err = ERR_INIT;
	int r = p->failed ? -ERR_UNKNOWN : process_adopt(p, pid_file, &err);

	seccomp_kept_take(&p->of->seccomp, &p->of->engine, p->of->id, p->failed);
	if (r < 0) {
		if (s)
			task_refuse(s, r, &err);
		task_forget(p);
		return;
	}
	if (!p->pty) /* which copies from what it has */
		process_io_given(&p->io);
	container_in_cgroup(p->of);
	p->state = p->state == PROCESS_STOPPED ? PROCESS_STOPPED : PROCESS_CREATED;
	tell_created(p, s);
}

/* From a checkpoint: the engine has nothing to do before the start. */
static int created_to_restore(struct process *init, struct ttrpc_stream *s)
{
	init->state = PROCESS_CREATED;
	tell_created(init, s);
	return 0;
}

static int process_streams(struct process *p, struct strv *words, struct err *err)
{
	const struct process_io_names names = {
		p->in, p->out, p->terminal ? "" : p->err, p->of->id, p->of->shim->ns, p->of->engine.io_uid, p->of->engine.io_gid
	};
	const char *path = NULL;
	int r = process_io_open(p->of->shim->loop, &names, &p->io, err);

	if (r >= 0 && p->terminal)
		r = pty_new(p->of->shim->loop, p->io.io.in, p->io.io.out, &p->pty, &path, err);
	if (path) {
		strv_push(words, "--console-socket");
		strv_push(words, path);
	}
	return r < 0 ? r : 0;
}

/* Nothing came of it: who reads them sees the end. */
static void drop_streams(struct process *p)
{
	pty_free(TAKE_PTR(p->pty));
	process_io_done(&p->io);
}

static void keep_streams(struct process *p, bool terminal, const char *in, const char *out, const char *errs)
{
	p->terminal = terminal;
	p->in = mem_strdup(in);
	p->out = mem_strdup(out);
	p->err = mem_strdup(errs);
}

/* The engine reads @spec and not config.json. */
static void give_copy(const struct container *c, struct span spec, struct strv *words)
{
	_cleanup_free_ char *copy = mem_printf("%s/" SHIM_SPEC, c->bundle);

	if (file_write(copy, spec.at, spec.len, 0600, NULL) < 0)
		return;
	strv_push(words, "--config");
	strv_push(words, copy);
}

/* What of its config.json makes a difference to us; where that cannot be told all goes the long way. */
static void look_at_spec(struct container *c, struct strv *words)
{
	static const char *const hooks[] = { "hooks", "poststart", NULL };
	_cleanup_free_ char *path = mem_printf("%s/config.json", c->bundle);
	_cleanup_buf_ struct buf text = { 0 }, lowered = { 0 };
	struct span spec, value;

	c->start_hooks = true;
	if (file_read(path, SPEC_MAX, &text, NULL) < 0)
		return;
	spec = (struct span){ text.data, text.len };
	c->start_hooks = span_path(spec, hooks, &value) != SPAN_ABSENT;
	if (spec_lower_version(c->engine.program, spec, &lowered)) {
		spec = (struct span){ lowered.data, lowered.len };
		give_copy(c, spec, words);
	}
	seccomp_kept_give(&c->seccomp, SHIM_SECCOMP, &c->engine, c->bundle, spec, words);
}

static int container_choose_engine(struct container *c, const Google__Protobuf__Any *any, struct err *err)
{
	_cleanup_(shim_options_done) struct shim_options o = { 0 };
	int r = any ? shim_options_parse(any->type_url, any->value.data, any->value.len, &o, err) : 0;

	if (r >= 0 && o.shim_cgroup) {
		attach_soon_end(&c->shim->attach);
		r = shim_cgroup_join(SHIM_CGROUPS, o.shim_cgroup, err);
	}
	return r < 0 ? r : engine_choose(c->shim->ns, &o, &c->engine, err);
}

static int container_create(struct container *c, const Shim__CreateRequest *q, struct ttrpc_stream *s, struct err *err)
{
	_cleanup_free_ char *rootfs = mem_printf("%s/rootfs", c->bundle);
	_cleanup_strv_ struct strv words = { 0 };
	int r = container_choose_engine(c, q->options, err);

	if (r >= 0)
		r = engine_store(&c->engine, c->bundle, err);
	if (r >= 0)
		r = mounts_make(q->rootfs, q->n_rootfs, rootfs, err);
	if (r >= 0 && c->shim->pod)
		r = pod_share(c->shim->pod->bundle, c->bundle, err);
	if (r >= 0 && c->checkpoint)
		return created_to_restore(&c->init, s);
	strv_push(&words, "create");
	strv_push(&words, "--bundle");
	strv_push(&words, c->bundle);
	strv_push(&words, "--pid-file");
	strv_pushf(&words, "%s/init.pid", c->bundle);
	if (c->engine.no_pivot)
		strv_push(&words, "--no-pivot");
	if (c->engine.no_new_keyring)
		strv_push(&words, "--no-new-keyring");
	if (r >= 0)
		look_at_spec(c, &words);
	if (r >= 0)
		r = process_streams(&c->init, &words, err);
	strv_push(&words, c->id);
	return r < 0 ? r : process_engine(&c->init, &words, !c->init.terminal, "OCI runtime create failed", s, on_created, err);
}

static void task_create(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	_cleanup_arena_ struct arena a = { 0 };
	const Shim__CreateRequest *q = task_request(s, &shim__create_request__descriptor, msg, len, &a);
	struct err err = ERR_INIT;
	struct container *c;
	int r;

	if (!q)
		return;
	if (container_find(arg, q->id)) {
		refuse_as(s, ERR_EXISTS, "container exists already");
		return;
	}
	c = container_new(arg, q->id, q->bundle);
	c->checkpoint = *q->checkpoint ? mem_strdup(q->checkpoint) : NULL;
	keep_streams(&c->init, q->terminal, q->stdin, q->stdout, q->stderr);
	r = container_create(c, q, s, &err);
	if (r < 0) {
		task_refuse(s, r, &err);
		task_forget(&c->init);
	}
}

/* Start */

static void tell_start(struct process *p)
{
	Events__TaskStart init = EVENTS__TASK_START__INIT;
	Events__TaskExecStarted exec = EVENTS__TASK_EXEC_STARTED__INIT;

	if (!*p->exec_id) {
		init.container_id = p->of->id;
		init.pid = (uint32_t)p->pid;
		task_tell(p, "/tasks/start", "TaskStart", &init.base);
		return;
	}
	exec.container_id = p->of->id;
	exec.exec_id = p->exec_id;
	exec.pid = (uint32_t)p->pid;
	task_tell(p, "/tasks/exec-started", "TaskExecStarted", &exec.base);
}

static char *exec_file(const struct process *p, const char *ending)
{
	return mem_printf("%s/exec-%s.%s", p->of->bundle, p->exec_id, ending); /* no id is the name of a file of the bundle's */
}

static void on_started(struct process *p)
{
	struct ttrpc_stream *s = take_asked(p);
	struct err err = ERR_INIT;
	int r = p->failed ? -ERR_UNKNOWN : 0;

	if (*p->exec_id) {
		_cleanup_free_ char *pid_file = exec_file(p, "pid"), *spec = exec_file(p, "json");

		if (r >= 0)
			r = process_adopt(p, pid_file, &err);
		(void)unlink(spec);
		(void)unlink(pid_file);
		if (r < 0 && s)
			task_refuse(TAKE_PTR(s), r, &err);
		if (r < 0)
			drop_streams(p);
	}
	if (r >= 0) {
		if (!p->pty) /* which copies from what it has */
			process_io_given(&p->io);
		if (p->state != PROCESS_STOPPED)
			p->state = PROCESS_RUNNING;
		tell_start(p);
		if (s)
			answer_pid(s, p->pid);
	}
	process_started(p);
}

static int start_exec(struct process *p, struct ttrpc_stream *s, struct err *err)
{
	_cleanup_strv_ struct strv words = { 0 };
	int r;

	strv_push(&words, "exec");
	strv_push(&words, "--process");
	strv_own(&words, exec_file(p, "json"));
	strv_push(&words, "--detach");
	strv_push(&words, "--pid-file");
	strv_own(&words, exec_file(p, "pid"));
	r = process_streams(p, &words, err);
	strv_push(&words, p->of->id);
	return r < 0 ? r : process_engine(p, &words, !p->terminal, "OCI runtime exec failed", s, on_started, err);
}

static int start_by_engine(struct process *p, struct ttrpc_stream *s, struct err *err)
{
	_cleanup_strv_ struct strv words = { 0 };

	strv_push(&words, "start");
	strv_push(&words, p->of->id);
	return process_engine(p, &words, false, "OCI runtime start failed", s, on_started, err);
}

static void on_fifo(void *arg, bool started)
{
	struct process *p = arg;
	struct err err = ERR_INIT;
	struct ttrpc_stream *s;

	p->failed = false;
	if (started) {
		on_started(p);
		return;
	}
	s = take_asked(p);
	if (start_by_engine(p, s, &err) >= 0)
		return;
	if (s)
		task_refuse(s, -ERR_UNKNOWN, &err);
	process_started(p);
}

static void on_restored(struct process *p)
{
	_cleanup_free_ char *pid_file = mem_printf("%s/init.pid", p->of->bundle);
	struct err err = ERR_INIT;
	int r = p->failed ? 0 : process_adopt(p, pid_file, &err);

	if (r < 0) {
		struct ttrpc_stream *s = take_asked(p);

		p->failed = true;
		if (s)
			task_refuse(s, r, &err);
	}
	if (p->failed)
		drop_streams(p);
	else
		container_in_cgroup(p->of);
	on_started(p);
}

static int start_restored(struct process *p, struct ttrpc_stream *s, struct err *err)
{
	_cleanup_strv_ struct strv words = { 0 };
	int r;

	checkpoint_restore_words(p->of, &words);
	r = process_streams(p, &words, err);
	strv_push(&words, p->of->id);
	if (r >= 0)
		r = process_engine(p, &words, !p->terminal, checkpoint_restore_failure(p->of), s, on_restored, err);
	if (r < 0)
		drop_streams(p);
	return r;
}

static int start_init(struct process *p, struct ttrpc_stream *s, struct err *err)
{
	const struct container *c = p->of;
	int r;

	if (c->checkpoint)
		return start_restored(p, s, err);
	r = c->start_hooks ? -ERR_UNIMPLEMENTED
			   : exec_fifo_begin(&p->fifo, c->shim->loop, &c->engine, c->id, p->reap.pidfd, on_fifo, p);
	if (r < 0)
		return start_by_engine(p, s, err);
	p->asked = s;
	ttrpc_stream_set(s, p);
	if (r > 0)
		on_fifo(p, true);
	return 0;
}

static void task_start(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	_cleanup_arena_ struct arena a = { 0 };
	const Shim__ProcessRequest *q = task_request(s, &shim__process_request__descriptor, msg, len, &a);
	struct process *p = q ? idle_process(arg, s, q->id, q->exec_id, msg, len) : NULL;
	struct err err = ERR_INIT;
	int r;

	if (!p)
		return;
	if (p->state != PROCESS_CREATED || p->of->init.state == PROCESS_STOPPED) {
		refuse_as(s, ERR_PRECONDITION, "cannot start a process that is not created, or whose container has ended");
		return;
	}
	if (*p->exec_id && container_is_frozen(p->of)) {
		refuse_as(s, ERR_PRECONDITION, "cannot exec in a paused container");
		return;
	}
	p->starting = true;
	r = *p->exec_id ? start_exec(p, s, &err) : start_init(p, s, &err);
	if (r >= 0)
		return;
	task_refuse(s, r, &err);
	if (*p->exec_id)
		drop_streams(p);
	process_started(p);
}

static int write_exec_spec(const struct process *p, struct span spec, struct err *err)
{
	_cleanup_free_ char *path = exec_file(p, "json");
	_cleanup_buf_ struct buf edited = { 0 };

	if (spec_set_terminal(spec, p->terminal, &edited))
		spec = (struct span){ edited.data, edited.len };
	return file_write(path, spec.at, spec.len, 0600, err);
}

static void task_exec(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	_cleanup_arena_ struct arena a = { 0 };
	const Shim__ExecRequest *q = task_request(s, &shim__exec_request__descriptor, msg, len, &a);
	struct container *c = q ? the_container(arg, s, q->id) : NULL;
	Events__TaskExecAdded e = EVENTS__TASK_EXEC_ADDED__INIT;
	struct err err = ERR_INIT;
	struct process *p;
	int r;

	if (!c)
		return;
	if (!*q->exec_id || strchr(q->exec_id, '/') || !q->spec) {
		refuse_as(s, ERR_INVALID, "exec without an id or a process");
		return;
	}
	if (process_find(c, q->exec_id)) {
		refuse_as(s, ERR_EXISTS, "exec id exists already");
		return;
	}
	if (container_is_frozen(c)) {
		refuse_as(s, ERR_PRECONDITION, "cannot exec in a paused container");
		return;
	}
	p = process_new_exec(c, q->exec_id);
	keep_streams(p, q->terminal, q->stdin, q->stdout, q->stderr);
	r = write_exec_spec(p, (struct span){ (const char *)q->spec->value.data, q->spec->value.len }, &err);
	if (r < 0) {
		process_free_exec(p);
		task_refuse(s, r, &err);
		return;
	}
	p->state = PROCESS_CREATED;
	e.container_id = c->id;
	e.exec_id = p->exec_id;
	task_tell(p, "/tasks/exec-added", "TaskExecAdded", &e.base);
	task_answer(s, NULL);
}

/* Delete */

static void answer_deleted(struct ttrpc_stream *s, const struct process *p)
{
	Shim__DeleteResponse d = SHIM__DELETE_RESPONSE__INIT;
	Google__Protobuf__Timestamp at = task_time(p->exited_at);

	d.pid = (uint32_t)p->pid;
	d.exit_status = p->status;
	d.exited_at = p->exited_at ? &at : NULL;
	task_answer(s, &d.base);
}

static void on_deleted(struct process *p)
{
	_cleanup_free_ char *rootfs = mem_printf("%s/rootfs", p->of->bundle),
			    *marker = mem_printf("%s/" SHIM_DELETED, p->of->bundle);
	Events__TaskDelete e = EVENTS__TASK_DELETE__INIT;
	Google__Protobuf__Timestamp at = task_time(p->exited_at);
	struct ttrpc_stream *s = take_asked(p);
	struct err err = ERR_INIT;
	int r;

	if (p->failed)
		return; /* its error was told; what is left is for `delete` */
	r = mounts_drop(rootfs, &err);
	if (r < 0) {
		if (s)
			task_refuse(s, r, &err);
		return;
	}
	(void)file_write(marker, "", 0, 0600, NULL);
	e.container_id = e.id = p->of->id;
	e.pid = (uint32_t)p->pid;
	e.exit_status = p->status;
	e.exited_at = &at;
	task_tell(p, "/tasks/delete", "TaskDelete", &e.base);
	if (s)
		answer_deleted(s, p);
	container_free(p->of);
}

static void on_drained(void *arg)
{
	struct process *p = arg;
	struct ttrpc_stream *s = p->asked;
	_cleanup_strv_ struct strv words = { 0 };
	struct err err = ERR_INIT;
	int r;

	if (!s)
		return;
	if (*p->exec_id) {
		answer_deleted(take_asked(p), p);
		process_free_exec(p);
		return;
	}
	strv_push(&words, "delete");
	strv_push(&words, "--force");
	strv_push(&words, p->of->id);
	r = process_engine(p, &words, false, "OCI runtime delete failed", s, on_deleted, &err);
	if (r < 0)
		task_refuse(take_asked(p), r, &err);
}

static void finish_streams(struct process *p)
{
	p->drained = NULL;
	pty_free(TAKE_PTR(p->pty));
	process_io_finish(&p->io, on_drained, p);
}

static void task_delete(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	_cleanup_arena_ struct arena a = { 0 };
	const Shim__ProcessRequest *q = task_request(s, &shim__process_request__descriptor, msg, len, &a);
	struct process *p = q ? idle_process(arg, s, q->id, q->exec_id, msg, len) : NULL;

	if (!p)
		return;
	if (p->asked || p->exit_held || (p->state != PROCESS_STOPPED && p->state != PROCESS_CREATED)) {
		refuse_as(s, ERR_PRECONDITION, "cannot delete a running process");
		return;
	}
	p->asked = s;
	ttrpc_stream_set(s, p);
	p->drained = finish_streams;
	if (p->pty && p->state == PROCESS_STOPPED)
		pty_hurry(p->pty);
	else
		finish_streams(p);
}

/* what the shim knows by itself */

static Types__Status task_status_of(enum process_state state)
{
	static const Types__Status rows[] = {
		[PROCESS_CREATING] = TYPES__STATUS__CREATED, [PROCESS_CREATED] = TYPES__STATUS__CREATED,
		[PROCESS_RUNNING] = TYPES__STATUS__RUNNING,  [PROCESS_PAUSING] = TYPES__STATUS__PAUSING,
		[PROCESS_PAUSED] = TYPES__STATUS__PAUSED,    [PROCESS_STOPPED] = TYPES__STATUS__STOPPED,
	};

	return rows[state];
}

static void task_state(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	_cleanup_arena_ struct arena a = { 0 };
	const Shim__ProcessRequest *q = task_request(s, &shim__process_request__descriptor, msg, len, &a);
	struct process *p = q ? the_process(arg, s, q->id, q->exec_id) : NULL;
	Shim__StateResponse r = SHIM__STATE_RESPONSE__INIT;
	Google__Protobuf__Timestamp at;

	if (!p)
		return;
	at = task_time(p->exited_at);
	r.id = *p->exec_id ? p->exec_id : p->of->id;
	r.exec_id = p->exec_id;
	r.bundle = p->of->bundle;
	r.pid = (uint32_t)p->pid;
	r.status = task_status_of(p->exit_held ? PROCESS_RUNNING : p->state);
	r.stdin = p->in;
	r.stdout = p->out;
	r.stderr = p->err;
	r.terminal = p->terminal;
	r.exit_status = p->status;
	r.exited_at = p->exited_at ? &at : NULL;
	task_answer(s, &r.base);
}

static void answer_wait(struct ttrpc_stream *s, const struct process *p)
{
	Shim__WaitResponse r = SHIM__WAIT_RESPONSE__INIT;
	Google__Protobuf__Timestamp at = task_time(p->exited_at);

	r.exit_status = p->status;
	r.exited_at = &at;
	task_answer(s, &r.base);
}

void task_answer_waits(struct process *p)
{
	while (!list_empty(&p->waits)) {
		struct ttrpc_stream *s = ttrpc_stream_of(p->waits.next);

		list_unlink(p->waits.next);
		answer_wait(s, p);
	}
}

void task_refuse_waits(struct process *p)
{
	while (!list_empty(&p->waits)) {
		struct ttrpc_stream *s = ttrpc_stream_of(p->waits.next);

		list_unlink(p->waits.next);
		refuse_as(s, ERR_NOT_FOUND, "process was deleted");
	}
}

static void task_wait_for(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	_cleanup_arena_ struct arena a = { 0 };
	const Shim__ProcessRequest *q = task_request(s, &shim__process_request__descriptor, msg, len, &a);
	struct process *p = q ? the_process(arg, s, q->id, q->exec_id) : NULL;

	if (!p)
		return;
	if (p->state == PROCESS_STOPPED && !p->exit_held)
		answer_wait(s, p);
	else
		list_push(&p->waits, ttrpc_stream_link(s));
}

/* All of a PID namespace end with its first process. */
static bool kill_is_for_all(const struct process *p, const Shim__KillRequest *q)
{
	return q->all && !*p->exec_id && (p->of->exits.outlived || q->signal != SIGKILL);
}

/* A sandbox is no such process, but what has it inside. */
static bool kill_is_for_engine(const struct process *p)
{
	return !*p->exec_id && p->state != PROCESS_STOPPED && reap_on(&p->reap) &&
	       engine_kind(p->of->engine.program) == ENGINE_OTHER;
}

static int kill_process(struct process *p, int sig, struct err *err)
{
	int r;

	if (p->state == PROCESS_STOPPED)
		return err_set(err, ERR_NOT_FOUND, "process already finished");
	if (!reap_on(&p->reap))
		return err_set(err, ERR_PRECONDITION, "process not created");
	r = reap_kill(&p->reap, sig);
	if (r == -ESRCH)
		return err_set(err, ERR_NOT_FOUND, "process already finished");
	return r < 0 ? err_sys(err, -r, "signal %d", sig) : 0;
}

static void task_kill(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	_cleanup_arena_ struct arena a = { 0 };
	const Shim__KillRequest *q = task_request(s, &shim__kill_request__descriptor, msg, len, &a);
	struct process *p = q ? the_process(arg, s, q->id, q->exec_id) : NULL;
	struct err err = ERR_INIT;
	int r;

	if (!p)
		return;
	if (kill_is_for_all(p, q) || kill_is_for_engine(p)) {
		engine_kill(p->of, kill_is_for_all(p, q), (int)q->signal, s);
	} else {
		r = kill_process(p, (int)q->signal, &err);
		task_answer_end(s, r, &err);
	}
	if (q->signal == SIGKILL && !*q->exec_id)
		container_thaw(p->of);
}

static void task_connect(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	_cleanup_arena_ struct arena a = { 0 };
	const Shim__ProcessRequest *q = task_request(s, &shim__process_request__descriptor, msg, len, &a);
	Shim__ConnectResponse r = SHIM__CONNECT_RESPONSE__INIT;
	const struct container *c;

	if (!q)
		return;
	c = container_find(arg, q->id);
	r.shim_pid = (uint32_t)getpid();
	r.task_pid = c ? (uint32_t)c->init.pid : 0;
	task_answer(s, &r.base);
}

/* One whose Create has been given up for @id is not there for anybody: its engine ends with us, and `delete` comes behind it. */
static bool keeps_shim(const struct container *c, const char *id)
{
	return c->init.state != PROCESS_CREATING || strcmp(c->id, id) != 0;
}

static void task_shutdown(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	_cleanup_arena_ struct arena a = { 0 };
	const Shim__ProcessRequest *q = task_request(s, &shim__process_request__descriptor, msg, len, &a);
	struct shim *shim = arg;

	if (!q)
		return;
	shim->over = true;
	list_for_each(it, &shim->containers)
		if (keeps_shim(container_of(it, struct container, node), q->id))
			shim->over = false;
	task_answer(s, NULL);
}

static void task_close_io(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	_cleanup_arena_ struct arena a = { 0 };
	const Shim__CloseIoRequest *q = task_request(s, &shim__close_io_request__descriptor, msg, len, &a);
	struct process *p = q ? the_process(arg, s, q->id, q->exec_id) : NULL;

	if (!p)
		return;
	if (q->stdin)
		process_io_close_in(&p->io);
	task_answer(s, NULL);
}

static void task_resize(void *arg, struct ttrpc_stream *s, const void *msg, size_t len)
{
	_cleanup_arena_ struct arena a = { 0 };
	const Shim__ResizeRequest *q = task_request(s, &shim__resize_request__descriptor, msg, len, &a);
	struct process *p = q ? the_process(arg, s, q->id, q->exec_id) : NULL;

	if (!p)
		return;
	if (p->pty)
		pty_resize(p->pty, q->width, q->height);
	task_answer(s, NULL);
}

static const struct ttrpc_method methods[] = {
	{ .name = "Create", .message = task_create, .closed = task_closed },
	{ .name = "Start", .message = task_start, .closed = task_closed },
	{ .name = "Delete", .message = task_delete, .closed = task_closed },
	{ .name = "Exec", .message = task_exec },
	{ .name = "State", .message = task_state },
	{ .name = "Wait", .message = task_wait_for },
	{ .name = "Kill", .message = task_kill, .closed = engine_kill_closed },
	{ .name = "Pids", .message = task_pids },
	{ .name = "Stats", .message = task_stats },
	{ .name = "Pause", .message = task_pause, .closed = task_closed },
	{ .name = "Resume", .message = task_resume, .closed = task_closed },
	{ .name = "Update", .message = task_update, .closed = task_closed },
	{ .name = "Checkpoint", .message = task_checkpoint, .closed = task_closed },
	{ .name = "CloseIO", .message = task_close_io },
	{ .name = "ResizePty", .message = task_resize },
	{ .name = "Connect", .message = task_connect },
	{ .name = "Shutdown", .message = task_shutdown },
	{ 0 },
};

const struct ttrpc_service task_services[] = {
	{ .name = "containerd.task.v2.Task", .methods = methods },
	{ .name = "containerd.task.v3.Task", .methods = methods },
	{ .name = "containerd.runtime.sandbox.v1.Sandbox", .methods = sandbox_methods },
	{ 0 },
};
