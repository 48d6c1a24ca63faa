#include "set-jobs.h"
#include "mem.h"
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

int set_jobs(struct core *c, const char *name, const struct ctx *ctx, struct strv *ret, struct err *err)
{
	_cleanup_(records_done) struct records recs = { 0 };
	_cleanup_free_ const struct record **of = NULL;
	size_t n = 0;
	int r = record_list(c, ctx, &recs, err);

	if (r < 0)
		return r;
	of = mem_array(const struct record *, recs.n);
	for (size_t i = 0; i < recs.n; i++)
		if (is_of_set(&recs.v[i], name))
			of[n++] = &recs.v[i];
	if (!n)
		return err_hint(err, err_set(err, ERR_NOT_FOUND, "set %s: no job is of it", name),
				"davit ps -a --filter set=NAME lists the jobs of one");
	list_in_order(of, n, ret);
	return 0;
}
