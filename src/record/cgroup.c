#include "cgroup.h"
#include "beneath.h"
#include "buf.h"
#include "file.h"
#include "mem.h"
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* PIDS_MAX: bytes for every pid that Linux can have, so that a list is never cut, nor taken for an empty one. DEPTH_MAX: as deep as
 * a path can lead, since a job that has its cgroup to write makes folders in it. */
enum { PIDS_MAX = 64 << 20, DEPTH_MAX = 2048, PAUSE_MS = 10, HALT_MS = 500, BATCH = 256 };

/* The folders in @path; none when it is absent. */
static void folders_in(const char *path, struct strv *names)
{
	_cleanup_(closedirp) DIR *d = opendir(path);

	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_type == DT_DIR && !beneath_is_dots(e->d_name))
			strv_push(names, e->d_name);
}

/* Theory of operation: what differs between the versions is where the folders are, and how one is ended in which a process forks
 * faster than a list of it is read. v2 has a file for that. v1 has the freezer: nothing forks while it holds, the list is then
 * exact, and the signals are acted on when it lets go. */
struct cgroup_version {
	void (*hierarchies)(const char *root, struct strv *out);
	void (*halt)(const char *path); /* nothing in it runs any more; as well as can be */
	void (*resume)(const char *path);
};

static bool cgroup_put(const char *path, const char *name, const char *text)
{
	_cleanup_free_ char *file = mem_printf("%s/%s", path, name);
	_cleanup_close_ int fd = open(file, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool says(const char *path, const char *name, const char *text)
{
	_cleanup_free_ char *file = mem_printf("%s/%s", path, name);
	_cleanup_buf_ struct buf now = { 0 };

	return file_read(file, 256, &now, NULL) >= 0 && !strncmp(buf_str(&now), text, strlen(text));
}

/* A folder for each controller (a link there is another's second name); in a hybrid one of them is v2's. */
static void v1_hierarchies(const char *root, struct strv *out)
{
	_cleanup_strv_ struct strv names = { 0 };

	folders_in(root, &names);
	for (size_t i = 0; i < names.n; i++)
		strv_pushf(out, "%s/%s", root, names.v[i]);
}

static void v1_halt(const char *path)
{
	const struct ctx limit = ctx_within(NULL, HALT_MS);

	if (!cgroup_put(path, "freezer.state", "FROZEN"))
		return;
	while (!says(path, "freezer.state", "FROZEN") && ctx_check(&limit, NULL) >= 0) {
		(void)poll(NULL, 0, 1);
		(void)cgroup_put(path, "freezer.state", "FROZEN"); /* each try takes who has forked since the last */
	}
}

/* A privileged job can have frozen a group of its own inside, which stays so when the outer one is let go. */
static void thaw_below(const char *path, int depth)
{
	_cleanup_strv_ struct strv names = { 0 };

	if (!cgroup_put(path, "freezer.state", "THAWED")) /* another controller's folder */
		return;
	if (depth < DEPTH_MAX)
		folders_in(path, &names);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *sub = mem_printf("%s/%s", path, names.v[i]);

		thaw_below(sub, depth + 1);
	}
}

static void v1_resume(const char *path) { thaw_below(path, 0); }

static void v2_hierarchies(const char *root, struct strv *out) { strv_push(out, root); }

static bool v2_kills(const char *path)
{
	_cleanup_free_ char *file = mem_printf("%s/cgroup.kill", path);

	return file_exists(file);
}

/* Before Linux 5.14. */
static void v2_halt(const char *path)
{
	if (!v2_kills(path))
		(void)cgroup_put(path, "cgroup.freeze", "1");
}

static void v2_resume(const char *path) { (void)cgroup_put(path, "cgroup.freeze", "0"); }

static const struct cgroup_version v1 = { v1_hierarchies, v1_halt, v1_resume }, v2 = { v2_hierarchies, v2_halt, v2_resume };

static const struct cgroup_version *version_of(const char *root)
{
	_cleanup_free_ char *file = mem_printf("%s/cgroup.controllers", root);

	return file_exists(file) ? &v2 : &v1;
}

static void hierarchies(const char *root, struct strv *out) { version_of(root)->hierarchies(root, out); }

void cgroup_ids(const char *root, const char *ns, struct strv *ids)
{
	_cleanup_strv_ struct strv roots = { 0 };

	hierarchies(root, &roots);
	for (size_t i = 0; i < roots.n; i++) {
		_cleanup_strv_ struct strv names = { 0 };
		_cleanup_free_ char *path = mem_printf("%s/%s", roots.v[i], ns);

		folders_in(path, &names);
		for (size_t k = 0; k < names.n; k++)
			if (!strv_has(ids, names.v[k]))
				strv_push(ids, names.v[k]);
	}
}

static void find(const char *root, const char *ns, const char *id, struct strv *out)
{
	_cleanup_strv_ struct strv roots = { 0 };

	hierarchies(root, &roots);
	for (size_t i = 0; i < roots.n; i++) {
		_cleanup_free_ char *path = mem_printf("%s/%s/%s", roots.v[i], ns, id);

		if (file_exists(path))
			strv_push(out, path);
	}
}

bool cgroup_exists(const char *root, const char *ns, const char *id)
{
	_cleanup_strv_ struct strv found = { 0 };

	find(root, ns, id, &found);
	return found.n > 0;
}

void cgroup_pids_done(struct cgroup_pids *p)
{
	free(p->v);
	*p = (struct cgroup_pids){ 0 };
}

void cgroup_pids_add(struct cgroup_pids *p, pid_t pid)
{
	p->v = mem_grow(p->v, &p->cap, p->n + 1, sizeof *p->v);
	p->v[p->n++] = pid;
}

bool cgroup_has(const struct cgroup_pids *p, pid_t pid)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i] == pid)
			return true;
	return false;
}

/* A line of the kernel's: a number that an int holds. */
static bool next_pid(const char **rest, pid_t *ret)
{
	const char *s = *rest;
	unsigned pid = 0;

	while (*s >= '0' && *s <= '9' && pid < INT_MAX / 10)
		pid = pid * 10 + (unsigned)(*s++ - '0');
	if (s == *rest)
		return false;
	*ret = (pid_t)pid;
	*rest = *s == '\n' ? s + 1 : s;
	return true;
}

static void pids_below(const char *path, int depth, struct cgroup_pids *p)
{
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_free_ char *procs = mem_printf("%s/cgroup.procs", path);
	pid_t pid;

	if (file_read(procs, PIDS_MAX, &text, NULL) >= 0)
		for (const char *rest = buf_str(&text); next_pid(&rest, &pid);)
			cgroup_pids_add(p, pid);
	if (depth < DEPTH_MAX)
		folders_in(path, &names);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *sub = mem_printf("%s/%s", path, names.v[i]);

		pids_below(sub, depth + 1, p);
	}
}

void cgroup_pids(const char *root, const char *ns, const char *id, struct cgroup_pids *ret)
{
	_cleanup_strv_ struct strv found = { 0 };

	find(root, ns, id, &found);
	for (size_t i = 0; i < found.n; i++)
		pids_below(found.v[i], 0, ret);
}

/* Inner folders first. The first errno that is not "absent" is kept. */
static int remove_below(const char *path, int depth)
{
	_cleanup_strv_ struct strv names = { 0 };

	if (depth < DEPTH_MAX)
		folders_in(path, &names);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *sub = mem_printf("%s/%s", path, names.v[i]);

		(void)remove_below(sub, depth + 1);
	}
	return rmdir(path) == 0 || errno == ENOENT ? 0 : errno;
}

/* A pid that is still listed once we hold its pidfd is that very process. */
static void signal_all(const char *path)
{
	_cleanup_(cgroup_pids_done) struct cgroup_pids pids = { 0 };

	pids_below(path, 0, &pids);
	for (size_t i = 0; i < pids.n; i += BATCH) {
		_cleanup_(cgroup_pids_done) struct cgroup_pids now = { 0 };
		const size_t n = pids.n - i < BATCH ? pids.n - i : BATCH;
		int fd[BATCH];

		for (size_t k = 0; k < n; k++)
			fd[k] = pids.v[i + k] > 1 ? (int)syscall(SYS_pidfd_open, pids.v[i + k], 0) : -1;
		pids_below(path, 0, &now);
		for (size_t k = 0; k < n; k++) {
			if (fd[k] >= 0 && cgroup_has(&now, pids.v[i + k]))
				(void)syscall(SYS_pidfd_send_signal, fd[k], SIGKILL, NULL, 0);
			closep(&fd[k]);
		}
	}
}

static void kill_in(const char *path)
{
	if (!cgroup_put(path, "cgroup.kill", "1")) /* v2's, which stands among v1's in a hybrid */
		signal_all(path);
}

/* One blow at all that is in it. */
static void strike(const char *root, const char *ns, const char *id)
{
	const struct cgroup_version *v = version_of(root);
	_cleanup_strv_ struct strv found = { 0 };

	find(root, ns, id, &found);
	for (size_t i = 0; i < found.n; i++)
		v->halt(found.v[i]);
	for (size_t i = 0; i < found.n; i++)
		kill_in(found.v[i]);
	for (size_t i = 0; i < found.n; i++)
		v->resume(found.v[i]);
}

int cgroup_kill(const char *root, const char *ns, const char *id, const struct ctx *ctx, struct err *err)
{
	for (;;) {
		_cleanup_(cgroup_pids_done) struct cgroup_pids left = { 0 };

		strike(root, ns, id);
		cgroup_pids(root, ns, id, &left);
		if (!left.n)
			return 0;
		if (ctx_check(ctx, NULL) < 0)
			return err_set(err, ERR_DEADLINE, "cgroup /%s/%s: process %d does not end", ns, id, (int)left.v[0]);
		(void)poll(NULL, 0, PAUSE_MS);
	}
}

/* 0 once all are gone, else why one is not. */
static int remove_all(const char *root, const char *ns, const char *id, char **ret_path)
{
	_cleanup_strv_ struct strv found = { 0 };
	int why = 0;

	find(root, ns, id, &found);
	for (size_t i = 0; i < found.n; i++) {
		int e = remove_below(found.v[i], 0);

		if (!e)
			continue;
		why = e;
		free(*ret_path);
		*ret_path = mem_strdup(found.v[i]);
	}
	return why;
}

int cgroup_end(const char *root, const char *ns, const char *id, const struct ctx *ctx, struct err *err)
{
	for (;;) {
		_cleanup_free_ char *path = NULL;
		int why;

		strike(root, ns, id);
		why = remove_all(root, ns, id, &path);
		if (!why)
			return 0;
		if (ctx_check(ctx, NULL) < 0)
			return err_sys(err, why, "cgroup %s", path);
		(void)poll(NULL, 0, PAUSE_MS);
	}
}
