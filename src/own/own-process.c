/* Its process is known by who listens at its socket (SO_PEERCRED), checked by its command line: there is no pid file that could be
 * stale. */
#include "own-process.h"
#include "file.h"
#include "mem.h"
#include "places.h"
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

char *own_address(const struct core_conf *conf) { return places_own_run(conf, "containerd.sock"); }

/* A connection, or -errno. */
static int own_connect(const struct core_conf *conf)
{
	_cleanup_free_ char *address = own_address(conf);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (fd < 0)
		return -errno;
	if (strlen(address) >= sizeof sa.sun_path)
		return -ENAMETOOLONG;
	(void)memcpy(sa.sun_path, address, strlen(address) + 1);
	/* EAGAIN: somebody listens, but is slow to accept. */
	return connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0 && errno != EAGAIN ? -errno : TAKE_FD(fd);
}

bool own_running(const struct core_conf *conf)
{
	_cleanup_close_ int fd = own_connect(conf);

	return fd >= 0;
}

static bool runs_with(pid_t pid, const char *config)
{
	_cleanup_free_ char *path = mem_printf("/proc/%d/cmdline", (int)pid);
	_cleanup_buf_ struct buf line = { 0 };

	if (file_read(path, 65536, &line, NULL) < 0)
		return false;
	for (size_t i = 0; i < line.len; i += strlen(line.data + i) + 1)
		if (!strcmp(line.data + i, config))
			return true;
	return false;
}

int own_process(const struct core_conf *conf, pid_t *ret, int *ret_fd, struct err *err)
{
	_cleanup_free_ char *config = places_own_data(conf, "config.toml"), *address = own_address(conf);
	_cleanup_close_ int fd = own_connect(conf), pidfd = -1;
	struct ucred who = { 0 };
	socklen_t n = sizeof who;

	if (fd == -ENOENT || fd == -ECONNREFUSED)
		return err_set(err, ERR_NOT_FOUND, "it is not running");
	if (fd < 0)
		return err_sys(err, -fd, "engine at %s", address);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0)
		return err_sys(err, errno, "engine at %s", address);
	pidfd = who.pid > 0 ? (int)syscall(SYS_pidfd_open, who.pid, 0) : -1;
	if (pidfd < 0 || !runs_with(who.pid, config)) /* in this order: the pid cannot pass to another any more */
		return err_set(err, ERR_PRECONDITION, "engine at %s: process %d there was not started by davit", address,
			       (int)who.pid);
	*ret = who.pid;
	*ret_fd = TAKE_FD(pidfd);
	return 0;
}

/* Who asks it is in no namespace of the caller's. */
int own_link(const struct core_conf *conf, struct core **ret, struct err *err)
{
	_cleanup_free_ char *address = own_address(conf);
	struct core_conf at = *conf;

	at.address = address;
	at.ns = CORE_NAMESPACE;
	return core_open(&at, ret, err);
}

static int make_folders(const struct core_conf *conf, struct err *err)
{
	_cleanup_free_ char *root = places_own_data(conf, ""), *state = places_own_run(conf, "");
	int r;

	core_own_folders(conf);
	r = file_mkdirs_private(root, err);
	return r < 0 ? r : file_mkdirs(state, 0711, err); /* a user namespace's root passes through to its bundle */
}

int own_lock(const struct core_conf *conf, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *lock = places_own_data(conf, "lock");
	int r = make_folders(conf, err);

	return r < 0 ? r : file_lock(lock, true, ctx, err);
}
