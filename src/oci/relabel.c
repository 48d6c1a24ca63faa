/* Jobs may be at work in the tree meanwhile: every file is held by a descriptor that followed no link, and its label is set through
 * that descriptor, so nothing outside can be made to have it. */
#include "relabel.h"
#include "beneath.h"
#include "mem.h"
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { DEPTH_MAX = 200 };

/* Of the very file that is open, a link too. */
static int relabel_one(int fd, const char *name, const char *label, struct err *err)
{
	char path[BENEATH_PATH];

	if (setxattr(beneath_path(fd, path), "security.selinux", label, strlen(label) + 1, 0) < 0 && errno != ENOTSUP &&
	    errno != ENOENT)
		return err_sys(err, errno, "relabel %.200s", name);
	return 0;
}

static int relabel_below(int dir, unsigned depth, const char *label, struct err *err);

/* What is mounted there keeps its label, a folder of the same file system too: no look at st_dev would tell. */
static int relabel_entry(int dir, const char *name, unsigned depth, const char *label, struct err *err)
{
	_cleanup_close_ int fd = beneath_open(dir, name, O_PATH | O_NOFOLLOW);
	struct stat st;
	int r;

	if (fd < 0)
		return errno == ENOENT || errno == EXDEV ? 0 : err_sys(err, errno, "relabel %.200s", name);
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "relabel %.200s", name);
	r = relabel_one(fd, name, label, err);
	return r < 0 || !S_ISDIR(st.st_mode) ? r : relabel_below(fd, depth + 1, label, err);
}

static int relabel_below(int dir, unsigned depth, const char *label, struct err *err)
{
	_cleanup_(closedirp) DIR *list = NULL;
	struct dirent *e;
	int r = 0;

	if (depth > DEPTH_MAX)
		return err_set(err, ERR_EXHAUSTED, "relabel: more than %d folders within another", DEPTH_MAX);
	list = beneath_list(dir);
	if (!list)
		return errno == ENOENT ? 0 : err_sys(err, errno, "relabel");
	while (r >= 0 && (e = readdir(list)))
		if (!beneath_is_dots(e->d_name))
			r = relabel_entry(dirfd(list), e->d_name, depth, label, err);
	return r;
}

static int relabel_open(const char *path, struct stat *st, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0 || fstat(fd, st) < 0)
		return err_sys(err, errno, "relabel %s", path);
	return TAKE_FD(fd);
}

int relabel_file(const char *path, const char *label, struct err *err)
{
	struct stat st;
	_cleanup_close_ int fd = relabel_open(path, &st, err);

	return fd < 0 ? fd : relabel_one(fd, path, label, err);
}

static bool is_hosts(const char *path)
{
	static const char *const host[] = {
		"/",          "/bin",      "/boot",       "/dev",        "/etc",       "/home",    "/lib",     "/lib32",
		"/lib64",     "/libx32",   "/media",      "/mnt",        "/opt",       "/proc",    "/root",    "/run",
		"/sbin",      "/srv",      "/sys",        "/tmp",        "/usr",       "/usr/bin", "/usr/lib", "/usr/lib64",
		"/usr/local", "/usr/sbin", "/usr/share",  "/var",        "/var/cache", "/var/lib", "/var/log", "/var/run",
		"/var/spool", "/var/tmp",  "/etc/passwd", "/etc/shadow", "/etc/group", "/etc/pki", "/etc/ssl",
	};
	static const char *const whole[] = { "/dev/", "/proc/", "/sys/", "/boot/" };
	bool is = false;

	for (size_t i = 0; i < sizeof host / sizeof *host; i++)
		is |= !strcmp(path, host[i]);
	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
		is |= !strncmp(path, whole[i], strlen(whole[i]));
	return is;
}

/* Where the descriptor really is, whatever links led there. */
static int refuse_host(int fd, const char *name, struct err *err)
{
	char link[BENEATH_PATH], real[PATH_MAX];
	ssize_t n = readlink(beneath_path(fd, link), real, sizeof real - 1);

	if (n < 0)
		return err_sys(err, errno, "relabel %s", name);
	real[n] = '\0';
	if (!is_hosts(real) && !is_hosts(name))
		return 0;
	return err_hint(err, err_set(err, ERR_INVALID, "relabel %s: the host itself lives there", is_hosts(name) ? name : real),
			"mount a folder of the job's own with z or Z, or leave labels off: --security-opt label=disable");
}

int relabel_tree(const char *path, const char *name, const char *label, struct err *err)
{
	struct stat st;
	_cleanup_close_ int fd = relabel_open(path, &st, err);
	int r;

	if (fd < 0)
		return fd;
	r = refuse_host(fd, name, err);
	if (r >= 0)
		r = relabel_one(fd, path, label, err);
	if (r >= 0 && S_ISDIR(st.st_mode))
		r = relabel_below(fd, 0, label, err);
	return r < 0 ? err_wrap(err, r, "mount %s", name) : 0;
}
