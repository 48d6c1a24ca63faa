#include "own-stop.h"
#include "beneath.h"
#include "mem.h"
#include "own-process.h"
#include "own-tasks.h"
#include "places.h"
#include "reaper.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

enum { STOP_MS = 15000, STATE_DEPTH_MAX = 16 };

/* 0 when nothing runs any more. */
static int clear_tasks(const struct core_conf *conf, bool force, const struct ctx *ctx, struct err *err)
{
	const struct ctx limit = ctx_within(ctx, STOP_MS);
	_cleanup_(core_freep) struct core *l = NULL;
	_cleanup_(own_tasks_done) struct own_tasks live = { 0 };
	int r = own_link(conf, &l, err);

	if (r >= 0)
		r = own_tasks_list(l, &limit, &live, err);
	if (r < 0 || !live.n)
		return r;
	if (force)
		return own_tasks_end(l, &live, ctx, err);
	r = err_set(err, ERR_PRECONDITION, "%zu %s, the first is %s in namespace %s", live.n, live.n == 1 ? "job runs" : "jobs run",
		    live.v[0].id, live.v[0].ns);
	return err_hint(err, r, "stop what runs, or: davit engine stop --force");
}

static int engine_wait_end(int pidfd, const struct ctx *ctx, struct err *err)
{
	struct pollfd pfd[] = {
		{ .fd = pidfd, .events = POLLIN },
		{ .fd = ctx->cancel ? ctx->cancel->fd : -1, .events = POLLIN },
	};

	while (poll(pfd, 1, 0) == 0) {
		int r = ctx_check(ctx, err);

		if (r < 0)
			return r;
		(void)poll(pfd, 2, ctx_poll_ms(ctx));
	}
	return 0;
}

/* What runs on has its root mounted below: nothing of a mount is entered, whatever its job does in it. */
static void drop_empty(int at, const char *name, unsigned depth)
{
	_cleanup_close_ int fd = depth < STATE_DEPTH_MAX ? beneath_open(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) : -1;
	_cleanup_(closedirp) DIR *d = fd < 0 ? NULL : beneath_list(fd);

	for (struct dirent *e; d && (e = readdir(d));)
		if (!beneath_is_dots(e->d_name))
			drop_empty(fd, e->d_name, depth + 1);
	if (d)
		(void)unlinkat(at, name, AT_REMOVEDIR);
}

/* containerd leaves its folders standing. Those that are empty go; a bundle, of a shim that lives on, stays. */
static void drop_state(const struct core_conf *conf)
{
	const char *top = conf->run_dir ? conf->run_dir : CORE_RUN_DIR;
	_cleanup_close_ int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		drop_empty(fd, PLACES_OWN, 0);
}

/* SIGTERM, and SIGKILL when that has no effect: containerd's files are made to be killed at any moment. */
static int own_end(const struct core_conf *conf, pid_t pid, int pidfd, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *address = own_address(conf), *ttrpc = mem_printf("%s.ttrpc", address);
	int r;

	if (syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) < 0)
		return err_sys(err, errno, "end process %d", (int)pid);
	r = engine_wait_end(pidfd, ctx, err);
	if (r == -ERR_DEADLINE) {
		const struct ctx soon = ctx_within(NULL, 2000);

		err_clear(err);
		(void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
		r = engine_wait_end(pidfd, &soon, err);
	}
	if (r < 0)
		return r;
	(void)reap_take(pidfd, false); /* when it was we who started it */
	(void)unlink(address);
	(void)unlink(ttrpc);
	drop_state(conf);
	return 0;
}

/* Forced: one that does not answer is ended too, and what did not end in time keeps it from nothing. */
static int stop_locked(const struct core_conf *conf, bool force, const struct ctx *ctx, struct err *err)
{
	_cleanup_close_ int pidfd = -1;
	struct ctx limit;
	pid_t pid;
	int r = own_process(conf, &pid, &pidfd, err);

	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	if (r >= 0)
		r = clear_tasks(conf, force, ctx, err);
	if (r < 0 && (pidfd < 0 || !force || r == -ERR_CANCELLED))
		return r;
	err_clear(err);
	limit = ctx_within(ctx, STOP_MS);
	return own_end(conf, pid, pidfd, &limit, err);
}

int own_stop(const struct core_conf *conf, bool force, const struct ctx *ctx, struct err *err)
{
	const struct ctx limit = ctx_within(ctx, STOP_MS);
	_cleanup_close_ int lock = -1;
	int r;

	if (!own_running(conf))
		return 0;
	lock = own_lock(conf, &limit, err);
	r = lock < 0 ? lock : stop_locked(conf, force, ctx, err);
	return r < 0 ? err_wrap(err, r, "stop the engine") : 0;
}
