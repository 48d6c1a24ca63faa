/* Theory of operation: the job's events are listened to, then it is looked at; each event is a reason to look again. A --rm job may
 * be gone by then: its last event has said how it ended. */
#include "status-wait.h"
#include "job-events.h"
#include "job-inspect.h"
#include "mem.h"
#include "record.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const status_names[] = { "pending", "running", "paused", "failed", "success", "exited", "healthy", "unhealthy" };

enum wait_status wait_status_of(const char *name)
{
	size_t i = 0;

	while (i < WAIT_STATUSES && strcmp(status_names[i], name) != 0)
		i++;
	return (enum wait_status)i;
}

/* What one is waited for with. */
struct status_wait {
	struct core *core;
	const char *name;
	struct job_events *events;
	char health[16]; /* as it was last looked at; "" of one that is not checked */
	int last;        /* exit status of the last end that was told; -1: none was */
};

static enum wait_status status_by_code(int64_t code) { return code ? WAIT_FAILED : WAIT_SUCCESS; }

/* WAIT_STATUSES: nobody knows. */
static enum wait_status status_by_state(json *state)
{
	static const struct {
		const char *state;
		enum wait_status is;
	} table[] = {
		{ "created", WAIT_PENDING },
		{ "restarting", WAIT_PENDING },
		{ "running", WAIT_RUNNING },
		{ "paused", WAIT_PAUSED },
	};
	const char *is = json_get_str(state, "status");

	for (size_t i = 0; is && i < sizeof table / sizeof *table; i++)
		if (!strcmp(table[i].state, is))
			return table[i].is;
	return is && !strcmp(is, "exited") ? status_by_code(json_get_int(state, "exit_code", 0)) : WAIT_STATUSES;
}

static int status_look(struct status_wait *w, const struct ctx *ctx, enum wait_status *ret, struct err *err)
{
	_cleanup_json_ json *job = NULL;
	json *state;
	const char *health;
	int r = job_inspect(w->core, w->name, ctx, &job, err);

	if (r == -ERR_NOT_FOUND && w->last >= 0) {
		*ret = status_by_code(w->last);
		return err_clear(err), 0;
	}
	if (r < 0)
		return r;
	state = json_get_object(job, "state");
	health = json_get_str(json_get_object(state, "health"), "status");
	(void)snprintf(w->health, sizeof w->health, "%s", health ? health : "");
	*ret = status_by_state(state);
	return 0;
}

static int status_hear(struct status_wait *w, const struct ctx *ctx, struct err *err)
{
	struct job_event event;
	int r = job_events_next(w->events, ctx, &event, err);
	const char *code;

	if (r <= 0)
		return r;
	code = dict_get(&event.more, "exit_code");
	if (!strcmp(event.what, "die") && code)
		w->last = (int)strtol(code, NULL, 10);
	job_event_done(&event);
	return 0;
}

static bool asks_health(enum wait_status wanted) { return wanted == WAIT_HEALTHY || wanted == WAIT_UNHEALTHY; }

static bool status_is(const struct status_wait *w, enum wait_status is, enum wait_status wanted)
{
	if (asks_health(wanted))
		return is == WAIT_RUNNING && !strcmp(w->health, status_names[wanted]);
	return is == wanted || (wanted == WAIT_EXITED && (is == WAIT_FAILED || is == WAIT_SUCCESS));
}

static int status_differs(const struct status_wait *w, enum wait_status is, enum wait_status wanted, const struct ctx *ctx,
			  struct err *err)
{
	const bool other = (wanted == WAIT_FAILED && is == WAIT_SUCCESS) || (wanted == WAIT_SUCCESS && is == WAIT_FAILED);

	if (asks_health(wanted) && (is == WAIT_FAILED || is == WAIT_SUCCESS))
		return err_set(err, ERR_PRECONDITION, "job %s: it has ended, and is not %s", w->name, status_names[wanted]);
	if (asks_health(wanted) && !*w->health && is != WAIT_STATUSES)
		return err_hint(err, err_set(err, ERR_PRECONDITION, "job %s: it has no health check", w->name),
				"davit run --health-cmd COMMAND");
	if (other)
		return err_set(err, ERR_PRECONDITION, "job %s: it has ended as %s, not %s", w->name, status_names[is],
			       status_names[wanted]);
	if (ctx_check(ctx, NULL) == -ERR_DEADLINE)
		return err_set(err, ERR_DEADLINE, "job %s: timed out: it is %s%s%s, not %s", w->name,
			       asks_health(wanted) ? w->health : "", asks_health(wanted) ? " and " : "",
			       is < WAIT_STATUSES ? status_names[is] : "in a state that is not known", status_names[wanted]);
	return 0;
}

/* What containerd does not say while it is away is asked for once there are events again. */
static int status_loop(struct status_wait *w, enum wait_status wanted, const struct ctx *ctx, struct err *err)
{
	enum wait_status is = WAIT_STATUSES;
	int r;

	for (;;) {
		r = status_look(w, ctx, &is, err);
		if (r == -ERR_UNAVAILABLE && ctx_check(ctx, NULL) >= 0)
			r = (err_clear(err), 0);
		else if (r >= 0 && status_is(w, is, wanted))
			return 0;
		if (r >= 0)
			r = status_differs(w, is, wanted, ctx, err);
		if (r >= 0)
			r = status_hear(w, ctx, err);
		if (r == -ERR_DEADLINE && ctx_check(ctx, NULL) == -ERR_DEADLINE)
			return err_clear(err), status_differs(w, is, wanted, ctx, err);
		if (r < 0)
			return r;
	}
}

int status_wait(struct core *c, const char *name, enum wait_status wanted, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	_cleanup_strv_ struct strv filters = { 0 };
	const struct job_events_how how = { .filters = &filters };
	struct status_wait w = { .core = c, .name = name, .last = -1 };
	bool all;
	int r = record_find_task(c, name, ctx, &rec, &all, err);

	if (r < 0)
		return r;
	strv_pushf(&filters, "job=%s", record_job_id(&rec));
	r = job_events_new(c, &how, ctx, &w.events, err);
	if (r >= 0)
		r = status_loop(&w, wanted, ctx, err);
	job_events_free(w.events);
	return r;
}
