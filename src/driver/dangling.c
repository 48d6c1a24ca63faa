#include "dangling.h"
#include "claim.h"
#include "clock.h"
#include "desk.h"
#include "job-remove.h"
#include "labels.h"
#include "log.h"
#include "mem.h"
#include "nomad-labels.h"
#include "plugin.h"
#include "task.h"
#include <pthread.h>
#include <string.h>

enum { DANGLING_LIST_MS = 60000, DANGLING_REMOVE_MS = 120000 };

struct dangling {
	struct desk *desk;
	struct timer timer;
	char *node; /* NULL: not known yet */
	/* a look, from its begin to the end of its removals */
	bool at_work;
	struct plugin_work work;
	struct driver_conf *conf; /* that it is done by */
	char *of;                 /* @node as it was then */
	int64_t before;
	pthread_mutex_t mu;
	struct dict found; /* a task's id, or a job's name where there is but a claim, by the id of the container; guarded by mu */
	bool first_goes;   /* the first of them is being removed; guarded by mu */
};

const char *dangling_task(const struct ctrd_container *c, const char *node, int64_t before)
{
	const char *task = dict_get(&c->labels, NOMAD_TASK_LABEL), *of = dict_get(&c->labels, NOMAD_NODE_LABEL);

	return task && of && node && !strcmp(of, node) && c->created_at && c->created_at < before ? task : NULL;
}

static void dangling_wait(struct dangling *d)
{
	const struct driver_conf *conf = d->desk->conf;
	const bool on = conf->gc.dangling.enabled && conf->gc.dangling.period > 0;

	timer_set(&d->timer, on ? clock_mono() + conf->gc.dangling.period : 0);
}

static void dangling_over(struct dangling *d)
{
	d->at_work = false;
	d->work.run = NULL;
	dict_done(&d->found);
	driver_conf_unref(d->conf);
	d->conf = NULL;
	free(TAKE_PTR(d->of));
	dangling_wait(d);
}

/* in a worker */

static bool dangling_has_record(const struct ctrd_containers *all, const char *id)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->v[i].id, id))
			return true;
	return false;
}

/* A start that was cut off before there was a container: its claim alone tells of it, and does not say whose client it was for. One
 * that is under way somewhere has its lock, or is young. */
static int dangling_claims(struct dangling *d, struct core *core, const struct ctrd_containers *all, const struct ctx *ctx,
			   struct err *err)
{
	_cleanup_(ctrd_leases_done) struct ctrd_leases leases = { 0 };
	int r = leases_list(core->ctrd, "labels.\"" CLAIM_JOB "\"", ctx, &leases, err);

	for (size_t i = 0; r >= 0 && i < leases.n; i++) {
		const struct ctrd_lease *l = &leases.v[i];
		const char *job = dict_get(&l->labels, CLAIM_JOB), *id = dict_get(&l->labels, CLAIM_ID);

		if (id && job && handle_is_job_name(job) && l->created_at && l->created_at < d->before &&
		    !dangling_has_record(all, id))
			dict_set(&d->found, id, job);
	}
	return r;
}

/* gc.container = false: what came to its end stays, for looking at. */
static bool dangling_is_kept(const struct dangling *d, const struct ctrd_container *c, const struct task_status *t)
{
	return !d->conf->gc.container && dict_get(&c->labels, RECORD_COMPLETE) && !(t && task_may_live(t));
}

static int dangling_list(void *arg, void *state, const struct ctx *ctx, struct err *err)
{
	struct dangling *d = arg;
	const struct ctx limit = ctx_within(ctx, DANGLING_LIST_MS);
	_cleanup_(task_states_done) struct task_states tasks = { 0 };
	_cleanup_(ctrd_containers_done) struct ctrd_containers all = { 0 };
	struct core *core;
	int r = desk_core(state, d->conf, &core, err);

	if (r >= 0)
		r = containers_list_lean(core->ctrd, "labels.\"" CLAIM_JOB "\"", &limit, &all, err);
	if (r >= 0)
		r = task_list(core, &limit, &tasks, err);
	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		const char *task = dangling_task(&all.v[i], d->of, d->before);
		const struct task_status *t = task_states_find(&tasks, all.v[i].id);

		if (task && !dangling_is_kept(d, &all.v[i], t))
			dict_set(&d->found, all.v[i].id, task);
	}
	return r < 0 ? r : dangling_claims(d, core, &all, &limit, err);
}

struct dangling_first {
	struct dangling *of;
	char *id, *task;
};

/* False: there is none left. */
static bool dangling_first(struct dangling_first *f)
{
	struct dangling *d = f->of;
	bool is;

	(void)pthread_mutex_lock(&d->mu);
	is = d->found.n > 0;
	f->id = is ? mem_strdup(d->found.v[0].key) : NULL;
	f->task = is ? mem_strdup(d->found.v[0].value) : NULL;
	(void)pthread_mutex_unlock(&d->mu);
	return is;
}

static void dangling_first_over(struct dangling_first *f)
{
	(void)pthread_mutex_lock(&f->of->mu);
	dict_set(&f->of->found, f->id, NULL);
	f->of->first_goes = false;
	(void)pthread_mutex_unlock(&f->of->mu);
	free(TAKE_PTR(f->id));
	free(TAKE_PTR(f->task));
}

/* Under the lock of its job. */
static bool dangling_goes(void *arg)
{
	const struct dangling_first *f = arg;
	bool goes;

	(void)pthread_mutex_lock(&f->of->mu);
	goes = f->of->first_goes = dict_get(&f->of->found, f->id) != NULL;
	(void)pthread_mutex_unlock(&f->of->mu);
	return goes;
}

static int dangling_remove(void *arg, void *state, const struct ctx *ctx, struct err *err)
{
	struct dangling_first f = { .of = arg };
	struct core *core;
	int known = desk_core(state, f.of->conf, &core, err);

	while (known >= 0 && ctx_check(ctx, NULL) >= 0 && dangling_first(&f)) {
		const struct ctx limit = ctx_within(ctx, DANGLING_REMOVE_MS);
		struct err why = ERR_INIT;
		int r = job_remove_if(core, f.id, dangling_goes, &f, &limit, &why);

		if (r < 0)
			log_warn("dangling container of task %s: %s", f.task, why.msg);
		else if (r > 0)
			log_info("dangling container of task %s: removed", f.task);
		dangling_first_over(&f);
	}
	return known;
}

/* on the loop */

static void on_dangling_removed(void *arg, struct plugin_call *call, int r, const struct err *err)
{
	(void)call;
	if (r < 0)
		log_debug("dangling containers: %s", err->msg);
	dangling_over(arg);
}

struct dangling_one {
	const struct dict_entry *entry;
	bool known;
};

static void dangling_meet(void *arg, struct handle *h)
{
	struct dangling_one *one = arg;

	one->known |= !strcmp(one->entry->value, h->kept.task_id) || !strcmp(one->entry->value, h->kept.job);
}

/* Those that a handle knows by now are none. No removal is under way. */
static void dangling_spare_known(struct dangling *d)
{
	struct dict left = { 0 };

	for (size_t i = 0; i < d->found.n; i++) {
		struct dangling_one one = { .entry = &d->found.v[i] };

		handles_each(&d->desk->handles, dangling_meet, &one);
		if (!one.known)
			dict_set(&left, one.entry->key, one.entry->value);
	}
	dict_done(&d->found);
	d->found = left;
}

static void on_dangling_listed(void *arg, struct plugin_call *call, int r, const struct err *err)
{
	struct dangling *d = arg;

	(void)call;
	if (r < 0)
		log_debug("dangling containers: %s", err->msg);
	dangling_spare_known(d);
	for (size_t i = 0; r >= 0 && d->conf->gc.dangling.dry_run && i < d->found.n; i++)
		log_info("dangling container of task %s: would be removed (dry_run)", d->found.v[i].value);
	if (r < 0 || !d->found.n || d->conf->gc.dangling.dry_run) {
		dangling_over(d);
		return;
	}
	d->work.run = dangling_remove;
	d->work.done = on_dangling_removed;
	plugin_background(d->desk->plugin, &d->work);
}

static void on_dangling_time(void *arg)
{
	struct dangling *d = arg;

	if (d->desk->plugin && !d->desk->conf->gc.dangling.dry_run)
		group_networks_look(d->desk->networks);
	if (!d->node || !d->desk->plugin) {
		dangling_wait(d);
		return;
	}
	d->at_work = true;
	d->conf = driver_conf_ref(d->desk->conf);
	d->of = mem_strdup(d->node);
	d->before = clock_wall() - d->conf->gc.dangling.creation_grace;
	d->work = (struct plugin_work){ .run = dangling_list, .done = on_dangling_listed, .arg = d };
	plugin_background(d->desk->plugin, &d->work);
}

/* While a list is being made its look has yet to ask for handles. */
bool dangling_spare(struct dangling *d, const char *task_id, const char *job)
{
	bool goes = false;

	if (d->work.run != dangling_remove)
		return true;
	(void)pthread_mutex_lock(&d->mu);
	for (size_t i = d->found.n; i-- > 0;) {
		const struct dict_entry *e = &d->found.v[i];

		if (strcmp(e->value, task_id) != 0 && strcmp(e->value, job) != 0)
			continue;
		if (i == 0 && d->first_goes)
			goes = true;
		else
			dict_set(&d->found, e->key, NULL);
	}
	(void)pthread_mutex_unlock(&d->mu);
	return !goes;
}

void dangling_learn(struct dangling *d, const char *node_id)
{
	if (!*node_id || (d->node && !strcmp(d->node, node_id)))
		return;
	free(d->node);
	d->node = mem_strdup(node_id);
}

void dangling_set(struct dangling *d)
{
	if (!d->at_work)
		dangling_wait(d);
}

struct dangling *dangling_new(struct desk *desk)
{
	struct dangling *d = mem_new(struct dangling);

	*d = (struct dangling){ .desk = desk, .mu = PTHREAD_MUTEX_INITIALIZER };
	timer_init(&d->timer, desk->loop, on_dangling_time, d);
	dangling_wait(d);
	return d;
}

void dangling_free(struct dangling *d)
{
	if (!d)
		return;
	timer_done(&d->timer);
	dict_done(&d->found);
	driver_conf_unref(d->conf);
	(void)pthread_mutex_destroy(&d->mu);
	free(d->of);
	free(d->node);
	free(d);
}
