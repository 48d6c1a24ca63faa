#include "record.h"
#include "clock.h"
#include "mem.h"
#include "name.h"
#include <string.h>

void record_done(struct record *r)
{
	ctrd_container_done(&r->c);
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
	*ret = (struct record){ .c = *c, .job = read_job(c) };
	*c = (struct ctrd_container){ 0 };
	ret->name = dict_get(&ret->c.labels, CLAIM_JOB);
	if (!ret->name)
		ret->name = ret->c.id;
}

struct ctrd_call *record_list_begin(struct core *c, const struct ctx *ctx)
{
	return containers_list_begin(c->ctrd, "labels.\"" CLAIM_JOB "\"", ctx);
}

int record_list_end(struct ctrd_call *call, const struct ctx *ctx, struct records *ret, struct err *err)
{
	struct ctrd_containers all = { 0 };
	int r = containers_list_end(call, ctx, &all, err);

	if (r < 0)
		return r;
	ret->v = mem_array(struct record, all.n);
	ret->n = all.n;
	for (size_t i = 0; i < all.n; i++)
		record_make(&all.v[i], &ret->v[i]);
	ctrd_containers_done(&all);
	return 0;
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

static int pick(const struct core *c, struct records *all, const char *what, struct record *ret, struct err *err)
{
	struct record *found = NULL;

	for (size_t i = 0; i < all->n; i++) {
		struct record *it = &all->v[i];

		if (!strcmp(it->name, what) || !strcmp(it->c.id, what)) {
			found = it;
			break;
		}
		if (strlen(what) < 3 || strncmp(it->c.id, what, strlen(what)) != 0)
			continue;
		if (found)
			return err_hint(err,
					err_set(err, ERR_INVALID, "job %s: more than one id begins so, %s and %s", what,
						found->c.id, it->c.id),
					"give more of the id, or the name");
		found = it;
	}
	if (!found)
		return job_not_found(c, all, what, err);
	*ret = *found;
	*found = (struct record){ 0 };
	return 0;
}

int record_find(struct core *c, const char *what, const struct ctx *ctx, struct record *ret, struct err *err)
{
	_cleanup_(records_done) struct records all = { 0 };
	_cleanup_free_ char *filter = mem_printf("labels.\"" CLAIM_JOB "\"==\"%s\"", what);
	struct ctrd_containers one = { 0 };
	int r = name_check("job", what, NAME_ID_MAX, err);

	if (r < 0)
		return r;
	r = containers_list(c->ctrd, filter, ctx, &one, err);
	if (r < 0)
		return r;
	if (one.n) {
		record_make(&one.v[0], ret);
		ctrd_containers_done(&one);
		return 0;
	}
	r = record_list(c, ctx, &all, err);
	return r < 0 ? r : pick(c, &all, what, ret, err);
}

bool record_exit(const struct record *r, int *ret_code, int64_t *ret_at)
{
	const char *s = dict_get(&r->c.labels, RECORD_EXIT);
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
