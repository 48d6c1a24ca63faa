/* The step "io": FIFOs and a log of our own in the foreground, else the logger's address for the shim. */
#include "job-steps.h"
#include "beneath.h"
#include "core-words.h"
#include "crew.h"
#include "held.h"
#include "file.h"
#include "journal.h"
#include "mem.h"
#include "results.h"
#include "shim-streams.h"
#include "task-logger.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* io */

void run_close_fifos(struct run_task *t)
{
	for (int i = 0; i < 2; i++)
		if (t->fifos[i])
			closep(&t->fifos[i]);
	t->fifos[0] = t->fifos[1] = 0;
}

/* Of somebody else: NULL for nowhere. What stands in it when its reader is away is no more than it holds: as much as a FIFO may. */
static int foreign_stream(struct run_task *t, int which, const char *path, char **ret, struct err *err)
{
	enum { ROOM = 1 << 20 };
	_cleanup_close_ int place = -1, fd = -1;

	*ret = NULL;
	if (!path || !strcmp(path, "/dev/null"))
		return 0;
	place = *path == '/' ? beneath_open_straight(AT_FDCWD, path, O_PATH | O_NOFOLLOW) : -1;
	if (place < 0 && *path == '/' && errno == ELOOP)
		return err_set(err, ERR_INVALID, "output %s: a symbolic link is in it", path);
	if (place < 0 && *path == '/')
		return err_sys(err, errno, "output %s", path);
	if (place < 0 || !beneath_is_fifo(place))
		return err_set(err, ERR_INVALID, "output %s: neither a FIFO nor /dev/null", path);
	fd = beneath_reopen(place, O_RDWR | O_NONBLOCK);
	if (fd < 0)
		return err_sys(err, errno, "output %s", path);
	(void)fcntl(fd, F_SETPIPE_SZ, ROOM);
	t->fifos[which] = TAKE_FD(fd);
	return held_fifo(t, which, place, ret, err);
}

/* Under another shim than ours the paths are its own to open. */
static int foreign_streams(struct run_task *t, struct err *err)
{
	const struct run_opts *opts = t->run->opts;
	_cleanup_free_ char *out = NULL, *errs = NULL;
	int r = foreign_stream(t, 0, opts->out, &out, err);

	if (r >= 0)
		r = foreign_stream(t, 1, opts->err, &errs, err);
	if (r < 0)
		return r;
	if (shim_writes_log(t) && (out || errs)) {
		_cleanup_(log_uri_done) struct log_uri uri = { 0 };

		shim_streams_uri(t, &uri);
		uri.kept = true;
		uri.out = TAKE_PTR(out);
		uri.err = TAKE_PTR(errs);
		t->log_uri = log_uri_make(&uri);
		return 0;
	}
	t->log_uri = mem_strdup(out ? out : "/dev/null");
	t->err_uri = mem_strdup(errs ? errs : "/dev/null");
	return 0;
}

/* Of a shim that is told of streams by their addresses alone: the input of who has the output's FIFOs. Another shim than ours holds
 * both ends of a FIFO open, so that input that nobody gives has no end. */
static int foreign_input(struct run_task *t, const char *dir, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("%s/stdin", dir);
	int r;

	if (t->task->tty)
		return 0;
	r = file_mkdirs_private(dir, err);
	if (r < 0)
		return r;
	(void)unlink(path); /* of a start before */
	if (mkfifo(path, 0600) < 0)
		return err_sys(err, errno, "FIFO %s", path);
	t->in_uri = TAKE_PTR(path);
	return 0;
}

/* Under our own shim. */
static void shim_streams(struct run_task *t)
{
	_cleanup_(log_uri_done) struct log_uri uri = { 0 };

	shim_streams_uri(t, &uri);
	t->log_uri = log_uri_make(&uri);
}

/* Nobody reads it. A terminal is copied somewhere all the same, and no stream stands alone. */
static int unread_streams(struct run_task *t)
{
	if (t->task->tty || t->in_uri)
		t->log_uri = mem_strdup("/dev/null");
	return 0;
}

static int detached_streams(struct run_task *t, const char *dir, struct err *err)
{
	const struct run_opts *o = t->run->opts;
	const bool foreign = o->out || o->err, ours = shim_writes_log(t);
	int r = 0;

	if (!ours && !foreign && !o->unattended)
		return task_logger_open(t, dir, err);
	if (t->task->stdin_open && ours)
		t->in_uri = mem_strdup(LOG_URI);
	else if (t->task->stdin_open)
		r = foreign_input(t, dir, err);
	if (r < 0)
		return r;
	if (foreign)
		return foreign_streams(t, err);
	if (!ours)
		return unread_streams(t);
	shim_streams(t);
	return 0;
}

/* Our input is one: of several tasks that want some the first has it. */
static bool gets_input(const struct run_task *t)
{
	for (size_t i = 0; i < t->index; i++)
		if (t->run->tasks[i].task->stdin_open)
			return false;
	return true;
}

/* That of a --rm job would go with it, unless it is kept. */
static bool keeps_log(const struct run_task *t)
{
	return t->task->log == JOB_LOG_FILE && (!t->run->job->remove || t->task->log_retention > 0);
}

/* In the foreground a poststop task's FIFOs are made with those of the others, so that the heir has them too. */
bool io_wanted(const void *state)
{
	const struct run_task *t = state;
	const bool later = t->task->lifecycle == LIFE_POSTSTOP && !t->run->stopping;

	return later ? t->run->opts->mode == RUN_FOREGROUND : task_starts(t) && !t->streams;
}

/* What cannot be written is said before there is something to write. */
static int begin_results(struct run_task *t, bool ours, struct err *err)
{
	_cleanup_free_ char *dir = task_results(t), *lost = core_absolute(places_lost(t->core, t->id));
	int r = dir ? results_make(dir, t->task->tty, &t->results_made, err) : 0;

	if (r >= 0 && dir && ours)
		t->results = results_new(dir, lost);
	return r;
}

/* With the heir. */
static struct ledger *share_output(struct run_task *t)
{
	if (t->log || t->results)
		t->ledger = ledger_new();
	if (t->log)
		logfile_share(t->log, t->ledger);
	if (t->results)
		results_share(t->results, t->ledger);
	return t->ledger;
}

int io_begin(void *state, const struct ctx *ctx, struct err *err)
{
	struct run_task *t = state;
	const bool alone = t->run->n_tasks == 1;
	_cleanup_free_ char *dir = places_run(t->core, t->run->id),
			    *fifos = alone ? mem_printf("%s/io", dir) : mem_printf("%s/io-%zu", dir, t->index),
			    *path = places_log(t->core, t->id);
	_cleanup_(log_uri_done) struct log_uri uri = { 0 };
	const bool of_shim = shim_is_heir(t->run);
	_cleanup_free_ char *number = mem_printf("%zu", t->index), *attach = places_attach(t->core, t->run->id, number);
	struct streams_conf conf = { .dir = fifos,
				     .tty = t->task->tty,
				     .stdin_open = t->task->stdin_open && gets_input(t),
				     .detach_keys = t->run->opts->detach_keys,
				     .sig_proxy = t->run->opts->sig_proxy,
				     .console = alone ? t->run->opts->console : NULL };
	int r = 0;

	(void)ctx;
	if (t->task->log == JOB_LOG_JOURNALD)
		r = journal_check(NULL, err);
	if (r >= 0)
		r = begin_results(t, t->run->opts->mode == RUN_FOREGROUND && !of_shim, err);
	if (r < 0)
		return r;
	if (t->run->opts->mode != RUN_FOREGROUND)
		return detached_streams(t, fifos, err);
	if (of_shim)
		shim_streams_uri(t, &uri);
	if (t->task->log == JOB_LOG_JOURNALD)
		t->log = task_logger_journal(t);
	else if (!of_shim && keeps_log(t))
		r = logfile_open(path, t->task->log_max_size, t->task->log_max_files, &t->log, err);
	conf.log = t->log;
	conf.results = t->results;
	conf.ledger = share_output(t);
	conf.uri = of_shim ? &uri : NULL;
	conf.attach = of_shim ? NULL : attach;
	if (!alone)
		crew_conf(t->run, t->index, &conf);
	return r < 0 ? r : streams_new(&conf, t->core->loop, &t->streams, err);
}

static void results_undo(struct run_task *t)
{
	_cleanup_free_ char *dir = task_results(t);

	results_free(TAKE_PTR(t->results));
	if (dir)
		results_unmake(dir, &t->results_made);
	t->results_made = (struct results_made){ 0 };
}

void io_undo(void *state, const struct ctx *ctx)
{
	struct run_task *t = state;

	(void)ctx;
	held_drop(t);
	task_logger_leave(t);
	streams_free(TAKE_PTR(t->streams));
	logfile_free(TAKE_PTR(t->log));
	results_undo(t);
	ledger_free(TAKE_PTR(t->ledger));
	run_close_fifos(t);
}
