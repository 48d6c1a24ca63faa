#include "tree-same.h"
#include "beneath.h"
#include "mem.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { PIECE = 1 << 16, NAMES_MAX = 1 << 16, VALUE_MAX = 1 << 16 /* the kernel's own limits */ };

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* The very inode in two snapshots of one device: nobody can set the time of its last change. */
static bool same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && same_time(&a->st_ctim, &b->st_ctim);
}

static bool same_look(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
	       same_time(&a->st_mtim, &b->st_mtim) && (!(S_ISREG(a->st_mode) || S_ISLNK(a->st_mode)) || a->st_size == b->st_size) &&
	       (!(S_ISCHR(a->st_mode) || S_ISBLK(a->st_mode)) || a->st_rdev == b->st_rdev);
}

static bool same_link(int at_a, int at_b, const char *name)
{
	_cleanup_free_ char *a = mem_array(char, PATH_MAX), *b = mem_array(char, PATH_MAX);
	const ssize_t n = readlinkat(at_a, name, a, PATH_MAX), m = readlinkat(at_b, name, b, PATH_MAX);

	return n == m && (n < 0 || memcmp(a, b, (size_t)n) == 0);
}

/* -1 and errno; what is no regular file any more is EINVAL, and one that its writer has a lease on EAGAIN. */
static int open_regular(int at, const char *name)
{
	_cleanup_close_ int fd = beneath_open(at, name, O_PATH | O_NOFOLLOW);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	return beneath_reopen(fd, O_RDONLY | O_NONBLOCK);
}

static bool same_attribute(int a, int b, const char *name, char *value_a, char *value_b)
{
	const ssize_t n = fgetxattr(a, name, value_a, VALUE_MAX), m = fgetxattr(b, name, value_b, VALUE_MAX);

	return n == m && (n <= 0 || memcmp(value_a, value_b, (size_t)n) == 0);
}

/* A label of SELinux's is the host's to give. */
static bool is_hosts_label(const char *name) { return strcmp(name, "security.selinux") == 0; }

static int count_attributes(const char *names, ssize_t n)
{
	int count = 0;

	for (const char *p = names; n > 0 && p < names + n; p += strlen(p) + 1)
		count += !is_hosts_label(p);
	return count;
}

static bool same_attributes(int a, int b)
{
	_cleanup_free_ char *names = NULL, *theirs = NULL, *value_a = NULL, *value_b = NULL;
	ssize_t n, m;

	if (flistxattr(a, NULL, 0) <= 0 && flistxattr(b, NULL, 0) <= 0)
		return true;
	names = mem_array(char, NAMES_MAX);
	theirs = mem_array(char, NAMES_MAX);
	n = flistxattr(a, names, NAMES_MAX);
	m = flistxattr(b, theirs, NAMES_MAX);
	if (count_attributes(names, n) != count_attributes(theirs, m))
		return false;
	value_a = mem_array(char, VALUE_MAX);
	value_b = mem_array(char, VALUE_MAX);
	for (const char *p = names; n > 0 && p < names + n; p += strlen(p) + 1)
		if (!is_hosts_label(p) && !same_attribute(a, b, p, value_a, value_b))
			return false;
	return true;
}

/* Up to @most bytes, fewer at the end of the file. */
static ssize_t read_to_compare(int fd, char *to, size_t most)
{
	size_t n = 0;

	while (n < most) {
		const ssize_t r = read(fd, to + n, most - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	return (ssize_t)n;
}

static int same_bytes(int a, int b, off_t size, const struct ctx *ctx, struct err *err)
{
	const size_t piece = size < PIECE ? (size_t)size : PIECE;
	_cleanup_free_ char *of_a = mem_array(char, piece + 1), *of_b = mem_array(char, piece + 1);

	for (off_t at = 0; at < size;) {
		const size_t most = size - at < (off_t)piece ? (size_t)(size - at) : piece;
		const ssize_t n = read_to_compare(a, of_a, most), m = read_to_compare(b, of_b, most);
		int r = ctx_check(ctx, err);

		if (r < 0)
			return r;
		if (n < 0 || m < 0)
			return err_sys(err, errno, "read");
		if (n != m || memcmp(of_a, of_b, (size_t)n) != 0)
			return 0;
		if (n == 0)
			return 1;
		at += n;
	}
	return 1;
}

static bool has_gone_by_now(int why) { return why == ENOENT || why == ENOTDIR; }
static bool is_another_by_now(int why) { return why == EINVAL || why == ELOOP || why == EAGAIN; }

static int same_file(int at_a, int at_b, const char *name, off_t size, const struct ctx *ctx, struct err *err)
{
	_cleanup_close_ int a = open_regular(at_a, name), b = -1;

	if (a < 0)
		return has_gone_by_now(errno) ? 1 : is_another_by_now(errno) ? 0 : err_sys(err, errno, "open");
	b = open_regular(at_b, name);
	if (b < 0)
		return has_gone_by_now(errno) || is_another_by_now(errno) ? 0 : err_sys(err, errno, "open");
	return same_attributes(a, b) ? same_bytes(a, b, size, ctx, err) : 0;
}

int tree_same(int at_a, int at_b, const char *name, const struct stat *a, const struct stat *b, const struct ctx *ctx,
	      struct err *err)
{
	if (!same_look(a, b))
		return 0;
	if (same_inode(a, b))
		return 1;
	if (S_ISLNK(a->st_mode))
		return same_link(at_a, at_b, name);
	return S_ISREG(a->st_mode) ? same_file(at_a, at_b, name, a->st_size, ctx, err) : 1;
}
