#include "exits.h"
#include "clock.h"
#include "container.h"
#include "events.pb-c.h"
#include "file.h"
#include "engine-kill.h"
#include "log.h"
#include "mem.h"
#include "shim.pb-c.h"
#include "task-call.h"
#include "task-service.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { PATIENCE_S = 10, PROC_STATUS_MAX = 64 << 10 };

static struct process *exec_of(struct list_node *node) { return container_of(node, struct process, node); }

/* Its number in its own PID namespace is 1: the kernel kills all of that namespace when it ends. Unknown: it is not. */
static bool is_first_of_its_namespace(pid_t pid)
{
	_cleanup_free_ char *path = mem_printf("/proc/%d/status", (int)pid);
	_cleanup_buf_ struct buf text = { 0 };
	const char *line, *last;

	if (file_read(path, PROC_STATUS_MAX, &text, NULL) < 0)
		return false;
	line = strstr(buf_str(&text), "\nNSpid:");
	if (!line)
		return false;
	last = line + strcspn(line + 1, "\n") + 1;
	while (last > line && last[-1] >= '0' && last[-1] <= '9')
		last--;
	return strtol(last, NULL, 10) == 1;
}

void exits_of_init(struct container *c, pid_t pid) { c->exits.outlived = !is_first_of_its_namespace(pid); }

static bool execs_start(const struct container *c)
{
	list_for_each(it, &c->execs)
		if (exec_of(it)->starting)
			return true;
	return false;
}

static bool execs_run(const struct container *c)
{
	list_for_each(it, &c->execs)
		if (reap_on(&exec_of(it)->reap))
			return true;
	return false;
}

static void kill_execs(struct container *c)
{
	list_for_each(it, &c->execs)
		(void)reap_kill(&exec_of(it)->reap, SIGKILL);
}

static void tell_exit(struct process *p)
{
	Events__TaskExit e = EVENTS__TASK_EXIT__INIT;
	Google__Protobuf__Timestamp at = GOOGLE__PROTOBUF__TIMESTAMP__INIT;

	p->exit_held = false;
	at.seconds = p->exited_at / NSEC_PER_SEC;
	at.nanos = (int32_t)(p->exited_at % NSEC_PER_SEC);
	e.container_id = p->of->id;
	e.id = *p->exec_id ? p->exec_id : p->of->id;
	e.pid = (uint32_t)p->pid;
	e.exit_status = p->status;
	e.exited_at = &at;
	task_tell(p, "/tasks/exit", "TaskExit", &e.base);
	task_answer_waits(p);
}

/* Kills what hangs: starts that nothing can come of any more, and the sweep. Each then ends by itself, as a failure. */
static void on_impatience(void *arg)
{
	struct container *c = arg;

	list_for_each(it, &c->execs)
		if (exec_of(it)->starting)
			(void)reap_kill(&exec_of(it)->call.reap, SIGKILL);
	if (c->init.starting)
		(void)reap_kill(&c->init.call.reap, SIGKILL);
	(void)reap_kill(&c->exits.sweep.reap, SIGKILL);
	timer_set(&c->exits.patience, clock_mono() + PATIENCE_S * NSEC_PER_SEC);
}

static void on_swept(void *arg, int status)
{
	struct container *c = arg;
	struct err err = ERR_INIT;

	if (status) {
		(void)engine_error(&c->exits.sweep, "kill what is left of it", status, &err);
		log_warn("container %s: %s", c->id, err.msg);
	}
	exits_settle(c);
}

static void sweep(struct container *c)
{
	struct err err = ERR_INIT;

	kill_execs(c); /* those that came while it ended, too */
	if (c->exits.swept)
		return;
	c->exits.swept = true;
	if (!c->exits.outlived)
		return;
	c->exits.sweep.ended = on_swept;
	c->exits.sweep.arg = c;
	if (engine_kill_call(&c->exits.sweep, c, true, SIGKILL, &err) < 0)
		log_warn("container %s: kill what is left of it: %s", c->id, err.msg);
}

void exits_settle(struct container *c)
{
	list_for_each(it, &c->execs)
		if (exec_of(it)->exit_held && !exec_of(it)->starting)
			tell_exit(exec_of(it));
	if (!c->init.exit_held || c->init.starting || execs_start(c))
		return;
	sweep(c);
	if (reap_on(&c->exits.sweep.reap) || execs_run(c))
		return;
	timer_set(&c->exits.patience, 0);
	tell_exit(&c->init);
}

void exits_note(struct process *p, int status)
{
	p->status = WIFSIGNALED(status) ? 128 + (uint32_t)WTERMSIG(status) : (uint32_t)WEXITSTATUS(status);
	p->exited_at = clock_wall();
	p->state = PROCESS_STOPPED;
	p->exit_held = true;
	if (*p->exec_id)
		return;
	kill_execs(p->of);
	timer_set(&p->of->exits.patience, clock_mono() + PATIENCE_S * NSEC_PER_SEC);
}

void exits_init(struct container *c) { timer_init(&c->exits.patience, c->shim->loop, on_impatience, c); }

void exits_done(struct container *c)
{
	timer_done(&c->exits.patience);
	engine_call_done(&c->exits.sweep);
}
