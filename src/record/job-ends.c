#include "job-ends.h"
#include "claim.h"
#include "clock.h"
#include "job-name.h"
#include "mem.h"
#include "mend.h"
#include "monitored.h"
#include "record.h"
#include <string.h>

struct ends_job {
	char *id;
	struct strv tasks; /* their ids */
	bool over;
	unsigned recovering; /* looks until a start that was begun counts for nothing; 0: none was */
};

/* Five seconds, until it has the job's lock. */
enum { RECOVERING_LOOKS = 26, ALONE_MAX = 8 };

struct job_ends {
	struct core *core;
	const struct ctx *ctx;
	struct ends_job *v;
	size_t n, cap;
	struct task_states tasks;
	int64_t looked; /* clock_mono(); 0: never */
	bool known;     /* since then nothing was added, and containerd has answered */
};

struct job_ends *job_ends_new(struct core *c, const struct ctx *ctx)
{
	struct job_ends *e = mem_new(struct job_ends);

	*e = (struct job_ends){ .core = c, .ctx = ctx };
	return e;
}

void job_ends_free(struct job_ends *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->n; i++) {
		free(e->v[i].id);
		strv_done(&e->v[i].tasks);
	}
	free(e->v);
	task_states_done(&e->tasks);
	free(e);
}

void job_ends_add(struct job_ends *e, const char *id)
{
	struct ends_job *j;

	e->v = mem_grow(e->v, &e->cap, e->n + 1, sizeof *e->v);
	j = &e->v[e->n++];
	*j = (struct ends_job){ .id = mem_strdup(id) };
	for (size_t i = 0; i < job_id_tasks(id); i++)
		strv_own(&j->tasks, job_id_task(id, i));
	e->known = false;
	e->looked = 0;
}

/* Its set's recovery takes it along: it ends for that alone. Of one whose job was removed in the middle nothing comes any more; of
 * one whose monitor was killed another goes on with it. */
static bool is_taken_along(struct core *c, const struct record *rec, const struct ctx *ctx)
{
	_cleanup_(record_done) struct record failed = { 0 };
	_cleanup_(monitored_done) struct monitored m = { 0 };
	_cleanup_free_ struct task_status *tasks = NULL;
	const char *with = dict_get(&rec->c.labels, RECORD_RECOVERY);
	int r;

	if (!with || !*with)
		return false;
	r = record_get(c, with, ctx, &failed, NULL);
	if (r >= 0 && !monitored_now(c, failed.c.id) && monitored_ask(c, &failed, ctx, &tasks, &m, NULL) >= 0)
		monitored_ensure(c, &failed, tasks, m.n);
	return r != -ERR_NOT_FOUND;
}

/* Its monitor has those run that come last before it settles the job. */
static bool last_are_to_come(const struct record *rec, const struct task_status *tasks, size_t n)
{
	return rec->job && monitored_to_the_end(rec->job) && monitored_last_are_due(rec, tasks, n);
}

/* A recovery that was killed had stopped it: it is started once, and given time for that. */
static bool is_being_recovered(struct ends_job *j, struct core *c, const struct record *rec, const struct task_status *tasks,
			       size_t n, const struct ctx *ctx)
{
	const char *mark = dict_get(&rec->c.labels, RECORD_RECOVERY);

	if (!j->recovering && mend_touched(c, rec, tasks, n, ctx))
		j->recovering = RECOVERING_LOOKS;
	if (j->recovering > 1)
		j->recovering--;
	return j->recovering > 1 && mark && *mark;
}

static bool is_over_by_policy(struct ends_job *j, struct core *c, const struct record *rec, const struct ctx *ctx)
{
	_cleanup_(monitored_done) struct monitored m = { 0 };
	_cleanup_free_ struct task_status *tasks = NULL;

	if (monitored_ask(c, rec, ctx, &tasks, &m, NULL) < 0)
		return false;
	if (is_being_recovered(j, c, rec, tasks, m.n, ctx) || m.recovers ||
	    (m.state != MONITORED_NOTHING && m.state != MONITORED_ENDED))
		return false;
	for (size_t i = 0; i < m.n; i++)
		if (!task_is_over(&tasks[i]))
			return false;
	return !last_are_to_come(rec, tasks, m.n);
}

/* Of one whose tasks were over, before the record is read: who recovers it has said so before they were, and holds its lock from
 * when it says so no more until they run. */
static bool has_ended_for_good(struct ends_job *j, struct core *c, const struct ctx *ctx)
{
	_cleanup_(record_done) struct record rec = { 0 };
	int r = record_get(c, j->id, ctx, &rec, NULL);

	if (r < 0)
		return r == -ERR_NOT_FOUND; /* containerd is away: the job goes on */
	return !is_taken_along(c, &rec, ctx) && !claim_locked(c, rec.name) && is_over_by_policy(j, c, &rec, ctx);
}

static bool some_task_lives(const struct job_ends *e, const struct ends_job *j)
{
	for (size_t i = 0; i < j->tasks.n; i++) {
		const struct task_status *t = task_states_find(&e->tasks, j->tasks.v[i]);

		if (t && !task_is_over(t))
			return true;
	}
	return false;
}

/* A list costs a question to every shim of the namespace. */
static int look_at_tasks(struct job_ends *e)
{
	const char *ids[ALONE_MAX];
	size_t n = 0, all = 0;

	for (size_t i = 0; i < e->n; i++)
		all += e->v[i].tasks.n;
	if (all > ALONE_MAX)
		return task_list(e->core, e->ctx, &e->tasks, NULL);
	for (size_t i = 0; i < e->n; i++)
		for (size_t k = 0; k < e->v[i].tasks.n; k++)
			ids[n++] = e->v[i].tasks.v[k];
	return task_look_all(e->core, ids, n, e->ctx, &e->tasks, NULL);
}

bool job_ends_look(struct job_ends *e)
{
	if (e->looked && clock_mono() - e->looked < JOB_ENDS_LOOK_MS * NSEC_PER_MSEC)
		return false;
	task_states_done(&e->tasks);
	e->known = core_reconnect(e->core, NULL) >= 0 && look_at_tasks(e) >= 0;
	for (size_t i = 0; e->known && i < e->n; i++) {
		struct ends_job *j = &e->v[i];

		if (some_task_lives(e, j)) {
			j->over = false;
			j->recovering = 0;
		} else {
			j->over = j->over || has_ended_for_good(j, e->core, e->ctx);
		}
	}
	e->looked = clock_mono();
	return e->known;
}

bool job_ends_all(const struct job_ends *e)
{
	for (size_t i = 0; i < e->n; i++)
		if (!e->v[i].over)
			return false;
	return e->known;
}

const struct task_states *job_ends_tasks(const struct job_ends *e) { return &e->tasks; }
