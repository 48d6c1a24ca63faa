#include "cgroup-dir.h"
#include "beneath.h"
#include "file.h"
#include "mem.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool cgroup_is_v2(const char *root)
{
	_cleanup_free_ char *file = mem_printf("%s/cgroup.controllers", root);

	return file_exists(file);
}

int cgroup_folders(const char *path, struct strv *names)
{
	_cleanup_(closedirp) DIR *d = opendir(path);

	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_type == DT_DIR && !beneath_is_dots(e->d_name))
			strv_push(names, e->d_name);
	return d ? 0 : -1;
}

bool cgroup_put(const char *path, const char *name, const char *text)
{
	_cleanup_free_ char *file = mem_printf("%s/%s", path, name);
	_cleanup_close_ int fd = open(file, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static void thaw_below(const char *path, int depth)
{
	_cleanup_strv_ struct strv names = { 0 };

	if (!cgroup_put(path, "freezer.state", "THAWED")) /* another controller's folder */
		return;
	if (depth < CGROUP_DEPTH_MAX)
		(void)cgroup_folders(path, &names);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *sub = mem_printf("%s/%s", path, names.v[i]);

		thaw_below(sub, depth + 1);
	}
}

void cgroup_thaw(const char *path)
{
	if (!cgroup_put(path, "cgroup.freeze", "0"))
		thaw_below(path, 0);
}
