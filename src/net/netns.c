/* A thread of its own leaves the caller's namespace, so the caller's is never in doubt: should anything fail, the thread
 * ends and the kernel takes the namespace with it. The file in /var/run/netns is what keeps it once it is bound.
 *
 * The folder is made a shared mount, as ip-netns(8) does: otherwise the bind mount would not reach other mount namespaces
 * that exist already (the shim's, systemd services'), and removing it here would leave it alive there. */
#include "netns.h"
#include "attr.h"
#include "file.h"
#include "mem.h"
#include "undo.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <linux/magic.h>
#include <linux/nsfs.h>

struct maker {
	const char *path;
	const char *at; /* what failed */
	int r;          /* 0 or -errno */
};

int netns_raise_loopback(void)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	return fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) < 0 ? -errno : 0;
}

static void *netns_make(void *arg)
{
	struct maker *m = arg;
	char ns[64];

	m->at = "new network namespace";
	m->r = unshare(CLONE_NEWNET) < 0 ? -errno : 0;
	if (m->r < 0)
		return NULL;
	m->at = "raise lo";
	m->r = netns_raise_loopback();
	if (m->r < 0)
		return NULL;
	m->at = "bind";
	(void)snprintf(ns, sizeof ns, "/proc/self/task/%ld/ns/net", (long)syscall(SYS_gettid));
	m->r = mount(ns, m->path, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
	return NULL;
}

/* Signals stay with the caller's threads. */
static int in_thread(void *(*fn)(void *arg), void *arg, struct err *err)
{
	pthread_attr_t attr;
	sigset_t all;
	pthread_t t;
	int r;

	(void)sigfillset(&all);
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setsigmask_np(&attr, &all);
	r = pthread_create(&t, &attr, fn, arg);
	(void)pthread_attr_destroy(&attr);
	if (r)
		return err_sys(err, r, "start a thread");
	(void)pthread_join(t, NULL);
	return 0;
}

static int make_in_thread(struct maker *m, struct err *err)
{
	int r = in_thread(netns_make, m, err);

	if (r < 0 || m->r == 0)
		return r;
	r = err_sys(err, -m->r, "%s", m->at);
	return m->r == -EPERM ? err_hint(err, r, "run as root") : r;
}

struct visitor {
	const char *path;
	int (*fn)(void *arg, struct err *err);
	void *arg;
	int r;
	struct err err;
};

static void *netns_visit(void *arg)
{
	struct visitor *v = arg;
	_cleanup_close_ int fd = open(v->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		v->r = err_sys(&v->err, errno, "network namespace %s", v->path);
	else
		v->r = v->fn(v->arg, &v->err);
	return NULL;
}

int netns_run(const char *path, int (*fn)(void *arg, struct err *err), void *arg, struct err *err)
{
	struct visitor v = { .path = path, .fn = fn, .arg = arg, .err = ERR_INIT };
	int r = in_thread(netns_visit, &v, err);

	if (r >= 0 && v.r < 0 && err)
		*err = v.err;
	return r < 0 ? r : v.r;
}

int netns_check(const char *path, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct statfs fs;

	if (fd < 0)
		return errno == ENOENT ? err_set(err, ERR_NOT_FOUND, "network namespace %s: not there", path)
				       : err_sys(err, errno, "network namespace %s", path);
	if (fstatfs(fd, &fs) < 0 || fs.f_type != NSFS_MAGIC || ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return err_set(err, ERR_INVALID, "network namespace %s: it is none", path);
	return 0;
}

static bool is_reachable(const struct ifaddrs *a, int family)
{
	const struct in6_addr *six;

	if (!a->ifa_addr || a->ifa_addr->sa_family != family || (a->ifa_flags & IFF_LOOPBACK))
		return false;
	six = &((const struct sockaddr_in6 *)(const void *)a->ifa_addr)->sin6_addr;
	return family == AF_INET || !IN6_IS_ADDR_LINKLOCAL(six);
}

static void push_address(const struct sockaddr *a, struct strv *out)
{
	char text[INET6_ADDRSTRLEN];
	const void *at = a->sa_family == AF_INET ? (const void *)&((const struct sockaddr_in *)(const void *)a)->sin_addr
						 : &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;

	if (inet_ntop(a->sa_family, at, text, sizeof text))
		strv_push(out, text);
}

static int list_addresses(void *arg, struct err *err)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) < 0)
		return err_sys(err, errno, "list addresses");
	for (size_t i = 0; i < 2; i++)
		for (const struct ifaddrs *a = all; a; a = a->ifa_next)
			if (is_reachable(a, families[i]))
				push_address(a->ifa_addr, arg);
	freeifaddrs(all);
	return 0;
}

int netns_addresses(const char *path, struct strv *ret, struct err *err) { return netns_run(path, list_addresses, ret, err); }

static int look_for_interface(void *arg, struct err *err)
{
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) < 0)
		return err_sys(err, errno, "list interfaces");
	for (const struct ifaddrs *a = all; a; a = a->ifa_next)
		*(bool *)arg |= (a->ifa_flags & (IFF_UP | IFF_LOOPBACK)) == IFF_UP;
	freeifaddrs(all);
	return 0;
}

int netns_is_bare(const char *path, struct err *err)
{
	bool other = false;
	int r = netns_run(path, look_for_interface, &other, err);

	return r < 0 ? r : !other;
}

/* The lock keeps two of us from binding the folder over itself twice. */
static int share_dir(const char *dir, struct err *err)
{
	_cleanup_close_ int fd = -1;
	int r = file_mkdirs(dir, 0755, err);

	if (r < 0)
		return r;
	if (mount("", dir, "none", MS_SHARED | MS_REC, NULL) == 0)
		return 0;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return err_sys(err, errno, "lock %s", dir);
	if (mount("", dir, "none", MS_SHARED | MS_REC, NULL) == 0)
		return 0;
	if (mount(dir, dir, "none", MS_BIND | MS_REC, NULL) < 0 || mount("", dir, "none", MS_SHARED | MS_REC, NULL) < 0) {
		r = err_sys(err, errno, "share %s", dir);
		return r == -ERR_PERMISSION ? err_hint(err, r, "run as root") : r;
	}
	return 0;
}

static int touch(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

	if (fd < 0)
		return err_sys(err, errno, "create");
	(void)close(fd);
	return 0;
}

static void unlink_path(void *path) { (void)unlink(path); }

/* The file that a namespace is going to be bound to. */
static int netns_prepare(const char *dir, const char *id, const char *path, struct err *err)
{
	int r;

	if (!*id || *id == '.' || strchr(id, '/'))
		return err_set(err, ERR_INVALID, "network namespace \"%s\": not a name", id);
	r = share_dir(dir, err);
	if (r < 0)
		return err_wrap(err, r, "network namespace %s", id);
	r = touch(path, err);
	return r < 0 ? err_wrap(err, r, "network namespace %s", path) : 0;
}

int netns_new(const char *dir, const char *id, char **ret_path, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", dir, id);
	_cleanup_(undo_run) struct undo undo = { 0 };
	struct maker m = { .path = path };
	int r = netns_prepare(dir, id, path, err);

	if (r < 0)
		return r;
	undo_push(&undo, "file", unlink_path, path);
	r = make_in_thread(&m, err);
	if (r < 0)
		return err_wrap(err, r, "network namespace %s", path);
	undo_commit(&undo);
	*ret_path = TAKE_PTR(path);
	return 0;
}

int netns_keep(const char *dir, const char *id, int ns, struct err *err)
{
	char link[64];

	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", ns);
	return netns_join(dir, id, link, err);
}

int netns_join(const char *dir, const char *id, const char *other, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", dir, id);
	struct statfs fs;
	int r;

	if (statfs(other, &fs) < 0 || fs.f_type != NSFS_MAGIC)
		return err_set(err, ERR_NOT_FOUND, "network namespace %s: not there", other);
	r = netns_prepare(dir, id, path, err);
	if (r < 0)
		return r;
	if (mount(other, path, NULL, MS_BIND, NULL) == 0)
		return 0;
	r = errno;
	(void)unlink(path);
	return err_sys(err, r, "network namespace %s: bind %s", path, other);
}

int netns_remove(const char *path, struct err *err)
{
	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
		return err_sys(err, errno, "unmount network namespace %s", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_sys(err, errno, "remove network namespace %s", path);
	return 0;
}
