#include "volume-use.h"
#include "beneath.h"
#include <fcntl.h>
#include <string.h>

enum { DEPTH = 200 };

static int prune_one(struct core *c, const struct volume *v, bool dry_run, const struct ctx *ctx, struct strv *removed,
		     struct err *err)
{
	_cleanup_strv_ struct strv users = { 0 };
	struct err why = ERR_INIT;
	int r = volume_users(c, v->name, ctx, &users, &why);

	if (r >= 0 && users.n)
		return 0;
	if (r >= 0 && !dry_run)
		r = volume_remove(c, v->name, ctx, &why);
	if (r == -ERR_PRECONDITION || r == -ERR_NOT_FOUND) /* a job took it, or another davit was faster */
		return 0;
	if (r >= 0)
		strv_push(removed, v->name);
	else if (err)
		*err = why;
	return r;
}

int volume_prune(struct core *c, bool all, bool dry_run, const struct ctx *ctx, struct strv *removed, struct err *err)
{
	_cleanup_(volumes_done) struct volumes l = { 0 };
	int r = volume_list(c, &l, err);

	for (size_t i = 0; r >= 0 && i < l.n; i++)
		if (all || l.v[i].anonymous)
			r = prune_one(c, &l.v[i], dry_run, ctx, removed, err);
	return r < 0 ? r : 0;
}

/* Below a held folder, never through a link or onto another file system: a job may be at work in it. */
static int weigh(int fd, unsigned depth, const struct ctx *ctx, int64_t *sum, struct err *err)
{
	_cleanup_(closedirp) DIR *d = beneath_list(fd);
	const struct dirent *e;
	int r = ctx_check(ctx, err);

	while (r >= 0 && d && (e = readdir(d)) != NULL) {
		struct stat st;

		if (beneath_is_dots(e->d_name) || fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		*sum += (int64_t)st.st_blocks * 512;
		if (S_ISDIR(st.st_mode) && depth < DEPTH) {
			_cleanup_close_ int sub = beneath_open(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

			r = sub < 0 ? 0 : weigh(sub, depth + 1, ctx, sum, err);
		}
	}
	return r;
}

int volume_size(const struct volume *v, const struct ctx *ctx, int64_t *ret, struct err *err)
{
	_cleanup_close_ int fd = open(v->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int64_t sum = 0;
	int r;

	if (fd < 0)
		return err_sys(err, errno, "volume %s", v->name);
	r = weigh(fd, 0, ctx, &sum, err);
	if (r >= 0)
		*ret = sum;
	return r;
}
