#include "orphans.h"
#include "containers.h"
#include "file.h"
#include "mem.h"
#include "tasks.h"
#include <ctype.h>
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

enum { CMDLINE_MAX = 65536, END_MS = 2000 };

DEFINE_CLEANUP(DIR, closedir)

static void read_args(const char *pid, struct strv *out)
{
	_cleanup_free_ char *path = mem_printf("/proc/%s/cmdline", pid);
	_cleanup_buf_ struct buf text = { 0 };

	if (file_read(path, CMDLINE_MAX, &text, NULL) < 0)
		return;
	for (size_t i = 0; i < text.len; i += strlen(text.data + i) + 1)
		strv_push(out, text.data + i);
}

/* What stands behind @flag, "" when nothing does. */
static const char *value_of(const struct strv *args, const char *flag)
{
	for (size_t i = 1; i + 1 < args->n; i++)
		if (!strcmp(args->v[i], flag))
			return args->v[i + 1];
	return "";
}

/* containerd starts every shim as "containerd-shim-NAME -namespace NS -id ID -address SOCKET". The id, NULL when it is no
 * shim of ours. */
static const char *shim_id(const struct core *c, const struct strv *args)
{
	const char *base = args->n ? strrchr(args->v[0], '/') : NULL;
	const char *address = strncmp(c->address, "unix://", 7) ? c->address : c->address + 7;

	base = base ? base + 1 : args->n ? args->v[0] : "";
	if (strncmp(base, "containerd-shim-", 16) || strcmp(value_of(args, "-namespace"), c->conf.ns) ||
	    strcmp(value_of(args, "-address"), address) || !*value_of(args, "-id"))
		return NULL;
	return value_of(args, "-id");
}

/* 1 when containerd knows neither a task nor a record of it. */
static int is_lost(struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	struct ctrd_container container = { 0 };
	struct ctrd_process task = { 0 };
	int r = tasks_get(c->ctrd, id, NULL, ctx, &task, err);

	if (r >= 0) {
		ctrd_process_done(&task);
		return 0;
	}
	if (r != -ERR_NOT_FOUND)
		return r;
	err_clear(err);
	r = containers_get(c->ctrd, id, ctx, &container, err);
	if (r >= 0)
		ctrd_container_done(&container);
	if (r != -ERR_NOT_FOUND)
		return r < 0 ? r : 0;
	err_clear(err);
	return 1;
}

/* It has no child: an engine that is making or removing a container is left to finish; the next look finds it idle. */
static bool is_idle(const char *pid)
{
	_cleanup_free_ char *folder = mem_printf("/proc/%s/task", pid);
	_cleanup_(closedirp) DIR *d = opendir(folder);
	_cleanup_buf_ struct buf children = { 0 };

	if (!d)
		return false;
	for (struct dirent *e; (e = readdir(d));) {
		_cleanup_free_ char *path = mem_printf("%s/%s/children", folder, e->d_name);

		if (isdigit((unsigned char)e->d_name[0]))
			(void)file_read(path, CMDLINE_MAX, &children, NULL);
	}
	return !children.len;
}

/* The pidfd comes before the second look at the arguments: then it is that very process that gets the signal. */
static bool end_process(const struct core *c, const char *pid, const char *id)
{
	_cleanup_strv_ struct strv args = { 0 };
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, (pid_t)strtol(pid, NULL, 10), 0);
	struct pollfd gone = { .fd = fd, .events = POLLIN };
	const char *now;

	if (fd < 0)
		return false;
	read_args(pid, &args);
	now = shim_id(c, &args);
	if (!now || strcmp(now, id) || syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0)
		return false;
	(void)poll(&gone, 1, END_MS);
	return true;
}

static int look_at(struct core *c, const char *pid, bool dry_run, const struct ctx *ctx, struct strv *removed, struct err *err)
{
	_cleanup_strv_ struct strv args = { 0 };
	const char *id;
	int r;

	read_args(pid, &args);
	id = shim_id(c, &args);
	r = id && is_idle(pid) ? is_lost(c, id, ctx, err) : 0;
	if (r > 0 && (dry_run || end_process(c, pid, id)) && removed)
		strv_pushf(removed, "shim %s of job %s, which is gone", pid, id);
	return r < 0 ? r : 0;
}

int orphans_end(struct core *c, bool dry_run, const struct ctx *ctx, struct strv *removed, struct err *err)
{
	_cleanup_(closedirp) DIR *d = opendir("/proc");
	int r = d ? 0 : err_sys(err, errno, "/proc");

	for (struct dirent *e; r >= 0 && (e = readdir(d));)
		if (isdigit((unsigned char)e->d_name[0]))
			r = look_at(c, e->d_name, dry_run, ctx, removed, err);
	return r;
}
