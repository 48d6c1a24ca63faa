#include "broken-recovery.h"
#include "boot-id.h"
#include "core-words.h"
#include "file.h"
#include "mem.h"
#include <string.h>

/* Of another's failure. */
static const char *mark_of(const struct record *rec)
{
	const char *mark = dict_get(&rec->c.labels, RECORD_RECOVERY);

	return mark && strcmp(mark, rec->c.id) != 0 ? mark : NULL;
}

/* 1, 0. */
static int failed_is_gone(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	_cleanup_(record_done) struct record unused = { 0 };
	int r = record_get(c, id, ctx, &unused, err);

	return r == -ERR_NOT_FOUND ? (err_clear(err), 1) : r < 0 ? r : 0;
}

/* After a boot its policy says what runs. */
static bool is_of_this_boot(const struct record *rec)
{
	_cleanup_free_ char *boot = boot_id();
	const char *its = dict_get(&rec->c.labels, RECORD_BOOT);

	return !boot || !its || !strcmp(boot, its);
}

static bool is_to_be_started(const struct record *rec, const struct task_status *tasks, size_t n)
{
	bool lives = false;

	for (size_t i = 0; i < n; i++)
		lives |= !task_is_over(&tasks[i]);
	return !lives && !dict_get(&rec->c.labels, RECORD_STOPPED) && is_of_this_boot(rec);
}

/* Under the job's lock, so that no start of it is under way; 0 where its mark is another by now. */
static int forget_mark(struct core *c, const struct record *rec, const char *mark, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *name = mem_strdup(rec->name);
	_cleanup_(record_done) struct record now = { 0 };
	_cleanup_dict_ struct dict labels = { 0 };
	int lock = -1, r = record_lock(c, rec->c.id, &name, false, ctx, &lock, err);

	if (r >= 0)
		r = record_get(c, rec->c.id, ctx, &now, err);
	if (r >= 0 && mark_of(&now) && !strcmp(mark_of(&now), mark)) {
		dict_set(&labels, RECORD_RECOVERY, "");
		r = containers_set_labels(c->ctrd, rec->c.id, &labels, ctx, err);
		r = r < 0 ? r : RECOVERY_FORGOTTEN;
	}
	claim_unlock(c, name, lock);
	return r;
}

static int start_for(struct core *c, const struct record *rec, const char *mark, struct err *err)
{
	const char *const words[] = { "--no-engine", "start", "--recovery", mark, rec->c.id, NULL };
	int r = core_launch(c, "davit", words, err);

	return r < 0 ? r : RECOVERY_STARTED;
}

static int mend_locked(struct core *c, const struct record *rec, const struct task_status *tasks, size_t n, bool dry_run,
		       const struct ctx *ctx, struct err *err)
{
	const bool start = is_to_be_started(rec, tasks, n);
	int r = failed_is_gone(c, mark_of(rec), ctx, err);

	if (r <= 0)
		return r;
	if (dry_run)
		return start ? RECOVERY_STARTED : RECOVERY_FORGOTTEN;
	return start ? start_for(c, rec, mark_of(rec), err) : forget_mark(c, rec, mark_of(rec), ctx, err);
}

int broken_recovery_mend(struct core *c, const struct record *rec, const struct task_status *tasks, size_t n, bool dry_run,
			 const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *path = places_recovery_lock(c);
	_cleanup_close_ int lock = -1;
	int r;

	if (!mark_of(rec) || !rec->job || claim_locked(c, rec->name))
		return 0;
	r = lock = file_lock(path, false, ctx, err);
	if (r >= 0)
		r = mend_locked(c, rec, tasks, n, dry_run, ctx, err);
	if (r == -ERR_PRECONDITION || r == -ERR_EXISTS || r == -ERR_NOT_FOUND) /* somebody is at it, or it is gone */
		return err_clear(err), 0;
	return r;
}
