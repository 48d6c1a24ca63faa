/* The end of a task. StopTask has a worker for the moments of the signal and, where that was not enough, of SIGKILL; between them
 * it is parked with the handle, whose end it hears of (wait.c), so that it is answered as soon as the task has ended and fifty that
 * take their time hold no thread. A task that is gone is a success: Nomad would ask again for minutes. */
#include "stop.h"
#include "clearing.h"
#include "clock.h"
#include "desk.h"
#include "job-remove.h"
#include "job-stop.h"
#include "labels.h"
#include "log.h"
#include "mem.h"
#include "parse.h"
#include "record.h"
#include "remains.h"
#include "wait.h"
#include <signal.h>
#include <string.h>

enum {
	TIMEOUT_MAX_S = 366 * 86400, /* of a kill_timeout: more than any client allows */
	KILLED_MS = 2000,            /* from SIGKILL to the end, before its shim is taken for one that hangs */
	DESTROY_MS = 120000,
};

/* "SIGHUP", "hup", "1" of Nomad's and people's; "" is 0. */
static int task_signal(const char *name, int *ret, struct err *err)
{
	struct err unused = ERR_INIT;

	*ret = 0;
	if (!*name || parse_signal(name, ret, &unused) >= 0)
		return 0;
	return err_hint(err, err_set(err, ERR_INVALID, "Invalid signal: %.80s", name), "such as SIGHUP");
}

/* Each of the three has an answer without fields. */
static void answer_empty(struct plugin_call *call)
{
	if (call)
		plugin_answer_packed(call, "", 0);
}

/* ---- StopTask */

struct stopping {
	struct plugin_work work;
	struct handle_watch watch;
	struct timer timer;
	struct plugin_call *call; /* NULL: the client has gone; the task is stopped all the same */
	struct desk *desk;
	struct driver_conf *driver;
	struct handle *handle;
	int signal; /* 0: the task's own */
	int64_t timeout_ms;
	bool hard; /* SIGKILL by now */
};

static void stopping_free(struct stopping *s)
{
	handle_unwatch(&s->watch);
	timer_done(&s->timer);
	handle_unref(s->handle);
	driver_conf_unref(s->driver);
	free(s);
}

static const struct stop_how killed = { .signal = "KILL", .ms = KILLED_MS };

static int stopping_run(void *arg, void *state, const struct ctx *ctx, struct err *err)
{
	const struct stopping *s = arg;
	const struct handle_kept *k = &s->handle->kept;
	const struct ctx limit = ctx_within(ctx, s->desk->call_ms); /* then Nomad asks again */
	struct core *core, there;
	int r = desk_core_at(state, s->driver, k->address, &core, err);

	if (r < 0)
		return r;
	there = core_in(core, k->ns);
	r = s->hard ? job_stop_id(&there, k->container, &killed, &limit, err)
		    : job_stop_begin(&there, k->container, s->signal, &limit, err);
	core_leave(&there);
	return r == -ERR_NOT_FOUND ? (err_clear(err), 0) : r;
}

static void stopping_answer(struct stopping *s)
{
	if (s->call)
		plugin_park(s->call, NULL, NULL);
	answer_empty(s->call);
	stopping_free(s);
}

static void on_stopped(void *arg, struct handle *h)
{
	(void)h;
	stopping_answer(arg);
}

static void on_stop_closed(void *arg) { ((struct stopping *)arg)->call = NULL; }

static void stopping_submit(struct stopping *s)
{
	if (s->call)
		plugin_submit(s->call, &s->work);
	else
		plugin_background(s->desk->plugin, &s->work);
}

static void on_stop_late(void *arg)
{
	struct stopping *s = arg;

	handle_unwatch(&s->watch);
	s->hard = true;
	stopping_submit(s);
}

static void stopping_wait(struct stopping *s)
{
	if (s->call)
		plugin_park(s->call, on_stop_closed, s);
	timer_set(&s->timer, clock_mono() + s->timeout_ms * NSEC_PER_MSEC);
	handle_watch(s->handle, &s->watch); /* the last: it may have ended, and answers then */
}

/* For one whose record, which knows its own, is lost. */
static int stop_plain_signal(const struct stopping *s) { return s->hard ? SIGKILL : s->signal ? s->signal : SIGTERM; }

/* Of the signal, or of SIGKILL after it. Where it could not be sent the call fails, and Nomad asks again; with a client that has
 * gone the log says so. */
static void stopping_done(void *arg, struct plugin_call *call, int r, const struct err *err)
{
	struct stopping *s = arg;

	s->call = call;
	if (r < 0 && call)
		plugin_fail(call, err);
	else if (r < 0)
		log_warn("task %s: stop: %s", s->handle->kept.task_id, err->msg);
	if (r < 0) {
		stopping_free(s);
	} else if (r == 0 && !wait_signal(s->handle, stop_plain_signal(s))) { /* nothing of it runs */
		answer_empty(call);
		stopping_free(s);
	} else {
		stopping_wait(s);
	}
}

static int64_t timeout_of(const Google__Protobuf__Duration *d)
{
	const int64_t s = !d || d->seconds < 0 ? 0 : d->seconds > TIMEOUT_MAX_S ? TIMEOUT_MAX_S : d->seconds;

	return s * 1000 + (d && d->nanos > 0 ? d->nanos / 1000000 : 0);
}

void stop_task_begin(struct plugin_call *call, const ProtobufCMessage *request)
{
	const Driver__StopTaskRequest *req = (const Driver__StopTaskRequest *)request;
	struct desk *desk = desk_of(call);
	struct handle *h = handles_find(&desk->handles, req->task_id);
	struct err err = ERR_INIT;
	struct stopping *s;
	int sig = 0;

	if (!h || h->state == HANDLE_EXITED) {
		answer_empty(call);
		return;
	}
	if (h->state == HANDLE_STARTING)
		(void)err_set(&err, ERR_PRECONDITION, "task %s: is still being started", req->task_id);
	else
		(void)task_signal(req->signal, &sig, &err);
	if (err.code) {
		plugin_fail(call, &err);
		return;
	}
	s = mem_new(struct stopping);
	s->desk = desk;
	s->driver = driver_conf_ref(desk->conf);
	s->handle = handle_ref(h);
	s->signal = sig;
	s->timeout_ms = timeout_of(req->timeout);
	s->hard = sig == SIGKILL;
	s->watch = (struct handle_watch){ .exited = on_stopped, .arg = s };
	s->work = (struct plugin_work){ .run = stopping_run, .done = stopping_done, .arg = s, .keep = true, .first = true };
	timer_init(&s->timer, desk->loop, on_stop_late, s);
	plugin_submit(call, &s->work);
}

/* ---- DestroyTask */

struct destroying {
	struct plugin_work work;
	struct handle_watch watch; /* of a start that is under way */
	struct plugin_call *call;  /* until then; NULL: the client has gone */
	struct desk *desk;
	struct driver_conf *driver;
	struct handle *handle; /* NULL: a task that we know nothing of */
	char *id, *address, *ns;
	char *container; /* NULL: only its name is known, @job */
	char *job;
};

static void destroying_free(struct destroying *d)
{
	handle_unwatch(&d->watch);
	handle_unref(d->handle);
	driver_conf_unref(d->driver);
	free(d->id);
	free(d->address);
	free(d->ns);
	free(d->container);
	free(d->job);
	free(d);
}

/* It ends, and its container stays for looking at: without its task, shim and network. */
static int stop_settle(struct core *there, const char *id, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	int r = job_stop_id(there, id, &killed, ctx, err);

	if (r >= 0)
		r = record_get(there, id, ctx, &rec, err);
	return r < 0 ? r : remains_after_end(there, &rec, ctx, err);
}

/* gc.container = false. What a start has left that did not come to its end is nothing to look at. */
static int stop_keep(struct core *there, const char *container, const char *job, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	int r;

	if (container)
		return stop_settle(there, container, ctx, err);
	r = record_find(there, job, ctx, &rec, err);
	if (r < 0 && r != -ERR_NOT_FOUND)
		return r;
	if (r >= 0 && dict_get(&rec.c.labels, RECORD_COMPLETE))
		return stop_settle(there, rec.c.id, ctx, err);
	err_clear(err);
	return job_remove(there, job, true, true, ctx, err);
}

int stop_remove(struct core *there, const struct driver_conf *conf, const char *container, const char *job, const struct ctx *ctx,
		struct err *err)
{
	if (!conf->gc.container)
		return stop_keep(there, container, job, ctx, err);
	return container ? job_remove_id(there, container, true, true, ctx, err) : job_remove(there, job, true, true, ctx, err);
}

static int destroying_run(void *arg, void *state, const struct ctx *ctx, struct err *err)
{
	const struct destroying *d = arg;
	const struct ctx limit = ctx_within(ctx, DESTROY_MS);
	struct core *core, there;
	int r = desk_core_at(state, d->driver, d->address, &core, err);

	if (r < 0)
		return r;
	there = core_in(core, d->ns);
	r = stop_remove(&there, d->driver, d->container, d->job, &limit, err);
	core_leave(&there);
	return r == -ERR_NOT_FOUND ? (err_clear(err), 0) : r;
}

/* Nomad does not ask again, so the handle goes whatever came of it; what stays of the task is found by the look at what no handle
 * knows (dangling.h). */
static void destroying_done(void *arg, struct plugin_call *call, int r, const struct err *err)
{
	struct destroying *d = arg;
	struct handle_exit exit = { .at = clock_wall(), .code = 128 + SIGKILL, .signal = SIGKILL };

	if (d->handle) {
		if (r < 0)
			exit = (struct handle_exit){ .at = exit.at, .err = mem_strdup(err->msg) };
		handle_exited(d->handle, &exit);
		handles_remove(&d->desk->handles, d->handle);
	}
	if (clearing_may_come(r) || r == -ERR_CANCELLED)
		clearings_add(d->desk->clearings, d->address, d->ns, d->container, d->job);
	task_images_look(d->desk->images);
	if (r >= 0)
		answer_empty(call);
	else if (call)
		plugin_fail(call, err);
	else
		log_warn("task %s: destroy: %s", d->id, err->msg);
	destroying_free(d);
}

static void on_start_over(void *arg, struct handle *h)
{
	struct destroying *d = arg;

	(void)h;
	if (d->call)
		plugin_submit(d->call, &d->work);
	else
		plugin_background(d->desk->plugin, &d->work);
}

static void on_destroy_closed(void *arg) { ((struct destroying *)arg)->call = NULL; }

/* Its start is told to end, and what it left goes then. */
static void destroy_starting(struct destroying *d, struct handle *h)
{
	plugin_park(d->call, on_destroy_closed, d);
	d->watch = (struct handle_watch){ .exited = on_start_over, .arg = d };
	handle_watch(h, &d->watch);
	if (h->give_up)
		h->give_up(h->give_up_arg);
}

void destroy_task_begin(struct plugin_call *call, const ProtobufCMessage *request)
{
	const Driver__DestroyTaskRequest *req = (const Driver__DestroyTaskRequest *)request;
	struct desk *desk = desk_of(call);
	struct handle *h = handles_find(&desk->handles, req->task_id);
	struct err err = ERR_INIT;
	struct destroying *d;

	if (h && h->state != HANDLE_EXITED && !req->force)
		(void)err_set(&err, ERR_PRECONDITION, "cannot destroy running task");
	else if (!h && desk->conf->error) /* which say where it is */
		(void)err_set(&err, ERR_PRECONDITION, "task %s: is not known, and the plugin's options are wrong: %s", req->task_id,
			      desk->conf->error);
	if (err.code) {
		plugin_fail(call, &err);
		return;
	}
	d = mem_new(struct destroying);
	d->desk = desk;
	d->driver = driver_conf_ref(desk->conf);
	d->handle = h ? handle_ref(h) : NULL;
	d->id = mem_strdup(req->task_id);
	d->address = mem_strdup(h ? h->kept.address : NULL);
	d->ns = mem_strdup(h ? h->kept.ns : desk->conf->ns);
	d->container = mem_strdup(h ? h->kept.container : NULL);
	d->job = handle_job_name(req->task_id);
	d->call = call;
	d->work = (struct plugin_work){ .run = destroying_run, .done = destroying_done, .arg = d, .keep = true, .first = true };
	if (h && h->state == HANDLE_STARTING)
		destroy_starting(d, h);
	else
		plugin_submit(call, &d->work);
}

/* ---- SignalTask */

struct signalling {
	struct plugin_work work;
	struct desk *desk;
	struct driver_conf *driver;
	struct handle *handle;
	char signal[32];
};

static int signalling_run(void *arg, void *state, const struct ctx *ctx, struct err *err)
{
	const struct signalling *s = arg;
	const struct ctx limit = ctx_within(ctx, s->desk->call_ms);
	struct core *core, there;
	int r = desk_core_at(state, s->driver, s->handle->kept.address, &core, err);

	if (r < 0)
		return r;
	there = core_in(core, s->handle->kept.ns);
	r = job_kill_id(&there, s->handle->kept.container, s->signal, &limit, err);
	core_leave(&there);
	return r;
}

static void signalling_done(void *arg, struct plugin_call *call, int r, const struct err *err)
{
	struct signalling *s = arg;

	if (r >= 0)
		answer_empty(call);
	else if (call)
		plugin_fail(call, err);
	handle_unref(s->handle);
	driver_conf_unref(s->driver);
	free(s);
}

void signal_task_begin(struct plugin_call *call, const ProtobufCMessage *request)
{
	const Driver__SignalTaskRequest *req = (const Driver__SignalTaskRequest *)request;
	struct desk *desk = desk_of(call);
	struct err err = ERR_INIT;
	struct handle *h = NULL;
	struct signalling *s;
	int sig = 0, r = desk_task(desk, req->task_id, &h, &err);

	if (r >= 0)
		r = task_signal(req->signal, &sig, &err);
	if (r >= 0 && !sig)
		r = err_set(&err, ERR_INVALID, "Invalid signal: none was given");
	if (r >= 0 && h->state != HANDLE_RUNNING)
		r = err_set(&err, ERR_PRECONDITION, "task %s: does not run", req->task_id);
	if (r < 0) {
		plugin_fail(call, &err);
		return;
	}
	s = mem_new(struct signalling);
	s->desk = desk;
	s->driver = driver_conf_ref(desk->conf);
	s->handle = handle_ref(h);
	(void)snprintf(s->signal, sizeof s->signal, "%d", sig);
	s->work = (struct plugin_work){ .run = signalling_run, .done = signalling_done, .arg = s, .first = true };
	plugin_submit(call, &s->work);
}
