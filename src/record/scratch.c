/* Theory of operation: the lock is taken before the lease is made, and given back when the lease is gone. So whoever sees the lease
 * and gets the lock knows that nobody is at work. */
#include "scratch.h"
#include "clock.h"
#include "file.h"
#include "freeze-note.h"
#include "leases.h"
#include "log.h"
#include "mem.h"
#include "name.h"
#include "places.h"
#include "snapshots.h"
#include "strv.h"
#include "task.h"
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define SCRATCH_LEASE "davit-scratch-"
enum { CLEANUP_MS = 30000, HOLD_PAUSE_MS = 10 };

static int scratch_lock(struct core *c, const char *name, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *dir = places_run(c, ""), *path = places_scratch(c, name);
	int r = file_mkdirs_private(dir, err);

	return r < 0 ? r : file_lock(path, false, ctx, err);
}

static void scratch_unlock(struct core *c, const char *name, int fd)
{
	_cleanup_free_ char *path = places_scratch(c, name);

	(void)unlink(path);
	(void)close(fd);
}

int scratch_lend(struct core *c, const struct ctx *ctx, struct scratch *ret, struct err *err)
{
	struct scratch s = { .core = c };
	char digits[17];

	name_random(digits, 16);
	s.lock = scratch_lock(c, digits, ctx, err);
	if (s.lock < 0)
		return s.lock;
	s.name = mem_strdup(digits);
	s.lease = mem_printf(SCRATCH_LEASE "%s", digits);
	*ret = s;
	return 0;
}

int scratch_open(struct core *c, const struct ctx *ctx, struct scratch *ret, struct err *err)
{
	_cleanup_(scratch_done) struct scratch s = SCRATCH_INIT;
	_cleanup_dict_ struct dict labels = { 0 };
	char at[CLOCK_TEXT];
	int r = scratch_lend(c, ctx, &s, err);

	if (r < 0)
		return r;
	dict_set(&labels, "containerd.io/gc.expire", clock_rfc3339(clock_wall() + 24 * 3600 * NSEC_PER_SEC, at));
	s.ctrd = ctrd_under(c->ctrd, s.lease); /* before the answer, which an interrupt may come before */
	r = leases_create(c->ctrd, s.lease, &labels, ctx, err);
	if (r < 0)
		return r;
	*ret = s;
	s = SCRATCH_INIT;
	return 0;
}

int scratch_view(struct scratch *s, const char *snapshotter, const char *parent, const struct ctx *ctx, struct ctrd_mounts *ret,
		 struct err *err)
{
	s->snapshotter = mem_strdup(snapshotter);
	s->key = mem_strdup(s->lease);
	return snapshots_view(s->ctrd, snapshotter, s->key, parent, NULL, ctx, ret, err);
}

/* The snapshot by itself: with the lease alone it would go with the collector's next round. */
static void scratch_remove(struct scratch *s)
{
	const struct ctx limit = ctx_within(NULL, CLEANUP_MS);
	struct err err = ERR_INIT;
	int r = s->key ? snapshots_remove(s->core->ctrd, s->snapshotter, s->key, &limit, &err) : 0;

	if (r < 0)
		log_debug("view %s: %s", s->key, err.msg);
	err_clear(&err);
	if (leases_delete(s->core->ctrd, s->lease, r < 0, &limit, &err) < 0)
		log_debug("lease %s: %s", s->lease, err.msg);
}

void scratch_done(struct scratch *s)
{
	if (s->ctrd)
		scratch_remove(s);
	ctrd_free(s->ctrd);
	if (s->lock >= 0)
		scratch_unlock(s->core, s->name, s->lock);
	free(s->name);
	free(s->lease);
	free(s->snapshotter);
	free(s->key);
	*s = SCRATCH_INIT;
}

static int thaw_held(struct core *c, const char *name, bool dry_run, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *path = places_scratch(c, name), *id = NULL;
	struct task_status t;
	pid_t pid;
	int r = freeze_read(path, &id, &pid) ? task_look(c, id, ctx, &t, err) : -ERR_NOT_FOUND;

	if (r < 0)
		return id ? r : 0;
	if (t.state == TASK_UNKNOWN) /* the note stays for who knows more */
		return err_set(err, ERR_UNAVAILABLE, "task %s: its shim does not say how it is", id);
	if (t.state != TASK_PAUSED || t.pid != pid)
		return 0;
	r = dry_run ? 0 : tasks_resume(c->ctrd, id, ctx, err);
	if (r == -ERR_NOT_FOUND) /* it ended meanwhile */
		return err_clear(err), 0;
	return r < 0 ? r : 1;
}

/* Whose @lock we have: what it has frozen goes on, unless that is another by now. 1: it did. */
static int thaw_noted(struct core *c, const char *name, int lock, bool dry_run, const struct ctx *ctx, struct err *err)
{
	int r;

	(void)freeze_hold(lock, true);
	r = thaw_held(c, name, dry_run, ctx, err);
	freeze_let_go(lock);
	return r;
}

/* One that has no lease, or had one in @leases: 1 when nobody is at work with it, and what there was is gone. */
static int scratch_sweep(struct core *c, const char *name, bool dry_run, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *lease = mem_printf(SCRATCH_LEASE "%s", name);
	int lock = scratch_lock(c, name, ctx, err), r = 0;

	if (lock == -ERR_PRECONDITION)
		return err_clear(err), 0;
	if (lock < 0)
		return lock;
	if (!dry_run)
		r = thaw_noted(c, name, lock, false, ctx, err);
	if (dry_run || r < 0) {
		(void)close(lock);
		if (r == -ERR_UNAVAILABLE) /* another time; the others are looked at all the same */
			return err_clear(err), 0;
		return r < 0 ? r : 1;
	}
	r = leases_delete(c->ctrd, lease, true, ctx, err);
	scratch_unlock(c, name, lock);
	return r < 0 ? r : 1;
}

/* The names of all that there are, with or without their leases. */
static void scratch_names(const struct core *c, struct strv *ret)
{
	_cleanup_free_ char *dir = places_run(c, "");
	_cleanup_(closedirp) DIR *d = opendir(dir);
	const size_t end = strlen(PLACES_SCRATCH_END);

	for (struct dirent *e; d && (e = readdir(d));) {
		const size_t n = strlen(e->d_name);
		_cleanup_free_ char *name = n > end ? mem_strndup(e->d_name, n - end) : NULL;

		if (name && strcmp(e->d_name + n - end, PLACES_SCRATCH_END) == 0)
			strv_push(ret, name);
	}
}

static bool notes_freeze(const struct core *c, const char *name, const char *id, pid_t pid)
{
	_cleanup_free_ char *path = places_scratch(c, name), *its = NULL;
	pid_t of = 0;

	return freeze_read(path, &its, &of) && !strcmp(its, id) && (!pid || of == pid);
}

int scratch_thaw(struct core *c, const char *id, pid_t pid, bool dry_run, const struct ctx *ctx, struct err *err)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = 0;

	scratch_names(c, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		int lock;

		if (!notes_freeze(c, names.v[i], id, pid))
			continue;
		lock = scratch_lock(c, names.v[i], ctx, err);
		if (lock < 0 && lock != -ERR_PRECONDITION)
			return lock;
		err_clear(err);
		if (lock < 0) /* it is at work */
			continue;
		r = thaw_noted(c, names.v[i], lock, dry_run, ctx, err);
		if (r > 0 && !dry_run)
			scratch_unlock(c, names.v[i], lock);
		else
			(void)close(lock);
	}
	return r;
}

/* Who thaws it just now is waited for: then there is no note any more. */
static int yield_noted(struct core *c, const char *name, const char *id, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *path = places_scratch(c, name);
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	while (fd >= 0 && freeze_hold(fd, false) == -EAGAIN) {
		const int r = ctx_check(ctx, err);

		if (r < 0)
			return r;
		(void)poll(NULL, 0, HOLD_PAUSE_MS);
	}
	if (fd < 0 || !notes_freeze(c, name, id, 0))
		return 0;
	freeze_forget(fd);
	return 1;
}

int scratch_yield_freeze(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	_cleanup_strv_ struct strv names = { 0 };
	int any = 0;

	scratch_names(c, &names);
	for (size_t i = 0; i < names.n; i++) {
		const int r = notes_freeze(c, names.v[i], id, 0) ? yield_noted(c, names.v[i], id, ctx, err) : 0;

		if (r < 0)
			return r;
		any |= r;
	}
	return any;
}

/* Locks that were left behind a lease that has gone, or before one. */
static void scratch_free_locks(struct core *c, const struct ctx *ctx)
{
	_cleanup_strv_ struct strv names = { 0 };

	scratch_names(c, &names);
	for (size_t i = 0; i < names.n; i++) {
		const int lock = scratch_lock(c, names.v[i], ctx, NULL);

		if (lock >= 0 && thaw_noted(c, names.v[i], lock, false, ctx, NULL) >= 0)
			scratch_unlock(c, names.v[i], lock);
		else if (lock >= 0)
			(void)close(lock);
	}
}

int scratch_prune(struct core *c, bool dry_run, const struct ctx *ctx, struct strv *removed, struct err *err)
{
	_cleanup_(ctrd_leases_done) struct ctrd_leases left = { 0 };
	int r = leases_list(c->ctrd, "id~=\"^" SCRATCH_LEASE "[0-9a-f]+$\"", ctx, &left, err);

	for (size_t i = 0; r >= 0 && i < left.n; i++) {
		r = scratch_sweep(c, left.v[i].id + strlen(SCRATCH_LEASE), dry_run, ctx, err);
		if (r > 0)
			strv_pushf(removed, "leftover lease %s", left.v[i].id);
	}
	if (r >= 0 && !dry_run)
		scratch_free_locks(c, ctx);
	return r < 0 ? err_wrap(err, r, "leftover leases of what was made for a moment") : 0;
}
