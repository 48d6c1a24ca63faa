#include "task-path.h"
#include "beneath.h"
#include "file.h"
#include "mem.h"
#include "path.h"
#include "strv.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool task_path_is_inside(const char *alloc_dir, const char *path)
{
	_cleanup_free_ char *dir = path_clean(alloc_dir, NULL), *clean = path_clean(path, NULL);

	return path_begins(clean, dir);
}

/* Where ".." climbs above what it stands in. */
static bool climbs_out(const char *relative)
{
	_cleanup_strv_ struct strv parts = { 0 };
	int depth = 0;

	strv_split(&parts, relative, "/");
	for (size_t i = 0; i < parts.n && depth >= 0; i++)
		depth += !strcmp(parts.v[i], "..") ? -1 : strcmp(parts.v[i], ".") ? 1 : 0;
	return depth < 0;
}

int task_path(const char *alloc_dir, const char *task, const char *source, char **ret, bool *ret_host, struct err *err)
{
	_cleanup_free_ char *clean = *source == '/' ? path_clean(source, NULL) : NULL, *own = mem_printf("%s/%s", alloc_dir, task);
	const char *in = clean ? clean : source;

	while (!strncmp(in, "./", 2))
		in += 2;
	if (path_begins(in, "../alloc"))
		in += 3;
	*ret_host = false;
	if (path_begins(in, "alloc") || path_begins(in, "/alloc"))
		*ret = mem_printf("%s/%s", alloc_dir, in + (*in == '/'));
	else if (path_begins(in, "/local") || path_begins(in, "/secrets"))
		*ret = mem_printf("%s%s", own, in);
	else if (*in == '/')
		*ret = mem_strdup(in);
	else
		*ret = mem_printf("%s/%s", own, in);
	*ret_host = *in == '/' && !strcmp(*ret, in) && !task_path_is_inside(alloc_dir, *ret);
	if (*in != '/' && climbs_out(in)) {
		free(TAKE_PTR(*ret));
		return err_hint(err, err_set(err, ERR_INVALID, "path \"%.200s\": it climbs out of the task's folder", source),
				"local/..., secrets/..., alloc/..., or an absolute path of the host");
	}
	clean = (free(clean), path_clean(*ret, NULL));
	free(*ret);
	*ret = TAKE_PTR(clean);
	return 0;
}

/* How much of @path (in @dir) are folders that Nomad makes and no task can replace: "alloc", "TASK/local", "TASK/secrets", "TASK".
 */
static size_t own_part(const char *below)
{
	const size_t first = strcspn(below, "/");
	static const char *const folders[] = { "/local", "/secrets", "/private", "/tmp" };

	if (first == strlen("alloc") && !strncmp(below, "alloc", first))
		return first;
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		if (path_begins(below + first, folders[i]))
			return first + strlen(folders[i]);
	return first;
}

#define AGENTS_ALONE ECANCELED /* of make_below(); no file system says that */

static int source_error(int sys, const char *path, struct err *err)
{
	if (sys == EXDEV || sys == ELOOP)
		return err_hint(
			err, err_set(err, ERR_PERMISSION, "path %s: a link in it leads out of the allocation's folder", path),
			"name what it leads to by its own path, where the plugin option volumes { enabled = true } allows it");
	if (sys == AGENTS_ALONE)
		return err_hint(
			err, err_set(err, ERR_PERMISSION, "path %s: is not there, and the agent alone writes in alloc/logs", path),
			"name a folder below alloc/data");
	return err_sys(err, sys, "path %s", path);
}

static int real_path_of(int fd, char **ret, struct err *err)
{
	char link[BENEATH_PATH], path[PATH_MAX];
	const ssize_t n = readlink(beneath_path(fd, link), path, sizeof path - 1);

	if (n < 0 || path[0] != '/')
		return err_sys(err, n < 0 ? errno : ENOENT, "its path");
	path[n] = '\0';
	*ret = mem_strdup(path);
	return 0;
}

/* Of allocation @alloc: who makes a folder there takes a name from the agent. */
static bool is_of_logs(int alloc, int fd)
{
	_cleanup_free_ char *top = NULL, *path = NULL, *logs = NULL;

	if (real_path_of(alloc, &top, NULL) < 0 || real_path_of(fd, &path, NULL) < 0)
		return true;
	logs = mem_printf("%s/alloc/logs", top);
	return path_begins(path, logs);
}

/* errno says AGENTS_ALONE where it would be in the logs' folder. */
static int make_below(int alloc, int dir, const char *below)
{
	_cleanup_strv_ struct strv parts = { 0 };
	_cleanup_close_ int at = beneath_open_within(dir, ".", O_PATH | O_DIRECTORY);

	strv_split(&parts, below, "/");
	for (size_t i = 0; at >= 0 && i < parts.n; i++) {
		int next = beneath_open_within(at, parts.v[i], O_PATH | O_DIRECTORY);

		if (next < 0 && errno == ENOENT && is_of_logs(alloc, at)) {
			errno = AGENTS_ALONE;
			return -1;
		}
		if (next < 0 && errno == ENOENT && mkdirat(at, parts.v[i], 0755) == 0)
			next = beneath_open_within(at, parts.v[i], O_PATH | O_DIRECTORY | O_NOFOLLOW);
		if (next < 0)
			return -1;
		(void)close(at);
		at = next;
	}
	return at < 0 ? -1 : TAKE_FD(at);
}

int task_path_resolve(const char *alloc_dir, const char *path, bool create, char **ret, struct err *err)
{
	_cleanup_free_ char *dir = path_clean(alloc_dir, NULL), *clean = path_clean(path, NULL), *own = NULL;
	const char *below = clean + strlen(dir);
	_cleanup_close_ int alloc = -1, at = -1, fd = -1;

	if (!path_begins(clean, dir))
		return err_set(err, ERR_INVALID, "path %s: not in the allocation's folder", path);
	below += *below == '/';
	own = mem_strndup(below, own_part(below));
	below += strlen(own);
	below += *below == '/';
	alloc = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	at = alloc < 0 ? -1 : beneath_open_straight(alloc, *own ? own : ".", O_PATH | O_DIRECTORY);
	if (at < 0)
		return source_error(errno, path, err);
	fd = beneath_open_within(at, *below ? below : ".", O_PATH);
	if (fd < 0 && errno == ENOENT && create)
		fd = make_below(alloc, at, below);
	return fd < 0 ? source_error(errno, path, err) : real_path_of(fd, ret, err);
}

int task_path_read(const char *alloc_dir, const char *path, int *ret_fd, struct err *err)
{
	_cleanup_free_ char *real = NULL;
	_cleanup_close_ int place = -1;
	struct stat st;
	int fd, r = task_path_resolve(alloc_dir, path, false, &real, err);

	if (r < 0)
		return r;
	place = beneath_open_straight(AT_FDCWD, real, O_PATH);
	if (place < 0 || fstat(place, &st) < 0)
		return source_error(errno, path, err);
	if (!S_ISREG(st.st_mode)) /* of a device the opening alone can do something */
		return err_set(err, ERR_INVALID, "%s: not a file", path);
	fd = beneath_reopen(place, O_RDONLY);
	if (fd < 0)
		return err_sys(err, errno, "%s", path);
	*ret_fd = fd;
	return 0;
}

char *task_path_output(const char *alloc_dir, const char *path)
{
	_cleanup_free_ char *dir = path_clean(alloc_dir, NULL), *clean = path_clean(path, NULL), *real = NULL;
	const char *below = path_begins(clean, dir) ? clean + strlen(dir) : strrchr(clean, '/');
	_cleanup_free_ char *above = mem_strndup(clean, (size_t)(below - clean));

	real = realpath(*above ? above : "/", NULL);
	return real ? mem_printf("%s%s", strcmp(real, "/") != 0 ? real : "", below) : TAKE_PTR(clean);
}
