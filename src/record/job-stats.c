/* Theory of operation: a row lives as long as its task, so that two looks at it are of the same cgroup; a task that was started
 * again has another first process, and gets a row of its own. A job's network is asked by a socket that was made in its namespace
 * once, so that a look costs two system calls and no thread. Of many jobs only the first SOCKETS_MAX keep theirs. */
#include "job-stats.h"
#include "clock.h"
#include "events.h"
#include "job-cgroup.h"
#include "job-name.h"
#include "labels.h"
#include "mem.h"
#include "mend.h"
#include "places.h"
#include "runtime-kind.h"
#include "task-metrics.h"
#include "task.h"
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

enum { SOCKETS_MAX = 256, METRICS_MS = 2000, MEND_MS = 2000 };

struct use_row {
	struct task_use use;
	char *job_id, *netns;
	pid_t pid;
	bool vm;
	struct cgroup_of cgroup;
	int traffic_fd; /* -1: none is open */
	bool no_network;
	struct ctrd_call *metrics; /* that are asked for during a look */
};

/* What was named. */
struct stats_of {
	char *job_id;
	size_t task; /* SIZE_MAX: all of its tasks */
};

struct job_stats {
	struct core *core;
	bool all;
	struct stats_of *named;
	size_t n_named;
	struct use_row *v;
	size_t n;
	struct task_use *shown; /* copies, for who looks */
	struct ctrd_call *events;
	bool stale; /* jobs have begun or ended since they were listed */
};

uint64_t task_use_memory(const struct task_use *t)
{
	const struct cgroup_usage *u = &t->now.usage;
	const uint64_t inactive = u->v[CGROUP_MEMORY_INACTIVE], all = u->v[CGROUP_MEMORY_USAGE];

	return all > inactive ? all - inactive : all;
}

uint64_t task_use_memory_limit(const struct task_use *t)
{
	const struct cgroup_usage *u = &t->now.usage;
	struct sysinfo s = { 0 };
	uint64_t machine;

	(void)sysinfo(&s);
	machine = (uint64_t)s.totalram * s.mem_unit;
	return cgroup_measured(u, CGROUP_MEMORY_LIMIT) && u->v[CGROUP_MEMORY_LIMIT] < machine ? u->v[CGROUP_MEMORY_LIMIT] : machine;
}

static void use_row_done(struct use_row *row)
{
	ctrd_call_free(row->metrics);
	cgroup_of_done(&row->cgroup);
	closep(&row->traffic_fd);
	free(row->use.ns);
	free(row->use.name);
	free(row->use.id);
	free(row->job_id);
	free(row->netns);
}

void job_stats_free(struct job_stats *s)
{
	if (!s)
		return;
	ctrd_call_free(s->events);
	for (size_t i = 0; i < s->n; i++)
		use_row_done(&s->v[i]);
	for (size_t i = 0; i < s->n_named; i++)
		free(s->named[i].job_id);
	free(s->v);
	free(s->named);
	free(s->shown);
	free(s);
}

/* which jobs there are */

static void stats_subscribe(struct job_stats *s)
{
	_cleanup_strv_ struct strv filters = { 0 };

	strv_pushf(&filters, "namespace==\"%s\",topic~=\"^/tasks/(start|exit|delete)$\"", s->core->conf.ns);
	strv_pushf(&filters, "namespace==\"%s\",topic~=\"^/containers/\"", s->core->conf.ns);
	s->events = events_subscribe(s->core->ctrd, &filters, NULL);
}

/* The end of what exec has made is nobody's. */
static bool event_is_of_exec(const struct ctrd_event *e)
{
	struct ctrd_task_event t = { 0 };
	const bool is = ctrd_event_task(e, &t, NULL) >= 0 && t.id && *t.id && strcmp(t.id, t.container_id) != 0;

	ctrd_task_event_done(&t);
	return is;
}

static void stats_hear(struct job_stats *s)
{
	while (s->events && events_ready(s->events)) {
		struct ctrd_event e = { 0 };

		if (events_next(s->events, NULL, &e, NULL) <= 0) { /* containerd has gone */
			ctrd_call_free(TAKE_PTR(s->events));
			s->stale = true;
			return;
		}
		s->stale |= !event_is_of_exec(&e);
		ctrd_event_done(&e);
	}
}

/* What a list is made of. */
struct stats_list {
	struct job_stats *s;
	struct records records;
	struct task_states tasks;
	struct use_row *v;
	size_t n, cap;
};

static void stats_list_done(struct stats_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		use_row_done(&l->v[i]);
	free(l->v);
	records_done(&l->records);
	task_states_done(&l->tasks);
}

static bool list_has(const struct stats_list *l, const char *id)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].use.id, id))
			return true;
	return false;
}

/* The row of the last list, where the task is the same: its looks go on. */
static bool take_old_row(struct job_stats *s, const char *id, pid_t pid, struct use_row *ret)
{
	for (size_t i = 0; i < s->n; i++) {
		struct use_row *old = &s->v[i];

		if (!old->use.id || !old->use.runs || old->pid != pid || strcmp(old->use.id, id) != 0)
			continue;
		*ret = *old;
		*old = (struct use_row){ .traffic_fd = -1 };
		return true;
	}
	return false;
}

static struct use_row new_row(const struct job_stats *s, const struct record *job, const char *id, pid_t pid, bool runs)
{
	const char *foreign = job->job ? job_foreign_netns(job->job) : NULL;
	const struct ctx soon = ctx_within(NULL, MEND_MS);

	if (runs)
		(void)mend_netns(s->core, job->c.id, job->job, &soon, NULL);
	return (struct use_row){
		.use = { .ns = mem_strdup(s->core->conf.ns), .id = mem_strdup(id), .runs = runs },
		.job_id = mem_strdup(job->c.id),
		.netns = foreign ? mem_strdup(foreign) : places_netns(job->c.id),
		.pid = pid,
		.vm = job->c.runtime && runtime_is_vm(job->c.runtime),
		.traffic_fd = -1,
	};
}

static void list_add_task(struct stats_list *l, const struct record *job, size_t task)
{
	_cleanup_free_ char *id = job_id_task(job->c.id, task);
	const struct task_status *t = task_states_find(&l->tasks, id);
	const bool runs = t && task_may_live(t);
	struct use_row row;

	if (!runs && !((l->s->all || l->s->n_named) && dict_get(&job->c.labels, RECORD_COMPLETE)))
		return;
	if (list_has(l, id))
		return;
	if (!runs || !take_old_row(l->s, id, t->pid, &row))
		row = new_row(l->s, job, id, runs ? t->pid : 0, runs);
	free(row.use.name);
	row.use.name = record_task_name(job, task);
	l->v = mem_grow(l->v, &l->cap, l->n + 1, sizeof *l->v);
	l->v[l->n++] = row;
}

static void list_add_job(struct stats_list *l, const struct record *job)
{
	for (size_t i = 0, n = job_id_tasks(job->c.id); i < n; i++)
		list_add_task(l, job, i);
}

static void list_add_named(struct stats_list *l, const struct stats_of *of)
{
	for (size_t i = 0; i < l->records.n; i++) {
		if (strcmp(l->records.v[i].c.id, of->job_id) != 0)
			continue;
		if (of->task == SIZE_MAX)
			list_add_job(l, &l->records.v[i]);
		else
			list_add_task(l, &l->records.v[i], of->task);
	}
}

static int newest_record_first(const void *a, const void *b)
{
	const struct record *x = a, *y = b;

	return (x->c.created_at < y->c.created_at) - (x->c.created_at > y->c.created_at);
}

/* The rows of what is there now, in place of the old ones. */
static void stats_replace(struct job_stats *s, struct stats_list *l)
{
	if (l->records.n)
		qsort(l->records.v, l->records.n, sizeof *l->records.v, newest_record_first);
	for (size_t i = 0; i < s->n_named; i++)
		list_add_named(l, &s->named[i]);
	for (size_t i = 0; i < l->records.n && !s->n_named; i++)
		list_add_job(l, &l->records.v[i]);
	for (size_t i = 0; i < s->n; i++)
		use_row_done(&s->v[i]);
	free(s->v);
	s->v = TAKE_PTR(l->v);
	s->n = l->n;
	l->n = 0;
	s->stale = false;
}

/* Records before tasks: a job that is complete has its task among those, unless that is gone by then. */
static int stats_list(struct job_stats *s, const struct ctx *ctx, struct err *err)
{
	_cleanup_(stats_list_done) struct stats_list l = { .s = s };
	int r = s->events ? 0 : core_reconnect(s->core, err);

	if (r >= 0 && !s->events)
		stats_subscribe(s);
	if (r >= 0)
		r = record_list(s->core, ctx, &l.records, err);
	if (r >= 0)
		r = task_list(s->core, ctx, &l.tasks, err);
	if (r >= 0)
		stats_replace(s, &l);
	return r;
}

/* a look */

static bool wants_metrics(struct job_stats *s, struct use_row *row)
{
	if (!row->vm && !cgroup_of_any(&row->cgroup))
		job_cgroup_of(s->core, row->use.id, &row->cgroup);
	return row->vm || !cgroup_of_any(&row->cgroup);
}

static void row_look_begin(struct job_stats *s, struct use_row *row, const struct ctx *ctx)
{
	struct task_use *t = &row->use;

	t->before = t->now;
	t->now = (struct cgroup_look){ .mono = clock_mono() };
	t->known = false;
	if (wants_metrics(s, row))
		row->metrics = s->events ? tasks_metrics_begin(s->core->ctrd, t->id, ctx) : NULL;
	else
		t->known = cgroup_usage(&row->cgroup, &t->now.usage, NULL) >= 0;
}

static void row_look_end(struct use_row *row, const struct ctx *ctx)
{
	struct ctrd_any any = { 0 };

	if (row->metrics && tasks_metrics_end(TAKE_PTR(row->metrics), ctx, &any, NULL) >= 0)
		row->use.known = task_metrics_usage(&any, &row->use.now.usage, NULL) >= 0;
	ctrd_any_done(&any);
}

/* Where there is no file the network is the host's. */
static void row_look_traffic(struct use_row *row, const struct use_row *of_same_job, bool keep)
{
	struct task_use *t = &row->use;

	if (of_same_job) {
		t->has_traffic = of_same_job->use.has_traffic;
		t->traffic = of_same_job->use.traffic;
		return;
	}
	if (row->traffic_fd < 0 && !row->no_network)
		row->traffic_fd = traffic_open(row->netns, NULL);
	row->no_network = row->traffic_fd < 0;
	t->has_traffic = row->traffic_fd >= 0 && traffic_read(row->traffic_fd, &t->traffic, NULL) >= 0;
	if (!keep || !t->has_traffic)
		closep(&row->traffic_fd);
}

static const struct use_row *of_same_job(const struct job_stats *s, size_t i)
{
	return i && s->v[i - 1].use.runs && !strcmp(s->v[i - 1].job_id, s->v[i].job_id) ? &s->v[i - 1] : NULL;
}

static void stats_look_rows(struct job_stats *s, const struct ctx *ctx)
{
	const struct ctx within = ctx_within(ctx, METRICS_MS);

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].use.runs)
			row_look_begin(s, &s->v[i], &within);
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].use.runs) {
			row_look_traffic(&s->v[i], of_same_job(s, i), i < SOCKETS_MAX);
			row_look_end(&s->v[i], &within);
		}
	s->shown = mem_resize(s->shown, s->n * sizeof *s->shown);
	for (size_t i = 0; i < s->n; i++)
		s->shown[i] = s->v[i].use;
}

int job_stats_look(struct job_stats *s, const struct ctx *ctx, struct err *err)
{
	struct err why = ERR_INIT;
	int r;

	stats_hear(s);
	r = s->stale ? stats_list(s, ctx, &why) : 0;
	if (r < 0 && r != -ERR_UNAVAILABLE) {
		if (err)
			*err = why;
		return r;
	}
	stats_look_rows(s, ctx);
	return s->n || !s->n_named;
}

size_t job_stats_rows(const struct job_stats *s, const struct task_use **ret)
{
	*ret = s->shown;
	return s->n;
}

/* the beginning */

static int stats_find(struct job_stats *s, const char *name, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	bool all = false;
	int r = record_find_task(s->core, name, ctx, &rec, &all, err);

	if (r < 0)
		return r;
	s->named = mem_resize(s->named, (s->n_named + 1) * sizeof *s->named);
	s->named[s->n_named++] = (struct stats_of){ mem_strdup(record_job_id(&rec)), all ? SIZE_MAX : rec.task };
	return 0;
}

int job_stats_open(struct core *c, const struct job_stats_wish *wish, const struct ctx *ctx, struct job_stats **ret,
		   struct err *err)
{
	_cleanup_(job_stats_freep) struct job_stats *s = mem_new(struct job_stats);
	int r = 0;

	*s = (struct job_stats){ .core = c, .all = wish->all };
	for (size_t i = 0; r >= 0 && i < wish->names->n; i++)
		r = stats_find(s, wish->names->v[i], ctx, err);
	if (r >= 0) {
		stats_subscribe(s);
		r = stats_list(s, ctx, err);
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}
