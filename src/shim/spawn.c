/* posix_spawn(3), by which launch.h starts programs, has no word for PR_SET_PDEATHSIG. As with it the child has our memory until it
 * is the program, and is sent no signal before. */
#include "spawn.h"
#include "attr.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void signals_as_new(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void become(const struct spawn *s)
{
	for (int i = 0; i < 3; i++) {
		int fd = s->fds[i] < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : s->fds[i];

		if (fd < 0 || dup2(fd, i) != i)
			return;
	}
	if (chdir(s->dir) == 0)
		(void)execve(s->path, s->argv, s->envp ? s->envp : environ);
}

int spawn_dying(const struct spawn *s, pid_t *ret_pid)
{
	const pid_t us = getpid();
	sigset_t all, ours;
	volatile int r = 0; /* the child writes it */
	pid_t pid;

	for (int i = 0; i < 3; i++)
		assert(s->fds[i] < 0 || s->fds[i] > 2);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &ours);
	pid = vfork();
	if (pid == 0) {
		signals_as_new();
		if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == us)
			become(s);
		r = errno ? -errno : -ECANCELED;
		_exit(127);
	}
	if (pid < 0)
		r = -errno;
	else if (r < 0)
		(void)waitpid(pid, NULL, 0);
	else
		*ret_pid = pid;
	(void)sigprocmask(SIG_SETMASK, &ours, NULL);
	return r;
}
