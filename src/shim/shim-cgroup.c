#include "shim-cgroup.h"
#include "attr.h"
#include "file.h"
#include "mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

/* "0" is whoever writes it. False: it is not there. */
static int join_one(const char *hierarchy, const char *group, bool *joined, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("%s/%s/cgroup.procs", hierarchy, group);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "%s", path);
	if (write(fd, "0", 1) != 1)
		return err_sys(err, errno, "%s", path);
	*joined = true;
	return 0;
}

static int join_each(const char *root, const char *group, bool *joined, struct err *err)
{
	_cleanup_(closedirp) DIR *d = opendir(root);
	int r = d ? 0 : err_sys(err, errno, "%s", root);

	for (const struct dirent *e; r >= 0 && (e = readdir(d));) {
		_cleanup_free_ char *hierarchy = mem_printf("%s/%s", root, e->d_name);

		if (e->d_name[0] != '.' && e->d_type == DT_DIR) /* a link names a hierarchy a second time */
			r = join_one(hierarchy, group, joined, err);
	}
	return r;
}

int shim_cgroup_join(const char *root, const char *group, struct err *err)
{
	_cleanup_free_ char *unified = mem_printf("%s/cgroup.controllers", root);
	bool joined = false;
	int r = file_exists(unified) ? join_one(root, group, &joined, err) : join_each(root, group, &joined, err);

	if (r < 0 || joined)
		return r;
	return err_hint(err, err_set(err, ERR_NOT_FOUND, "ShimCgroup %s: no such cgroup", group),
			"make it, or take the option out");
}
