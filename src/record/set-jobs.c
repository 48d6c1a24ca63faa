#include "set-jobs.h"
#include "mem.h"
#include "monitored.h"
#include "remains.h"
#include "stop.h"
#include <string.h>

static bool is_of_set(const struct record *rec, const char *set)
{
	const char *its = dict_get(&rec->c.labels, RECORD_SET);

	return its && !strcmp(its, set);
}

static bool waits_for(const struct record *rec, const char *name)
{
	for (size_t i = 0; rec->job && i < rec->job->n_depends_on; i++)
		if (!strcmp(rec->job->depends_on[i].name, name))
			return true;
	return false;
}

/* Does one that is not listed yet wait for @rec? */
static bool is_waited_for(const struct record *const *of, const bool *listed, size_t n, const struct record *rec)
{
	for (size_t i = 0; i < n; i++)
		if (!listed[i] && of[i] != rec && waits_for(of[i], rec->name))
			return true;
	return false;
}

/* Round by round those that nobody waits for any more; a circle, which only a stranger's records could have, ends it. */
static void list_in_order(const struct record *const *of, size_t n, struct strv *ret)
{
	_cleanup_free_ bool *listed = mem_array(bool, n);
	size_t before;

	do {
		before = ret->n;
		for (size_t i = n; i-- > 0;)
			if (!listed[i] && !is_waited_for(of, listed, n, of[i])) {
				listed[i] = true;
				strv_push(ret, of[i]->name);
			}
	} while (ret->n > before);
	for (size_t i = 0; i < n; i++)
		if (!listed[i])
			strv_push(ret, of[i]->name);
}

struct set_records {
	struct records all;
	const struct record **of; /* those of the set */
	size_t n;
};

static void set_records_done(struct set_records *s)
{
	free(s->of);
	records_done(&s->all);
}

static int set_records_load(struct core *c, const char *name, const struct ctx *ctx, struct set_records *ret, struct err *err)
{
	int r = record_list(c, ctx, &ret->all, err);

	if (r < 0)
		return r;
	ret->of = mem_array(const struct record *, ret->all.n);
	for (size_t i = 0; i < ret->all.n; i++)
		if (is_of_set(&ret->all.v[i], name))
			ret->of[ret->n++] = &ret->all.v[i];
	if (ret->n)
		return 0;
	return err_hint(err, err_set(err, ERR_NOT_FOUND, "set %s: no job is of it", name),
			"davit ps -a --filter set=NAME lists the jobs of one");
}

int set_jobs(struct core *c, const char *name, const struct ctx *ctx, struct strv *ret, struct err *err)
{
	_cleanup_(set_records_done) struct set_records set = { 0 };
	int r = set_records_load(c, name, ctx, &set, err);

	if (r >= 0)
		list_in_order(set.of, set.n, ret);
	return r;
}

static void set_stop_last(struct core *c, const struct set_records *set, int timeout, job_stop_last *last, const struct ctx *ctx)
{
	_cleanup_free_ const char **ids = mem_array(const char *, set->n);

	for (size_t i = 0; i < set->n; i++)
		ids[i] = set->of[i]->c.id;
	last(c, ids, set->n, timeout, ctx);
}

/* Each, whatever becomes of another; the first error. */
static int settle_all(struct core *c, const struct set_records *set, const struct ctx *ctx, struct err *err)
{
	int first = 0;

	for (size_t i = 0; i < set->n; i++) {
		struct err why = ERR_INIT;
		int r = remains_after_end(c, set->of[i], ctx, &why);

		if (r >= 0 || first < 0)
			continue;
		first = r;
		if (err)
			*err = why;
	}
	return first;
}

int set_stop(struct core *c, const char *name, int timeout, job_stop_last *last, const struct ctx *ctx, struct strv *stopped,
	     struct err *err)
{
	_cleanup_(set_records_done) struct set_records set = { 0 };
	int r = set_records_load(c, name, ctx, &set, err);

	for (size_t i = 0; r >= 0 && i < set.n; i++)
		r = monitored_stop(c, set.of[i], ctx, err);
	if (r >= 0)
		r = stop_all(c, set.of, set.n, timeout, ctx, err);
	if (r > 0 && last)
		set_stop_last(c, &set, timeout, last, ctx);
	if (r >= 0)
		r = settle_all(c, &set, ctx, err);
	if (r < 0)
		return err_wrap(err, r, "stop set %s", name);
	list_in_order(set.of, set.n, stopped);
	return 0;
}
