#include "attach-soon.h"
#include "clock.h"
#include "file.h"
#include "mem.h"
#include "strv.h"
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum {
	FRESH_MS = 10, /* a move is felt for longer, but it has to be over before the next begins */
	TEXT_MAX = 1 << 16,
};

/* "HIERARCHY:CONTROLLERS:PATH": no controllers are v2's. -1: it is not mounted where all have it, as what is above a namespace of
 * our own, "/..", never is; or not ours to write. */
static int open_procs(char *line)
{
	char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
	_cleanup_free_ char *procs = NULL;

	if (!path || !strncmp(path, ":/..", 4))
		return -1;
	*path++ = '\0';
	list++;
	procs = mem_printf("/sys/fs/cgroup%s%.*s%s/cgroup.procs", *list ? "/" : "", (int)strcspn(list, ","), list, path);
	return open(procs, O_WRONLY | O_CLOEXEC);
}

/* Any hierarchy will do: they have the lock in common. */
static int open_own_procs(void)
{
	_cleanup_strv_ struct strv lines = { 0 };
	_cleanup_buf_ struct buf text = { 0 };
	int fd = -1;

	if (file_read("/proc/self/cgroup", TEXT_MAX, &text, NULL) < 0)
		return -1;
	strv_split(&lines, buf_str(&text), "\n");
	for (size_t i = 0; i < lines.n && fd < 0; i++)
		fd = open_procs(lines.v[i]);
	return fd;
}

/* Without memory of its own: a second thread that asks for some gets an arena. */
static void *attach_thread(void *arg)
{
	const int fd = (int)(intptr_t)arg;

	(void)!write(fd, "0", 1);
	(void)close(fd);
	return NULL;
}

static bool begin_thread(int fd, pthread_t *ret)
{
	pthread_attr_t attr;
	sigset_t all, ours;
	int r;

	(void)sigfillset(&all);
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, (size_t)PTHREAD_STACK_MIN + 16384);
	(void)pthread_sigmask(SIG_SETMASK, &all, &ours); /* signals are the shim's */
	r = pthread_create(ret, &attr, attach_thread, (void *)(intptr_t)fd);
	(void)pthread_sigmask(SIG_SETMASK, &ours, NULL);
	(void)pthread_attr_destroy(&attr);
	return r == 0;
}

void attach_soon_end(struct attach_soon *a)
{
	if (a->begun)
		(void)pthread_join(a->thread, NULL);
	a->begun = false;
}

void attach_soon(struct attach_soon *a)
{
	const int64_t now = clock_mono();
	int fd;

	if (a->last && now - a->last < FRESH_MS * NSEC_PER_MSEC)
		return;
	if (a->begun && pthread_tryjoin_np(a->thread, NULL) != 0)
		return;
	a->last = now;
	fd = open_own_procs();
	a->begun = fd >= 0 && begin_thread(fd, &a->thread);
	if (fd >= 0 && !a->begun)
		(void)close(fd);
}
