#include "socket.h"
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static int make_address(const char *path, struct sockaddr_un *ret, struct err *err)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (!*path)
		return err_set(err, ERR_INVALID, "socket path is empty");
	if (strlen(path) >= sizeof sa.sun_path)
		return err_set(err, ERR_INVALID, "socket path %s is longer than %zu bytes", path, sizeof sa.sun_path - 1);
	memcpy(sa.sun_path, path, strlen(path));
	*ret = sa;
	return 0;
}

/* A socket, and the address that @path is. */
static int make_socket(const char *path, struct sockaddr_un *ret, struct err *err)
{
	int r = make_address(path, ret, err), fd;

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? err_sys(err, errno, "socket") : fd;
}

int socket_dial(const char *path, int *ret_fd, struct err *err)
{
	struct sockaddr_un sa;
	_cleanup_close_ int fd = make_socket(path, &sa, err);

	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&sa, sizeof sa) < 0) {
		if (errno == EAGAIN)
			return err_set(err, ERR_UNAVAILABLE, "connect to %s: too many wait to be accepted", path);
		return err_sys(err, errno, "connect to %s", path);
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static bool peer_of(int fd, struct ucred *ret)
{
	socklen_t n = sizeof *ret;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret, &n) == 0;
}

bool socket_peer_uid(int fd, uid_t *ret_uid)
{
	struct ucred who;

	if (!peer_of(fd, &who))
		return false;
	*ret_uid = who.uid;
	return true;
}

pid_t socket_peer(int fd)
{
	struct ucred who;

	return peer_of(fd, &who) ? who.pid : 0;
}

pid_t socket_listener(const char *path)
{
	_cleanup_close_ int fd = -1;

	return socket_dial(path, &fd, NULL) == 0 ? socket_peer(fd) : 0;
}

/* Whether @path is a socket that nobody listens on. */
static bool is_stale(const char *path)
{
	_cleanup_close_ int fd = -1;
	struct err err = ERR_INIT;
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	return socket_dial(path, &fd, &err) < 0 && err.sys == ECONNREFUSED;
}

int socket_listen(const char *path, mode_t mode, int *ret_fd, struct err *err)
{
	struct sockaddr_un sa;
	_cleanup_close_ int fd = make_socket(path, &sa, err);
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (fchmod(fd, mode) < 0) /* before bind(2), which gives the file this mode less the umask */
		return err_sys(err, errno, "socket mode");
	r = bind(fd, (const struct sockaddr *)&sa, sizeof sa);
	if (r < 0 && errno == EADDRINUSE) {
		if (!is_stale(path))
			return err_set(err, ERR_EXISTS, "socket %s is in use", path);
		(void)unlink(path);
		r = bind(fd, (const struct sockaddr *)&sa, sizeof sa);
	}
	if (r < 0)
		return err_sys(err, errno, "bind %s", path);
	if ((lstat(path, &st) < 0 || (st.st_mode & 07777) != mode) && chmod(path, mode) < 0) /* what the umask took */
		return err_sys(err, errno, "mode of socket %s", path);
	if (listen(fd, SOMAXCONN) < 0)
		return err_sys(err, errno, "listen on %s", path);
	*ret_fd = TAKE_FD(fd);
	return 0;
}
