#include "handshake.h"
#include "buf.h"
#include "file.h"
#include "mem.h"
#include <grp.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { CORE_PROTOCOL = 1, GROUP_FILE_MAX = 1 << 20, PATH_TRIES = 16 };

bool handshake_cookie(const char *name, const char *value)
{
	const char *said = getenv(name);

	return said && !strcmp(said, value);
}

static const char *socket_folder(void)
{
	static const char *const names[] = { "PLUGIN_UNIX_SOCKET_DIR", "TMPDIR" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *dir = getenv(names[i]);

		if (dir && *dir)
			return dir;
	}
	return "/tmp";
}

int handshake_path(char **ret, struct err *err)
{
	const size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path);
	const char *dir = socket_folder();
	unsigned random;

	for (int i = 0; i < PATH_TRIES; i++) {
		_cleanup_free_ char *path = NULL;

		if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
			return err_sys(err, errno, "random bytes");
		path = mem_printf("%s/plugin%08x", dir, random);
		if (strlen(path) >= max)
			return err_hint(err,
					err_set(err, ERR_INVALID, "socket %s: its path is longer than %zu bytes", path, max - 1),
					"set TMPDIR to a shorter path");
		if (access(path, F_OK) < 0 && errno == ENOENT) {
			*ret = TAKE_PTR(path);
			return 0;
		}
	}
	return err_set(err, ERR_NOT_FOUND, "folder %s for the socket: nothing can be made in it", dir);
}

/* "name:x:GID:..." */
static bool group_line(const char *line, const char *name, gid_t *ret)
{
	size_t n = strlen(name);
	const char *at;
	char *end;
	unsigned long id;

	if (strncmp(line, name, n) || line[n] != ':')
		return false;
	at = strchr(line + n + 1, ':');
	if (!at)
		return false;
	id = strtoul(at + 1, &end, 10);
	if (end == at + 1 || id >= (gid_t)-1)
		return false;
	*ret = (gid_t)id;
	return true;
}

static int group_find(const char *name, gid_t *ret, struct err *err)
{
	_cleanup_buf_ struct buf b = { 0 };
	char *end, *save = NULL;
	unsigned long id = strtoul(name, &end, 10);
	int r;

	if (*name >= '0' && *name <= '9' && !*end && id < (gid_t)-1) {
		*ret = (gid_t)id;
		return 0;
	}
	r = file_read("/etc/group", GROUP_FILE_MAX, &b, err);
	if (r < 0)
		return r;
	for (char *line = b.len ? strtok_r(b.data, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save))
		if (group_line(line, name, ret))
			return 0;
	return err_set(err, ERR_NOT_FOUND, "no such group");
}

int handshake_group(const char *path, struct err *err)
{
	const char *name = getenv("PLUGIN_UNIX_SOCKET_GROUP");
	gid_t gid;
	int r;

	if (!name || !*name)
		return 0;
	r = group_find(name, &gid, err);
	if (r < 0)
		return err_wrap(err, r, "PLUGIN_UNIX_SOCKET_GROUP %s", name);
	if (chown(path, (uid_t)-1, gid) < 0 || chmod(path, 0660) < 0)
		return err_sys(err, errno, "socket %s for group %s", path, name);
	return 0;
}

int handshake_tell(int fd, unsigned app, const char *path, struct err *err)
{
	_cleanup_buf_ struct buf line = { 0 };

	buf_addf(&line, "%d|%u|unix|%s|grpc|\n", CORE_PROTOCOL, app, path);
	if (write(fd, line.data, line.len) != (ssize_t)line.len) /* shorter than PIPE_BUF: a pipe takes all of it, or nothing */
		return err_sys(err, errno, "the line for the plugin's host");
	return 0;
}
