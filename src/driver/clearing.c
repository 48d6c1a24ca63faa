#include "clearing.h"
#include "clock.h"
#include "desk.h"
#include "log.h"
#include "mem.h"
#include "stop.h"
#include <string.h>

enum { CLEAR_MS = 60000, AGAIN_MS = 1000, AGAIN_MAX_MS = 30000 };

/* One of them is at work at a time: after a boot there may be many, and starts wait for the same workers. */
struct clearings {
	struct desk *desk;
	struct list_node all;
	struct clearing *at_work;
};

struct clearing {
	struct list_node node;
	struct clearings *of;
	struct plugin_work work;
	struct timer again;
	int64_t ms; /* until then, the next time */
	bool due;
	struct driver_conf *conf;
	char *address, *ns, *container, *job;
};

static void clearing_free(struct clearing *c)
{
	list_unlink(&c->node);
	timer_done(&c->again);
	driver_conf_unref(c->conf);
	free(c->address);
	free(c->ns);
	free(c->container);
	free(c->job);
	free(c);
}

/* In a worker. */
static int clearing_run(void *arg, void *state, const struct ctx *ctx, struct err *err)
{
	struct clearing *c = arg;
	const struct ctx limit = ctx_within(ctx, CLEAR_MS);
	struct core *core, there;
	int r = desk_core_at(state, c->conf, c->address, &core, err);

	if (r < 0)
		return r;
	there = core_in(core, c->ns);
	r = stop_remove(&there, c->conf, c->container, c->job, &limit, err);
	core_leave(&there);
	return r == -ERR_NOT_FOUND ? (err_clear(err), 0) : r;
}

bool clearing_may_come(int r) { return r == -ERR_UNAVAILABLE || r == -ERR_DEADLINE || r == -ERR_ABORTED || r == -ERR_EXHAUSTED; }

static void clearing_done(void *arg, struct plugin_call *call, int r, const struct err *err);

static void clearings_go_on(struct clearings *all)
{
	list_for_each(it, &all->all) {
		struct clearing *c = container_of(it, struct clearing, node);

		if (all->at_work)
			return;
		if (!c->due)
			continue;
		c->due = false;
		all->at_work = c;
		c->work = (struct plugin_work){ .run = clearing_run, .done = clearing_done, .arg = c, .keep = true };
		plugin_background(all->desk->plugin, &c->work);
	}
}

static void on_clearing_due(void *arg)
{
	struct clearing *c = arg;

	c->due = true;
	clearings_go_on(c->of);
}

static void clearing_done(void *arg, struct plugin_call *call, int r, const struct err *err)
{
	struct clearing *c = arg;
	struct clearings *all = c->of;

	(void)call;
	all->at_work = NULL;
	if (clearing_may_come(r)) {
		log_debug("job %s, whose task is gone: later: %s", c->job, err->msg);
		timer_set(&c->again, clock_mono() + c->ms * NSEC_PER_MSEC);
		c->ms = c->ms * 2 < AGAIN_MAX_MS ? c->ms * 2 : AGAIN_MAX_MS;
	} else {
		if (r < 0)
			log_warn("job %s, whose task is gone: what it left stays for now: %s", c->job, err->msg);
		clearing_free(c);
	}
	if (r != -ERR_CANCELLED) /* the plugin ends */
		clearings_go_on(all);
}

void clearings_add(struct clearings *all, const char *address, const char *ns, const char *container, const char *job)
{
	struct clearing *c = mem_new(struct clearing);

	*c = (struct clearing){ .of = all,
				.ms = AGAIN_MS,
				.conf = driver_conf_ref(all->desk->conf),
				.address = mem_strdup(address),
				.ns = mem_strdup(ns),
				.container = mem_strdup(container),
				.job = mem_strdup(job) };
	timer_init(&c->again, all->desk->loop, on_clearing_due, c);
	list_push(&all->all, &c->node);
	on_clearing_due(c);
}

void clearings_leave(struct clearings *all, const char *job)
{
	list_for_each(it, &all->all) {
		struct clearing *c = container_of(it, struct clearing, node);

		if (c != all->at_work && !c->container && !strcmp(c->job, job))
			clearing_free(c);
	}
}

struct clearings *clearings_new(struct desk *desk)
{
	struct clearings *all = mem_new(struct clearings);

	all->desk = desk;
	list_init(&all->all);
	return all;
}

void clearings_free(struct clearings *all)
{
	if (!all)
		return;
	list_for_each(it, &all->all)
		clearing_free(container_of(it, struct clearing, node));
	free(all);
}
