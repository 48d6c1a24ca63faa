#include "cgroup.h"
#include "buf.h"
#include "file.h"
#include "mem.h"
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIDS_MAX = 1 << 20, DEPTH_MAX = 32, PAUSE_MS = 10 };

DEFINE_CLEANUP(DIR, closedir)

/* The folders in @path; none when it is absent. */
static void folders_in(const char *path, struct strv *names)
{
	_cleanup_(closedirp) DIR *d = opendir(path);

	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_type == DT_DIR && strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			strv_push(names, e->d_name);
}

/* One for v2, one for each controller of v1 and hybrid (a link there is another's second name). */
static void hierarchies(const char *root, struct strv *out)
{
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_free_ char *v2 = mem_printf("%s/cgroup.controllers", root);

	if (file_exists(v2)) {
		strv_push(out, root);
		return;
	}
	folders_in(root, &names);
	for (size_t i = 0; i < names.n; i++)
		strv_pushf(out, "%s/%s", root, names.v[i]);
}

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

static void pids_below(const char *path, int depth, struct cgroup_pids *p)
{
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_free_ char *procs = mem_printf("%s/cgroup.procs", path);

	if (file_read(procs, PIDS_MAX, &text, NULL) >= 0)
		for (char *s = (char *)buf_str(&text), *end; *s; s = *end ? end + 1 : end) {
			long pid = strtol(s, &end, 10);

			if (end == s)
				break;
			p->v = mem_grow(p->v, &p->cap, p->n + 1, sizeof *p->v);
			p->v[p->n++] = (pid_t)pid;
		}
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

/* cgroup v2 kills by one write what forks faster than a list of it is read. */
static void kill_whole(const char *path)
{
	_cleanup_free_ char *file = mem_printf("%s/cgroup.kill", path);
	_cleanup_close_ int fd = open(file, O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)!write(fd, "1", 1);
}

/* 0 once all are gone, else why one is not. */
static int strike(const char *root, const char *ns, const char *id, char **ret_path)
{
	_cleanup_strv_ struct strv found = { 0 };
	_cleanup_(cgroup_pids_done) struct cgroup_pids pids = { 0 };
	int why = 0;

	cgroup_pids(root, ns, id, &pids);
	for (size_t i = 0; i < pids.n; i++)
		if (pids.v[i] > 1)
			(void)kill(pids.v[i], SIGKILL);
	find(root, ns, id, &found);
	for (size_t i = 0; i < found.n; i++) {
		int e;

		kill_whole(found.v[i]);
		e = remove_below(found.v[i], 0);
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
		int why = strike(root, ns, id, &path);

		if (!why)
			return 0;
		if (ctx_check(ctx, NULL) < 0)
			return err_sys(err, why, "cgroup %s", path);
		(void)poll(NULL, 0, PAUSE_MS);
	}
}
