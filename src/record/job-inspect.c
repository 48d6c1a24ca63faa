#include "job-inspect.h"
#include "clock.h"
#include "file.h"
#include "health-log.h"
#include "job-name.h"
#include "job-row.h"
#include "mem.h"
#include "mend.h"
#include "monitored.h"
#include "netshare.h"
#include <stdlib.h>
#include <string.h>

static json *state_json(const struct job_row *row)
{
	json *o = json_new_object();

	json_put_str(o, "status", job_state_name(row->state));
	json_put_int(o, "pid", row->state == JOB_RUNNING || row->state == JOB_PAUSED ? row->pid : 0);
	if (row->state == JOB_EXITED || row->state == JOB_RESTARTING)
		json_put_int(o, "exit_code", row->exit_code);
	json_put_time(o, "created_at", row->created_at);
	json_put_time(o, "started_at", row->started_at);
	json_put_time(o, "exited_at", row->exited_at);
	return o;
}

/* What the checks of a task have said in this life of it; one that is not checked has no health. */
static void put_task_health(json *state, const struct core *c, const struct record *job, const char *id, size_t task)
{
	const char *life = monitored_life(job, task);
	_cleanup_(health_log_done) struct health_log log = { 0 };

	if (!job->job || task >= job->job->n_tasks || !task_is_checked(&job->job->tasks[task]) || !life)
		return;
	if (!health_log_read(c, id, life, &log))
		health_begin(&log.health);
	json_put(state, "health", health_log_json(&log));
}

/* Of all of a job of several: the worst of them; each of "tasks" has its own checks. */
static void put_job_health(json *state, const struct record *job, const struct job_row *row)
{
	const enum health_state worst = row->health == HEALTH_UNKNOWN ? HEALTH_STARTING : row->health;
	json *o;

	if (!job->job || !job_is_checked(job->job) || !dict_get(&job->c.labels, RECORD_STARTED) || row->state == JOB_EXITED)
		return;
	o = json_new_object();
	json_put_str(o, "status", health_state_name(worst));
	json_put(state, "health", o);
}

/* Why its results lack something. */
static void put_results_lost(json *o, const struct core *c, const struct record *job, const char *id)
{
	enum { LOST_MAX = 8192 };
	_cleanup_free_ char *path = places_lost(c, id);
	_cleanup_buf_ struct buf text = { 0 };

	if (job->job && job->job->results && file_read(path, LOST_MAX, &text, NULL) >= 0)
		json_put_str(o, "results_lost", buf_str(&text));
}

/* The 24 of 10.89.0.5/24. */
static int prefix_of(const struct cni_result *r)
{
	const char *slash = r->n_ips ? strchr(r->ips[0].address, '/') : NULL;

	return slash ? (int)strtol(slash + 1, NULL, 10) : 0;
}

static json *network_json(const struct core *c, const struct record *rec, const struct job_row *row)
{
	json *o = json_new_object();
	const char *foreign = rec->job ? job_foreign_netns(rec->job) : NULL;
	_cleanup_free_ char *netns = foreign ? mem_strdup(foreign) : places_netns(rec->c.id);
	_cleanup_strv_ struct strv others = { 0 };
	struct cni_result result = { 0 };

	json_put_str(o, "name", row->network);
	json_put_str(o, "netns", file_exists(netns) ? netns : NULL);
	json_put_str(o, "ip", row->ip);
	json_put_str(o, "ports", row->ports);
	netshare_names(c, row->ns, rec->c.id, &others);
	if (others.n)
		json_put_strv(o, "shared_with", &others);
	if (row->ip && job_row_network(c, row->ns, rec, &result) >= 0) {
		json_put_str(o, "mac", result.mac);
		json_put_str(o, "bridge", result.bridge);
		json_put_str(o, "gateway", result.n_ips ? result.ips[0].gateway : NULL);
		json_put_int(o, "prefix", prefix_of(&result));
		cni_result_done(&result);
	}
	return o;
}

/* A task of a job of several: what is its own. */
static json *task_json(const struct core *c, const struct record *job, const struct record *task, const struct task_status *t)
{
	json *o = json_new_object();
	_cleanup_free_ char *log = places_log(c, task->c.id);
	struct job_row row;

	job_row_fill_task(c, job, task, t, &row);
	json_put_str(o, "name", row.name);
	json_put_str(o, "id", row.id);
	json_put_str(o, "image", row.image);
	json_put(o, "state", state_json(&row));
	put_task_health(json_get_object(o, "state"), c, job, row.id, task->task);
	json_put_str(o, "log_path", file_exists(log) ? log : NULL);
	put_results_lost(o, c, job, row.id);
	job_row_done(&row);
	return o;
}

/* What is inspected: a job with all its tasks, or one of these. */
struct inspected {
	struct core *core;
	struct record job;
	struct records recs; /* of its tasks; the first is the job's, and not in here */
	struct task_status *states;
	size_t n;
};

static void inspected_done(struct inspected *x)
{
	record_done(&x->job);
	records_done(&x->recs);
	free(x->states);
}

static const struct record *task_record(const struct inspected *x, size_t i) { return i ? &x->recs.v[i] : &x->job; }

static int inspected_load(struct inspected *x, const char *name, const struct ctx *ctx, struct err *err)
{
	int r = record_find(x->core, name, ctx, &x->job, err);

	if (r < 0)
		return r;
	x->n = job_id_tasks(x->job.c.id);
	x->states = mem_array(struct task_status, x->n);
	r = x->n > 1 ? record_tasks(x->core, &x->job, ctx, &x->recs, err) : 0;
	for (size_t i = 0; r >= 0 && i < x->n; i++) {
		_cleanup_free_ char *id = job_id_task(x->job.c.id, i);

		r = task_look(x->core, id, ctx, &x->states[i], err);
	}
	return r;
}

static json *tasks_json(const struct inspected *x)
{
	json *all = json_new_array();

	for (size_t i = 0; i < x->n; i++)
		if (task_record(x, i)->c.id)
			json_append(all, task_json(x->core, &x->job, task_record(x, i), &x->states[i]));
	return all;
}

/* Each attachment; of a job that has joined another the other's. */
static json *attachments_json(const struct core *c, const struct record *rec, const struct job_row *row)
{
	_cleanup_(cni_members_done) struct cni_members its = { 0 };
	_cleanup_free_ char *owner = netshare_owner(c, row->ns, rec->c.id);
	json *list = json_new_array();

	(void)cni_members_of(&c->conf.cni, owner, &its, NULL);
	for (size_t i = 0; i < its.n; i++) {
		const struct cni_member *m = &its.v[i];
		json *o = json_new_object(), *ips = json_new_array();

		json_put_str(o, "name", m->network);
		json_put_str(o, "interface", m->ifname);
		for (size_t k = 0; k < m->result.n_ips; k++)
			json_append(ips, json_new_str(m->result.ips[k].address));
		json_put(o, "ips", ips);
		json_put_str(o, "gateway", m->result.n_ips ? m->result.ips[0].gateway : NULL);
		json_put_str(o, "mac", m->result.mac);
		json_put_strv(o, "names", &m->names);
		json_append(list, o);
	}
	return list;
}

static json *inspect_json(const struct inspected *x, bool one, const struct record *own, const struct job_row *row)
{
	json *o = json_new_object(), *spec = NULL;
	_cleanup_free_ char *log = places_log(x->core, own->c.id);

	json_put_str(o, "id", row->id);
	json_put_str(o, "name", row->name);
	json_put_str(o, "namespace", row->ns);
	json_put_str(o, "image", row->image);
	json_put_str(o, "runtime", row->runtime);
	json_put_str(o, "snapshotter", own->c.snapshotter);
	json_put(o, "state", state_json(row));
	if (one || x->n == 1)
		put_task_health(json_get_object(o, "state"), x->core, &x->job, row->id, own->task);
	else
		put_job_health(json_get_object(o, "state"), &x->job, row);
	if (x->job.job && monitored_asks(x->job.job)) {
		json_put_int(o, "restarts", row->restarts);
		json_put_str(o, "trouble", dict_get(&x->job.c.labels, RECORD_TROUBLE));
	}
	json_put(o, "network", network_json(x->core, &x->job, row));
	json_put(o, "networks", attachments_json(x->core, &x->job, row));
	json_put_str(o, "log_path", file_exists(log) ? log : NULL);
	put_results_lost(o, x->core, &x->job, row->id);
	json_put_dict(o, "labels", &own->c.labels);
	if (x->n > 1)
		json_put(o, "tasks", tasks_json(x));
	if (x->job.job)
		json_put(o, "job", job_to_json(x->job.job));
	if (json_parse(buf_str(&own->c.spec.value), own->c.spec.value.len, &spec, NULL) >= 0)
		json_put(o, "spec", spec);
	return o;
}

int job_inspect(struct core *c, const char *name, const struct ctx *ctx, json **ret, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	_cleanup_(inspected_done) struct inspected x = { .core = c };
	struct job_row row;
	bool all, one;
	int r = record_find_task(c, name, ctx, &rec, &all, err);

	if (r >= 0)
		r = inspected_load(&x, record_job_id(&rec), ctx, err);
	if (r < 0)
		return r;
	one = !all && x.n > 1;
	if (one)
		job_row_fill_task(c, &x.job, task_record(&x, rec.task), &x.states[rec.task], &row);
	else
		job_row_fill(c, &x.job, x.states, x.n, &row);
	(void)mend_touched(c, &x.job, x.states, x.n, ctx);
	*ret = inspect_json(&x, one, one ? task_record(&x, rec.task) : &x.job, &row);
	job_row_done(&row);
	return 0;
}
