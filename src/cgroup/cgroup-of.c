#include "cgroup-of.h"
#include "cgroup-dir.h"
#include "file.h"
#include "mem.h"
#include <string.h>

enum { TEXT_MAX = 1 << 20 };

static const char *const controllers[] = {
	[CGROUP_PIDS] = "pids",     [CGROUP_FREEZER] = "freezer", [CGROUP_DEVICES] = "devices",
	[CGROUP_MEMORY] = "memory", [CGROUP_CPU] = "cpu",         [CGROUP_CPUACCT] = "cpuacct",
	[CGROUP_BLKIO] = "blkio",   [CGROUP_HUGETLB] = "hugetlb", [CGROUP_RDMA] = "rdma",
};
_Static_assert(sizeof controllers / sizeof *controllers == CGROUP_CONTROLLERS, "each has its name");

void cgroup_of_done(struct cgroup_of *c)
{
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
		free(c->v1[i]);
	free(c->v2);
	*c = (struct cgroup_of){ 0 };
}

/* @path as the kernel says it in the hierarchy that is mounted at @mount. In a container without a cgroup namespace of its own what
 * is mounted is a part of it, so the path there begins later. What is above a namespace of our own, "/..", is not mounted. */
static char *folder_at(const char *mount, const char *path)
{
	for (const char *rest = strncmp(path, "/..", 3) ? path : NULL; rest && rest[0] == '/' && rest[1];
	     rest = strchr(rest + 1, '/')) {
		char *folder = mem_printf("%s%s", mount, rest);

		if (file_exists(folder))
			return folder;
		free(folder);
	}
	return NULL;
}

static bool names_controller(const char *list, const char *name)
{
	const size_t n = strlen(name);

	for (const char *at = strstr(list, name); at; at = strstr(at + 1, name))
		if ((at == list || at[-1] == ',') && (!at[n] || at[n] == ','))
			return true;
	return false;
}

static void put_v1(const char *root, const char *list, const char *path, struct cgroup_of *ret)
{
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
		_cleanup_free_ char *mount = mem_printf("%s/%s", root, controllers[i]);

		if (!ret->v1[i] && names_controller(list, controllers[i]))
			ret->v1[i] = folder_at(mount, path);
	}
}

/* "HIERARCHY:CONTROLLERS:PATH", with no controllers for v2's. */
static void put_line(const char *root, char *line, struct cgroup_of *ret)
{
	char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;

	if (!path)
		return;
	*path++ = '\0';
	if (list[1])
		put_v1(root, list + 1, path, ret);
	else if (cgroup_is_v2(root) && !ret->v2)
		ret->v2 = folder_at(root, path);
}

int cgroup_of(const char *host, pid_t pid, struct cgroup_of *ret, struct err *err)
{
	_cleanup_free_ char *file = mem_printf("%s/proc/%d/cgroup", host, (int)pid), *root = mem_printf("%s/sys/fs/cgroup", host);
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_strv_ struct strv lines = { 0 };
	int r = file_read(file, TEXT_MAX, &text, err);

	if (r < 0)
		return r;
	*ret = (struct cgroup_of){ 0 };
	strv_split(&lines, buf_str(&text), "\n");
	for (size_t i = 0; i < lines.n; i++)
		put_line(root, lines.v[i], ret);
	return 0;
}

static char *path_folder(const char *mount, const char *path)
{
	char *folder = mem_printf("%s%s", mount, path);

	return file_exists(folder) ? folder : (free(folder), NULL);
}

void cgroup_of_path(const char *root, const char *path, struct cgroup_of *ret)
{
	const bool v2 = cgroup_is_v2(root);

	*ret = (struct cgroup_of){ .v2 = v2 ? path_folder(root, path) : NULL };
	for (size_t i = 0; i < CGROUP_CONTROLLERS && !v2; i++) {
		_cleanup_free_ char *mount = mem_printf("%s/%s", root, controllers[i]);

		ret->v1[i] = path_folder(mount, path);
	}
}

const char *cgroup_of_any(const struct cgroup_of *c)
{
	for (size_t i = 0; i < CGROUP_CONTROLLERS && !c->v2; i++)
		if (c->v1[i])
			return c->v1[i];
	return c->v2;
}
