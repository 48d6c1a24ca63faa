#include "reaper.h"
#include "mem.h"
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int pidfd_signal(int pidfd, int sig) { return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0); }

int reap_open(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), r = errno;

	if (fd >= 0)
		return fd;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return -r;
}

static int reap_status(const siginfo_t *si)
{
	if (si->si_code == CLD_EXITED)
		return W_EXITCODE(si->si_status, 0);
	return W_EXITCODE(0, si->si_status) | (si->si_code == CLD_DUMPED ? WCOREFLAG : 0);
}

int reap_take(int pidfd, bool wait)
{
	siginfo_t si = { 0 };
	int r;

	do
		r = waitid(P_PIDFD, (id_t)pidfd, &si, WEXITED | (wait ? 0 : WNOHANG)) < 0 ? -errno : 0;
	while (r == -EINTR);
	if (r < 0)
		return r;
	return si.si_pid ? reap_status(&si) : -EAGAIN;
}

static void on_reap(void *arg, short revents)
{
	struct reap *r = arg;
	void (*ended)(void *, int) = r->ended;
	int status = reap_take(r->pidfd, false);

	(void)revents;
	if (status == -EAGAIN)
		return;
	arg = r->arg;
	reap_done(r);
	ended(arg, status < 0 ? REAP_UNKNOWN : status);
}

void reap_init(struct reap *r, struct loop *l, int pidfd, void (*ended)(void *arg, int status), void *arg)
{
	*r = (struct reap){ .pidfd = pidfd, .ended = ended, .arg = arg };
	watch_init(&r->watch, l, pidfd, POLLIN, on_reap, r);
	list_push(loop_reaps(l), &r->node);
}

bool reap_knows(struct loop *l, pid_t pid)
{
	list_for_each(node, loop_reaps(l)) {
		const struct reap *r = container_of(node, struct reap, node);
		siginfo_t si = { 0 };

		if (waitid(P_PIDFD, (id_t)r->pidfd, &si, WEXITED | WNOHANG | WNOWAIT) == 0 && si.si_pid == pid)
			return true;
	}
	return false;
}

int reap_kill(const struct reap *r, int sig) { return reap_on(r) && pidfd_signal(r->pidfd, sig) < 0 ? -errno : 0; }

void reap_end(struct reap *r)
{
	if (!reap_on(r))
		return;
	(void)reap_kill(r, SIGKILL);
	(void)reap_take(r->pidfd, true);
	reap_done(r);
}

void reap_done(struct reap *r)
{
	if (!reap_on(r))
		return;
	watch_done(&r->watch);
	list_unlink(&r->node);
	(void)close(r->pidfd);
	*r = (struct reap){ 0 };
}

struct reaper {
	struct loop *loop;
	struct list_node orphans;
	size_t n;
};

struct orphan {
	struct reaper *of;
	struct list_node node;
	struct reap reap;
};

struct reaper *reaper_new(struct loop *l)
{
	struct reaper *r = mem_new(struct reaper);

	r->loop = l;
	list_init(&r->orphans);
	return r;
}

static void orphan_free(struct orphan *o)
{
	reap_done(&o->reap);
	list_unlink(&o->node);
	o->of->n--;
	free(o);
}

static void orphan_ended(void *arg, int status)
{
	(void)status;
	orphan_free(arg);
}

/* Without a descriptor to know it by it stays a zombie: better than to kill it. */
void reaper_adopt(struct reaper *r, pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct orphan *o;

	if (fd < 0)
		return;
	o = mem_new(struct orphan);
	o->of = r;
	list_push(&r->orphans, &o->node);
	r->n++;
	reap_init(&o->reap, r->loop, fd, orphan_ended, o);
}

size_t reaper_count(const struct reaper *r) { return r->n; }

void reaper_free(struct reaper *r)
{
	if (!r)
		return;
	list_for_each(node, &r->orphans)
		orphan_free(container_of(node, struct orphan, node));
	free(r);
}
