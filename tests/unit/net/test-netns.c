#include "test.h"
#include "file.h"
#include "mem.h"
#include "netns.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/test-netns.XXXXXX";

/* A mount namespace of our own, so that nothing reaches the host. */
static int setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		dir[0] = '\0';
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (!*dir)
		return 0;
	(void)umount2(dir, MNT_DETACH);
	return rmdir(dir);
}

static void need_root(void)
{
	if (*dir)
		return;
	print_message("network namespaces need root\n");
	skip();
}

static ino_t inode(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

/* Exit status of a child that has entered the namespace: is lo up, and alone? */
static int look_inside(const char *path)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int ns = open(path, O_RDONLY | O_CLOEXEC), s;
		struct ifreq ifr = { .ifr_name = "lo" }, other = { .ifr_ifindex = 2 };

		if (ns < 0 || setns(ns, CLONE_NEWNET) < 0 || (s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
			_exit(2);
		if (ioctl(s, SIOCGIFFLAGS, &ifr) < 0 || !(ifr.ifr_flags & IFF_UP))
			_exit(3);
		_exit(ioctl(s, SIOCGIFNAME, &other) == 0 && !strncmp(other.ifr_name, "eth", 3) ? 4 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void made_and_removed(void **state)
{
	const ino_t ours = *dir ? inode("/proc/self/ns/net") : 0;
	_cleanup_free_ char *path = NULL, *second = NULL, *none = NULL;
	struct statfs fs;
	struct err err = ERR_INIT;

	(void)state;
	need_root();
	assert_int_equal(netns_new(dir, "one", &path, &err), 0);
	assert_int_equal(netns_new(dir, "two", &second, &err), 0);
	assert_int_equal(statfs(path, &fs), 0);
	assert_int_equal(fs.f_type, NSFS_MAGIC);
	assert_true(inode(path) != ours && inode(path) != inode(second));
	assert_int_equal(inode("/proc/self/ns/net"), ours);
	assert_int_equal(inode("/proc/thread-self/ns/net"), ours);
	assert_int_equal(look_inside(path), 0);

	assert_int_equal(netns_new(dir, "one", &none, &err), -ERR_EXISTS);
	assert_non_null(strstr(err.msg, path));
	assert_null(none);
	assert_int_equal(look_inside(path), 0); /* and is untouched */

	assert_int_equal(netns_remove(path, NULL), 0);
	assert_false(file_exists(path));
	assert_int_equal(netns_remove(path, NULL), 0);
	assert_int_equal(netns_remove(second, NULL), 0);
}

/* A file that is no mount any more, as a reboot leaves it where the folder is not a tmpfs. */
/* It lives for as long as one of its files does. */
static void joined(void **state)
{
	_cleanup_free_ char *path = NULL, *other = mem_printf("%s/other", dir), *third = mem_printf("%s/third", dir);
	struct err err = ERR_INIT;
	ino_t first;

	(void)state;
	need_root();
	assert_int_equal(netns_new(dir, "one", &path, &err), 0);
	first = inode(path);
	assert_int_equal(netns_join(dir, "other", path, &err), 0);
	assert_int_equal(netns_join(dir, "other", path, &err), -ERR_EXISTS);
	assert_int_equal(inode(other), first);
	assert_int_equal(netns_remove(path, NULL), 0);
	assert_int_equal(look_inside(other), 0);
	assert_int_equal(netns_join(dir, "third", other, NULL), 0);
	assert_int_equal(netns_remove(other, NULL), 0);
	assert_int_equal(inode(third), first);
	assert_int_equal(netns_remove(third, NULL), 0);
	err_clear(&err);
	assert_int_equal(netns_join(dir, "third", path, &err), -ERR_NOT_FOUND);
	assert_int_equal(netns_join(dir, "third", "/etc/passwd", NULL), -ERR_NOT_FOUND);
	assert_int_equal(netns_join(dir, "../third", "/proc/self/ns/net", NULL), -ERR_INVALID);
	assert_false(file_exists(third));
}

static int add_bridge(void *unused, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)unused;
	(void)err;
	return ioctl(fd, SIOCBRADDBR, "br0") < 0 ? -ERR_UNIMPLEMENTED : 0;
}

static int raise_bridge(void *unused, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "br0", .ifr_flags = IFF_UP };

	(void)unused;
	(void)err;
	return ioctl(fd, SIOCSIFFLAGS, &ifr) < 0 ? -ERR_INTERNAL : 0;
}

static void a_bare_one(void **state)
{
	_cleanup_free_ char *path = NULL;
	struct err err = ERR_INIT;

	(void)state;
	need_root();
	assert_int_equal(netns_new(dir, "bare", &path, &err), 0);
	assert_int_equal(netns_is_bare(path, &err), 1);
	if (netns_run(path, add_bridge, NULL, &err) >= 0) {
		assert_int_equal(netns_is_bare(path, &err), 1);
		assert_int_equal(netns_run(path, raise_bridge, NULL, &err), 0);
		assert_int_equal(netns_is_bare(path, &err), 0);
	}
	assert_int_equal(netns_remove(path, NULL), 0);
	assert_true(netns_is_bare(path, &err) < 0);
}

static void a_stale_file(void **state)
{
	_cleanup_free_ char *path = mem_printf("%s/stale", dir);

	(void)state;
	need_root();
	assert_int_equal(file_write(path, "", 0, 0444, NULL), 0);
	assert_int_equal(netns_remove(path, NULL), 0);
	assert_false(file_exists(path));
}

static void no_names(void **state)
{
	static const char *const rows[] = { "", ".", "..", "../x", "a/b", ".hidden" };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *path = NULL;

		assert_int_equal(netns_new("/nonexistent", rows[i], &path, NULL), -ERR_INVALID);
		assert_null(path);
	}
}

static int add_addresses(void *unused, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq ifr = { .ifr_name = "lo:1" };
	struct sockaddr_in *in = (void *)&ifr.ifr_addr;

	(void)unused;
	(void)err;
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(0xc0000207);
	return ioctl(fd, SIOCSIFADDR, &ifr) < 0 ? -ERR_INTERNAL : 0;
}

static void one_is_told_from_another(void **state)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_strv_ struct strv addresses = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	need_root();
	assert_int_equal(netns_new(dir, "theirs", &path, &err), 0);
	assert_int_equal(netns_check(path, &err), 0);
	assert_int_equal(netns_check("/proc/self/ns/net", &err), 0);
	assert_int_equal(netns_check("/proc/self/ns/uts", NULL), -ERR_INVALID);
	assert_int_equal(netns_check("/dev/null", NULL), -ERR_INVALID);
	assert_int_equal(netns_check("/no/such/path", NULL), -ERR_NOT_FOUND);
	assert_int_equal(netns_run(path, add_addresses, NULL, &err), 0);
	assert_int_equal(netns_addresses(path, &addresses, &err), 0);
	assert_int_equal(addresses.n, 0); /* loopback is nobody else's way */
	assert_int_equal(netns_remove(path, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(made_and_removed), cmocka_unit_test(joined),
					    cmocka_unit_test(a_bare_one),       cmocka_unit_test(a_stale_file),
					    cmocka_unit_test(no_names),         cmocka_unit_test(one_is_told_from_another) };

	return cmocka_run_group_tests_name("netns", tests, setup, teardown);
}
