#include "job-cgroup.h"
#include "check.h"
#include "file.h"
#include "mem.h"
#include "places.h"
#include "shim.h"
#include <limits.h>
#include <string.h>

int job_cgroup_keep(const struct core *c, const char *id, const char *path, struct err *err)
{
	_cleanup_free_ char *file = places_cgroup(c, id);

	return path ? file_write(file, path, strlen(path), 0600, err) : 0;
}

static char *foreign_of(const struct core *c, const char *id)
{
	_cleanup_free_ char *file = places_cgroup(c, id);
	_cleanup_buf_ struct buf text = { 0 };

	if (file_read(file, PATH_MAX, &text, NULL) < 0 || check_cgroup(buf_str(&text), NULL, NULL) < 0)
		return NULL;
	return mem_strdup(buf_str(&text));
}

bool job_cgroup_exists(const struct core *c, const char *id)
{
	_cleanup_free_ char *foreign = foreign_of(c, id);

	return cgroup_exists(CGROUPS, &(const struct cgroup_name){ c->conf.ns, id, foreign });
}

int job_cgroup_pids(const struct core *c, const char *id, struct cgroup_pids *ret, struct err *err)
{
	_cleanup_free_ char *foreign = foreign_of(c, id);

	return cgroup_pids(CGROUPS, &(const struct cgroup_name){ c->conf.ns, id, foreign }, ret, err);
}

int job_cgroup_kill(const struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *foreign = foreign_of(c, id);

	return cgroup_kill(CGROUPS, &(const struct cgroup_name){ c->conf.ns, id, foreign }, ctx, err);
}

int job_cgroup_end(const struct core *c, const char *id, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *foreign = foreign_of(c, id);

	return cgroup_end(CGROUPS, &(const struct cgroup_name){ c->conf.ns, id, foreign }, ctx, err);
}

void job_cgroup_of(const struct core *c, const char *id, struct cgroup_of *ret)
{
	_cleanup_free_ char *foreign = foreign_of(c, id);

	cgroup_of_name(CGROUPS, &(const struct cgroup_name){ c->conf.ns, id, foreign }, ret);
}
