#include "clearing.h"
#include "clock.h"
#include "desk.h"
#include "log.h"
#include "mem.h"
#include "stop.h"
#include <string.h>

enum { CLEAR_MS = 60000, AGAIN_GROWS = 300 /* times the first pause, which is 1 s */ };

/* One of them is at work at a time: after a boot there may be many, and starts wait for the same workers. */
struct clearings {
	struct desk *desk;
	struct list_node all; /* in the order of their turns */
	struct list_node places;
	struct clearing *at_work;
};

/* A containerd that has let one wait is asked for any of them after a pause, which grows for as long as none comes off. */
struct clearing_place {
	struct list_node node;
	struct clearings *of;
	char *address;
	struct timer again;
	int64_t ms; /* of the next pause */
	bool waits, told;
};

struct clearing {
	struct list_node node;
	struct clearings *of;
	struct clearing_place *place;
	struct plugin_work work;
	struct driver_conf *conf;
	char *ns, *container, *job;
	bool told;
};

static void clearing_free(struct clearing *c)
{
	list_unlink(&c->node);
	driver_conf_unref(c->conf);
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
	int r = desk_core_at(state, c->conf, c->place->address, &core, err);

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
		if (c->place->waits)
			continue;
		all->at_work = c;
		c->work = (struct plugin_work){ .run = clearing_run, .done = clearing_done, .arg = c, .keep = true };
		plugin_background(all->desk->plugin, &c->work);
	}
}

static void place_go_on(struct clearing_place *p)
{
	p->waits = false;
	timer_set(&p->again, 0);
	clearings_go_on(p->of);
}

static void on_place_due(void *arg) { place_go_on(arg); }

/* The next time is another's turn. */
static void clearing_wait(struct clearing *c, const struct err *err)
{
	struct clearing_place *p = c->place;
	const int64_t first = c->of->desk->again_ms;

	if (!c->told && !p->told)
		log_warn("job %s, whose task is gone: what it left is taken away later: %s", c->job, err->msg);
	c->told = p->told = true;
	list_unlink(&c->node);
	list_push(&c->of->all, &c->node);
	p->waits = true;
	timer_set(&p->again, clock_mono() + p->ms * NSEC_PER_MSEC);
	p->ms = p->ms * 2 < first * AGAIN_GROWS ? p->ms * 2 : first * AGAIN_GROWS;
}

static void clearing_over(struct clearing *c, int r, const struct err *err)
{
	struct clearing_place *p = c->place;

	if (r < 0)
		log_warn("job %s, whose task is gone: what it left stays for now: %s", c->job, err->msg);
	p->told = p->told && r < 0;
	p->ms = c->of->desk->again_ms;
	clearing_free(c);
}

static void clearing_done(void *arg, struct plugin_call *call, int r, const struct err *err)
{
	struct clearing *c = arg;
	struct clearings *all = c->of;
	const bool ends = plugin_draining(all->desk->plugin);

	(void)call;
	all->at_work = NULL;
	if (clearing_may_come(r) || (r == -ERR_CANCELLED && !ends)) /* containerd may say so, too */
		clearing_wait(c, err);
	else
		clearing_over(c, r, err);
	if (!ends)
		clearings_go_on(all);
}

static struct clearing_place *place_at(struct clearings *all, const char *address)
{
	struct clearing_place *p;

	list_for_each(it, &all->places) {
		p = container_of(it, struct clearing_place, node);
		if (!strcmp(p->address, address))
			return p;
	}
	p = mem_new(struct clearing_place);
	*p = (struct clearing_place){ .of = all, .address = mem_strdup(address) };
	timer_init(&p->again, all->desk->loop, on_place_due, p);
	list_push(&all->places, &p->node);
	return p;
}

static bool clearing_name_is(const char *a, const char *b) { return a ? b && !strcmp(a, b) : !b; }

/* One that is at work already may be past what is to be taken away now. */
static bool is_to_be_cleared(const struct clearings *all, const struct clearing_place *p, const char *ns, const char *container,
			     const char *job)
{
	list_for_each(it, &all->all) {
		const struct clearing *c = container_of(it, struct clearing, node);

		if (c != all->at_work && c->place == p && clearing_name_is(c->ns, ns) &&
		    clearing_name_is(c->container, container) && clearing_name_is(c->job, job))
			return true;
	}
	return false;
}

void clearings_add(struct clearings *all, const char *address, const char *ns, const char *container, const char *job)
{
	struct driver_conf *conf = all->desk->conf;
	struct clearing_place *p = place_at(all, address ? address : conf->address);
	struct clearing *c;

	if (!is_to_be_cleared(all, p, ns, container, job)) {
		c = mem_new(struct clearing);
		*c = (struct clearing){ .of = all,
					.place = p,
					.conf = driver_conf_ref(conf),
					.ns = mem_strdup(ns),
					.container = mem_strdup(container),
					.job = mem_strdup(job) };
		list_push(&all->all, &c->node);
	}
	p->ms = all->desk->again_ms;
	place_go_on(p);
}

bool clearings_leave(struct clearings *all, const char *job)
{
	bool any = false;

	list_for_each(it, &all->all) {
		struct clearing *c = container_of(it, struct clearing, node);

		if (c == all->at_work || c->container || strcmp(c->job, job) != 0)
			continue;
		clearing_free(c);
		any = true;
	}
	return any;
}

struct clearings *clearings_new(struct desk *desk)
{
	struct clearings *all = mem_new(struct clearings);

	all->desk = desk;
	list_init(&all->all);
	list_init(&all->places);
	return all;
}

void clearings_free(struct clearings *all)
{
	if (!all)
		return;
	list_for_each(it, &all->all)
		clearing_free(container_of(it, struct clearing, node));
	list_for_each(it, &all->places) {
		struct clearing_place *p = container_of(it, struct clearing_place, node);

		timer_done(&p->again);
		free(p->address);
		free(p);
	}
	free(all);
}
