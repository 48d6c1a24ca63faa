/* Theory of operation: containerd is asked for its events first and for what there is then, so that nothing falls between. What it
 * says goes through the book, which drops what a look has told already. A stream that ends, however it ends, is an outage: it is
 * asked for again, at growing distances, over a connection that is made anew where the old one broke; then comes a look. */
#include "job-events.h"
#include "clock.h"
#include "event-filter.h"
#include "events.h"
#include "job-name.h"
#include "log.h"
#include "mem.h"
#include "record.h"
#include <stdlib.h>
#include <string.h>

enum { PAUSE_MS = 50, PAUSE_MAX_MS = 1000, LOOK_MS = 15000, RESOLVE_MS = 5000 };

struct job_events {
	struct core *core;
	struct job_events_how how;
	struct event_book book;
	struct ctrd_call *stream; /* NULL: containerd is away */
	int64_t heard;            /* when it was there last */
	bool noticed;             /* that it is away */
};

void job_events_free(struct job_events *e)
{
	if (!e)
		return;
	ctrd_call_free(e->stream);
	event_book_done(&e->book);
	free(e);
}

/* The names that stand on the record of the job. */
static void resolve_names(void *arg, struct event_entry *entry)
{
	struct job_events *e = arg;
	const struct ctx limit = ctx_within(NULL, RESOLVE_MS);
	const char *of = dict_get(&entry->labels, RECORD_OF);
	_cleanup_(record_done) struct record job = { 0 };
	const char *dot = of ? strrchr(entry->id, '.') : NULL;
	const size_t task = dot ? strtoul(dot + 1, NULL, 10) : 0;

	if (record_get(e->core, of ? of : entry->id, &limit, &job, NULL) < 0)
		return;
	free(entry->job);
	entry->job = mem_strdup(job.name);
	if (job.job && task < job.job->n_tasks)
		entry->task = mem_strdup(job.job->tasks[task].name);
}

/* what containerd says */

static void on_create(struct job_events *e, const char *id, int64_t at, const struct ctx *ctx)
{
	_cleanup_(ctrd_container_done) struct ctrd_container c = { 0 };
	const char *dash = strrchr(id, '-');
	_cleanup_free_ char *name = NULL;

	if (containers_get(e->core->ctrd, id, ctx, &c, NULL) < 0) {
		if (!job_id_is_ours(id) || !dash)
			return;
		name = mem_strndup(id, (size_t)(dash - id)); /* it has gone already: its id has its name */
		c = (struct ctrd_container){ .id = mem_strdup(id) };
		dict_set(&c.labels, CLAIM_JOB, name);
	}
	if (event_book_wants(&c))
		event_book_made(&e->book, &c, at);
}

static int on_named(struct job_events *e, const struct ctrd_event *event, const struct ctx *ctx, struct err *err)
{
	_cleanup_(ctrd_named_event_done) struct ctrd_named_event n = { 0 };
	const char *verb = strrchr(event->topic, '/') + 1;
	int r = ctrd_event_named(event, &n, err);

	if (r < 0)
		return r;
	if (!strncmp(event->topic, "/images/", 8))
		event_book_image(&e->book, n.name, *verb == 'c' ? "create" : *verb == 'u' ? "update" : "delete", event->at);
	else if (!strcmp(verb, "create"))
		on_create(e, n.name, event->at, ctx);
	else if (!strcmp(verb, "update"))
		event_book_labels(&e->book, n.name, &n.labels, event->at);
	else if (!strcmp(verb, "delete"))
		event_book_gone(&e->book, n.name, event->at);
	return 0;
}

static void on_exec(struct job_events *e, const char *what, const struct ctrd_task_event *t, int64_t at)
{
	struct job_event *told = event_book_tell(&e->book, t->container_id, what, at);

	if (told)
		dict_set(&told->more, "exec_id", t->id);
	if (told && t->exited_at)
		dict_setf(&told->more, "exit_code", "%u", t->exit_status);
}

static void on_exit_event(struct job_events *e, const struct ctrd_task_event *t, int64_t at)
{
	const struct ctrd_exit exit = { t->exit_status, t->exited_at ? t->exited_at : at };

	if (!t->id || !strcmp(t->id, t->container_id))
		event_book_ended(&e->book, t->container_id, &exit);
	else
		on_exec(e, "exec_die", t, exit.at);
}

static int on_task(struct job_events *e, const struct ctrd_event *event, struct err *err)
{
	_cleanup_(ctrd_task_event_done) struct ctrd_task_event t = { 0 };
	const char *verb = strrchr(event->topic, '/') + 1;
	struct event_book *b = &e->book;
	int r = ctrd_event_task(event, &t, err);

	if (r < 0)
		return r == -ERR_INVALID ? (err_clear(err), 0) : r; /* of a kind that is new */
	if (!strcmp(verb, "start"))
		event_book_started(b, t.container_id, t.pid, event->at);
	else if (!strcmp(verb, "exit"))
		on_exit_event(e, &t, event->at);
	else if (!strcmp(verb, "oom"))
		(void)event_book_tell(b, t.container_id, "oom", event->at);
	else if (!strcmp(verb, "paused") || !strcmp(verb, "resumed"))
		event_book_paused(b, t.container_id, *verb == 'p', event->at);
	else if (!strcmp(verb, "exec-added") || !strcmp(verb, "exec-started"))
		on_exec(e, verb[5] == 'a' ? "exec_create" : "exec_start", &t, event->at);
	return 0;
}

static int on_event(struct job_events *e, const struct ctrd_event *event, const struct ctx *ctx, struct err *err)
{
	if (!event->ns || strcmp(event->ns, e->core->conf.ns) != 0 || !event->topic || !strrchr(event->topic, '/'))
		return 0;
	return !strncmp(event->topic, "/tasks/", 7) ? on_task(e, event, err) : on_named(e, event, ctx, err);
}

/* the stream */

static void events_open(struct job_events *e)
{
	_cleanup_strv_ struct strv filters = { 0 };

	strv_pushf(&filters, "namespace==\"%s\",topic~=\"^/(containers|images|tasks)/\"", e->core->conf.ns);
	e->stream = events_subscribe(e->core->ctrd, &filters, NULL);
}

static int events_look(struct job_events *e, const struct ctx *ctx, struct err *err)
{
	_cleanup_(ctrd_containers_done) struct ctrd_containers all = { 0 };
	_cleanup_(task_states_done) struct task_states tasks = { 0 };
	const struct ctx limit = ctx_within(ctx, LOOK_MS);
	int r = containers_list_lean(e->core->ctrd, NULL, &limit, &all, err);

	if (r >= 0)
		r = task_list(e->core, &limit, &tasks, err);
	if (r < 0)
		return r;
	event_book_look(&e->book, &all, &tasks, clock_wall());
	e->heard = clock_mono();
	log_debug("events are listened to");
	return 0;
}

/* What no new connection mends. */
static bool is_for_good(int r) { return r == -ERR_INVALID || r == -ERR_UNIMPLEMENTED || r == -ERR_PERMISSION; }

static int events_away(struct job_events *e, int r, struct err *err)
{
	const int64_t limit = e->core->conf.return_ms * NSEC_PER_MSEC;

	if (is_for_good(r) || (limit && clock_mono() - e->heard >= limit))
		return r;
	if (!e->noticed)
		core_notice(e->core, "containerd is away: events go on when it is back");
	e->noticed = true;
	return err_clear(err), 0;
}

/* Until it is there again. */
static int events_again(struct job_events *e, const struct ctx *ctx, struct err *err)
{
	int64_t pause = PAUSE_MS;
	int r;

	for (;;) {
		ctrd_call_free(TAKE_PTR(e->stream));
		r = loop_pause(e->core->loop, pause, ctx, err);
		if (r < 0)
			return r;
		pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
		r = core_reconnect(e->core, err);
		if (r >= 0) {
			events_open(e);
			r = events_look(e, ctx, err);
		}
		if (r >= 0)
			break;
		if (ctx_check(ctx, NULL) < 0)
			return err_clear(err), ctx_check(ctx, err);
		if (events_away(e, r, err) < 0)
			return r;
	}
	e->noticed = false;
	return 0;
}

int job_events_new(struct core *c, const struct job_events_how *how, const struct ctx *ctx, struct job_events **ret,
		   struct err *err)
{
	_cleanup_(job_events_freep) struct job_events *e = NULL;
	int r = event_filter_check(how->filters, err);

	if (r < 0)
		return r;
	e = mem_new(struct job_events);
	*e = (struct job_events){ .core = c, .how = *how };
	e->book.resolve = resolve_names;
	e->book.arg = e;
	e->book.quiet = !how->since;
	events_open(e);
	r = events_look(e, ctx, err);
	if (r < 0)
		return err_wrap(err, r, "events");
	e->book.quiet = false;
	*ret = TAKE_PTR(e);
	return 0;
}

/* It said something, and the book may have it told. */
static int events_hear(struct job_events *e, const struct ctx *limit, struct err *err)
{
	_cleanup_(ctrd_event_done) struct ctrd_event event = { 0 };
	int r = events_next(e->stream, limit, &event, err);

	if (r > 0) {
		if (on_event(e, &event, limit, err) < 0)
			log_debug("event %s: %s", event.topic, err->msg);
		return err_clear(err), 0;
	}
	if (ctx_check(limit, NULL) < 0)
		return err_clear(err), ctx_check(limit, err);
	if (is_for_good(r))
		return r;
	return err_clear(err), events_again(e, limit, err);
}

static bool events_wants(const struct job_events *e, const struct job_event *event)
{
	return event->at >= e->how.since && event_filter_match(event, e->how.filters);
}

int job_events_next(struct job_events *e, const struct ctx *ctx, struct job_event *ret, struct err *err)
{
	const int64_t until = e->how.until, left = until - clock_wall();
	const struct ctx limit = until ? ctx_within(ctx, left > 0 ? left / NSEC_PER_MSEC + 1 : 0) : *ctx;
	int r = 0;

	while (r >= 0) {
		struct job_event event;

		while (event_book_take(&e->book, &event)) {
			if ((!until || event.at <= until) && events_wants(e, &event)) {
				*ret = event;
				return 1;
			}
			job_event_done(&event);
		}
		r = events_hear(e, &limit, err);
	}
	if (until && r == -ERR_DEADLINE && ctx_check(ctx, NULL) >= 0)
		return err_clear(err), 0;
	return err_wrap(err, r, "events");
}
