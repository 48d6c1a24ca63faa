#include "fork-heir.h"
#include "mem.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int by_number(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static void close_others(int *keep, size_t n)
{
	unsigned from = 3;

	qsort(keep, n, sizeof *keep, by_number);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] > (int)from)
			(void)close_range(from, (unsigned)keep[i] - 1, 0);
		if (keep[i] >= (int)from)
			from = (unsigned)keep[i] + 1;
	}
	(void)close_range(from, ~0U, 0);
}

/* Nothing that somebody may wait for: the terminal, the lock, descriptors (of a shell's flock, say), the current folder. */
static void leave_all(int *keep, size_t n, bool leave_folder)
{
	static const int ours[] = { SIGINT, SIGTERM, SIGHUP };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)setsid();
	for (int fd = 0; fd < 3; fd++)
		(void)dup2(null, fd);
	close_others(keep, n);
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		(void)signal(ours[i], SIG_DFL);
	if (leave_folder)
		(void)!chdir("/");
	(void)prctl(PR_SET_NAME, "davit-heir");
}

pid_t fork_heir(const int *keep, size_t n, bool leave_folder, void (*fn)(void *arg), void *arg)
{
	_cleanup_free_ int *kept = mem_dup(keep, n * sizeof *keep);
	pid_t pid = fork();

	if (pid)
		return pid;
	leave_all(kept, n, leave_folder);
	fn(arg);
	_exit(0);
}
