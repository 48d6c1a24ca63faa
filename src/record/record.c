#include "record.h"
#include "clock.h"
#include "job-name.h"
#include "job-order.h"
#include "json-span.h"
#include "mem.h"
#include "name.h"
#include <string.h>

void record_done(struct record *r)
{
	ctrd_container_done(&r->c);
	free(r->name);
	job_free(r->job);
	*r = (struct record){ 0 };
}

void records_done(struct records *l)
{
	for (size_t i = 0; i < l->n; i++)
		record_done(&l->v[i]);
	free(l->v);
	*l = (struct records){ 0 };
}

static struct job *read_job(const struct ctrd_container *c)
{
	const struct ctrd_any *any = ctrd_container_extension(c, RECORD_JOB);
	struct job *job = NULL;

	if (any)
		(void)job_read_json(RECORD_JOB, buf_str(&any->value), any->value.len, &job, NULL);
	return job;
}

/* Takes the container over. */
static void record_make(struct ctrd_container *c, struct record *ret)
{
	const char *name = dict_get(&c->labels, CLAIM_JOB);

	*ret = (struct record){ .c = *c, .name = mem_strdup(name ? name : c->id), .job = read_job(c) };
	*c = (struct ctrd_container){ 0 };
}

struct ctrd_call *record_list_begin(struct core *c, const struct ctx *ctx)
{
	return containers_list_begin(c->ctrd, "labels.\"" CLAIM_JOB "\"", ctx);
}

/* Takes them over. */
static void records_make(struct ctrd_containers all, struct records *ret)
{
	ret->v = mem_array(struct record, all.n);
	ret->n = all.n;
	for (size_t i = 0; i < all.n; i++)
		record_make(&all.v[i], &ret->v[i]);
	ctrd_containers_done(&all);
}

int record_list_end(struct ctrd_call *call, const struct ctx *ctx, struct records *ret, struct err *err)
{
	struct ctrd_containers all = { 0 };
	int r = containers_list_end(call, ctx, &all, err);

	if (r >= 0)
		records_make(all, ret);
	return r;
}

static void trim_spec(struct ctrd_container *c)
{
	struct buf *spec = &c->spec.value, brief = { 0 };
	const char *process = buf_str(spec);
	size_t n = spec->len;

	if (json_span(&process, &n, "process")) {
		buf_adds(&brief, "{\"process\":");
		buf_add(&brief, process, n);
		buf_adds(&brief, "}");
	}
	buf_done(spec);
	*spec = brief;
}

int record_list_end_brief(struct ctrd_call *call, const struct ctx *ctx, struct records *ret, struct err *err)
{
	struct ctrd_containers all = { 0 };
	int r = containers_list_end_trimmed(call, trim_spec, ctx, &all, err);

	if (r >= 0)
		records_make(all, ret);
	return r;
}

int record_list(struct core *c, const struct ctx *ctx, struct records *ret, struct err *err)
{
	return record_list_end(record_list_begin(c, ctx), ctx, ret, err);
}

static int job_not_found(const struct core *c, const struct records *all, const char *what, struct err *err)
{
	const char **names = mem_array(const char *, all->n);
	const char *near, *ns = strcmp(c->conf.ns, CORE_NAMESPACE) != 0 ? c->conf.ns : NULL;
	int r = err_set(err, ERR_NOT_FOUND, "job %s: not found", what);

	for (size_t i = 0; i < all->n; i++)
		names[i] = all->v[i].name;
	near = name_nearest(what, names, all->n);
	r = near ? err_hint(err, r, "did you mean %s?", near)
		 : err_hint(err, r, "list all with: davit%s%s ps -a", ns ? " -n " : "", ns ? ns : "");
	free(names);
	return r;
}

/* The beginning of its id that says its name is no way to a job which has another by now: it may be somebody else's soon. */
static bool is_former_name(const struct record *rec, const char *what)
{
	const char *dash = strrchr(rec->c.id, '-');
	const size_t len = dash ? (size_t)(dash - rec->c.id) : 0;

	return strlen(what) <= len + 1 && (strlen(rec->name) != len || strncmp(rec->name, rec->c.id, len) != 0);
}

static int pick_by_id(struct records *all, const char *what, struct record **ret, struct err *err)
{
	for (size_t i = 0; i < all->n; i++) {
		struct record *it = &all->v[i];

		if (!strcmp(it->name, what) || !strcmp(it->c.id, what)) {
			*ret = it;
			return 0;
		}
		if (strlen(what) < 3 || strncmp(it->c.id, what, strlen(what)) != 0 || is_former_name(it, what))
			continue;
		if (*ret)
			return err_hint(err,
					err_set(err, ERR_INVALID, "job %s: more than one id begins so, %s and %s", what,
						(*ret)->c.id, it->c.id),
					"give more of the id, or the name");
		*ret = it;
	}
	return 0;
}

/* Is @what that task's name, or the id of its container? */
static bool is_task(const struct record *rec, size_t i, const char *what)
{
	_cleanup_free_ char *name = mem_printf("%s.%s", rec->name, rec->job->tasks[i].name);
	_cleanup_free_ char *id = i ? job_id_task(rec->c.id, i) : NULL;

	return !strcmp(name, what) || (id && !strcmp(id, what));
}

static size_t tasks_of(const struct record *rec)
{
	const size_t n = job_id_tasks(rec->c.id);

	return rec->job && rec->job->n_tasks < n ? rec->job->n_tasks : rec->job ? n : 0;
}

/* A name may have dots, and so two readings: then the id has to be given. */
static int pick_task(struct records *all, const char *what, struct record **ret, size_t *ret_task, struct err *err)
{
	for (size_t i = 0; i < all->n; i++)
		for (size_t t = 0, n = tasks_of(&all->v[i]); t < n; t++) {
			if (!is_task(&all->v[i], t, what))
				continue;
			if (*ret)
				return err_hint(err,
						err_set(err, ERR_INVALID, "task %s: job %s has one, and job %s", what, (*ret)->name,
							all->v[i].name),
						"give the id of its container, as in: davit ps --tasks");
			*ret = &all->v[i];
			*ret_task = t;
		}
	return 0;
}

enum { WHOLE = SIZE_MAX };

/* @ret_task is WHOLE where the job was named. */
static int record_pick(struct core *c, const char *what, const struct ctx *ctx, struct record *ret, size_t *ret_task,
		       struct err *err)
{
	_cleanup_(records_done) struct records all = { 0 };
	struct record *found = NULL;
	int r = record_list(c, ctx, &all, err);

	*ret_task = WHOLE;
	if (r >= 0)
		r = pick_task(&all, what, &found, ret_task, err);
	if (r >= 0 && !found)
		r = pick_by_id(&all, what, &found, err);
	if (r >= 0 && !found)
		r = job_not_found(c, &all, what, err);
	if (r >= 0)
		*ret = TAKE_STRUCT(*found);
	return r;
}

static int record_look(struct core *c, const char *what, const struct ctx *ctx, struct record *ret, size_t *ret_task,
		       struct err *err)
{
	_cleanup_free_ char *filter = mem_printf("labels.\"" CLAIM_JOB "\"==\"%s\"", what);
	_cleanup_(ctrd_containers_done) struct ctrd_containers one = { 0 };
	int r = name_check("job", what, NAME_ID_MAX, err);

	if (r >= 0)
		r = containers_list(c->ctrd, filter, ctx, &one, err);
	if (r < 0)
		return r;
	*ret_task = WHOLE;
	if (!one.n)
		return record_pick(c, what, ctx, ret, ret_task, err);
	record_make(&one.v[0], ret);
	return 0;
}

int record_find(struct core *c, const char *what, const struct ctx *ctx, struct record *ret, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	size_t task;
	int r = record_look(c, what, ctx, &rec, &task, err);

	if (r < 0)
		return r;
	if (task != WHOLE && job_id_tasks(rec.c.id) > 1)
		return err_hint(err,
				err_set(err, ERR_INVALID, "%s: is a task of job %s, which is asked for as a whole", what, rec.name),
				"give %s", rec.name);
	*ret = TAKE_STRUCT(rec);
	return 0;
}

int record_get(struct core *c, const char *id, const struct ctx *ctx, struct record *ret, struct err *err)
{
	_cleanup_(ctrd_container_done) struct ctrd_container own = { 0 };
	int r = containers_get(c->ctrd, id, ctx, &own, err);

	if (r >= 0)
		record_make(&own, ret);
	return r;
}

enum { RENAMES_MAX = 16 };

/* What it is called now; NULL: it is gone. */
static int record_name_now(struct core *c, const char *id, const struct ctx *ctx, char **ret, struct err *err)
{
	_cleanup_(ctrd_container_done) struct ctrd_container now = { 0 };
	int r = containers_get(c->ctrd, id, ctx, &now, err);

	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	*ret = r >= 0 ? mem_strdup(dict_get(&now.labels, CLAIM_JOB)) : NULL;
	return r;
}

int record_lock(struct core *c, const char *id, char **name, bool wait, const struct ctx *ctx, int *ret_fd, struct err *err)
{
	for (int i = 0; i < RENAMES_MAX; i++) {
		_cleanup_free_ char *now = NULL;
		int lock = -1, r = claim_lock(c, *name, wait, ctx, &lock, err);

		if (r < 0)
			return r;
		r = record_name_now(c, id, ctx, &now, err);
		if (r >= 0 && (!now || !strcmp(now, *name))) {
			*ret_fd = lock;
			return 0;
		}
		claim_unlock(c, *name, lock);
		if (r < 0)
			return r;
		free(*name);
		*name = TAKE_PTR(now);
	}
	return err_set(err, ERR_ABORTED, "job %s: is being renamed again and again", *name);
}

/* From the record of its job to its own. */
static int turn_to_task(struct core *c, struct record *rec, size_t task, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *id = job_id_task(rec->c.id, task);
	struct ctrd_container own = { 0 };
	int r = containers_get(c->ctrd, id, ctx, &own, err);

	if (r < 0)
		return r;
	ctrd_container_done(&rec->c);
	rec->c = own;
	rec->task = task;
	return 0;
}

int record_find_task(struct core *c, const char *what, const struct ctx *ctx, struct record *ret, bool *ret_all, struct err *err)
{
	_cleanup_(record_done) struct record rec = { 0 };
	size_t task, n;
	int r = record_look(c, what, ctx, &rec, &task, err);

	if (r < 0)
		return r;
	n = job_id_tasks(rec.c.id);
	*ret_all = task == WHOLE && n > 1;
	if (task != WHOLE && n > 1) {
		char *name = record_task_name(&rec, task);

		free(rec.name);
		rec.name = name;
	}
	if (task == WHOLE)
		task = n > 1 && rec.job ? job_main_task(rec.job) : 0;
	r = task ? turn_to_task(c, &rec, task, ctx, err) : 0;
	if (r < 0)
		return err_wrap(err, r, "task %s", what);
	*ret = TAKE_STRUCT(rec);
	return 0;
}

static bool has_id(const struct ctrd_container *c, const char *id) { return c->id && !strcmp(c->id, id); }

int record_tasks(struct core *c, const struct record *job, const struct ctx *ctx, struct records *ret, struct err *err)
{
	_cleanup_free_ char *filter = mem_printf("labels.\"" RECORD_OF "\"==\"%s\"", job->c.id);
	_cleanup_(ctrd_containers_done) struct ctrd_containers others = { 0 };
	const size_t n = job_id_tasks(job->c.id);
	int r = containers_list(c->ctrd, filter, ctx, &others, err);

	if (r < 0)
		return r;
	ret->v = mem_array(struct record, n);
	ret->n = n;
	for (size_t i = 1; i < n; i++) {
		_cleanup_free_ char *id = job_id_task(job->c.id, i);

		ret->v[i].task = i;
		for (size_t k = 0; k < others.n; k++)
			if (has_id(&others.v[k], id))
				ret->v[i].c = TAKE_STRUCT(others.v[k]);
	}
	return 0;
}

const char *record_job_id(const struct record *r)
{
	const char *of = dict_get(&r->c.labels, RECORD_OF);

	return of ? of : r->c.id;
}

char *record_task_name(const struct record *r, size_t task)
{
	return r->job && task < r->job->n_tasks && r->job->n_tasks > 1 ? mem_printf("%s.%s", r->name, r->job->tasks[task].name)
								       : mem_strdup(r->name);
}

static bool exit_of_label(const struct record *r, const char *label, int *ret_code, int64_t *ret_at)
{
	const char *s = dict_get(&r->c.labels, label);
	char *end;
	long code;

	if (!s)
		return false;
	code = strtol(s, &end, 10);
	if (end == s || *end != ' ' || clock_parse(end + 1, ret_at, NULL) < 0)
		return false;
	*ret_code = code >= 0 && code <= 255 ? (int)code : 255;
	return true;
}

bool record_exit(const struct record *r, int *ret_code, int64_t *ret_at) { return exit_of_label(r, RECORD_EXIT, ret_code, ret_at); }

bool record_task_exit(const struct record *r, struct ctrd_exit *ret)
{
	int code;
	int64_t at;
	const bool known = exit_of_label(r, RECORD_TASK_EXIT, &code, &at);

	if (known)
		*ret = (struct ctrd_exit){ (uint32_t)code, at };
	return known;
}
