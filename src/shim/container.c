#include "container.h"
#include "file.h"
#include "engine-kill.h"
#include "mem.h"
#include "parked.h"
#include "collect.h"
#include "task-resources.h"
#include "task-service.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
	strv_done(&p->words);
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
	list_init(&c->kills);
	exits_init(c);
	list_push(&s->containers, &c->node);
	return c;
}

void container_free(struct container *c)
{
	while (!list_empty(&c->execs))
		process_free_exec(container_of(c->execs.next, struct process, node));
	process_end(&c->init);
	engine_kill_end(c);
	exits_done(c);
	oom_done(&c->oom);
	cgroup_of_done(&c->cgroup);
	engine_done(&c->engine);
	list_unlink(&c->node);
	free(c->id);
	free(c->bundle);
	free(c->checkpoint);
	free(c);
}

static void process_abandon(struct process *p)
{
	engine_call_done(&p->call);
	pty_free(TAKE_PTR(p->pty));
}

void container_abandon(struct container *c)
{
	list_for_each(it, &c->execs)
		process_abandon(container_of(it, struct process, node));
	process_abandon(&c->init);
	engine_kill_abandon(c);
	exits_done(c);
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

static void process_failed(struct process *p, const struct err *err)
{
	struct ttrpc_stream *asked = TAKE_PTR(p->asked);

	if (!asked)
		return;
	ttrpc_stream_set(asked, NULL);
	ttrpc_stream_end(asked, 2, err->msg);
}

static void on_engine(void *arg, int status)
{
	struct process *p = arg;
	struct shim *shim = p->of->shim;
	struct err err = ERR_INIT;

	p->failed = status != 0;
	if (p->failed) {
		(void)engine_error(&p->call, p->failure, status, &err);
		process_failed(p, &err);
	}
	p->done(p);
	parked_resume(shim);
	collect_orphans(shim); /* it may have been the last that was to be waited for */
}

static int process_begin_engine(struct process *p, const struct strv *words, bool io, struct err *err)
{
	attach_soon(&p->of->shim->attach);
	return engine_begin(&p->call, &p->of->engine, p->of->shim->loop, p->of->bundle, words, io ? &p->io.io : NULL, err);
}

static void on_logger_answer(void *arg, bool ready)
{
	struct process *p = arg;
	struct shim *shim = p->of->shim;
	struct err err = ERR_INIT;
	int r = ready ? process_begin_engine(p, &p->words, p->words_io, &err)
		      : err_set(&err, ERR_DEADLINE, "logger %s is not ready after %d s", p->out, LOGGER_READY_S);

	strv_done(&p->words);
	if (r >= 0)
		return;
	p->failed = true;
	process_failed(p, &err);
	p->done(p);
	parked_resume(shim);
	collect_orphans(shim);
}

int process_engine(struct process *p, const struct strv *words, bool io, const char *failure, struct ttrpc_stream *asked,
		   void (*done)(struct process *), struct err *err)
{
	int r = 0;

	p->call.ended = on_engine;
	p->call.arg = p;
	p->failure = failure;
	p->done = done;
	if (process_io_waits(&p->io)) {
		strv_add(&p->words, words);
		p->words_io = io;
		process_io_await(&p->io, on_logger_answer, p);
	} else {
		r = process_begin_engine(p, words, io, err);
	}
	if (r < 0)
		return r;
	p->asked = asked;
	if (asked)
		ttrpc_stream_set(asked, p);
	return 0;
}

bool process_busy(const struct process *p) { return reap_on(&p->call.reap) || exec_fifo_on(&p->fifo) || process_io_waits(&p->io); }

/* its end */

/* Execs that have ended, and whose owner will not delete them. */
static void drop_orphans(const struct container *c)
{
	list_for_each(it, &c->execs) {
		struct process *p = container_of(it, struct process, node);

		if (p->state == PROCESS_STOPPED && !p->exit_held && !p->starting && !p->asked && process_io_is_orphan(&p->io))
			process_free_exec(p);
	}
}

static void on_pty_done(void *arg)
{
	struct process *p = arg;

	pty_free(TAKE_PTR(p->pty));
	process_io_ended(&p->io);
	if (p->drained)
		p->drained(p);
}

static void on_exit_of(void *arg, int status)
{
	struct process *p = arg;
	size_t left = PTY_HOLDS;

	if (!*p->exec_id) {
		container_left_cgroup(p->of);
		container_thaw(p->of);
	}
	exits_note(p, status);
	while (p->pty && !pty_drain(p->pty, &left) && process_io_take(&p->io))
		;
	if (p->pty)
		pty_finish(p->pty, left, on_pty_done, p);
	else
		process_io_ended(&p->io);
	exits_settle(p->of);
	drop_orphans(p->of);
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
	if (!*p->exec_id)
		exits_of_init(p->of, p->pid);
	reap_init(&p->reap, p->of->shim->loop, fd, on_exit_of, p);
	return 0;
}

void process_started(struct process *p)
{
	parked_resume(p->of->shim);
	p->starting = false;
	exits_settle(p->of);
}
