#include "kept-logs.h"
#include "clock.h"
#include "file.h"
#include "job-name.h"
#include "log.h"
#include "mem.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { NOTE_MAX = 8 << 20 };

void kept_logs_done(struct kept_logs *k)
{
	job_free(k->job);
	free(k->id);
	free(k->until);
	*k = (struct kept_logs){ 0 };
}

char *kept_logs_path(const struct core *c, const struct kept_logs *k, size_t task)
{
	_cleanup_free_ char *folder = places_kept(c, k->id);

	return mem_printf("%s/%zu/log", folder, task);
}

/* taking */

static int64_t stays_until(const struct task *t)
{
	return t->log == JOB_LOG_FILE && t->log_retention > 0 ? clock_wall() + t->log_retention * NSEC_PER_SEC : 0;
}

static int note_write(const char *folder, const struct kept_logs *k, struct err *err)
{
	_cleanup_json_ json *o = json_new_object();
	_cleanup_free_ char *path = mem_printf("%s/job", folder);
	_cleanup_buf_ struct buf text = { 0 };
	json *until = json_new_array();

	for (size_t i = 0; i < k->job->n_tasks; i++)
		json_append(until, json_object_new_int64(k->until[i]));
	json_put(o, "until", until);
	json_put(o, "job", job_to_json_kept(k->job));
	json_write(o, &text);
	return file_write(path, text.data, text.len, 0600, err);
}

/* A folder has its name once all is in it. When a davit that was killed behind that has done it already, nothing is left to take.
 */
static int take(struct core *c, const struct kept_logs *k, const struct job_over *over, struct err *err)
{
	_cleanup_free_ char *hidden = mem_printf(".%s", k->id), *folder = places_kept(c, hidden), *final = places_kept(c, k->id);
	int r = file_mkdirs_private(folder, err);

	if (r >= 0)
		r = note_write(folder, k, err);
	for (size_t i = 0; r >= 0 && i < k->job->n_tasks; i++) {
		_cleanup_free_ char *from = places_logs(c, task_over_id(job_over_task(over, i))),
				    *to = mem_printf("%s/%zu", folder, i);

		if (k->until[i] && rename(from, to) < 0 && errno != ENOENT)
			r = err_sys(err, errno, "log folder %s", from);
	}
	if (r >= 0 && rename(folder, final) < 0)
		r = errno == ENOTEMPTY || errno == EEXIST ? file_remove_tree(folder, err) : err_sys(err, errno, "folder %s", final);
	return r;
}

void kept_logs_take(struct core *c, const struct record *rec, const struct job_over *over)
{
	_cleanup_free_ char *id = mem_strdup(job_over_id(over));
	struct kept_logs k = { .job = rec->job, .id = id };
	_cleanup_free_ int64_t *until = NULL;
	_cleanup_strv_ struct strv unused = { 0 };
	struct err err = ERR_INIT;
	bool any = false;

	if (!rec->job || rec->job->n_tasks != job_over_tasks(over))
		return;
	k.until = until = mem_array(int64_t, rec->job->n_tasks);
	for (size_t i = 0; i < rec->job->n_tasks; i++)
		any |= (until[i] = stays_until(&rec->job->tasks[i])) > 0;
	if (any && take(c, &k, over, &err) < 0)
		log_warn("the log of job %s is not kept: %s", rec->name, err.msg);
	if (any)
		(void)kept_logs_prune(c, false, &unused, NULL); /* nobody may ever ask for a prune */
}

/* finding */

static int note_parse(json *o, struct kept_logs *k, struct err *err)
{
	json *until = json_get_array(o, "until");
	_cleanup_buf_ struct buf text = { 0 };
	int r;

	json_write(json_get_object(o, "job"), &text);
	r = job_read_json("job", text.data, text.len, &k->job, err);
	if (r < 0)
		return r;
	k->until = mem_array(int64_t, k->job->n_tasks);
	for (size_t i = 0; i < k->job->n_tasks; i++)
		k->until[i] = json_object_get_int64(json_at(until, i));
	return 0;
}

static int note_read(const struct core *c, const char *id, struct kept_logs *ret, struct err *err)
{
	_cleanup_(kept_logs_done) struct kept_logs k = { .id = mem_strdup(id) };
	_cleanup_free_ char *folder = places_kept(c, id), *path = mem_printf("%s/job", folder);
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_json_ json *o = NULL;
	int r = file_read(path, NOTE_MAX, &text, err);

	if (r >= 0)
		r = json_parse(text.data, text.len, &o, err);
	if (r >= 0)
		r = note_parse(o, &k, err);
	if (r < 0)
		return r;
	*ret = TAKE_STRUCT(k);
	return 0;
}

static int64_t last_of(const struct kept_logs *k)
{
	int64_t last = 0;

	for (size_t i = 0; i < k->job->n_tasks; i++)
		if (k->until[i] > last)
			last = k->until[i];
	return last;
}

/* -2: it is not meant; -1: the job is; else the task. */
static long meant(const struct kept_logs *k, const char *what)
{
	const size_t n = strlen(k->job->name);

	if (!strcmp(what, k->id) || !strcmp(what, k->job->name))
		return -1;
	for (size_t i = 0; i < k->job->n_tasks; i++)
		if (!strncmp(what, k->job->name, n) && what[n] == '.' && !strcmp(what + n + 1, k->job->tasks[i].name))
			return (long)i;
	return -2;
}

static void kept_ids(const struct core *c, struct strv *ret)
{
	_cleanup_free_ char *folder = places_kept(c, "");
	_cleanup_(closedirp) DIR *d = opendir(folder);

	for (struct dirent *e; d && (e = readdir(d));)
		if (job_id_is_ours(e->d_name))
			strv_push(ret, e->d_name);
	strv_sort(ret, 0);
}

int kept_logs_find(struct core *c, const char *what, struct kept_logs *ret, long *ret_task, struct err *err)
{
	_cleanup_(kept_logs_done) struct kept_logs best = { 0 };
	_cleanup_strv_ struct strv ids = { 0 };

	kept_ids(c, &ids);
	for (size_t i = 0; i < ids.n; i++) {
		_cleanup_(kept_logs_done) struct kept_logs k = { 0 };
		long task;
		int r = strncmp(ids.v[i], what, strcspn(what, ".")) ? 0 : note_read(c, ids.v[i], &k, err);

		if (r < 0 && r != -ERR_NOT_FOUND)
			return err_wrap(err, r, "kept log of %s", ids.v[i]);
		task = k.job ? meant(&k, what) : -2;
		if (task == -2 || last_of(&k) < clock_wall() || (best.job && last_of(&best) > last_of(&k)))
			continue;
		kept_logs_done(&best);
		best = TAKE_STRUCT(k);
		*ret_task = task;
	}
	err_clear(err);
	if (!best.job)
		return 0;
	*ret = TAKE_STRUCT(best);
	return 1;
}

/* pruning */

/* 1 when nothing of it is kept any more. */
static int prune_tasks(struct core *c, const struct kept_logs *k, bool dry_run, struct err *err)
{
	_cleanup_free_ char *folder = places_kept(c, k->id);
	const int64_t now = clock_wall();
	int r = 0;

	for (size_t i = 0; r >= 0 && !dry_run && i < k->job->n_tasks; i++) {
		_cleanup_free_ char *its = mem_printf("%s/%zu", folder, i);

		if (k->until[i] <= now)
			r = file_remove_tree(its, err);
	}
	return r < 0 ? r : last_of(k) <= now;
}

int kept_logs_prune(struct core *c, bool dry_run, struct strv *removed, struct err *err)
{
	_cleanup_strv_ struct strv ids = { 0 };
	int r = 0;

	kept_ids(c, &ids);
	for (size_t i = 0; r >= 0 && i < ids.n; i++) {
		_cleanup_(kept_logs_done) struct kept_logs k = { 0 };
		_cleanup_free_ char *folder = places_kept(c, ids.v[i]);
		struct err why = ERR_INIT;
		bool known = note_read(c, ids.v[i], &k, &why) >= 0;

		r = known ? prune_tasks(c, &k, dry_run, err) : 1; /* without a note nobody can find it */
		if (r <= 0)
			continue;
		strv_pushf(removed, "log of job %s, which was removed", known ? k.job->name : ids.v[i]);
		r = dry_run ? 0 : file_remove_tree(folder, err);
	}
	return r < 0 ? r : 0;
}
