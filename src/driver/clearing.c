#include "clearing.h"
#include "clock.h"
#include "desk.h"
#include "job-remove.h"
#include "log.h"
#include "mem.h"
#include "plugin.h"

enum { CLEAR_MS = 60000, AGAIN_MS = 1000, AGAIN_MAX_MS = 30000 };

struct clearings {
	struct desk *desk;
	struct list_node all;
};

struct clearing {
	struct list_node node;
	struct desk *desk;
	struct plugin_work work;
	struct timer again; /* while it is not at work */
	int64_t ms;         /* until then, the next time */
	struct driver_conf *conf;
	char *address, *ns, *job;
};

static void clearing_free(struct clearing *c)
{
	list_unlink(&c->node);
	timer_done(&c->again);
	driver_conf_unref(c->conf);
	free(c->address);
	free(c->ns);
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
	r = job_remove(&there, c->job, true, true, &limit, err);
	core_leave(&there);
	return r == -ERR_NOT_FOUND ? (err_clear(err), 0) : r;
}

static bool clearing_may_come(int r)
{
	return r == -ERR_UNAVAILABLE || r == -ERR_DEADLINE || r == -ERR_ABORTED || r == -ERR_EXHAUSTED;
}

static void clearing_done(void *arg, struct plugin_call *call, int r, const struct err *err)
{
	struct clearing *c = arg;

	(void)call;
	if (clearing_may_come(r)) {
		log_debug("job %s, whose task is gone: later: %s", c->job, err->msg);
		timer_set(&c->again, clock_mono() + c->ms * NSEC_PER_MSEC);
		c->ms = c->ms * 2 < AGAIN_MAX_MS ? c->ms * 2 : AGAIN_MAX_MS;
		return;
	}
	if (r < 0)
		log_warn("job %s, whose task is gone: what it left stays for now: %s", c->job, err->msg);
	clearing_free(c);
}

static void clearing_submit(void *arg)
{
	struct clearing *c = arg;

	c->work = (struct plugin_work){ .run = clearing_run, .done = clearing_done, .arg = c, .keep = true };
	plugin_background(c->desk->plugin, &c->work);
}

void clearings_add(struct clearings *all, const struct handle_kept *k)
{
	struct clearing *c = mem_new(struct clearing);

	*c = (struct clearing){ .desk = all->desk,
				.ms = AGAIN_MS,
				.conf = driver_conf_ref(all->desk->conf),
				.address = mem_strdup(k->address),
				.ns = mem_strdup(k->ns),
				.job = mem_strdup(k->job) };
	timer_init(&c->again, all->desk->loop, clearing_submit, c);
	list_push(&all->all, &c->node);
	clearing_submit(c);
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
