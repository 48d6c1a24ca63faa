/* Theory of operation: each task has streams of its own, which copy while one loop turns, whoever turns it: the start's graph, a
 * wait here, or the graph that stops some of them. Lines of several come to one place as wholes (outlet.h). A leader's end stops
 * the others, and the end of the last main task stops the sidecars, in the order of any stop (stop.h). */
#include "crew.h"
#include "job-exit.h"
#include "job-order.h"
#include "job-over.h"
#include "job-pod.h"
#include "mem.h"
#include "term.h"
#include "monitored.h"
#include "stop.h"
#include "task-wait.h"
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

enum { FORCE_AFTER = 3 };

static bool is_one_place(void)
{
	struct stat out, err;

	return fstat(STDOUT_FILENO, &out) == 0 && fstat(STDERR_FILENO, &err) == 0 && out.st_dev == err.st_dev &&
	       out.st_ino == err.st_ino;
}

void crew_conf(struct run *run, size_t task, struct streams_conf *conf)
{
	if (!run->prefixes.n)
		prefixes_make(run->job, term_color(STDOUT_FILENO), &run->prefixes);
	conf->prefix = run->prefixes.v[task];
	conf->turns[LOG_STDOUT] = &run->turns[LOG_STDOUT];
	conf->turns[LOG_STDERR] = &run->turns[is_one_place() ? LOG_STDOUT : LOG_STDERR];
}

void crew_join(struct run_task *t)
{
	t->joined = true;
	t->gone = false;
	streams_begin(t->streams, t->core, t->id, NULL, TAKE_PTR(t->wait));
}

static bool goes_on(const struct run_task *t) { return t->joined && !t->gone; }

void crew_leave(struct run *run)
{
	for (size_t i = 0; i < run->n_tasks; i++)
		if (goes_on(&run->tasks[i]))
			streams_leave(run->tasks[i].streams);
}

/* The others of a pod end in their own time, and then its sandbox does: the machine ends with that. */
static bool takes_signal(const struct run_task *t, int sig) { return goes_on(t) && (!t->task->sandbox || sig == SIGKILL); }

void crew_signal(struct run *run, int sig)
{
	for (size_t i = 0; i < run->n_tasks; i++)
		if (takes_signal(&run->tasks[i], sig))
			streams_signal(run->tasks[i].streams, sig);
}

static size_t crew_exits(const struct run *run, struct ctrd_exit *out)
{
	for (size_t i = 0; i < run->n_tasks; i++)
		out[i] = run->tasks[i].exit;
	return run->n_tasks;
}

int crew_exit_code(const struct run *run)
{
	_cleanup_free_ struct ctrd_exit *exits = mem_array(struct ctrd_exit, run->n_tasks);
	const struct ctrd_exit all = job_exit_of(run->job, exits, crew_exits(run, exits));
	int code = (int)all.status;

	for (size_t i = 0; i < run->n_tasks && (!code || code == STREAMS_LOST); i++)
		if (run->tasks[i].joined)
			code = streams_exit_code(run->tasks[i].streams, &all);
	return code;
}

/* what ends with others */

static bool main_is_over(const struct run *run)
{
	const size_t main_task = job_main_task(run->job);

	if (run->job->tasks[main_task].leader)
		return !goes_on(&run->tasks[main_task]);
	for (size_t i = 0; i < run->n_tasks; i++)
		if (task_decides(run->tasks[i].task) && goes_on(&run->tasks[i]))
			return false;
	return true;
}

/* That of a pod is, with its sandbox: what a shim leaves of the others runs in nothing. */
static bool machine_is_gone(const struct run *run) { return job_is_pod(run->job) && run->tasks[0].joined && run->tasks[0].gone; }

/* Of those that go on, the ones that a leader's or the main tasks' end ends, or their machine's. */
static size_t to_be_stopped(const struct run *run, bool *which)
{
	const bool all = run->job->tasks[job_main_task(run->job)].leader || machine_is_gone(run);
	size_t n = 0;

	for (size_t i = 0; i < run->n_tasks; i++) {
		which[i] = goes_on(&run->tasks[i]) && (all || run->tasks[i].task->sidecar);
		n += which[i];
	}
	return n;
}

static int end_stranded(struct run *run, struct core *core, const struct ctx *ctx, struct err *err)
{
	_cleanup_(job_over_freep) struct job_over *unused = NULL;

	return job_over_terminate(core, run->id, ctx, &unused, err);
}

int crew_stop_others(struct run *run, struct core *core, struct err *err)
{
	_cleanup_free_ bool *which = mem_array(bool, run->n_tasks);
	_cleanup_(record_done) struct record rec = { 0 };
	const bool stranded = machine_is_gone(run);
	const struct ctx ctx = ctx_none();
	int r;

	if (!main_is_over(run) && !stranded) { /* or again: in a set another's failure may have started it anew */
		run->others_stopped = false;
		return 0;
	}
	if (run->others_stopped || run->stopping || monitored_to_the_end(run->job) || !to_be_stopped(run, which))
		return 0;
	run->others_stopped = true;
	r = stranded ? end_stranded(run, core, &ctx, err) : record_get(core, run->id, &ctx, &rec, err);
	if (r >= 0 && !stranded)
		r = stop_tasks(core, &rec, -1, which, &ctx, err);
	return r == -ERR_NOT_FOUND ? (err_clear(err), 1) : r < 0 ? r : 1;
}

struct crew {
	struct run *run;
	struct core *core;
	struct task_wait **ends;       /* of detached tasks; NULL: their streams know */
	const struct console *console; /* NULL: signals are not ours */
	struct console_was was;
	int sigfd;
	struct watch watch;
	unsigned interrupts;
};

/* The third Ctrl-C kills. */
static void crew_on_signal(void *arg, short revents)
{
	struct crew *c = arg;
	struct signalfd_siginfo si;
	int sig;

	(void)revents;
	if (read(c->sigfd, &si, sizeof si) != (ssize_t)sizeof si || si.ssi_signo == SIGWINCH)
		return;
	sig = (int)si.ssi_signo;
	if ((sig == SIGINT || sig == SIGTERM) && ++c->interrupts >= FORCE_AFTER)
		sig = SIGKILL;
	crew_signal(c->run, sig);
}

static void crew_open(struct crew *c)
{
	c->sigfd = c->console ? c->console->signals_take(c->run->opts->sig_proxy ? CONSOLE_ALL : CONSOLE_WINCH, &c->was) : -1;
	if (c->sigfd >= 0)
		watch_init(&c->watch, c->core->loop, c->sigfd, POLLIN, crew_on_signal, c);
}

static void crew_close(struct crew *c)
{
	watch_done(&c->watch);
	if (c->sigfd >= 0)
		c->console->signals_give_back(TAKE_FD(c->sigfd), &c->was);
}

/* 0: it does; STREAMS_EXITED; or how it ends for us. */
static int look_at_task(const struct crew *c, size_t i, struct err *err)
{
	struct run_task *t = &c->run->tasks[i];
	int r;

	if (!c->ends)
		return streams_go_on(t->streams, &t->exit, err);
	if (!task_wait_over(c->ends[i]))
		return 0;
	r = task_wait_result(c->ends[i], &t->exit, err);
	return r < 0 ? r : STREAMS_EXITED;
}

/* How many go on; or how it ends for us. */
static int crew_look(const struct crew *c, size_t *ret_open, struct err *err)
{
	*ret_open = 0;
	for (size_t i = 0; i < c->run->n_tasks; i++) {
		struct run_task *t = &c->run->tasks[i];
		int r = goes_on(t) ? look_at_task(c, i, err) : STREAMS_EXITED;

		if (r == -ERR_NOT_FOUND) /* somebody has removed it */
			err_clear(err);
		t->gone |= r == STREAMS_EXITED || r == -ERR_NOT_FOUND;
		*ret_open += r == 0;
		if (r && !t->gone)
			return r;
	}
	return 0;
}

static int crew_turn(struct crew *c, const struct ctx *ctx, struct err *err)
{
	size_t open = 0;
	int r;

	while ((r = crew_look(c, &open, err)) == 0 && open) {
		r = crew_stop_others(c->run, c->core, err);
		if (r == 0) /* else it has turned the loop, and others may have ended */
			r = loop_turn(c->core->loop, ctx, err);
		if (r < 0)
			break;
	}
	return r;
}

int crew_wait(struct run *run, struct core *core, struct err *err)
{
	_cleanup_free_ struct task_wait **ends = mem_array(struct task_wait *, run->n_tasks);
	const struct ctx ctx = ctx_none();
	struct crew c = { .run = run, .core = core, .ends = ends };
	int r;

	for (size_t i = 0; i < run->n_tasks; i++)
		ends[i] = run->tasks[i].joined ? task_wait_new(core, run->tasks[i].id, NULL, NULL) : NULL;
	r = crew_turn(&c, &ctx, err);
	for (size_t i = 0; i < run->n_tasks; i++)
		task_wait_free(ends[i]);
	return r;
}

int crew_run(struct run *run, struct core *core, const struct ctx *ctx, struct err *err)
{
	const bool ours = core == run->core;
	const struct ctx own = run->opts->sig_proxy || !ctx ? ctx_uncancelled(ctx) : *ctx;
	struct crew c = { .run = run, .core = core, .console = ours ? run->opts->console : NULL };
	int r;

	crew_open(&c);
	r = crew_turn(&c, &own, err);
	crew_close(&c);
	if (r)
		crew_leave(run);
	return r ? r : STREAMS_EXITED;
}
