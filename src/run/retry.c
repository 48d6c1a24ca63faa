#include "retry.h"
#include "clock.h"
#include "events.h"
#include "mem.h"
#include "monitored.h"
#include "task-again.h"

struct retry {
	struct run_task *task;
	struct restarts counts;
	struct timer timer;
	struct ctrd_call *events; /* of changed labels: a stop is one. NULL: containerd is away */
	bool due;
	bool looked;   /* since it listens: a stop that was said before is not told of */
	int64_t began; /* the life that ends next */
};

static void on_retry_due(void *arg) { ((struct retry *)arg)->due = true; }

static struct ctrd_call *retry_listen(struct core *c)
{
	_cleanup_strv_ struct strv filters = { 0 };

	strv_pushf(&filters, "namespace==\"%s\",topic==\"/containers/update\"", c->conf.ns);
	return events_subscribe(c->ctrd, &filters, NULL);
}

static void retry_rest(struct retry *r)
{
	timer_done(&r->timer);
	ctrd_call_free(TAKE_PTR(r->events));
}

void retry_free(struct retry *r)
{
	if (!r)
		return;
	retry_rest(r);
	free(r);
}

static struct retry *retry_new(struct run_task *t)
{
	struct retry *r = mem_new(struct retry);
	const struct record *job = t->run->records;
	char name[MONITORED_LABEL];

	r->task = t;
	if (job && t->run->opts->why != START_ASKED) /* its job is started again, and goes on counting */
		(void)restarts_parse(dict_get(&job->c.labels, monitored_label(RECORD_RESTARTS, t->index, name)), &r->counts, NULL);
	return r;
}

int retry_begin(struct run_task *t)
{
	const struct restart policy = monitored_policy(t->run->job, t->index);
	const int64_t now = clock_wall();
	struct restart_end end = { .exit_code = (int)t->exit.status, .ended_at = t->exit.at };
	struct retry *r = t->retry ? t->retry : retry_new(t);

	t->retry = r;
	end.started_at = r->began;
	if (t->run->opts->unwatched || restart_decide(&policy, &end, now, &r->counts) != RESTART_AGAIN)
		return 0;
	r->due = r->looked = false;
	r->events = retry_listen(t->core);
	timer_init(&r->timer, t->core->loop, on_retry_due, r);
	timer_set(&r->timer, clock_mono() + restart_remaining(&policy, &r->counts, now));
	core_notice(t->core, "%s: ended with %u, and is started again", *t->whose ? t->whose : t->run->job->name, t->exit.status);
	return 1;
}

bool retry_ready(const struct retry *r) { return r->due || !r->looked || (r->events && events_ready(r->events)); }

static void retry_drain(struct retry *r, const struct ctx *ctx)
{
	while (r->events && events_ready(r->events)) {
		struct ctrd_event e = { 0 };

		if (events_next(r->events, ctx, &e, NULL) <= 0)
			ctrd_call_free(TAKE_PTR(r->events));
		ctrd_event_done(&e);
	}
}

int retry_go_on(struct retry *retry, const struct ctx *ctx, struct err *err)
{
	int r;

	retry_drain(retry, ctx);
	retry->looked = true;
	if (!retry->due)
		return task_again_wanted(retry->task->run, ctx, err);
	retry_rest(retry);
	retry->began = clock_wall();
	r = task_start_within(retry->task->run, retry->task->index, &retry->counts, ctx, err);
	restart_begun(&retry->counts);
	return r < 0 ? r : 1;
}
