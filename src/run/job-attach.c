/* Theory of operation: whoever reads the task's output (davit's own shim, davit-logger, a davit in the foreground or its heir)
 * hands it to us, too (attach.h); relay.h makes descriptors of that, which are copied as those of a process of our own. Of the log
 * we read what came before the moment from which on we have it from there, so that nothing is missing between, or comes twice. */
#include "job-attach.h"
#include "job-name.h"
#include "mem.h"
#include "record.h"
#include "relay.h"
#include "streams.h"
#include "task.h"
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { BEGIN_MS = 10000 };

struct attaching {
	struct core *core;
	struct record rec; /* the task's */
	const struct task *task;
	const struct attach_opts *opts;
	struct relay *relay;
	int fds[3];
	pid_t pid;              /* which life of it, 0: not known */
	struct ctrd_call *wait; /* for the end of that */
	struct ctrd_call *look; /* whether it goes on */
	int64_t at;             /* when it began; 0: not yet */
	bool ended;
};

static void attaching_done(struct attaching *a)
{
	relay_free(a->relay);
	ctrd_call_free(a->wait);
	ctrd_call_free(a->look);
	for (int i = 0; i < 3; i++)
		closep(&a->fds[i]);
	record_done(&a->rec);
}

static void attaching_on_begun(void *arg, int64_t at) { ((struct attaching *)arg)->at = at; }
static void attaching_on_ended(void *arg) { ((struct attaching *)arg)->ended = true; }

static void say_lost(const struct attaching *a, uint64_t bytes)
{
	core_notice(a->core, "%" PRIu64 " bytes of output came faster than they were taken here; the log has them", bytes);
}

static void attaching_on_lost(void *arg, uint64_t bytes, int64_t since, int64_t until)
{
	(void)since;
	(void)until;
	say_lost(arg, bytes);
}

/* A task that was started again has another process. Where nobody can say, it goes on. */
static void attaching_on_looked(void *arg)
{
	struct attaching *a = arg;
	struct task_status t = { 0 };
	int r = task_look_end(TAKE_PTR(a->look), NULL, &t, NULL);

	relay_go_on(a->relay, r < 0 || t.state == TASK_UNKNOWN || (task_may_live(&t) && (!a->pid || t.pid == a->pid)));
}

static void attaching_on_again(void *arg)
{
	struct attaching *a = arg;

	a->look = task_look_begin(a->core, a->rec.c.id, NULL, NULL);
	ctrd_call_notify(a->look, attaching_on_looked, a);
}

/* finding it */

static int check_running(struct attaching *a, const struct ctx *ctx, struct err *err)
{
	const struct ctx forever = ctx_endless(NULL);
	struct task_status t;
	int r;

	a->wait = tasks_wait_begin(a->core->ctrd, a->rec.c.id, NULL, &forever); /* not for the end of another life */
	r = task_look(a->core, a->rec.c.id, ctx, &t, err);
	if (r < 0)
		return r;
	a->pid = t.pid;
	if (task_may_live(&t))
		return 0;
	return err_hint(err, err_set(err, ERR_PRECONDITION, "it does not run"), "davit start -a %s", a->rec.name);
}

static int check_input(const struct attaching *a, struct err *err)
{
	if (a->task->tty && a->task->stdin_open && !a->opts->no_stdin && !isatty(STDIN_FILENO))
		return err_hint(err, err_set(err, ERR_INVALID, "it has a terminal, and standard input is none"),
				"davit attach --no-stdin, or davit logs -f %s", a->rec.name);
	return 0;
}

static int attaching_find(struct attaching *a, const char *name, const struct ctx *ctx, struct err *err)
{
	bool all = false;
	int r = record_find_task(a->core, name, ctx, &a->rec, &all, err);

	if (r < 0)
		return r;
	if (!a->rec.job)
		return err_set(err, ERR_PRECONDITION, "job %s: davit has not made it", name);
	if (all)
		return err_hint(err, err_set(err, ERR_PRECONDITION, "job %s has several tasks", name),
				"name one, JOB.TASK, or follow all: davit logs -f %s", name);
	a->task = &a->rec.job->tasks[a->rec.task];
	r = check_running(a, ctx, err);
	return r < 0 ? r : check_input(a, err);
}

/* its streams */

static int nobody_reads(const struct attaching *a, struct err *err)
{
	const struct task *t = a->task;

	err_clear(err);
	if (t->log == JOB_LOG_NONE && !t->tty && !t->stdin_open)
		return err_hint(err, err_set(err, ERR_PRECONDITION, "it keeps no log, so nobody reads what it prints"),
				"run it without --log-driver none, or with -i or -t");
	return err_hint(err, err_set(err, ERR_UNAVAILABLE, "nobody reads what it prints"),
			"was its davit-logger killed? davit restart %s", a->rec.name);
}

static int attaching_begin(struct attaching *a, const struct ctx *ctx, struct err *err)
{
	const char *job_id = record_job_id(&a->rec);
	_cleanup_free_ char *number = mem_printf("%zu", a->rec.task), *socket = places_attach(a->core, job_id, number);
	const struct relay_told told = { .begun = attaching_on_begun,
					 .lost = attaching_on_lost,
					 .ended = attaching_on_ended,
					 .again = attaching_on_again,
					 .arg = a };
	const bool input = a->task->stdin_open && !a->opts->no_stdin;
	const struct ctx within = ctx_within(ctx, BEGIN_MS);
	int r = relay_new(a->core->loop, socket, input, a->task->tty, &told, &a->relay, a->fds, err);

	if (r == -ERR_NOT_FOUND || r == -ERR_UNAVAILABLE)
		return nobody_reads(a, err);
	while (r >= 0 && !a->at && !a->ended)
		r = loop_turn(a->core->loop, &within, err);
	if (r >= 0 && !a->at && relay_refused(a->relay))
		return err_hint(err, err_set(err, ERR_EXHAUSTED, "its output: too many are attached"),
				"leave one of them, or: davit logs -f %s", a->rec.name);
	return r < 0 ? err_wrap(err, r, "its output") : 0;
}

static int read_log(const struct attaching *a, int64_t tail, int64_t since, int64_t until, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *path = places_log(a->core, a->rec.c.id);
	const struct logread read = { .path = path,
				      .tail = tail,
				      .pieces = true,
				      .since = since,
				      .until = until,
				      .out_fd = STDOUT_FILENO,
				      .err_fd = STDERR_FILENO,
				      .wake_fd = -1 };

	return logfile_read(&read, ctx, err);
}

/* Its last words, where we were too slow for them: nothing more comes, so there is time for that. */
static void show_last(const struct attaching *a, const struct ctx *ctx)
{
	const struct relay_lost last = relay_lost_last(a->relay);

	if (last.bytes && (a->task->log != JOB_LOG_FILE || read_log(a, -1, last.since, last.until, ctx, NULL) < 0))
		say_lost(a, last.bytes);
}

/* What came before. Nothing of what comes meanwhile is taken. */
static int show_log(const struct attaching *a, const struct ctx *ctx, struct err *err)
{
	int r;

	if (!a->opts->tail || !a->at || a->task->log != JOB_LOG_FILE)
		return 0;
	relay_pause(a->relay, true);
	r = read_log(a, a->opts->tail, 0, a->at, ctx, err);
	relay_pause(a->relay, false);
	if (r == -ERR_NOT_FOUND) /* nothing was written yet */
		return err_clear(err), 0;
	return r < 0 ? r : 0;
}

static int attaching_run(struct attaching *a, const struct ctx *ctx, struct run_result *ret, struct err *err)
{
	const struct streams_conf conf = { .given = a->fds,
					   .tty = a->task->tty,
					   .stdin_open = a->fds[0] >= 0,
					   .detach_keys = a->opts->detach_keys,
					   .sig_proxy = a->opts->sig_proxy,
					   .console = a->opts->console,
					   .redraw = a->task->tty };
	_cleanup_(streams_freep) struct streams *s = NULL;
	struct ctrd_exit exit = { 0 };
	int r = streams_new(&conf, a->core->loop, &s, err);

	if (r < 0)
		return r;
	a->fds[0] = a->fds[1] = a->fds[2] = -1;
	r = streams_run(s, a->core, a->rec.c.id, NULL, TAKE_PTR(a->wait), ctx, &exit, err);
	if (r < 0)
		return r;
	if (r == STREAMS_EXITED)
		show_last(a, ctx);
	ret->exited = r == STREAMS_EXITED;
	ret->detached = r == STREAMS_DETACHED;
	if (r == STREAMS_EXITED)
		ret->exit_code = streams_exit_code(s, &exit);
	else if (r != STREAMS_DETACHED)
		ret->exit_code = r == STREAMS_UNREAD ? STREAMS_SIGPIPE : STREAMS_SIGHUP;
	return 0;
}

int job_attach(struct core *c, const char *name, const struct attach_opts *opts, const struct ctx *ctx, struct run_result *ret,
	       struct err *err)
{
	_cleanup_(attaching_done) struct attaching a = { .core = c, .opts = opts, .fds = { -1, -1, -1 } };
	struct run_result res = { 0 };
	int r = attaching_find(&a, name, ctx, err);

	if (r >= 0)
		r = attaching_begin(&a, ctx, err);
	if (r >= 0)
		r = show_log(&a, ctx, err);
	if (r >= 0)
		r = attaching_run(&a, ctx, &res, err);
	if (r < 0)
		return r == -ERR_CANCELLED || !a.rec.name ? r : err_wrap(err, r, "attach to job %s", a.rec.name);
	res.name = mem_strdup(a.rec.name);
	res.id = mem_strdup(record_job_id(&a.rec));
	*ret = res;
	return 0;
}
