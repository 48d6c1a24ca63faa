#include "volume-users.h"
#include "mem.h"
#include "record.h"
#include <string.h>

static bool job_uses(const struct job *job, const char *name)
{
	for (size_t i = 0; job && i < job->n_tasks; i++) {
		const struct task *t = &job->tasks[i];

		for (size_t k = 0; k < t->n_mounts; k++)
			if (t->mounts[k].kind == MOUNT_VOLUME && t->mounts[k].source && !strcmp(t->mounts[k].source, name))
				return true;
	}
	return false;
}

int volume_users(struct core *c, const char *name, const struct ctx *ctx, struct strv *ret, struct err *err)
{
	_cleanup_(records_done) struct records all = { 0 };
	int r = record_list(c, ctx, &all, err);

	if (r < 0)
		return err_wrap(err, r, "users of volume %s", name);
	for (size_t i = 0; i < all.n; i++)
		if (job_uses(all.v[i].job, name))
			strv_push(ret, all.v[i].name);
	return 0;
}

int volume_other_user(struct core *c, const char *name, const char *job, const struct ctx *ctx, char **ret, struct err *err)
{
	_cleanup_strv_ struct strv users = { 0 };
	int r = volume_users(c, name, ctx, &users, err);

	if (r < 0)
		return r;
	*ret = NULL;
	for (size_t i = 0; i < users.n && !*ret; i++)
		if (strcmp(users.v[i], job) != 0)
			*ret = mem_strdup(users.v[i]);
	return 0;
}
