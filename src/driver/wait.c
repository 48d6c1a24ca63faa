/* Theory of operation: two calls begin with a task: the Wait (task-wait.h, which outlasts any containerd), and a look that tells
 * the first process, of which a pidfd is held. The end comes by the Wait. Where containerd says that there is no such task, its
 * record is asked for: davit writes there how a task ended before it deletes it. Is nothing there either, the kernel is asked by
 * the pidfd.
 *
 * The cgroup stays until the task is deleted, which only Nomad's DestroyTask does: so what it says at the end is read then, and
 * needs no event, which a plugin that was away would have missed. */
#include "wait.h"
#include "cgroup.h"
#include "clearing.h"
#include "clock.h"
#include "containers.h"
#include "labels.h"
#include "log.h"
#include "mem.h"
#include "pid-exit.h"
#include "record.h"
#include "task-wait.h"
#include "task.h"
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	WAIT_LOOK_MS = 15000,
	WAIT_LOOK_AGAIN_MS = 5000,
	WAIT_RECORD_AGAIN_MS = 1000,
	WAIT_RECORD_MAX_MS = 15000,
	WAIT_LIVES_MS = 500,
	WAIT_COLLECTED_MS = 50,
	WAIT_PATIENCE_MS = 10000,
	EXIT_UNKNOWN = 255
};

struct waiting {
	struct handle *of;
	struct core core; /* in the task's namespace */
	struct task_wait *wait;
	struct ctrd_call *look;   /* for its process */
	struct ctrd_call *record; /* for how it ended */
	struct timer look_again;  /* where that was not answered */
	struct timer record_again;
	int64_t record_ms;      /* the pause before that; 0: there was none */
	struct timer collected; /* its process may have been by now */
	int64_t patience;
	int pidfd; /* -1: none */
	struct cgroup_of cgroup;
	struct oom_looks oom;
};

/* the cgroup */

void wait_cgroup(const struct handle_kept *k, const char *host, struct cgroup_of *ret)
{
	static const char fs[] = "/sys/fs/cgroup";
	const bool below = k->cgroup && !strncmp(k->cgroup, fs, sizeof fs - 1);
	_cleanup_free_ char *root = mem_printf("%s%s", host, fs);

	cgroup_of_name(root, &(const struct cgroup_name){ k->ns, k->container, below ? k->cgroup + sizeof fs - 1 : k->cgroup },
		       ret);
}

void oom_look(struct oom_looks *l, uint64_t kills, int64_t now)
{
	if (kills > l->seen)
		l->grew = now;
	l->seen = kills;
}

bool oom_was_cause(const struct oom_looks *l, uint64_t kills, unsigned status, int64_t now)
{
	return status && (kills > l->seen || (l->grew && now - l->grew < OOM_RECENT_MS * NSEC_PER_MSEC));
}

static int usage_of(struct waiting *w, struct cgroup_usage *ret, struct err *err)
{
	const char *host = w->core.conf.host_root;

	if (!cgroup_of_any(&w->cgroup))
		wait_cgroup(&w->of->kept, host ? host : "", &w->cgroup);
	return cgroup_usage(&w->cgroup, ret, err);
}

int wait_usage(struct handle *h, struct cgroup_usage *ret, struct err *err)
{
	struct waiting *w = h->waiting;
	int r;

	if (!w)
		return err_set(err, ERR_PRECONDITION, "task %s: does not run", h->kept.task_id);
	r = usage_of(w, ret, err);
	if (r < 0)
		return err_wrap(err, r, "task %s", h->kept.task_id);
	oom_look(&w->oom, ret->v[CGROUP_OOM_KILLS], clock_mono());
	return 0;
}

/* the end */

struct handle_exit wait_exit(unsigned status, int64_t at, bool oom)
{
	struct handle_exit x = { .at = at, .code = (int)status, .oom = oom };

	if (status > 128 && (int)status - 128 < NSIG)
		x.signal = (int)status - 128;
	return x;
}

static void waiting_free(struct waiting *w)
{
	task_wait_free(w->wait);
	ctrd_call_free(w->look);
	timer_done(&w->look_again);
	timer_done(&w->record_again);
	timer_done(&w->collected);
	ctrd_call_free(w->record);
	core_leave(&w->core);
	closep(&w->pidfd);
	cgroup_of_done(&w->cgroup);
	free(w);
}

/* Its handle goes, or is destroyed: whoever still waits then hears that as its end. */
static void wait_end_early(struct handle *h)
{
	struct handle_exit x = { .at = clock_wall(), .code = EXIT_UNKNOWN };

	waiting_free(TAKE_PTR(h->waiting));
	if (!h->destroyed)
		return;
	x.err = mem_strdup("the task was destroyed before its end was known");
	handle_exited(h, &x);
}

static void waiting_tell(struct waiting *w, struct handle_exit *x)
{
	struct handle *h = w->of;

	h->waiting = NULL;
	h->waiting_end = NULL;
	waiting_free(w);
	handle_exited(h, x);
}

static void waiting_tell_status(struct waiting *w, unsigned status, int64_t at)
{
	struct cgroup_usage u = { 0 };
	const bool known = usage_of(w, &u, NULL) >= 0; /* else what was seen before counts */
	const uint64_t kills = known ? u.v[CGROUP_OOM_KILLS] : w->oom.seen;
	struct handle_exit x = wait_exit(status, at, oom_was_cause(&w->oom, kills, status, clock_mono()));

	waiting_tell(w, &x);
}

static bool process_lives(const struct waiting *w)
{
	struct pollfd p = { .fd = w->pidfd, .events = POLLIN };

	return w->pidfd >= 0 && poll(&p, 1, 0) == 0;
}

bool wait_signal(const struct handle *h, int sig)
{
	const struct waiting *w = h->waiting;

	return w && process_lives(w) && syscall(SYS_pidfd_send_signal, w->pidfd, sig, NULL, 0) == 0;
}

/* containerd knows nothing of it. Its process may still be on its way: containerd forgets first, and then ends what is left. */
static void waiting_tell_kernels(void *arg)
{
	struct waiting *w = arg;
	struct handle_exit x = { .at = clock_wall(), .code = EXIT_UNKNOWN };
	const bool lives = process_lives(w);
	int status = 0, r = w->pidfd < 0 ? -ERR_NOT_FOUND : pid_exit_status(w->pidfd, &status, NULL);

	if (lives)
		w->patience = clock_mono() + WAIT_PATIENCE_MS * NSEC_PER_MSEC;
	if (lives || (r == -ERR_PRECONDITION && clock_mono() < w->patience)) {
		timer_set(&w->collected, clock_mono() + (lives ? WAIT_LIVES_MS : WAIT_COLLECTED_MS) * NSEC_PER_MSEC);
		return;
	}
	if (r >= 0) {
		waiting_tell_status(w, (unsigned)(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status)), x.at);
		return;
	}
	x.err = mem_printf("task %s: containerd has forgotten it, and how it ended is not known", w->of->kept.task_id);
	waiting_tell(w, &x);
}

static void record_ask_later(struct waiting *w)
{
	if (!w->record_ms)
		log_warn("task %s: containerd does not say how it ended: it is asked again", w->of->kept.task_id);
	w->record_ms = w->record_ms ? w->record_ms * 2 : WAIT_RECORD_AGAIN_MS;
	if (w->record_ms > WAIT_RECORD_MAX_MS)
		w->record_ms = WAIT_RECORD_MAX_MS;
	timer_set(&w->record_again, clock_mono() + w->record_ms * NSEC_PER_MSEC);
}

static void on_record(void *arg)
{
	struct waiting *w = arg;
	_cleanup_(ctrd_containers_done) struct ctrd_containers found = { 0 };
	int code, r = containers_list_end(TAKE_PTR(w->record), NULL, &found, NULL);
	int64_t at;

	if (clearing_may_come(r) || r == -ERR_CANCELLED) { /* who does not answer has not forgotten */
		record_ask_later(w);
		return;
	}
	if (found.n == 1) {
		const struct record rec = { .c = found.v[0] };

		if (record_exit(&rec, &code, &at)) {
			waiting_tell_status(w, (unsigned)code, at);
			return;
		}
	}
	w->patience = clock_mono() + WAIT_PATIENCE_MS * NSEC_PER_MSEC;
	timer_init(&w->collected, w->core.loop, waiting_tell_kernels, w);
	waiting_tell_kernels(w);
}

static void wait_ask_record(struct waiting *w)
{
	const struct ctx within = ctx_within(NULL, WAIT_LOOK_MS);
	_cleanup_free_ char *filter = mem_printf("id==%s", w->of->kept.container);

	w->record = containers_list_begin(w->core.ctrd, filter, &within);
	ctrd_call_notify(w->record, on_record, w);
}

static void wait_ask_record_again(void *arg)
{
	struct waiting *w = arg;

	(void)core_reconnect(&w->core, NULL);
	wait_ask_record(w);
}

static void on_wait_over(void *arg)
{
	struct waiting *w = arg;
	struct ctrd_exit exit = { 0 };
	int r = task_wait_result(w->wait, &exit, NULL);

	if (r >= 0)
		waiting_tell_status(w, exit.status, exit.at);
	else
		wait_ask_record(w);
}

/* the begin */

/* Is it the process of a task of ours, and not one that has its number since? */
static bool process_is_in(const struct waiting *w, pid_t pid)
{
	const char *host = w->core.conf.host_root;
	struct cgroup_of its = { 0 };
	const char *at;
	bool is = false;

	if (cgroup_of(host ? host : "", pid, &its, NULL) < 0)
		return false;
	at = cgroup_of_any(&its);
	is = at && (strstr(at, w->of->kept.container) || (w->of->kept.cgroup && strstr(at, w->of->kept.cgroup)));
	cgroup_of_done(&its);
	return is;
}

/* A task that was started long ago, by another plugin, has borne what kills there were. */
static void wait_spare_past(struct waiting *w)
{
	struct cgroup_usage u;

	if (clock_wall() - w->of->kept.started_at > OOM_RECENT_MS * NSEC_PER_MSEC && usage_of(w, &u, NULL) >= 0)
		w->oom.seen = u.v[CGROUP_OOM_KILLS];
}

static void on_wait_looked(void *arg)
{
	struct waiting *w = arg;
	struct task_status t = { 0 };

	if (task_look_end(TAKE_PTR(w->look), NULL, &t, NULL) < 0) {
		timer_set(&w->look_again, clock_mono() + WAIT_LOOK_AGAIN_MS * NSEC_PER_MSEC);
		return;
	}
	if (task_may_live(&t)) {
		w->pidfd = pid_exit_open(t.pid);
		wait_spare_past(w);
	}
	if (w->pidfd >= 0 && !process_is_in(w, t.pid))
		(void)close(TAKE_FD(w->pidfd));
}

static void wait_look(void *arg)
{
	const struct ctx within = ctx_within(NULL, WAIT_LOOK_MS);
	struct waiting *w = arg;

	(void)core_reconnect(&w->core, NULL);
	w->look = task_look_begin(&w->core, w->of->kept.container, NULL, &within);
	ctrd_call_notify(w->look, on_wait_looked, w);
}

void wait_before(struct handle *h, const char *host)
{
	struct cgroup_of c = { 0 };
	struct cgroup_usage u;

	if (!h->kept.cgroup)
		return;
	wait_cgroup(&h->kept, host, &c);
	if (cgroup_usage(&c, &u, NULL) >= 0)
		h->oom_before = u.v[CGROUP_OOM_KILLS];
	cgroup_of_done(&c);
}

void wait_begin(struct handle *h, struct core *core)
{
	struct waiting *w;

	if (h->waiting || h->state == HANDLE_EXITED)
		return;
	w = mem_new(struct waiting);
	*w = (struct waiting){ .of = h, .core = core_in(core, h->kept.ns), .pidfd = -1 };
	w->oom.seen = h->oom_before;
	h->waiting = w;
	h->waiting_end = wait_end_early;
	w->wait = task_wait_new(&w->core, h->kept.container, NULL, NULL);
	task_wait_notify(w->wait, on_wait_over, w);
	timer_init(&w->look_again, core->loop, wait_look, w);
	timer_init(&w->record_again, core->loop, wait_ask_record_again, w);
	wait_look(w);
}
