#include "cgroup-pids.h"
#include "buf.h"
#include "cgroup-dir.h"
#include "file.h"
#include "mem.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

/* Bytes for every pid that Linux can have, so that a list is never cut, nor taken for an empty one. */
enum { PIDS_MAX = 64 << 20 };

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

static int by_pid(const void *a, const void *b)
{
	const pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

void cgroup_pids_sort(struct cgroup_pids *p)
{
	size_t n = 0;

	if (!p->n)
		return;
	qsort(p->v, p->n, sizeof *p->v, by_pid);
	for (size_t i = 0; i < p->n; i++)
		if (!n || p->v[i] != p->v[n - 1])
			p->v[n++] = p->v[i];
	p->n = n;
}

bool cgroup_has(const struct cgroup_pids *p, pid_t pid) { return p->n && bsearch(&pid, p->v, p->n, sizeof *p->v, by_pid); }

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

/* A folder that has gone meanwhile has no process; a threaded one of v2 has those that its domain lists. */
static bool lists_none(int e) { return e == ENOENT || e == ENODEV || e == EOPNOTSUPP; }

static int pids_in(const char *path, struct cgroup_pids *p, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_free_ char *procs = mem_printf("%s/cgroup.procs", path);
	struct err why = ERR_INIT;
	pid_t pid;

	if (file_read(procs, PIDS_MAX, &text, &why) < 0) {
		if (lists_none(why.sys))
			return 0;
		if (err)
			*err = why;
		return -(int)why.code;
	}
	for (const char *rest = buf_str(&text); next_pid(&rest, &pid);)
		cgroup_pids_add(p, pid);
	return 0;
}

/* What cannot be read is not taken for empty. */
static int pids_below(const char *path, int depth, struct cgroup_pids *p, struct err *err)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = pids_in(path, p, err);

	if (r >= 0 && depth < CGROUP_DEPTH_MAX && cgroup_folders(path, &names) < 0 && !lists_none(errno))
		r = err_sys(err, errno, "%s", path);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		_cleanup_free_ char *sub = mem_printf("%s/%s", path, names.v[i]);

		r = pids_below(sub, depth + 1, p, err);
	}
	return r;
}

int cgroup_pids_below(const char *path, struct cgroup_pids *ret, struct err *err) { return pids_below(path, 0, ret, err); }
