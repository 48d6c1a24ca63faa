#include "exec-family.h"
#include "file.h"
#include "job-cgroup.h"
#include "mem.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FAMILY_ROUNDS = 16, STAT_MAX = 1024 };

/* proc(5): behind the name come its state, its parent, its group and its session. */
static bool is_in_session(pid_t pid, pid_t leader)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_free_ char *path = mem_printf("/proc/%d/stat", (int)pid);
	const char *p;
	char state;
	int session;

	if (file_read(path, STAT_MAX, &text, NULL) < 0 || !(p = strrchr(buf_str(&text), ')')))
		return false;
	return sscanf(p, ") %c %*d %*d %d", &state, &session) == 2 && session == (int)leader && state != 'Z';
}

static bool end_member(pid_t pid, pid_t leader)
{
	_cleanup_close_ int fd = -1;

	if (pid <= 1 || !is_in_session(pid, leader))
		return false;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0 || !is_in_session(pid, leader)) /* it may have become another's */
		return false;
	(void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	return true;
}

void exec_family_kill(const struct core *c, const char *id, pid_t leader)
{
	bool found = true;

	for (int round = 0; found && round < FAMILY_ROUNDS; round++) {
		struct cgroup_pids pids = { 0 };

		found = false;
		(void)job_cgroup_pids(c, id, &pids, NULL);
		for (size_t i = 0; i < pids.n; i++)
			found |= end_member(pids.v[i], leader);
		cgroup_pids_done(&pids);
	}
}
