#include "cgroup.h"
#include "buf.h"
#include "cgroup-dir.h"
#include "cgroup-path.h"
#include "file.h"
#include "mem.h"
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAUSE_MS = 10, HALT_MS = 500, FDS_MAX = 8192 };

/* Theory of operation: what differs between the versions is where the folders are, and how one is ended in which a process forks
 * faster than a list of it is read. v2 has a file for that. v1 has the freezer: nothing forks while it holds, the list is then
 * exact, and the signals are acted on when it lets go. */
struct cgroup_version {
	int (*hierarchies)(const char *root, struct strv *out); /* -1 with errno */
	void (*halt)(const char *path);                         /* nothing in it runs any more; as well as can be */
};

static bool says(const char *path, const char *name, const char *text)
{
	_cleanup_free_ char *file = mem_printf("%s/%s", path, name);
	_cleanup_buf_ struct buf now = { 0 };

	return file_read(file, 256, &now, NULL) >= 0 && !strncmp(buf_str(&now), text, strlen(text));
}

/* A folder for each controller (a link there is another's second name); in a hybrid one of them is v2's. */
static int v1_hierarchies(const char *root, struct strv *out)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = cgroup_folders(root, &names);

	for (size_t i = 0; i < names.n; i++)
		strv_pushf(out, "%s/%s", root, names.v[i]);
	return r;
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

static int v2_hierarchies(const char *root, struct strv *out)
{
	strv_push(out, root);
	return 0;
}

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

static const struct cgroup_version v1 = { v1_hierarchies, v1_halt }, v2 = { v2_hierarchies, v2_halt };

static const struct cgroup_version *version_of(const char *root) { return cgroup_is_v2(root) ? &v2 : &v1; }

static int hierarchies(const char *root, struct strv *out) { return version_of(root)->hierarchies(root, out); }

/* Those that systemd made. */
static void ids_of_scopes(const char *root, const char *ns, struct strv *ids)
{
	_cleanup_free_ char *path = mem_printf("%s/" CGROUP_SLICE, root), *begin = mem_printf(CGROUP_SCOPE_BEGIN, ns);
	const size_t before = strlen(begin), behind = strlen(CGROUP_SCOPE_END);
	_cleanup_strv_ struct strv names = { 0 };

	(void)cgroup_folders(path, &names);
	for (size_t i = 0; i < names.n; i++) {
		const size_t n = strlen(names.v[i]);
		_cleanup_free_ char *id = NULL;

		if (n <= before + behind || strncmp(names.v[i], begin, before) != 0 ||
		    strcmp(names.v[i] + n - behind, CGROUP_SCOPE_END) != 0)
			continue;
		id = mem_strndup(names.v[i] + before, n - before - behind);
		if (!strv_has(ids, id))
			strv_push(ids, id);
	}
}

void cgroup_ids(const char *root, const char *ns, struct strv *ids)
{
	_cleanup_strv_ struct strv roots = { 0 };

	(void)hierarchies(root, &roots);
	for (size_t i = 0; i < roots.n; i++) {
		_cleanup_strv_ struct strv names = { 0 };
		_cleanup_free_ char *path = mem_printf("%s/%s", roots.v[i], ns);

		(void)cgroup_folders(path, &names);
		for (size_t k = 0; k < names.n; k++)
			if (!strv_has(ids, names.v[k]))
				strv_push(ids, names.v[k]);
		ids_of_scopes(roots.v[i], ns, ids);
	}
}

static int find(const char *root, const struct cgroup_name *name, struct strv *out, struct err *err)
{
	_cleanup_strv_ struct strv roots = { 0 };
	int r = hierarchies(root, &roots) < 0 && errno != ENOENT ? err_sys(err, errno, "%s", root) : 0;

	for (size_t i = 0; i < roots.n; i++) {
		_cleanup_free_ char *path = mem_printf("%s" CGROUP_PATH, roots.v[i], name->ns, name->id),
				    *scope = mem_printf("%s" CGROUP_SCOPE, roots.v[i], name->ns, name->id),
				    *foreign = name->foreign ? mem_printf("%s%s", roots.v[i], name->foreign) : NULL;

		if (file_exists(path))
			strv_push(out, path);
		if (file_exists(scope))
			strv_push(out, scope);
		if (foreign && file_exists(foreign))
			strv_push(out, foreign);
	}
	return r;
}

bool cgroup_exists(const char *root, const struct cgroup_name *name)
{
	_cleanup_strv_ struct strv found = { 0 };

	(void)find(root, name, &found, NULL);
	return found.n > 0;
}

int cgroup_pids(const char *root, const struct cgroup_name *name, struct cgroup_pids *ret, struct err *err)
{
	_cleanup_strv_ struct strv found = { 0 };
	int r = find(root, name, &found, err);

	for (size_t i = 0; r >= 0 && i < found.n; i++)
		r = cgroup_pids_below(found.v[i], ret, err);
	cgroup_pids_sort(ret);
	return r;
}

/* Inner folders first. The first errno that is not "absent" is kept. */
static int remove_below(const char *path, int depth)
{
	_cleanup_strv_ struct strv names = { 0 };

	if (depth < CGROUP_DEPTH_MAX)
		(void)cgroup_folders(path, &names);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *sub = mem_printf("%s/%s", path, names.v[i]);

		(void)remove_below(sub, depth + 1);
	}
	return rmdir(path) == 0 || errno == ENOENT ? 0 : errno;
}

/* As many as may be open, but half of them stay for others. */
static size_t fds_at_once(void)
{
	struct rlimit l = { 0 };
	size_t n = getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur / 2 < FDS_MAX ? (size_t)l.rlim_cur / 2 : FDS_MAX;

	return n ? n : 1;
}

/* Those of @pids that are still listed once their pidfd is held: a pid may have passed to another process since. */
static void signal_some(const char *path, const pid_t *pids, int *fds, size_t n)
{
	_cleanup_(cgroup_pids_done) struct cgroup_pids now = { 0 };

	for (size_t i = 0; i < n; i++)
		fds[i] = pids[i] > 1 ? (int)syscall(SYS_pidfd_open, pids[i], 0) : -1;
	(void)cgroup_pids_below(path, &now, NULL); /* who is not in it is spared */
	cgroup_pids_sort(&now);
	for (size_t i = 0; i < n; i++) {
		if (fds[i] >= 0 && cgroup_has(&now, pids[i]))
			(void)syscall(SYS_pidfd_send_signal, fds[i], SIGKILL, NULL, 0);
		closep(&fds[i]);
	}
}

/* The list is read twice for as many as can be held at once: mostly for all of them. */
static void signal_all(const char *path)
{
	_cleanup_(cgroup_pids_done) struct cgroup_pids pids = { 0 };
	const size_t most = fds_at_once();
	_cleanup_free_ int *fds = NULL;

	(void)cgroup_pids_below(path, &pids, NULL); /* as many as can be seen */
	cgroup_pids_sort(&pids);
	fds = mem_array(int, pids.n < most ? pids.n : most);
	for (size_t i = 0; i < pids.n; i += most)
		signal_some(path, pids.v + i, fds, pids.n - i < most ? pids.n - i : most);
}

static void kill_in(const char *path)
{
	if (!cgroup_put(path, "cgroup.kill", "1")) /* v2's, which stands among v1's in a hybrid */
		signal_all(path);
}

/* One blow at all that is in it. */
static void strike(const char *root, const struct cgroup_name *name)
{
	const struct cgroup_version *v = version_of(root);
	_cleanup_strv_ struct strv found = { 0 };

	(void)find(root, name, &found, NULL);
	for (size_t i = 0; i < found.n; i++)
		v->halt(found.v[i]);
	for (size_t i = 0; i < found.n; i++)
		kill_in(found.v[i]);
	for (size_t i = 0; i < found.n; i++)
		cgroup_thaw(found.v[i]);
}

static int not_ended(const struct cgroup_name *name, pid_t pid, struct err *err)
{
	_cleanup_free_ char *own = mem_printf(CGROUP_PATH, name->ns, name->id);

	return err_set(err, ERR_DEADLINE, "cgroup %s: process %d does not end", name->foreign ? name->foreign : own, (int)pid);
}

int cgroup_kill(const char *root, const struct cgroup_name *name, const struct ctx *ctx, struct err *err)
{
	for (;;) {
		_cleanup_(cgroup_pids_done) struct cgroup_pids left = { 0 };
		int r;

		strike(root, name);
		r = cgroup_pids(root, name, &left, err);
		if (r >= 0 && !left.n)
			return 0;
		if (ctx_check(ctx, NULL) < 0)
			return left.n ? not_ended(name, left.v[0], err) : r;
		err_clear(err);
		(void)poll(NULL, 0, PAUSE_MS);
	}
}

/* 0 once all are gone, else why one is not. */
static int remove_all(const char *root, const struct cgroup_name *name, char **ret_path)
{
	_cleanup_strv_ struct strv found = { 0 };
	int why = 0;

	(void)find(root, name, &found, NULL);
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

int cgroup_end(const char *root, const struct cgroup_name *name, const struct ctx *ctx, struct err *err)
{
	for (;;) {
		_cleanup_free_ char *path = NULL;
		int why;

		strike(root, name);
		why = remove_all(root, name, &path);
		if (!why)
			return 0;
		if (ctx_check(ctx, NULL) < 0)
			return err_sys(err, why, "cgroup %s", path);
		(void)poll(NULL, 0, PAUSE_MS);
	}
}

void cgroup_of_name(const char *root, const struct cgroup_name *name, struct cgroup_of *ret)
{
	_cleanup_free_ char *own = name->id ? mem_printf(CGROUP_PATH, name->ns, name->id) : NULL,
			    *scope = name->id ? mem_printf(CGROUP_SCOPE, name->ns, name->id) : NULL;
	const char *const paths[] = { name->foreign, own, scope };

	*ret = (struct cgroup_of){ 0 };
	for (size_t i = 0; i < sizeof paths / sizeof *paths && !cgroup_of_any(ret); i++) {
		cgroup_of_done(ret);
		if (paths[i])
			cgroup_of_path(root, paths[i], ret);
	}
}
