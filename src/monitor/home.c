#include "home.h"
#include "cgroup-join.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "task.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HOME_LOOK_MS = 10000, PROC_TEXT_MAX = 4096 };

/* The process of @pid that is its parent; 0: not known. Its own name, in parentheses, can be anything. */
static pid_t home_parent(pid_t pid)
{
	_cleanup_free_ char *file = mem_printf("/proc/%d/stat", (int)pid);
	_cleanup_buf_ struct buf text = { 0 };
	const char *end;
	int parent = 0;

	if (file_read(file, PROC_TEXT_MAX, &text, NULL) < 0)
		return 0;
	end = strrchr(buf_str(&text), ')');
	return end && sscanf(end, ") %*c %d", &parent) == 1 ? parent : 0;
}

static bool is_a_shim(pid_t pid)
{
	_cleanup_free_ char *file = mem_printf("/proc/%d/comm", (int)pid);
	_cleanup_buf_ struct buf text = { 0 };

	return file_read(file, PROC_TEXT_MAX, &text, NULL) >= 0 && !strncmp(buf_str(&text), "containerd-shim", 15);
}

static pid_t home_host(struct core *c, const char *id)
{
	const struct ctx ctx = ctx_within(NULL, HOME_LOOK_MS);
	struct task_status t = { 0 };
	pid_t shim = 0;

	if (task_look(c, id, &ctx, &t, NULL) >= 0 && t.pid > 1)
		shim = home_parent(t.pid);
	return shim > 1 && is_a_shim(shim) ? shim : ctrd_peer(c->ctrd);
}

static void take_oom_score(pid_t pid)
{
	_cleanup_free_ char *file = mem_printf("/proc/%d/oom_score_adj", (int)pid);
	_cleanup_buf_ struct buf text = { 0 };

	_cleanup_close_ int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || file_read(file, PROC_TEXT_MAX, &text, NULL) < 0 || write(fd, text.data, text.len) < 0)
		log_debug("oom_score_adj stays: %m");
}

void home_settle(struct core *c, const char *id)
{
	const pid_t host = home_host(c, id);
	struct err err = ERR_INIT;

	if (host <= 1)
		return;
	if (cgroup_join("", host, &err) < 0)
		log_debug("monitor of %s: %s", id, err.msg);
	take_oom_score(host);
}
