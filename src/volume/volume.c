/* A volume appears and disappears whole: it is made as ".new" and renamed into place, and renamed to ".trash-..." before
 * its files go. Both happen under the namespace's lock, which nobody holds for longer than that; what a kill left of either
 * is cleared by the next one. Neither name is a volume's, since those begin with a letter or digit.
 *
 * A volume's own folder is a lock too: shared by the jobs that are being made with it, whole for who removes it, who may have
 * to ask containerd for a while. */
#include "volume.h"
#include "beneath.h"
#include "clock.h"
#include "file.h"
#include "mem.h"
#include "name.h"
#include "record.h"
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

enum { LOCK_MS = 10000, ANONYMOUS_DIGITS = 32, REMOVAL_PAUSE_MS = 5 };

static int write_meta(const char *dir, const struct dict *labels, bool anonymous, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("%s/volume.json", dir);
	_cleanup_json_ json *j = json_new_object();
	_cleanup_buf_ struct buf text = { 0 };
	char now[CLOCK_TEXT];

	json_put_str(j, "created", clock_rfc3339(clock_wall(), now));
	if (anonymous)
		json_put_bool(j, "anonymous", true);
	if (labels && labels->n)
		json_put_dict(j, "labels", labels);
	json_write_pretty(j, &text);
	buf_addc(&text, '\n');
	return file_write(path, text.data, text.len, 0600, err);
}

static int make_volume(const struct core *c, const char *name, const struct dict *labels, bool anonymous, struct err *err)
{
	_cleanup_free_ char *dir = places_volume(c, name), *fresh = places_volume(c, ".new"), *data = mem_printf("%s/_data", fresh);
	int r = file_remove_tree(fresh, err);

	if (r >= 0)
		r = file_mkdirs_private(fresh, err);
	if (r >= 0)
		r = file_mkdirs(data, 0755, err);
	if (r >= 0)
		r = write_meta(fresh, labels, anonymous, err);
	if (r >= 0 && rename(fresh, dir) < 0)
		r = err_sys(err, errno, "%s", dir);
	return r < 0 ? err_wrap(err, r, "volume %s", name) : 0;
}

/* While it is asked who uses it, somebody may come who wants to: the answer is soon there. */
static int wait_for_removal(const struct core *c, const char *name, const struct ctx *ctx, struct err *err)
{
	int r = loop_pause(c->loop, REMOVAL_PAUSE_MS, ctx, err);

	if (r < 0)
		return err_hint(err, err_wrap(err, r, "volume %s: another davit is removing it", name), "try again");
	return 0;
}

int volume_ensure(const struct core *c, const char *name, const struct dict *labels, struct volume *ret, bool *ret_new,
		  struct err *err)
{
	return volume_use(c, name, labels, NULL, ret, ret_new, NULL, err);
}

/* 1: done. 0: somebody is removing it. */
static int use_once(const struct core *c, const char *name, bool anonymous, const struct dict *labels, const struct ctx *ctx,
		    struct volume *ret, bool *ret_new, int *ret_hold, struct err *err)
{
	_cleanup_(volume_done) struct volume v = { 0 };
	_cleanup_close_ int lock = volume_lock_all(c, ctx, err);
	bool fresh = false;
	int r;

	if (lock < 0)
		return err_wrap(err, lock, "volume %s", name);
	r = volume_get(c, name, &v, err);
	if (r == -ERR_NOT_FOUND) {
		err_clear(err);
		fresh = true;
		r = make_volume(c, name, labels, anonymous, err);
		if (r >= 0)
			r = volume_get(c, name, &v, err);
	}
	if (r >= 0)
		r = ret_hold ? volume_lock(c, name, LOCK_SH, ret_hold, err) : 1;
	if (r <= 0)
		return r;
	*ret = TAKE_STRUCT(v);
	if (ret_new)
		*ret_new = fresh;
	return 1;
}

int volume_use(const struct core *c, const char *name, const struct dict *labels, const struct ctx *ctx, struct volume *ret,
	       bool *ret_new, int *ret_hold, struct err *err)
{
	const struct ctx limit = ctx_within(ctx, LOCK_MS);
	char random[ANONYMOUS_DIGITS + 1];
	const bool anonymous = !name;
	int r;

	if (anonymous)
		name_random(random, ANONYMOUS_DIGITS);
	name = anonymous ? random : name;
	r = volume_check_name(name, err);
	while (r == 0) {
		r = use_once(c, name, anonymous, labels, ctx, ret, ret_new, ret_hold, err);
		if (r == 0)
			r = wait_for_removal(c, name, &limit, err);
	}
	return r < 0 ? r : 0;
}

static int refuse_users(struct core *c, const char *name, const struct ctx *ctx, struct err *err)
{
	_cleanup_strv_ struct strv users = { 0 };
	int r = volume_users(c, name, ctx, &users, err);

	if (r < 0 || !users.n)
		return r;
	if (users.n == 1)
		r = err_set(err, ERR_PRECONDITION, "volume %s: used by job %s", name, users.v[0]);
	else
		r = err_set(err, ERR_PRECONDITION, "volume %s: used by job %s and %zu more", name, users.v[0], users.n - 1);
	return err_hint(err, r, "remove the job first: davit rm %s", users.v[0]);
}

/* For who removes it. 0: somebody else is removing it; -ERR_PRECONDITION: a job that has no record yet has it. */
static int try_whole_lock(const struct core *c, const char *name, int *ret_fd, struct err *err)
{
	_cleanup_close_ int shared = -1;
	int r = volume_lock(c, name, LOCK_EX, ret_fd, err);

	if (r == 0)
		r = volume_lock(c, name, LOCK_SH, &shared, err);
	if (r <= 0 || shared < 0)
		return r;
	return err_hint(err, err_set(err, ERR_PRECONDITION, "volume %s: a job that is being started uses it", name),
			"wait until it has started, then remove the job first");
}

static int lock_whole(const struct core *c, const char *name, const struct ctx *ctx, int *ret_fd, struct err *err)
{
	const struct ctx limit = ctx_within(ctx, LOCK_MS);
	int r;

	do {
		r = try_whole_lock(c, name, ret_fd, err);
		if (r != 0)
			break;
		r = wait_for_removal(c, name, &limit, err);
	} while (r == 0);
	return r;
}

int volume_remove(struct core *c, const char *name, const struct ctx *ctx, struct err *err)
{
	_cleanup_(volume_done) struct volume v = { 0 };
	_cleanup_close_ int own = -1;
	int r = volume_get(c, name, &v, err);

	if (r >= 0) /* from here on no job gets the volume; whoever let it go has a record by now */
		r = lock_whole(c, name, ctx, &own, err);
	if (r >= 0)
		r = refuse_users(c, name, ctx, err);
	if (r >= 0)
		r = volume_drop(c, name, own, ctx, err);
	return r;
}
