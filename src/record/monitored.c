#include "monitored.h"
#include "clock.h"
#include "core-words.h"
#include "file.h"
#include "launch.h"
#include "mem.h"
#include "self.h"
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

bool monitored_asks(const struct job *j)
{
	return j->n_tasks == 1 && j->tasks[0].restart && j->tasks[0].restart->policy != RESTART_NO;
}

/* How it ended, as far as anybody knows: of an end that nobody saw, as containerd tells such. */
static struct restart_end end_of(const struct record *rec, const struct task_status *t, int64_t now)
{
	struct restart_end end = { .exit_code = 255, .ended_at = now, .by_hand = dict_get(&rec->c.labels, RECORD_STOPPED) != NULL };
	const char *began = dict_get(&rec->c.labels, RECORD_STARTED);

	if (clock_parse(began, &end.started_at, NULL) < 0)
		end.started_at = 0;
	if (t->state == TASK_STOPPED) {
		end.exit_code = (int)t->exit.status;
		end.ended_at = t->exit.at ? t->exit.at : now;
	} else {
		(void)record_exit(rec, &end.exit_code, &end.ended_at);
	}
	return end;
}

enum monitored_state monitored_look(const struct record *rec, const struct task_status *t, int64_t now, struct restarts *ret)
{
	struct restart_end end;

	*ret = (struct restarts){ 0 };
	if (!rec->job || !monitored_asks(rec->job) || !dict_get(&rec->c.labels, RECORD_STARTED))
		return MONITORED_NOTHING;
	(void)restarts_parse(dict_get(&rec->c.labels, RECORD_RESTARTS), ret, NULL);
	if (!task_is_over(t))
		return MONITORED_LIVES;
	end = end_of(rec, t, now);
	if (end.by_hand)
		return MONITORED_ENDED;
	if (ret->at)
		return MONITORED_DUE;
	return restart_decide(rec->job->tasks[0].restart, &end, now, ret) == RESTART_AGAIN ? MONITORED_DECIDED : MONITORED_ENDED;
}

bool monitored_is_restarting(const struct record *rec, const struct task_status *t)
{
	struct restarts unused;

	return monitored_look(rec, t, clock_wall(), &unused) >= MONITORED_DECIDED;
}

bool monitored_now(const struct core *c, const char *id)
{
	_cleanup_free_ char *path = places_monitor(c, id);
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
}

static int monitor_launch(const struct core *c, const char *id, struct err *err)
{
	_cleanup_free_ char *program = NULL;
	_cleanup_strv_ struct strv words = { 0 };
	static const struct launch_fd none[] = { { -1, 0 }, { -1, 1 }, { -1, 2 } };
	struct launch how = { .fds = none, .n_fds = 3, .session = true, .close_from = 3, .dir = "/" };
	pid_t pid;
	int r = self_find("davit-monitor", &program, err);

	if (r < 0)
		return r;
	core_words(c, program, &words);
	strv_push(&words, id);
	how.path = program;
	how.argv = words.v;
	r = launch(&how, &pid);
	if (r < 0)
		return err_sys(err, -r, "%s", program);
	reaper_adopt(c->reaper, pid);
	return 0;
}

static void monitor_begin(struct core *c, const char *id)
{
	struct err why = ERR_INIT;

	if (!monitored_now(c, id) && monitor_launch(c, id, &why) < 0)
		core_notice(c, "nobody looks after job %s: %s", id, why.msg);
}

void monitored_ensure(struct core *c, const struct record *rec, const struct task_status *t)
{
	struct restarts unused;
	const enum monitored_state s = monitored_look(rec, t, clock_wall(), &unused);

	if (s == MONITORED_LIVES || s >= MONITORED_DECIDED)
		monitor_begin(c, rec->c.id);
}

void monitored_started(struct core *c, const struct job *j, const char *id)
{
	if (!monitored_asks(j))
		return;
	if (monitored_now(c, id))
		monitored_poke(c, id); /* for those who wait for it, too */
	else
		monitor_begin(c, id);
}

static int stop_say(struct core *c, const struct record *rec, const struct ctx *ctx, struct err *err)
{
	_cleanup_dict_ struct dict labels = { 0 };
	char now[CLOCK_TEXT];
	int r;

	dict_set(&labels, RECORD_STOPPED, clock_rfc3339(clock_wall(), now));
	r = containers_set_labels(c->ctrd, rec->c.id, &labels, ctx, err);
	if (r >= 0)
		monitored_poke(c, rec->c.id);
	return r;
}

int monitored_stop(struct core *c, const struct record *rec, const struct ctx *ctx, struct err *err)
{
	struct task_status t;
	int lock, r;

	if (!rec->job || !monitored_asks(rec->job))
		return 0;
	r = stop_say(c, rec, ctx, err);
	if (r >= 0)
		r = task_look(c, rec->c.id, ctx, &t, err);
	if (r < 0 || task_may_live(&t))
		return r < 0 ? r : 0;
	r = claim_lock(c, rec->job->name, true, ctx, &lock, err);
	if (r < 0)
		return r;
	claim_unlock(c, rec->job->name, lock);
	if (!monitored_is_restarting(rec, &t))
		return 0;
	r = task_look(c, rec->c.id, ctx, &t, err);
	return r < 0 ? r : task_is_over(&t);
}

void monitored_poke(const struct core *c, const char *id)
{
	_cleanup_free_ char *path = places_monitor(c, id);

	(void)utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
}

void monitored_forget(const struct core *c, const char *id)
{
	_cleanup_free_ char *path = places_monitor(c, id);
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		(void)unlink(path);
	else
		monitored_poke(c, id);
}
