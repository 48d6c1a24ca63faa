/* Both trees are walked by descriptors, never by path: what the image holds is somebody else's, and a link in it must not
 * lead out of it. Each file is made with O_EXCL or its like; owner first, then extended attributes (chown drops file
 * capabilities), then mode (chown drops set-id bits), then times, folders after their content. */
#include "volume-copy.h"
#include "file.h"
#include "mem.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <search.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

DEFINE_CLEANUP(DIR, closedir)

/* A level holds two descriptors open. */
enum { DEPTH_MAX = 128, NAMES_MAX = 65536, VALUE_MAX = 65536, LOCK_MS = 600000 };

/* A file with several names, and the first of them in the volume. */
struct hardlink { dev_t dev; ino_t ino; char *path; };

struct copy {
	int top;                 /* the volume */
	bool again;              /* a copy that was cut off left some of it */
	struct buf path;         /* of the file at hand, in the volume */
	void *links;             /* tree of struct hardlink */
	struct err *err;
};

static int copy_folder(struct copy *c, int from, int to, unsigned depth);

static int fail(struct copy *c)
{
	return err_sys(c->err, errno, "copy /%s", buf_str(&c->path));
}

static int by_inode(const void *a, const void *b)
{
	const struct hardlink *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static void hardlink_free(void *p)
{
	struct hardlink *l = p;

	free(l->path);
	free(l);
}

/* The name this file already has in the volume; the first time none, and it is remembered. */
static const char *seen_before(struct copy *c, const struct stat *st)
{
	struct hardlink *l = mem_new(struct hardlink), **found;

	*l = (struct hardlink){ .dev = st->st_dev, .ino = st->st_ino };
	found = tsearch(l, &c->links, by_inode);
	if (*found == l) {
		l->path = mem_strdup(buf_str(&c->path));
		return NULL;
	}
	free(l);
	return (*found)->path;
}

/* What the file system of the volume cannot hold is left out, as cp -a does; so are another system's labels. */
static int copy_xattr(int from, int to, const char *name)
{
	_cleanup_free_ char *value = NULL;
	ssize_t n;

	if (!strncmp(name, "security.selinux", 16) || !strncmp(name, "trusted.overlay.", 16))
		return 0;
	value = mem_zalloc(VALUE_MAX);
	n = fgetxattr(from, name, value, VALUE_MAX);
	if (n < 0)
		return errno == ENODATA ? 0 : -1;
	return fsetxattr(to, name, value, (size_t)n, 0) < 0 && errno != ENOTSUP && errno != EPERM ? -1 : 0;
}

static int copy_xattrs(int from, int to)
{
	_cleanup_free_ char *names = NULL;
	ssize_t n = flistxattr(from, NULL, 0);

	if (n <= 0)
		return n < 0 && errno != ENOTSUP ? -1 : 0;
	names = mem_zalloc(NAMES_MAX);
	n = flistxattr(from, names, NAMES_MAX);
	for (const char *p = names; n > 0 && p < names + n; p += strlen(p) + 1)
		if (copy_xattr(from, to, p) < 0)
			return -1;
	return n < 0 ? -1 : 0;
}

static int copy_meta(struct copy *c, int from, int to, const struct stat *st)
{
	const struct timespec times[] = { st->st_atim, st->st_mtim };

	if (fchown(to, st->st_uid, st->st_gid) < 0 || copy_xattrs(from, to) < 0 || fchmod(to, st->st_mode & 07777) < 0 ||
	    futimens(to, times) < 0)
		return fail(c);
	return 0;
}

static int write_all(int to, const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(to, p, n);

		if (w < 0 && errno != EINTR)
			return -1;
		p += w > 0 ? w : 0;
		n -= w > 0 ? (size_t)w : 0;
	}
	return 0;
}

/* The kernel copies, or shares the blocks, where it can. */
static int copy_bytes(int from, int to)
{
	char block[16384];
	ssize_t n;

	do
		n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0);
	while (n > 0);
	if (n == 0 && lseek(to, 0, SEEK_CUR) > 0)
		return 0;
	/* Another file system, or one that says 0 for want of a better answer: from where it stopped. */
	while ((n = read(from, block, sizeof block)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || write_all(to, block, (size_t)n) < 0)
			return -1;
	}
	return 0;
}

static int copy_file(struct copy *c, int from_dir, int to_dir, const char *name, const struct stat *st)
{
	const char *first = st->st_nlink > 1 ? seen_before(c, st) : NULL;
	_cleanup_close_ int from = -1, to = -1;

	if (first)
		return linkat(c->top, first, to_dir, name, 0) < 0 ? fail(c) : 0;
	from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	to = from < 0 ? -1 : openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0 || copy_bytes(from, to) < 0)
		return fail(c);
	return copy_meta(c, from, to, st);
}

static int copy_symlink(struct copy *c, int from_dir, int to_dir, const char *name, const struct stat *st)
{
	const struct timespec times[] = { st->st_atim, st->st_mtim };
	char target[PATH_MAX];
	ssize_t n = readlinkat(from_dir, name, target, sizeof target - 1);

	if (n < 0)
		return fail(c);
	target[n] = '\0';
	if (symlinkat(target, to_dir, name) < 0 || fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(c);
	return 0;
}

/* FIFOs, sockets, devices. Made without any right, so that nobody opens them before they have their owner. */
static int copy_node(struct copy *c, int to_dir, const char *name, const struct stat *st)
{
	const struct timespec times[] = { st->st_atim, st->st_mtim };

	if (mknodat(to_dir, name, st->st_mode & S_IFMT, st->st_rdev) < 0 ||
	    fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0 || utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(c);
	return 0;
}

static int copy_subfolder(struct copy *c, int from_dir, int to_dir, const char *name, const struct stat *st, unsigned depth)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	_cleanup_close_ int from = openat(from_dir, name, flags), to = -1;
	int r;

	if (from < 0 || (mkdirat(to_dir, name, 0700) < 0 && !(c->again && errno == EEXIST)))
		return fail(c);
	to = openat(to_dir, name, flags);
	if (to < 0)
		return fail(c);
	r = copy_folder(c, from, to, depth + 1);
	return r < 0 ? r : copy_meta(c, from, to, st);
}

static int copy_entry(struct copy *c, int from, int to, const char *name, unsigned depth)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(c);
	if (c->again && !S_ISDIR(st.st_mode) && unlinkat(to, name, 0) < 0 && errno != ENOENT)
		return fail(c);
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		return copy_subfolder(c, from, to, name, &st, depth);
	case S_IFREG:
		return copy_file(c, from, to, name, &st);
	case S_IFLNK:
		return copy_symlink(c, from, to, name, &st);
	default:
		return copy_node(c, to, name, &st);
	}
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

static DIR *open_entries(int fd)
{
	_cleanup_close_ int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = own < 0 ? NULL : fdopendir(own);

	if (d)
		own = -1;
	return d;
}

static int copy_folder(struct copy *c, int from, int to, unsigned depth)
{
	_cleanup_(closedirp) DIR *d = open_entries(from);
	const size_t here = c->path.len;
	int r = 0;

	if (!d)
		return fail(c);
	if (depth > DEPTH_MAX)
		return err_set(c->err, ERR_EXHAUSTED, "copy /%s: folders deeper than %d", buf_str(&c->path), DEPTH_MAX);
	for (struct dirent *e; r >= 0 && (e = readdir(d));) {
		if (is_dots(e->d_name))
			continue;
		buf_addf(&c->path, "%s%s", here ? "/" : "", e->d_name);
		r = copy_entry(c, from, to, e->d_name, depth);
		if (r >= 0)
			buf_cut(&c->path, here);
	}
	return r;
}

/* 1, 0, or -1 with errno. */
static int is_empty(int fd)
{
	_cleanup_(closedirp) DIR *d = open_entries(fd);

	if (!d)
		return -1;
	for (struct dirent *e; (e = readdir(d));)
		if (!is_dots(e->d_name))
			return 0;
	return 1;
}

static int open_in_root(int rootfd, const char *path)
{
	const struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
				      .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, rootfd, path, &how, sizeof how);
}

/* @mark is there as long as a copy is not whole: one that was cut off is made anew over what it left, by who uses the volume
 * next. What else has come into the volume meanwhile stays. */
static int fill(int from, const struct volume *v, const char *mark, struct err *err)
{
	_cleanup_close_ int to = open(v->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), marked = -1;
	struct copy c = { .top = to, .again = file_exists(mark), .err = err };
	struct stat st;
	int r = to < 0 ? -1 : is_empty(to);

	if (r < 0 || fstat(from, &st) < 0)
		return err_sys(err, errno, "%s", v->path);
	if (r == 0 && !c.again)
		return 0;
	marked = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (marked < 0)
		return err_sys(err, errno, "%s", mark);
	r = copy_folder(&c, from, to, 0);
	if (r >= 0)
		r = copy_meta(&c, from, to, &st);
	if (r >= 0 && unlink(mark) < 0)
		r = err_sys(err, errno, "%s", mark);
	tdestroy(c.links, hardlink_free);
	buf_done(&c.path);
	return r;
}

int volume_copy_up(int image_rootfd, const char *target, const struct volume *v, struct err *err)
{
	const struct ctx ctx = ctx_within(NULL, LOCK_MS);
	_cleanup_close_ int from = open_in_root(image_rootfd, target), lock = -1;
	_cleanup_free_ char *path = mem_printf("%s/../copy.lock", v->path), *mark = mem_printf("%s/../copying", v->path);
	int r;

	if (from < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (from < 0)
		return err_sys(err, errno, "volume %s: %s in the image", v->name, target);
	lock = file_lock(path, true, &ctx, err); /* two jobs that use it for the first time at once: one fills it */
	r = lock < 0 ? lock : fill(from, v, mark, err);
	return r < 0 ? err_wrap(err, r, "volume %s", v->name) : 0;
}
