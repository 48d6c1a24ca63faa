#include "exec-family.h"
#include "file.h"
#include "job-cgroup.h"
#include "mem.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FAMILY_ROUNDS = 16, STAT_MAX = 1024, ENVIRON_MAX = 256 << 10 };

/* proc(5): behind the name come its state, its parent, its group and its session. 0: it is over. */
static pid_t session_of(pid_t pid)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_free_ char *path = mem_printf("/proc/%d/stat", (int)pid);
	const char *p;
	char state;
	int session;

	if (file_read(path, STAT_MAX, &text, NULL) < 0 || !(p = strrchr(buf_str(&text), ')')))
		return 0;
	return sscanf(p, ") %c %*d %*d %d", &state, &session) == 2 && state != 'Z' ? session : 0;
}

static bool has_mark(pid_t pid, const char *mark)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_free_ char *path = mem_printf("/proc/%d/environ", (int)pid);

	return file_read(path, ENVIRON_MAX, &text, NULL) >= 0 && memmem(buf_str(&text), text.len, mark, strlen(mark));
}

static bool is_of_family(const struct exec_family *f, pid_t pid, const char *mark)
{
	const pid_t session = session_of(pid);

	if (!session)
		return false;
	if (pid == f->leader || session == f->leader)
		return !f->ended ||
		       !session_of(f->leader); /* else the number is another's by now, and the session has nobody left */
	if (f->session == f->leader || (f->session && session != f->session))
		return false;
	return has_mark(pid, mark);
}

static bool end_member(const struct exec_family *f, pid_t pid, const char *mark)
{
	_cleanup_close_ int fd = -1;

	if (pid <= 1 || !is_of_family(f, pid, mark))
		return false;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0 || !is_of_family(f, pid, mark)) /* it may have become another's */
		return false;
	(void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	return true;
}

void exec_family_begin(struct exec_family *f, pid_t leader) { *f = (struct exec_family){ leader, session_of(leader), false }; }

void exec_family_kill(const struct exec_family *f, const struct core *c, const char *id, const char *exec_id)
{
	_cleanup_free_ char *mark = mem_printf(EXEC_MARK "=%s", exec_id);
	bool found = f->leader > 0;

	for (int round = 0; found && round < FAMILY_ROUNDS; round++) {
		struct cgroup_pids pids = { 0 };

		found = false;
		(void)job_cgroup_pids(c, id, &pids, NULL);
		for (size_t i = 0; i < pids.n; i++)
			found |= end_member(f, pids.v[i], mark);
		cgroup_pids_done(&pids);
	}
}
