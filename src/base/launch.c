#include "launch.h"
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>

enum { OUT_OF_THE_WAY = 16 };

struct launching {
	const struct launch *spec;
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	int lifted[LAUNCH_FDS];
	size_t n_lifted;
	pid_t pid;
	int r;
};

static void launch_attr(struct launching *l)
{
	const struct launch *s = l->spec;
	const int flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | (s->group ? POSIX_SPAWN_SETPGROUP : 0) |
			  (s->session ? POSIX_SPAWN_SETSID : 0);
	sigset_t all, none;

	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	(void)posix_spawnattr_init(&l->attr);
	(void)posix_spawnattr_setflags(&l->attr, (short)flags);
	(void)posix_spawnattr_setsigdefault(&l->attr, &all);
	(void)posix_spawnattr_setsigmask(&l->attr, &none);
}

/* Would it be overwritten before it is copied? */
static bool is_in_the_way(const struct launch *s, const struct launch_fd *f)
{
	for (size_t i = 0; i < s->n_fds; i++)
		if (&s->fds[i] != f && s->fds[i].theirs == f->ours)
			return true;
	return false;
}

static int launch_add_fds(struct launching *l)
{
	const struct launch *s = l->spec;

	assert(s->n_fds <= LAUNCH_FDS);
	(void)posix_spawn_file_actions_init(&l->fa);
	for (size_t i = 0; i < s->n_fds; i++) {
		int fd = s->fds[i].ours;

		if (fd < 0) {
			(void)posix_spawn_file_actions_addopen(&l->fa, s->fds[i].theirs, "/dev/null", O_RDONLY, 0);
			continue;
		}
		if (is_in_the_way(s, &s->fds[i])) {
			fd = fcntl(fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
			if (fd < 0)
				return -errno;
			l->lifted[l->n_lifted++] = fd;
		}
		(void)posix_spawn_file_actions_adddup2(&l->fa, fd, s->fds[i].theirs);
	}
	if (s->close_from > 0)
		(void)posix_spawn_file_actions_addclosefrom_np(&l->fa, s->close_from);
	if (s->dir)
		(void)posix_spawn_file_actions_addchdir_np(&l->fa, s->dir);
	return 0;
}

static void launch_now(struct launching *l)
{
	const struct launch *s = l->spec;

	l->r = -posix_spawn(&l->pid, s->path, &l->fa, &l->attr, s->argv, s->envp ? s->envp : environ);
}

/* The mask is the process's, unless a thread has one of its own, which a child of it gets; posix_spawn(3) has no word for it. */
static void *launch_masked(void *arg)
{
	struct launching *l = arg;

	if (unshare(CLONE_FS) < 0) {
		l->r = -errno;
		return NULL;
	}
	(void)umask(l->spec->umask);
	launch_now(l);
	return NULL;
}

static void launch_in_thread(struct launching *l)
{
	pthread_t t;

	l->r = -pthread_create(&t, NULL, launch_masked, l);
	if (l->r == 0)
		(void)pthread_join(t, NULL);
}

int launch(const struct launch *spec, pid_t *ret_pid)
{
	struct launching l = { .spec = spec };

	launch_attr(&l);
	l.r = launch_add_fds(&l);
	if (l.r == 0 && spec->umask)
		launch_in_thread(&l);
	else if (l.r == 0)
		launch_now(&l);
	for (size_t i = 0; i < l.n_lifted; i++)
		(void)close(l.lifted[i]);
	(void)posix_spawn_file_actions_destroy(&l.fa);
	(void)posix_spawnattr_destroy(&l.attr);
	if (l.r == 0)
		*ret_pid = l.pid;
	return l.r;
}
