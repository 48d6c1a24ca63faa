/* What is to be is found out for every task first, with the checks of a start. Then those that run are told, by their engines; at
 * last the records: of each further task, and with the job's JSON that of the job itself. Whatever fails takes back what was done.
 * All of it under the job's lock, so that no start reads a record in between. */
#include "job-update.h"
#include "cgroup-usage.h"
#include "clock.h"
#include "controllers.h"
#include "engine-words.h"
#include "job-name.h"
#include "mem.h"
#include "monitored.h"
#include "record.h"
#include "remains.h"
#include "runtime-kind.h"
#include "spec-update.h"
#include "task.h"
#include <string.h>

enum { BACK_MS = 30000 };

void job_changes_done(struct job_changes *c)
{
	free(c->v);
	*c = (struct job_changes){ 0 };
}

void job_changes_add(struct job_changes *c, const struct field *row, const char *text)
{
	c->v = mem_grow(c->v, &c->cap, c->n + 1, sizeof *c->v);
	c->v[c->n++] = (struct job_change){ row, text };
}

/* Of one task. */
struct task_update {
	struct record rec; /* whose container it is */
	size_t index;
	struct ctrd_any spec;
	struct spec_update told;
	bool engine, record; /* was done */
};

struct update {
	struct core *core;
	const struct job_changes *changes;
	char *name;        /* of the job: its lock's */
	struct record rec; /* the job's */
	struct job *job;   /* as it is to be */
	bool over;         /* nothing of it runs */
	struct task_update *tasks;
	size_t n;
	bool record; /* the job's was asked for */
	int lock;
};

static void job_update_done(struct update *u)
{
	for (size_t i = 0; i < u->n; i++) {
		record_done(&u->tasks[i].rec);
		ctrd_any_done(&u->tasks[i].spec);
		spec_update_done(&u->tasks[i].told);
	}
	free(u->tasks);
	job_free(u->job);
	if (u->name)
		claim_unlock(u->core, u->name, u->lock);
	free(u->name);
	record_done(&u->rec);
}

/* the job as it is to be */

/* Two ways to say one thing: the last that was said holds. */
static void change_instead(struct task *t, const struct field *row)
{
	const char *flag = row->flag;

	if (!strcmp(flag, "cpus"))
		t->cpu_quota = t->cpu_period = 0;
	else if (!strcmp(flag, "cpu-quota") || !strcmp(flag, "cpu-period"))
		t->cpus = 0;
	else if (!strcmp(flag, "restart") && t->restart)
		*t->restart = (struct restart){ 0 };
}

static int change_task(struct task *t, const struct job_changes *changes, struct err *err)
{
	static const struct text_in none = { 0 };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < changes->n; i++) {
		const struct field *row = changes->v[i].row;
		const struct shape *s = NULL;
		void *obj = shape_owner(&task_shape, t, row, &s);

		change_instead(t, row);
		r = field_text(s, row, changes->v[i].text, obj, &none, err);
	}
	return r;
}

/* What somebody else keeps, and may change. */
static int check_cgroup_is_ours(const struct task *t, const struct job_changes *changes, struct err *err)
{
	for (size_t i = 0; t->cgroup && i < changes->n; i++)
		if (strcmp(changes->v[i].row->flag, "restart") != 0)
			return err_set(err, ERR_PRECONDITION, "%s: its cgroup %s is kept, and limited, by somebody else",
				       changes->v[i].row->flag, t->cgroup);
	return 0;
}

static bool restarts(const struct task *t) { return t->restart && t->restart->policy != RESTART_NO; }

static int change_job(struct update *u, struct err *err)
{
	int r = 0;

	u->job = job_copy(u->rec.job);
	for (size_t i = 0; r >= 0 && i < u->n; i++) {
		struct task *t = &u->job->tasks[u->tasks[i].index];

		r = check_cgroup_is_ours(t, u->changes, err);
		if (r >= 0)
			r = change_task(t, u->changes, err);
		if (r >= 0 && restarts(t) && (u->job->remove || dict_get(&u->rec.c.labels, RECORD_REMOVE)))
			r = err_set(err, ERR_PRECONDITION, "conflicting options: restart, and the --rm that it was run with");
	}
	return r >= 0 ? job_check(u->job, err) : r;
}

/* the specs as they are to be */

static int limits_of(struct spec_in *in, const struct task *t, json **ret, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	int r;

	in->task = t;
	r = spec_limits(in, &text, err);
	return r < 0 ? r : json_parse(buf_str(&text), text.len, ret, err);
}

static int update_spec(struct update *u, struct task_update *t, struct err *err)
{
	const char *root = u->core->conf.host_root;
	struct spec_in in = { .host_root = root,
			      .vm = runtime_is_vm(t->rec.c.runtime),
			      .cgroup2 = controllers_v2(root ? root : "") };
	const struct ctrd_any *old = &t->rec.c.spec;
	_cleanup_json_ json *spec = NULL, *was = NULL, *to = NULL;
	int r = json_parse(buf_str(&old->value), old->value.len, &spec, err);

	if (r < 0)
		return err_wrap(err, r, "spec of its record");
	r = limits_of(&in, &u->job->tasks[t->index], &to, err);
	if (r >= 0) /* of what is there nothing is asked any more */
		(void)limits_of(&in, &u->rec.job->tasks[t->index], &was, NULL);
	if (r < 0)
		return r;
	if (!was)
		was = json_new_object();
	spec_update(&in, spec, was, to, &t->told);
	if (t->told.now) {
		t->spec.type_url = mem_strdup(old->type_url);
		json_write(spec, &t->spec.value);
	}
	return 0;
}

/* those that run */

/* With v2 the kernel would kill for it, with v1 it says no in the end. What files keep cached does not count. */
static int update_check_memory(const struct task_update *t, pid_t pid, struct err *err)
{
	const int64_t limit = json_get_int(json_get_object(t->told.now, "memory"), "limit", -1);
	_cleanup_(cgroup_of_done) struct cgroup_of of = { 0 };
	struct cgroup_usage now;
	uint64_t used;

	if (limit <= 0 || cgroup_of("", pid, &of, NULL) < 0 || cgroup_usage(&of, &now, NULL) < 0)
		return 0;
	used = now.v[CGROUP_MEMORY_USAGE] - now.v[CGROUP_MEMORY_CACHE];
	if (now.v[CGROUP_MEMORY_CACHE] > now.v[CGROUP_MEMORY_USAGE] || used <= (uint64_t)limit)
		return 0;
	return err_hint(err,
			err_set(err, ERR_PRECONDITION, "memory %lldk: it uses %lluk", (long long)limit / 1024,
				(unsigned long long)used / 1024),
			"give it more, or stop it first");
}

static int tell_engine(const struct update *u, const char *id, json *limits, const struct ctx *ctx, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };

	json_write(limits, &text);
	return tasks_update(u->core->ctrd, id, text.data, text.len, ctx, err);
}

static int update_running(struct update *u, struct task_update *t, const struct ctx *ctx, struct err *err)
{
	struct task_status status;
	int r = task_look(u->core, t->rec.c.id, ctx, &status, err);

	if (r < 0 || !t->told.now || task_is_over(&status))
		return r;
	if (status.state == TASK_UNKNOWN)
		return err_set(err, ERR_UNAVAILABLE, "its shim does not say how it is");
	r = update_check_memory(t, status.pid, err);
	if (r < 0)
		return r;
	t->engine = true; /* also where it fails: engines stop half way */
	r = tell_engine(u, t->rec.c.id, t->told.now, ctx, err);
	if (r == -ERR_NOT_FOUND) /* it ended meanwhile */
		return err_clear(err), 0;
	return r < 0 ? limit_error(r, err) : 0;
}

/* records */

static int update_record(struct update *u, struct task_update *t, const struct ctrd_any *spec, const struct ctx *ctx,
			 struct err *err)
{
	if (!t->index || !t->told.now) /* the job's own comes last */
		return 0;
	t->record = true;
	return containers_set_spec(u->core->ctrd, t->rec.c.id, spec, ctx, err);
}

/* One that had ended before it got a policy stays so until it is started, as if a person had stopped it. */
static bool update_stays_ended(const struct update *u) { return !monitored_asks(u->rec.job) && monitored_asks(u->job) && u->over; }

static void note_end(const struct update *u, const char *now, struct dict *labels)
{
	if (update_stays_ended(u))
		dict_set(labels, RECORD_STOPPED, now);
}

static int put_job_record(struct update *u, struct job *job, struct container_change *change, const struct ctx *ctx,
			  struct err *err)
{
	struct ctrd_extension ext = { .name = (char *)(uintptr_t)RECORD_JOB };
	_cleanup_json_ json *kept = job_to_json_kept(job);
	int r;

	ext.any.type_url = mem_strdup(RECORD_JOB_TYPE);
	json_write(kept, &ext.any.value);
	change->extension = &ext;
	r = containers_change(u->core->ctrd, u->rec.c.id, change, ctx, err);
	ctrd_any_done(&ext.any);
	return r;
}

static int update_job_record(struct update *u, const struct ctx *ctx, struct err *err)
{
	_cleanup_dict_ struct dict labels = { 0 };
	struct container_change change = { .labels = &labels };
	char now[CLOCK_TEXT];

	for (size_t i = 0; i < u->n; i++)
		if (!u->tasks[i].index && u->tasks[i].told.now)
			change.spec = &u->tasks[i].spec;
	dict_set(&labels, RECORD_UPDATED, clock_rfc3339(clock_wall(), now));
	note_end(u, now, &labels);
	u->record = true;
	return put_job_record(u, u->job, &change, ctx, err);
}

/* the whole */

/* An answer that was lost may be that it was done. */
static void job_record_back(struct update *u, const struct ctx *ctx)
{
	static const char *const ours[] = { RECORD_UPDATED, RECORD_STOPPED };
	const size_t n = update_stays_ended(u) ? 2 : 1; /* else a person may have stopped it meanwhile */
	_cleanup_dict_ struct dict labels = { 0 };

	for (size_t i = 0; i < n; i++) {
		const char *had = dict_get(&u->rec.c.labels, ours[i]);

		dict_set(&labels, ours[i], had ? had : "");
	}
	(void)put_job_record(u, u->rec.job, &(struct container_change){ .labels = &labels, .spec = &u->rec.c.spec }, ctx, NULL);
}

static void take_back(struct update *u)
{
	const struct ctx ctx = ctx_within(NULL, u->core->conf.undo_ms ? u->core->conf.undo_ms : BACK_MS);

	if (!ctrd_alive(u->core->ctrd))
		(void)core_reconnect(u->core, NULL);
	if (u->record)
		job_record_back(u, &ctx);
	for (size_t i = u->n; i-- > 0;) {
		struct task_update *t = &u->tasks[i];
		struct err why = ERR_INIT;
		int r;

		if (t->record)
			(void)containers_set_spec(u->core->ctrd, t->rec.c.id, &t->rec.c.spec, &ctx, NULL);
		r = t->engine ? tell_engine(u, t->rec.c.id, t->told.back, &ctx, &why) : 0;
		if (r < 0 && r != -ERR_NOT_FOUND)
			core_notice(u->core, "job %s runs on with some of the new limits: %s", u->rec.name, why.msg);
	}
}

static bool all_over(const struct task_status *tasks, size_t n)
{
	size_t i = 0;

	while (i < n && task_is_over(&tasks[i]))
		i++;
	return i == n;
}

static int update_look(struct update *u, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ struct task_status *tasks = NULL;
	_cleanup_(monitored_done) struct monitored m = { 0 };
	int r = monitored_ask(u->core, &u->rec, ctx, &tasks, &m, err);

	if (r >= 0)
		u->over = all_over(tasks, m.n);
	return r;
}

static int update_all(struct update *u, const struct ctx *ctx, struct err *err)
{
	int r = update_look(u, ctx, err);

	for (size_t i = 0; r >= 0 && i < u->n; i++)
		r = update_spec(u, &u->tasks[i], err);
	for (size_t i = 0; r >= 0 && i < u->n; i++)
		r = update_running(u, &u->tasks[i], ctx, err);
	for (size_t i = 0; r >= 0 && i < u->n; i++)
		r = update_record(u, &u->tasks[i], &u->tasks[i].spec, ctx, err);
	if (r >= 0)
		r = update_job_record(u, ctx, err);
	if (r < 0)
		take_back(u);
	return r;
}

static int update_add(struct update *u, size_t index, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *id = job_id_task(u->rec.c.id, index);
	struct task_update *t = &u->tasks[u->n];
	int r;

	if (u->rec.job->tasks[index].sandbox)
		return 0;
	t->index = index;
	u->n++;
	r = record_get(u->core, id, ctx, &t->rec, err);
	return r;
}

/* Under the lock: which tasks, as their records are now. @what: a task's record. */
static int update_load(struct update *u, const struct record *what, bool all, const struct ctx *ctx, struct err *err)
{
	const size_t n = job_id_tasks(record_job_id(what));
	int r = record_get(u->core, record_job_id(what), ctx, &u->rec, err);

	if (r < 0)
		return r;
	if (!u->rec.job || u->rec.job->n_tasks != n)
		return err_set(err, ERR_DATA_LOSS, "its record is not davit's, or cannot be read");
	u->tasks = mem_array(struct task_update, n);
	for (size_t i = 0; r >= 0 && i < n; i++)
		if (all || i == what->task)
			r = update_add(u, i, ctx, err);
	return r;
}

/* Its monitor begins or ends with a policy. One that waited for its next start, and will not be started now, leaves nothing.
 * Without the lock, which others want for it. */
static void update_monitor(struct core *c, const char *id, const struct ctx *ctx)
{
	_cleanup_(record_done) struct record now = { 0 };
	_cleanup_free_ struct task_status *tasks = NULL;
	_cleanup_(monitored_done) struct monitored m = { 0 };

	if (record_get(c, id, ctx, &now, NULL) < 0 || monitored_ask(c, &now, ctx, &tasks, &m, NULL) < 0)
		return;
	monitored_ensure(c, &now, tasks, m.n);
	monitored_poke(c, id);
	if (now.job && !monitored_asks(now.job) && all_over(tasks, m.n))
		(void)remains_after_end(c, &now, ctx, NULL);
}

int job_update(struct core *c, const char *name, const struct job_changes *changes, const struct ctx *ctx, struct err *err)
{
	_cleanup_(job_update_done) struct update u = { .core = c, .changes = changes, .lock = -1 };
	_cleanup_(record_done) struct record what = { 0 };
	_cleanup_free_ char *id = NULL;
	bool all, policy;
	int r = record_find_task(c, name, ctx, &what, &all, err);

	if (r < 0)
		return r;
	if (!what.job)
		return err_set(err, ERR_DATA_LOSS, "job %s: its record is not davit's, or cannot be read", name);
	u.name = mem_strdup(what.job->name);
	r = record_lock(c, record_job_id(&what), &u.name, true, ctx, &u.lock, err);
	if (r >= 0)
		r = update_load(&u, &what, all, ctx, err);
	if (r >= 0)
		r = change_job(&u, err);
	if (r >= 0)
		r = update_all(&u, ctx, err);
	if (r < 0)
		return err_wrap(err, r, "update job %s", name);
	policy = monitored_asks(u.rec.job) || monitored_asks(u.job);
	id = mem_strdup(u.rec.c.id);
	job_update_done(&u);
	u = (struct update){ .core = c, .lock = -1 };
	if (policy)
		update_monitor(c, id, ctx);
	return 0;
}
