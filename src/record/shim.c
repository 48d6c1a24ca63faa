#include "shim.h"
#include "job-cgroup.h"
#include "beneath.h"
#include "socket.h"
#include "file.h"
#include "mem.h"
#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CMDLINE_MAX = 65536, STAT_MAX = 4096, END_MS = 2000, ANCESTORS_MAX = 64, DEPTH_MAX = 16 };

void shims_done(struct shims *s) { strv_done(&s->pids); }

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
static const char *value_behind(const struct strv *args, const char *flag)
{
	for (size_t i = 1; i + 1 < args->n; i++)
		if (!strcmp(args->v[i], flag))
			return args->v[i + 1];
	return "";
}

/* containerd starts every shim as "containerd-shim-NAME -namespace NS -id ID -address SOCKET". */
static bool is_shim(const struct strv *args)
{
	const char *base = args->n ? strrchr(args->v[0], '/') : NULL;

	base = base ? base + 1 : args->n ? args->v[0] : "";
	return !strncmp(base, "containerd-shim-", 16);
}

static const char *socket_of(const struct core *c) { return strncmp(c->address, "unix://", 7) ? c->address : c->address + 7; }

/* 0 when it cannot be told. */
static ino_t mounts_of(const char *pid)
{
	_cleanup_free_ char *path = mem_printf("/proc/%s/ns/mnt", pid);
	struct stat st;

	return stat(path, &st) == 0 ? st.st_ino : 0;
}

ino_t shims_home(const struct core *c)
{
	_cleanup_free_ char *pid = mem_printf("%d", (int)socket_listener(socket_of(c)));

	return mounts_of(pid);
}

/* containerd's process where it is in another mount namespace than we; else 0. */
static pid_t shims_apart(const struct core *c)
{
	const pid_t pid = ctrd_peer(c->ctrd);
	_cleanup_free_ char *text = mem_printf("%d", (int)pid);
	const ino_t theirs = pid > 0 ? mounts_of(text) : 0;

	return theirs && theirs != mounts_of("self") ? pid : 0;
}

static int shims_blind(pid_t pid, const char *path, struct err *err)
{
	int r = err_set(err, ERR_PRECONDITION, "containerd (process %d): is in another mount namespace, and %s %s", (int)pid,
			path ? "does not see" : "may not see", path ? path : "what is mounted here");

	return err_hint(
		err, r,
		"leave PrivateTmp=, PrivateDevices=, ProtectSystem=, ReadWritePaths= and the like out of its unit, and of the one "
		"that this runs in");
}

int shims_are_near(const struct core *c, struct err *err)
{
	const pid_t pid = shims_apart(c);

	return pid ? shims_blind(pid, NULL, err) : 0;
}

int shims_see(const struct core *c, const char *path, struct err *err)
{
	const pid_t pid = shims_apart(c);
	_cleanup_free_ char *root = mem_printf("/proc/%d/root", (int)pid);
	_cleanup_close_ int dir = -1, fd = -1;
	struct stat ours, theirs;

	if (!pid || stat(path, &ours) < 0)
		return 0;
	dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return 0;
	fd = beneath_open_as_root(dir, path, O_PATH);
	if (fd >= 0 && fstat(fd, &theirs) == 0 && theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino)
		return 0;
	return shims_blind(pid, path, err);
}

struct shim {
	struct strv args;
	const char *id;
	bool foreign;
};

static void shim_done(struct shim *s) { strv_done(&s->args); }

/* The id stays NULL when it is no shim of our namespace. A shim of another containerd's is foreign, also when that one has the
 * same address elsewhere, in a container or a sandbox: its mounts are not those of ours. */
static void look_at_shim(const struct core *c, const char *pid, ino_t mounts, struct shim *s)
{
	const char *id;

	read_args(pid, &s->args);
	id = value_behind(&s->args, "-id");
	if (!is_shim(&s->args) || strcmp(value_behind(&s->args, "-namespace"), c->conf.ns) || !*id)
		return;
	s->id = id;
	s->foreign = strcmp(value_behind(&s->args, "-address"), socket_of(c)) || !mounts || mounts_of(pid) != mounts;
}

static pid_t parent_of(pid_t pid)
{
	_cleanup_free_ char *path = mem_printf("/proc/%d/stat", (int)pid);
	_cleanup_buf_ struct buf text = { 0 };
	const char *end;

	if (file_read(path, STAT_MAX, &text, NULL) < 0)
		return 0;
	end = strrchr(buf_str(&text), ')'); /* the name before it may hold anything */
	return end && strlen(end) > 4 ? (pid_t)strtol(end + 4, NULL, 10) : 0;
}

/* Of another pid namespace, or below a shim that is not of @s. What is in the cgroup itself was started by the shim and is none,
 * whatever it calls itself: else a job that gives itself a shim's arguments could not be ended. */
static bool is_others_process(const struct shims *s, const struct cgroup_pids *job, pid_t pid)
{
	if (pid <= 0)
		return true;
	for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
		_cleanup_free_ char *text = mem_printf("%d", (int)pid);
		_cleanup_strv_ struct strv args = { 0 };

		read_args(text, &args);
		if (is_shim(&args) && !cgroup_has(job, pid))
			return !strv_has(&s->pids, text);
		pid = parent_of(pid);
	}
	return false;
}

static int has_others_process(const struct shims *s, struct err *err)
{
	_cleanup_(cgroup_pids_done) struct cgroup_pids pids = { 0 };
	int r = job_cgroup_pids(s->core, s->id, &pids, err);

	for (size_t i = 0; r == 0 && i < pids.n; i++)
		r = is_others_process(s, &pids, pids.v[i]);
	return r;
}

/* -- what is there -------------------------------------------------------------------------------------------------------- */

typedef void shim_fn(void *arg, const char *pid, const struct shim *);

/* Every shim of the namespace. */
static int each_shim(const struct core *c, ino_t home, shim_fn *fn, void *arg, struct err *err)
{
	_cleanup_(closedirp) DIR *d = opendir("/proc");

	if (!d)
		return err_sys(err, errno, "/proc");
	for (struct dirent *e; (e = readdir(d));) {
		_cleanup_(shim_done) struct shim s = { 0 };

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		look_at_shim(c, e->d_name, home, &s);
		if (s.id)
			fn(arg, e->d_name, &s);
	}
	return 0;
}

static void add_shim_id(void *arg, const char *pid, const struct shim *s)
{
	struct strv *ids = arg;

	(void)pid;
	if (!s->foreign && !strv_has(ids, s->id))
		strv_push(ids, s->id);
}

int shims_ids(const struct core *c, ino_t home, struct strv *ids, struct err *err)
{
	return each_shim(c, home, add_shim_id, ids, err);
}

static void add_shim(void *arg, const char *pid, const struct shim *s)
{
	struct shims *all = arg;

	if (strcmp(s->id, all->id) != 0)
		return;
	if (s->foreign)
		all->rival = true;
	else
		strv_push(&all->pids, pid);
}

int shims_find(const struct core *c, ino_t home, const char *id, struct shims *ret, struct err *err)
{
	int r;

	shims_done(ret);
	*ret = (struct shims){ .core = c, .id = id, .mounts = home };
	r = each_shim(c, home, add_shim, ret, err);
	if (r >= 0)
		r = has_others_process(ret, err);
	ret->foreign = r > 0;
	return r < 0 ? r : 0;
}

/* -- engines -------------------------------------------------------------------------------------------------------------- */

/* It lives as long as the task: no engine. */
static bool is_logger(pid_t pid)
{
	_cleanup_free_ char *text = mem_printf("%d", (int)pid);
	_cleanup_strv_ struct strv args = { 0 };
	const char *base;

	read_args(text, &args);
	base = args.n ? strrchr(args.v[0], '/') : NULL;
	return args.n && !strcmp(base ? base + 1 : args.v[0], "davit-logger");
}

static void children_of(const char *pid, struct cgroup_pids *ret)
{
	_cleanup_free_ char *folder = mem_printf("/proc/%s/task", pid);
	_cleanup_(closedirp) DIR *d = opendir(folder);

	for (struct dirent *e; d && (e = readdir(d));) {
		_cleanup_free_ char *path = mem_printf("%s/%s/children", folder, e->d_name);
		_cleanup_buf_ struct buf children = { 0 };

		if (!isdigit((unsigned char)e->d_name[0]) || file_read(path, CMDLINE_MAX, &children, NULL) < 0)
			continue;
		for (char *s = (char *)buf_str(&children), *end; *s; s = *end ? end + 1 : end) {
			long child = strtol(s, &end, 10);

			if (end == s)
				break;
			cgroup_pids_add(ret, (pid_t)child);
		}
	}
}

bool shims_busy(const struct shims *s)
{
	_cleanup_(cgroup_pids_done) struct cgroup_pids job = { 0 };

	if (job_cgroup_pids(s->core, s->id, &job, NULL) < 0)
		return true; /* or so it must be taken */
	for (size_t i = 0; i < s->pids.n; i++) {
		_cleanup_(cgroup_pids_done) struct cgroup_pids children = { 0 };

		children_of(s->pids.v[i], &children);
		for (size_t k = 0; k < children.n; k++)
			if (!cgroup_has(&job, children.v[k]) && !is_logger(children.v[k]))
				return true;
	}
	return false;
}

/* An engine is told of the process in the name of a file: .../EXEC-ID.pid. */
static bool has_word(const char *pid, const char *word)
{
	_cleanup_strv_ struct strv args = { 0 };

	read_args(pid, &args);
	for (size_t i = 0; i < args.n; i++)
		if (strstr(args.v[i], word))
			return true;
	return false;
}

/* Children first held by pidfd, then looked at again: a pid that is still a child of @parent is that very process. What it has
 * started goes with it, since it may hold the pipe that its shim reads. */
static void end_below(const char *parent, const struct cgroup_pids *job, const char *word, int depth)
{
	_cleanup_(cgroup_pids_done) struct cgroup_pids children = { 0 };

	children_of(parent, &children);
	for (size_t i = 0; i < children.n; i++) {
		const pid_t pid = children.v[i];
		_cleanup_free_ char *text = mem_printf("%d", (int)pid);
		_cleanup_close_ int fd = -1;

		if (cgroup_has(job, pid) || is_logger(pid) || (word && !has_word(text, word)))
			continue;
		fd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (fd < 0 || parent_of(pid) != (pid_t)strtol(parent, NULL, 10))
			continue;
		if (depth < DEPTH_MAX)
			end_below(text, job, NULL, depth + 1);
		(void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	}
}

void shims_end_engines(const struct shims *s, const char *exec_id)
{
	_cleanup_(cgroup_pids_done) struct cgroup_pids job = { 0 };

	if (job_cgroup_pids(s->core, s->id, &job, NULL) < 0)
		return; /* which children are the job's is not known */
	for (size_t i = 0; i < s->pids.n; i++)
		end_below(s->pids.v[i], &job, exec_id, 0);
}

/* The pidfd comes before the second look at the arguments: then it is that very process that gets the signal. */
static void end_shim(const struct shims *all, const char *pid)
{
	_cleanup_(shim_done) struct shim now = { 0 };
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, (pid_t)strtol(pid, NULL, 10), 0);
	struct pollfd gone = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return;
	look_at_shim(all->core, pid, all->mounts, &now);
	if (now.id && !now.foreign && !strcmp(now.id, all->id) && syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0)
		(void)poll(&gone, 1, END_MS);
}

void shims_end(const struct shims *s)
{
	for (size_t i = 0; i < s->pids.n; i++)
		end_shim(s, s->pids.v[i]);
}
