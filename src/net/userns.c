/* A process that has threads cannot enter a new user namespace, so a child is born in it, by clone(2) itself: it makes system
 * calls alone, says how they went, and waits until its namespaces are held. */
#include "userns.h"
#include "attr.h"
#include "netns.h"
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct userns_child {
	pid_t pid;
	int said, hold; /* what it writes; open while it is to stay */
};

_Noreturn static void child_main(int said, int hold, bool net)
{
	char unused;
	int r = net ? netns_raise_loopback() : 0;

	(void)!write(said, &r, sizeof r);
	(void)!read(hold, &unused, 1);
	_exit(0);
}

/* Not only let go of: children that other threads make meanwhile have copies of all that is open here, and two of them would keep
 * each other. */
static void child_end(struct userns_child *c)
{
	closep(&c->said);
	closep(&c->hold);
	if (c->pid > 0)
		(void)kill(c->pid, SIGKILL);
	while (c->pid > 0 && waitpid(c->pid, NULL, __WALL) < 0 && errno == EINTR)
		;
}

static int child_start(bool net, struct userns_child *c, struct err *err)
{
	_cleanup_close_ int said = -1, hold = -1;
	int pipes[2], result;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	c->said = pipes[0], said = pipes[1];
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	hold = pipes[0], c->hold = pipes[1];
	c->pid = (pid_t)syscall(SYS_clone, (long)(CLONE_NEWUSER | (net ? CLONE_NEWNET : 0)), 0L, 0L, 0L, 0L);
	if (c->pid == 0) {
		(void)close(c->hold); /* its own end would keep it */
		child_main(said, hold, net);
	}
	if (c->pid < 0)
		return err_hint(err, err_sys(err, errno, "new user namespace"),
				errno == ENOSPC ? "raise it: sysctl user.max_user_namespaces" : "run as root");
	closep(&said);
	if (read(c->said, &result, sizeof result) != sizeof result)
		return err_set(err, ERR_INTERNAL, "new user namespace: its first process died");
	return result < 0 ? err_sys(err, -result, "new network namespace: raise lo") : 0;
}

static int write_map(const struct userns_child *c, const char *which, uint32_t first, uint32_t n, struct err *err)
{
	char path[64], text[64];
	int len = snprintf(text, sizeof text, "0 %u %u\n", first, n);
	_cleanup_close_ int fd = -1;

	(void)snprintf(path, sizeof path, "/proc/%d/%s_map", (int)c->pid, which);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, (size_t)len) != len)
		return err_sys(err, errno, "new user namespace: %u ids from %u on as %s_map", n, first, which);
	return 0;
}

static int open_ns(const struct userns_child *c, const char *which, int *ret, struct err *err)
{
	char path[64];

	(void)snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)c->pid, which);
	*ret = open(path, O_RDONLY | O_CLOEXEC);
	return *ret < 0 ? err_sys(err, errno, "%s", path) : 0;
}

int userns_new(const struct idmap *m, int *ret_user, int *ret_net, struct err *err)
{
	_cleanup_(child_end) struct userns_child c = { .said = -1, .hold = -1 };
	_cleanup_close_ int user = -1, net = -1;
	int r = child_start(ret_net != NULL, &c, err);

	if (r >= 0)
		r = write_map(&c, "uid", m->uid, m->n, err);
	if (r >= 0)
		r = write_map(&c, "gid", m->gid, m->n, err);
	if (r >= 0)
		r = open_ns(&c, "user", &user, err);
	if (r >= 0 && ret_net)
		r = open_ns(&c, "net", &net, err);
	if (r < 0)
		return r;
	*ret_user = TAKE_FD(user);
	if (ret_net)
		*ret_net = TAKE_FD(net);
	return 0;
}

int userns_of_netns(const char *path, int *ret_user, struct err *err)
{
	_cleanup_close_ int net = open(path, O_RDONLY | O_CLOEXEC), user = net < 0 ? -1 : ioctl(net, NS_GET_USERNS);
	struct stat its, ours;

	if (user < 0 || fstat(user, &its) < 0 || stat("/proc/self/ns/user", &ours) < 0)
		return err_sys(err, errno, "network namespace %s", path);
	if (its.st_dev == ours.st_dev && its.st_ino == ours.st_ino)
		return err_set(err, ERR_PRECONDITION, "network namespace %s: not of a user namespace of its own", path);
	*ret_user = TAKE_FD(user);
	return 0;
}

int userns_bind(int user, const char *path, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0444);
	char link[64];

	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", user);
	if (fd < 0 || mount(link, path, NULL, MS_BIND, NULL) < 0)
		return err_sys(err, errno, "user namespace: bind it to %s", path);
	return 0;
}
