/* Theory of operation: container and task are asked for side by side; a worker reads who the process will be; then Exec, and a Wait
 * that is open before the Start. From there on the streams go by themselves (pipes.h), what is asked of containerd goes through
 * orders.h, the end comes from task-wait.h. The session is over when the process has ended and its output is drained; what is left
 * in containerd goes then (exec-clear.h), and nobody waits for that. A call of which nobody knows what it has done is not let
 * alone: a session that is abandoned between Exec and Start stays until the answer is there. */
#include "exec-session.h"
#include "clock.h"
#include "containers.h"
#include "dev-null.h"
#include "engine-words.h"
#include "exec-clear.h"
#include "exec-family.h"
#include "exec-spec.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "name.h"
#include "orders.h"
#include "pipes.h"
#include "places.h"
#include "runtime-kind.h"
#include "task-wait.h"
#include "task.h"
#include "cap.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NO_MORE "no process is executed any more"

/* containerd's own shim starts one process of a container after another, and reads their ends in between: with more than about
 * thirty ends that it has not read (each start has two) it waits for itself, until callers give up. */
enum { STARTS_AT_ONCE = 4 };

enum { LOOK_MS = 10000, MAKE_MS = 30000, CLEAR_MS = 120000 };

struct exec_sessions {
	struct core *core;
	struct workers *workers;
	struct list_node live, clearing;
	struct post turn; /* of those in the queue */
	size_t n_live, n_clearing;
	bool ending;
};

/* What a session has left in containerd. */
struct clearing {
	struct list_node node;
	struct exec_sessions *all;
	struct exec_clear *clear;
};

enum exec_stage { EXEC_LOOKS, EXEC_SPECIFIES, EXEC_QUEUES, EXEC_IS_MADE, EXEC_STARTS, EXEC_RUNS, EXEC_DRAINS };

struct exec_session {
	struct list_node node;
	struct exec_sessions *all; /* NULL: they have gone, and a worker is at work for it still */
	struct core core;          /* in the container's namespace */
	const struct exec_session_told *told;
	void *arg;
	char *ns, *id, *run_dir, exec_id[EXEC_PREFIX + 17];
	struct strv args;
	bool tty, whole;
	struct exec_family family;
	struct strv env;   /* its mark */
	bool run_dir_made; /* for us: nothing else of the container is there */
	bool abandoned, exited, at_work;
	enum exec_stage stage;
	struct spec_console size;
	bool resized; /* since the process was specified */
	struct ctrd_call *container, *task, *call, *waiting;
	struct work work;
	pid_t pid;
	struct exec_process process;
	struct ctrd_any container_spec, spec;
	struct pipes pipes;
	struct orders *orders;
	struct task_wait *wait;
	int r;
	struct err err;
	struct ctrd_exit exit;
};

static void on_clearing_over(void *arg, bool gone)
{
	struct clearing *c = arg;

	if (!gone)
		log_warn("exec %s: containerd does not let it go: it stays until its task ends", exec_clear_id(c->clear));
	exec_clear_free(c->clear);
	c->all->n_clearing--;
	list_unlink(&c->node);
	free(c);
}

static void clearing_begin(struct exec_session *s)
{
	struct clearing *c = mem_new(struct clearing);
	enum exec_clear_how how = s->exited ? EXEC_CLEAR_ENDED : EXEC_CLEAR_KILL;

	c->all = s->all;
	c->clear = exec_clear_new(&s->core, s->all->workers, s->id, s->exec_id, how, CLEAR_MS, on_clearing_over, c);
	list_push(&s->all->clearing, &c->node);
	s->all->n_clearing++;
}

/* Unless another of the same container has something there, whose care it is then, or the container has. */
static void leave_run_dir(struct exec_session *s)
{
	if (!s->run_dir_made)
		return;
	list_for_each(it, &s->all->live) {
		struct exec_session *other = container_of(it, struct exec_session, node);

		if (other == s || strcmp(other->id, s->id))
			continue;
		other->run_dir_made = true;
		return;
	}
	(void)rmdir(s->run_dir);
}

static bool is_starting(const struct exec_session *s) { return s->stage == EXEC_IS_MADE || s->stage == EXEC_STARTS; }

/* All of it that is on the loop, or elsewhere than in memory. */
static void session_unhook(struct exec_session *s)
{
	ctrd_call_free(s->container);
	ctrd_call_free(s->task);
	ctrd_call_free(s->call);
	ctrd_call_free(s->waiting);
	task_wait_free(s->wait);
	orders_free(s->orders);
	pipes_done(&s->pipes);
	leave_run_dir(s);
	core_leave(&s->core);
	list_unlink(&s->node);
	s->all->n_live--;
	if (is_starting(s) && s->all->n_live)
		loop_post(s->all->core->loop, &s->all->turn);
	s->all = NULL;
}

static void session_free(struct exec_session *s)
{
	if (s->all)
		session_unhook(s);
	strv_done(&s->args);
	strv_done(&s->env);
	ctrd_any_done(&s->container_spec);
	ctrd_any_done(&s->spec);
	free(s->run_dir);
	free(s->ns);
	free(s->id);
	free(s);
}

static void session_end_family(struct exec_session *s)
{
	if (s->whole)
		exec_family_kill(&s->family, &s->core, s->id, s->exec_id);
}

static void session_over(struct exec_session *s)
{
	session_end_family(s);
	pipes_done(&s->pipes);
	if (s->stage >= EXEC_IS_MADE)
		clearing_begin(s);
	if (!s->abandoned)
		s->told->ended(s->arg, s->r, &s->exit, &s->err);
	session_free(s);
}

static void session_fail(struct exec_session *s, int r)
{
	s->r = r;
	session_over(s);
}

/* It was given up before it has begun. */
static bool is_unwanted(struct exec_session *s)
{
	if (!s->abandoned)
		return false;
	session_over(s);
	return true;
}

static void session_output(void *arg, enum log_stream which, const char *p, size_t n)
{
	const struct exec_session *s = arg;

	if (!s->abandoned)
		s->told->output(s->arg, which, p, n);
}

static void session_closed(void *arg, enum log_stream which)
{
	const struct exec_session *s = arg;

	if (!s->abandoned)
		s->told->closed(s->arg, which);
}

static void session_room(void *arg)
{
	const struct exec_session *s = arg;

	if (!s->abandoned && s->told->room)
		s->told->room(s->arg);
}

static void on_orders(void *arg) { (void)orders_go_on(((const struct exec_session *)arg)->orders); }

static void session_input_ended(void *arg)
{
	const struct exec_session *s = arg;

	orders_close_stdin(s->orders);
	on_orders(arg);
}

static void session_drained(void *arg) { session_over(arg); }

static const struct pipes_told session_pipes = { session_output, session_closed, session_room, session_input_ended,
						 session_drained };

/* The task was deleted under it, or has ended: whatever it was, it is no more. */
static void on_session_waited(void *arg)
{
	struct exec_session *s = arg;
	int r = task_wait_result(s->wait, &s->exit, &s->err);

	s->exited = s->family.ended = r >= 0;
	if (r == -ERR_NOT_FOUND) {
		err_clear(&s->err);
		r = err_set(&s->err, ERR_PRECONDITION, "its task has ended");
	}
	s->r = r < 0 ? r : 0;
	if (r < 0 && r != -ERR_PRECONDITION) {
		session_over(s);
		return;
	}
	s->stage = EXEC_DRAINS;
	session_end_family(s); /* which would keep the streams open */
	pipes_drain(&s->pipes);
}

static void tell_size(struct exec_session *s)
{
	s->resized = false;
	orders_resize(s->orders, s->size.cols, s->size.rows);
	on_orders(s);
}

static void on_session_started(void *arg)
{
	struct exec_session *s = arg;
	pid_t pid = 0;
	int r = tasks_start_end(TAKE_PTR(s->call), NULL, &pid, &s->err);

	dev_null_keep();
	if (r >= 0)
		exec_family_begin(&s->family, pid);
	if (r < 0 || s->abandoned) {
		session_fail(s, r < 0 ? exec_error(s->args.v[0], "task", r, &s->err) : 0);
		return;
	}
	s->stage = EXEC_RUNS;
	loop_post(s->core.loop, &s->all->turn);
	s->orders = orders_new(&s->core, s->id, s->exec_id);
	orders_notify(s->orders, on_orders, s);
	s->wait = task_wait_new(&s->core, s->id, s->exec_id, TAKE_PTR(s->waiting));
	task_wait_notify(s->wait, on_session_waited, s);
	if (s->resized)
		tell_size(s);
	pipes_begin(&s->pipes);
}

static void on_session_made(void *arg)
{
	struct exec_session *s = arg;
	const struct ctx limit = ctx_within(NULL, MAKE_MS), forever = ctx_none();
	int r = tasks_exec_end(TAKE_PTR(s->call), NULL, &s->err);

	if (r < 0) {
		session_fail(s, r);
		return;
	}
	if (is_unwanted(s))
		return;
	s->stage = EXEC_STARTS;
	s->waiting = tasks_wait_begin(s->core.ctrd, s->id, s->exec_id, &forever);
	s->call = tasks_start_begin(s->core.ctrd, s->id, s->exec_id, &limit);
	ctrd_call_notify(s->call, on_session_started, s);
}

static int open_pipes(struct exec_session *s)
{
	_cleanup_free_ char *dir = mem_printf("%s/exec-%s", s->run_dir, s->exec_id);

	s->run_dir_made = s->run_dir_made || !file_exists(s->run_dir);
	return pipes_open(&s->pipes, dir, &s->err);
}

static bool may_start(const struct exec_session *s)
{
	unsigned n = 0;

	list_for_each(it, &s->all->live) {
		const struct exec_session *other = container_of(it, struct exec_session, node);

		n += is_starting(other) && !strcmp(other->id, s->id);
	}
	return n < STARTS_AT_ONCE;
}

static void session_make(struct exec_session *s)
{
	const struct ctx limit = ctx_within(NULL, MAKE_MS);
	struct ctrd_io io;
	int r = open_pipes(s);

	if (r < 0) {
		session_fail(s, r);
		return;
	}
	io = (struct ctrd_io){ pipes_path(&s->pipes, 0), pipes_path(&s->pipes, 1), pipes_path(&s->pipes, 2), s->tty };
	s->stage = EXEC_IS_MADE;
	s->call = tasks_exec_begin(s->core.ctrd, s->id, s->exec_id, &io, &s->spec, &limit);
	ctrd_call_notify(s->call, on_session_made, s);
}

/* One at a time, since its owner may do anything where it fails. */
static void on_turn(void *arg)
{
	struct exec_sessions *all = arg;

	list_for_each(it, &all->live) {
		struct exec_session *s = container_of(it, struct exec_session, node);

		if (s->stage != EXEC_QUEUES || !may_start(s))
			continue;
		loop_post(all->core->loop, &all->turn);
		session_make(s);
		return;
	}
}

static void session_queue(struct exec_session *s)
{
	s->stage = EXEC_QUEUES;
	if (s->r < 0)
		session_fail(s, s->r);
	else
		loop_post(s->core.loop, &s->all->turn);
}

/* In a worker, or on the loop. */
static void session_specify(void *arg, void *state, const struct ctx *ctx)
{
	struct exec_session *s = arg;

	(void)state;
	(void)ctx;
	s->r = exec_spec(&s->container_spec, s->pid, NULL, NULL, &s->process, &s->spec, &s->err);
}

static void on_specified(void *arg, bool ran)
{
	struct exec_session *s = arg;

	s->at_work = false;
	if (!s->all)
		session_free(s);
	else if (is_unwanted(s))
		return;
	else if (ran)
		session_queue(s);
	else
		session_fail(s, err_set(&s->err, ERR_CANCELLED, NO_MORE));
}

static void session_specify_begin(struct exec_session *s)
{
	int r;

	s->stage = EXEC_SPECIFIES;
	s->resized = false;
	if (s->whole && !s->env.n)
		strv_pushf(&s->env, EXEC_MARK "=%s", s->exec_id);
	s->process = (struct exec_process){
		.args = &s->args, .env = &s->env, .tty = s->tty, .console = s->size, .bounding = cap_bounding()
	};
	if (!s->all->workers) {
		session_specify(s, NULL, NULL);
		on_specified(s, true);
		return;
	}
	s->work = (struct work){ .run = session_specify, .done = on_specified, .arg = s, .slow = true };
	r = workers_submit(s->all->workers, &s->work, &s->err);
	s->at_work = r >= 0;
	if (r < 0)
		session_fail(s, r);
}

static int session_see(struct exec_session *s)
{
	_cleanup_(ctrd_container_done) struct ctrd_container c = { 0 };
	struct task_status t = { 0 };
	int r = containers_get_end(TAKE_PTR(s->container), NULL, &c, &s->err), r_task;

	r_task = task_look_end(TAKE_PTR(s->task), NULL, &t, r < 0 ? NULL : &s->err);
	if (r < 0 || r_task < 0)
		return r < 0 ? r : r_task;
	if (t.state == TASK_ABSENT)
		return err_set(&s->err, ERR_NOT_FOUND, "task %s: it does not run", s->id);
	if (t.state != TASK_LIVE)
		return err_set(&s->err, ERR_PRECONDITION, "task %s: it %s", s->id,
			       t.state == TASK_PAUSED ? "is paused" : "does not run");
	s->pid = t.pid;
	if (runtime_has_kernel(c.runtime)) /* its Start tells the hypervisor's number */
		s->whole = false;
	s->container_spec = TAKE_STRUCT(c.spec);
	return 0;
}

static void on_seen(void *arg)
{
	struct exec_session *s = arg;
	int r;

	if (!ctrd_call_ready(s->container) || !ctrd_call_ready(s->task))
		return; /* the other will come here, too */
	r = session_see(s);
	if (r < 0)
		session_fail(s, r);
	else if (!is_unwanted(s))
		session_specify_begin(s);
}

static void session_look(struct exec_session *s)
{
	const struct ctx limit = ctx_within(NULL, LOOK_MS);
	struct core *c = &s->core;

	(void)core_reconnect(c, NULL); /* else the calls say why */
	s->container = containers_get_begin(c->ctrd, s->id, &limit);
	s->task = task_look_begin(c, s->id, NULL, &limit);
	ctrd_call_notify(s->container, on_seen, s);
	ctrd_call_notify(s->task, on_seen, s);
}

int exec_session_new(struct exec_sessions *all, const struct exec_session_conf *conf, struct exec_session **ret, struct err *err)
{
	struct exec_session *s;

	if (!conf->args->n || !*conf->args->v[0])
		return err_set(err, ERR_INVALID, "no command");
	if (all->ending)
		return err_set(err, ERR_CANCELLED, NO_MORE);
	if (all->n_live >= EXEC_SESSIONS_MAX)
		return err_set(err, ERR_EXHAUSTED, "%d processes are being executed: too many at once", EXEC_SESSIONS_MAX);
	s = mem_new(struct exec_session);
	*s = (struct exec_session){ .all = all,
				    .told = conf->told,
				    .arg = conf->arg,
				    .ns = mem_strdup(conf->ns ? conf->ns : all->core->conf.ns),
				    .id = mem_strdup(conf->id),
				    .tty = conf->tty,
				    .whole = conf->whole };
	s->core = core_in(all->core, s->ns);
	if (!s->core.conf.return_ms)
		s->core.conf.return_ms = EXEC_AWAY_MS;
	s->run_dir = places_run(&s->core, s->id);
	pipes_init(&s->pipes, s->core.loop, conf->input, conf->tty, &session_pipes, s);
	(void)snprintf(s->exec_id, sizeof s->exec_id, "%.*s", EXEC_PREFIX, conf->prefix ? conf->prefix : "");
	name_random(s->exec_id + strlen(s->exec_id), 16);
	strv_add(&s->args, conf->args);
	list_push(&all->live, &s->node);
	all->n_live++;
	session_look(s);
	*ret = s;
	return 0;
}

void exec_session_abandon(struct exec_session *s)
{
	s->abandoned = true;
	if (s->at_work)
		workers_cancel(s->all->workers, &s->work);
	else if (s->stage != EXEC_IS_MADE && s->stage != EXEC_STARTS)
		session_over(s);
}

void exec_session_pause(struct exec_session *s, bool on) { pipes_pause(&s->pipes, on); }
void exec_session_write(struct exec_session *s, const void *p, size_t n) { pipes_write(&s->pipes, p, n); }
size_t exec_session_unwritten(const struct exec_session *s) { return pipes_unwritten(&s->pipes); }
void exec_session_close_input(struct exec_session *s) { pipes_close_input(&s->pipes); }

void exec_session_resize(struct exec_session *s, unsigned cols, unsigned rows)
{
	s->size = (struct spec_console){ rows, cols };
	s->resized = true;
	if (s->tty && s->stage == EXEC_RUNS)
		tell_size(s);
}

struct exec_sessions *exec_sessions_new(struct core *core, struct workers *workers)
{
	struct exec_sessions *all = mem_new(struct exec_sessions);

	all->core = core;
	all->workers = workers;
	post_init(&all->turn, on_turn, all);
	list_init(&all->live);
	list_init(&all->clearing);
	return all;
}

static void session_dismiss(struct exec_session *s)
{
	struct err err = ERR_INIT;

	if (s->abandoned)
		return;
	s->abandoned = true;
	s->told->ended(s->arg, err_set(&err, ERR_CANCELLED, NO_MORE), &s->exit, &err);
}

void exec_sessions_end(struct exec_sessions *all)
{
	all->ending = true;
	list_for_each(it, &all->live)
		session_dismiss(container_of(it, struct exec_session, node));
	list_for_each(it, &all->live)
		exec_session_abandon(container_of(it, struct exec_session, node));
}

size_t exec_sessions_busy(const struct exec_sessions *all) { return all->n_live + all->n_clearing; }

static void session_names(const struct exec_session *s, struct strv *ret)
{
	strv_push(ret, s->ns);
	strv_push(ret, s->id);
	strv_push(ret, s->exec_id);
}

void exec_sessions_left(const struct exec_sessions *all, struct strv *ret)
{
	list_for_each(it, &all->live) {
		const struct exec_session *s = container_of(it, struct exec_session, node);

		if (s->stage >= EXEC_IS_MADE)
			session_names(s, ret);
	}
	list_for_each(it, &all->clearing)
		exec_clear_names(container_of(it, struct clearing, node)->clear, ret);
}

static void session_drop(struct exec_session *s)
{
	session_dismiss(s);
	session_unhook(s);
	if (!s->at_work)
		session_free(s);
}

void exec_sessions_free(struct exec_sessions *all)
{
	if (!all)
		return;
	list_for_each(it, &all->live)
		session_drop(container_of(it, struct exec_session, node));
	list_for_each(it, &all->clearing) {
		struct clearing *c = container_of(it, struct clearing, node);

		exec_clear_free(c->clear);
		free(c);
	}
	loop_unpost(all->core->loop, &all->turn);
	free(all);
}
