#include "cgroup-join.h"
#include "cgroup-dir.h"
#include "file.h"
#include "mem.h"
#include <string.h>

enum { JOIN_TEXT_MAX = 1 << 20 };

/* "HIERARCHY:CONTROLLERS:PATH" */
static const char *line_path(const char *line)
{
	const char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;

	return path ? path + 1 : NULL;
}

/* Where the hierarchy is mounted: by all of its controllers, by one of them, or v2's. NULL: nowhere. */
static char *hierarchy_mount(const char *root, const char *line)
{
	const char *list = strchr(line, ':') + 1;
	_cleanup_free_ char *controllers = mem_strndup(list, (size_t)(line_path(line) - 1 - list));
	_cleanup_strv_ struct strv names = { 0 };

	if (!*controllers)
		return cgroup_is_v2(root) ? mem_strdup(root) : mem_printf("%s/unified", root);
	strv_push(&names, controllers);
	strv_split(&names, controllers, ",");
	for (size_t i = 0; i < names.n; i++) {
		char *folder = mem_printf("%s/%s", root, !strncmp(names.v[i], "name=", 5) ? names.v[i] + 5 : names.v[i]);

		if (file_exists(folder))
			return folder;
		free(folder);
	}
	return NULL;
}

/* Of a hierarchy of which a part is mounted, as in a container, the path there begins later. */
static bool hierarchy_join(const char *mount, const char *path, const char *who)
{
	if (path[0] == '/' && !path[1])
		return cgroup_put(mount, "cgroup.procs", who);
	for (const char *rest = strncmp(path, "/..", 3) ? path : NULL; rest && rest[0] == '/' && rest[1];
	     rest = strchr(rest + 1, '/')) {
		_cleanup_free_ char *folder = mem_printf("%s%s", mount, rest);

		if (cgroup_put(folder, "cgroup.procs", who))
			return true;
	}
	return false;
}

static int read_lines(const char *host, const char *pid, struct strv *lines, struct err *err)
{
	_cleanup_free_ char *file = mem_printf("%s/proc/%s/cgroup", host, pid);
	_cleanup_buf_ struct buf text = { 0 };
	int r = file_read(file, JOIN_TEXT_MAX, &text, err);

	if (r >= 0)
		strv_split(lines, buf_str(&text), "\n");
	return r;
}

int cgroup_move(const char *host, pid_t who, pid_t to, struct err *err)
{
	_cleanup_free_ char *root = mem_printf("%s/sys/fs/cgroup", host), *whose = mem_printf("%d", (int)to),
			    *mover = mem_printf("%d", (int)who);
	_cleanup_strv_ struct strv theirs = { 0 }, ours = { 0 };
	int r = read_lines(host, whose, &theirs, err), failed = 0;

	if (r >= 0)
		r = read_lines(host, who ? mover : "self", &ours, err);
	for (size_t i = 0; r >= 0 && i < theirs.n; i++) {
		const char *line = theirs.v[i];
		_cleanup_free_ char *mount = NULL;

		if (!line_path(line) || strv_has(&ours, line))
			continue;
		mount = hierarchy_mount(root, line);
		if ((!mount || !hierarchy_join(mount, line_path(line), mover)) && failed >= 0)
			failed = err_set(err, ERR_PRECONDITION, "cgroup %s: is not to be had", line);
	}
	return r < 0 ? r : failed;
}

int cgroup_join(const char *host, pid_t pid, struct err *err) { return cgroup_move(host, 0, pid, err); }
