#include "container.h"
#include "clock.h"
#include "events.pb-c.h"
#include "file.h"
#include "mem.h"
#include "shim.pb-c.h"
#include "task-service.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { PID_TEXT = 32 };

static void process_init(struct process *p, struct container *of, const char *exec_id)
{
	*p = (struct process){ .of = of, .exec_id = mem_strdup(exec_id) };
	list_init(&p->waits);
	process_io_init(&p->io);
}

static void process_end(struct process *p)
{
	task_refuse_waits(p);
	if (p->asked)
		ttrpc_stream_set(p->asked, NULL);
	engine_call_done(&p->call);
	exec_fifo_done(&p->fifo);
	pty_free(p->pty);
	process_io_done(&p->io);
	if (reap_on(&p->reap))
		reap_done(&p->reap);
	free(p->exec_id);
	free(p->in);
	free(p->out);
	free(p->err);
}

struct container *container_find(const struct shim *s, const char *id)
{
	list_for_each(it, &s->containers) {
		struct container *c = container_of(it, struct container, node);

		if (!strcmp(c->id, id))
			return c;
	}
	return NULL;
}

struct process *process_find(struct container *c, const char *exec_id)
{
	if (!*exec_id)
		return &c->init;
	list_for_each(it, &c->execs) {
		struct process *p = container_of(it, struct process, node);

		if (!strcmp(p->exec_id, exec_id))
			return p;
	}
	return NULL;
}

struct container *container_new(struct shim *s, const char *id, const char *bundle)
{
	struct container *c = mem_new(struct container);

	*c = (struct container){ .shim = s, .id = mem_strdup(id), .bundle = mem_strdup(bundle) };
	process_init(&c->init, c, "");
	list_init(&c->execs);
	list_push(&s->containers, &c->node);
	return c;
}

void container_free(struct container *c)
{
	while (!list_empty(&c->execs))
		process_free_exec(container_of(c->execs.next, struct process, node));
	process_end(&c->init);
	engine_done(&c->engine);
	list_unlink(&c->node);
	free(c->id);
	free(c->bundle);
	free(c);
}

struct process *process_new_exec(struct container *c, const char *exec_id)
{
	struct process *p = mem_new(struct process);

	process_init(p, c, exec_id);
	list_push(&c->execs, &p->node);
	return p;
}

void process_free_exec(struct process *p)
{
	list_unlink(&p->node);
	process_end(p);
	free(p);
}

/* the engine */

static void on_engine(void *arg, int status)
{
	struct process *p = arg;
	struct ttrpc_stream *asked = p->asked;
	struct err err = ERR_INIT;

	p->failed = status != 0;
	if (p->failed) {
		(void)engine_error(&p->call, p->failure, status, &err);
		p->asked = NULL;
		if (asked) {
			ttrpc_stream_set(asked, NULL);
			ttrpc_stream_end(asked, 2, err.msg);
		}
	}
	p->done(p);
}

int process_engine(struct process *p, const struct strv *words, bool io, const char *failure, struct ttrpc_stream *asked,
		   void (*done)(struct process *), struct err *err)
{
	int r;

	p->call.ended = on_engine;
	p->call.arg = p;
	p->failure = failure;
	p->done = done;
	r = engine_begin(&p->call, &p->of->engine, p->of->shim->loop, p->of->bundle, words, io ? &p->io.io : NULL, err);
	if (r < 0)
		return r;
	p->asked = asked;
	if (asked)
		ttrpc_stream_set(asked, p);
	return 0;
}

bool process_busy(const struct process *p) { return reap_on(&p->call.reap) || exec_fifo_on(&p->fifo); }

/* its end */

static bool execs_run(const struct container *c)
{
	list_for_each(it, &c->execs) {
		const struct process *p = container_of(it, struct process, node);

		if (p->state == PROCESS_RUNNING)
			return true;
	}
	return false;
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
	publisher_say(p->of->shim->publisher, "/tasks/exit", "TaskExit", &e.base);
	task_answer_waits(p);
}

/* Behind its own start, and the init's behind those of all execs. */
static void settle_exits(struct container *c)
{
	list_for_each(it, &c->execs) {
		struct process *p = container_of(it, struct process, node);

		if (p->exit_held && !p->starting)
			tell_exit(p);
	}
	if (c->init.exit_held && !c->init.starting && !execs_run(c))
		tell_exit(&c->init);
}

static void kill_execs(struct container *c)
{
	list_for_each(it, &c->execs) {
		const struct process *p = container_of(it, struct process, node);

		if (p->state == PROCESS_RUNNING)
			reap_kill(&p->reap, SIGKILL);
	}
}

static void on_exit_of(void *arg, int status)
{
	struct process *p = arg;

	p->status = WIFSIGNALED(status) ? 128 + (uint32_t)WTERMSIG(status) : (uint32_t)WEXITSTATUS(status);
	p->exited_at = clock_wall();
	p->state = PROCESS_STOPPED;
	p->exit_held = true;
	if (!*p->exec_id)
		kill_execs(p->of); /* where they are not in a PID namespace that has ended with it */
	if (p->pty && pty_drain(p->pty))
		pty_free(TAKE_PTR(p->pty));
	if (!p->pty)
		process_io_ended(&p->io);
	settle_exits(p->of);
}

int process_adopt(struct process *p, const char *pid_file, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	int fd, r = file_read(pid_file, PID_TEXT, &text, err);

	if (r < 0)
		return r;
	p->pid = (pid_t)strtol(buf_str(&text), NULL, 10);
	fd = p->pid > 1 ? reap_open(p->pid) : -ESRCH;
	if (fd < 0)
		return err_sys(err, -fd, "process %d of %s", (int)p->pid, p->of->id);
	reap_init(&p->reap, p->of->shim->loop, fd, on_exit_of, p);
	return 0;
}

void process_started(struct process *p)
{
	p->starting = false;
	settle_exits(p->of);
}
