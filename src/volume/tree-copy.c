/* Copying trusts no name: what was made is changed by the descriptor that it was made or found with, and never by following a link.
 *
 * Owner first, then extended attributes (chown drops file capabilities), then mode (chown drops set-id bits), then times,
 * folders after their content. */
#include "tree-copy.h"
#include "beneath.h"
#include "buf.h"
#include "file.h"
#include "mem.h"
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* A level holds two descriptors open. */
enum { DEPTH_MAX = 128, NAMES_MAX = 65536, VALUE_MAX = 65536, REMAKE_MAX = 16, CHUNK = 16 << 20 /* between looks at the ctx */ };
enum { LINKS_MAX = 64 << 20 /* bytes of names that are remembered */ };

/* A file with several names, and the first of them in the volume. */
struct hardlink {
	dev_t dev;
	ino_t ino;
	char *path;
};

struct copy {
	int top;                    /* the folder that is filled */
	bool again;                 /* over what is there: a copy that was cut off may have left some of it */
	const struct tree_put *put; /* NULL: nobody changes the source, and the copy has all that it has */
	struct buf path;            /* of the file at hand, below top */
	void *links;                /* tree of struct hardlink */
	size_t linked;              /* what they take */
	bool is_filled;
	struct stat filled; /* the folder of @put that is filled: not to be met in the source */
	const struct ctx *ctx;
	struct err *err;
};

static int copy_folder(struct copy *c, int from, int to, unsigned depth);

static int fail(struct copy *c) { return err_sys(c->err, errno, "copy /%s", buf_str(&c->path)); }

static int check_time(struct copy *c)
{
	int r = ctx_check(c->ctx, c->err);

	return r < 0 ? err_wrap(c->err, r, "copy /%s", buf_str(&c->path)) : 0;
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

/* The name this file already has in the volume; the first time none, and it is remembered, unless a job has made too many such. */
static const char *seen_before(struct copy *c, const struct stat *st)
{
	const struct hardlink key = { .dev = st->st_dev, .ino = st->st_ino };
	struct hardlink *l, **found;

	if (c->put && c->linked >= LINKS_MAX) {
		found = tfind(&key, &c->links, by_inode);
		return found ? (*found)->path : NULL;
	}
	l = mem_new(struct hardlink);
	*l = key;
	found = tsearch(l, &c->links, by_inode);
	if (*found == l) {
		l->path = mem_strdup(buf_str(&c->path));
		c->linked += sizeof *l + c->path.len;
		return NULL;
	}
	free(l);
	return (*found)->path;
}

static bool has_begin(const char *text, const char *begin) { return strncmp(text, begin, strlen(begin)) == 0; }

/* Capabilities of a program that changes hands would be the new owner's gift. */
static bool is_wanted_xattr(const struct copy *c, const char *name)
{
	if (!c->put)
		return !has_begin(name, "security.selinux") && !has_begin(name, "trusted.overlay.");
	if (has_begin(name, "user."))
		return !has_begin(name, "user.overlay.");
	return c->put->archive && !strcmp(name, "security.capability");
}

/* What the file system of the volume cannot hold is left out, as cp -a does; so are another system's labels. */
static int copy_xattr(const struct copy *c, const char *from, int to, const char *name)
{
	_cleanup_free_ char *value = NULL;
	ssize_t n;

	if (!is_wanted_xattr(c, name))
		return 0;
	value = mem_zalloc(VALUE_MAX);
	n = getxattr(from, name, value, VALUE_MAX);
	if (n < 0)
		return errno == ENODATA ? 0 : -1;
	return fsetxattr(to, name, value, (size_t)n, 0) < 0 && errno != ENOTSUP && errno != EPERM ? -1 : 0;
}

static int copy_xattrs(const struct copy *c, int from_fd, int to)
{
	_cleanup_free_ char *names = NULL;
	char path[BENEATH_PATH];
	const char *from = beneath_path(from_fd, path); /* which may be O_PATH */
	ssize_t n = listxattr(from, NULL, 0);

	if (n <= 0)
		return n < 0 && errno != ENOTSUP ? -1 : 0;
	names = mem_zalloc(NAMES_MAX);
	n = listxattr(from, names, NAMES_MAX);
	for (const char *p = names; n > 0 && p < names + n; p += strlen(p) + 1)
		if (copy_xattr(c, from, to, p) < 0)
			return -1;
	return n < 0 ? -1 : 0;
}

/* The number by which the copy's side knows who has the number @id on the source's. */
static uint32_t id_over(const struct copy *c, uint32_t id, uint32_t from, uint32_t to)
{
	const uint32_t inside = id >= from && id - from < c->put->from.n ? id - from : id;

	return inside < c->put->to.n ? to + inside : inside;
}

static struct stat stat_of_copy(const struct copy *c, const struct stat *st)
{
	const struct tree_put *p = c->put;
	struct stat s = *st;

	if (!p)
		return s;
	s.st_uid = p->archive ? id_over(c, st->st_uid, p->from.uid, p->to.uid) : p->uid < p->to.n ? p->to.uid + p->uid : p->uid;
	s.st_gid = p->archive ? id_over(c, st->st_gid, p->from.gid, p->to.gid) : p->gid < p->to.n ? p->to.gid + p->gid : p->gid;
	s.st_mode &= p->archive ? ~0U : ~(unsigned)(S_ISUID | S_ISGID);
	return s;
}

static int copy_meta(struct copy *c, int from, int to, const struct stat *of)
{
	const struct stat st = stat_of_copy(c, of);
	const struct timespec times[] = { st.st_atim, st.st_mtim };

	if (fchown(to, st.st_uid, st.st_gid) < 0 || copy_xattrs(c, from, to) < 0 || fchmod(to, st.st_mode & 07777) < 0 ||
	    futimens(to, times) < 0)
		return fail(c);
	return 0;
}

static void note_copied(const struct copy *c, off_t n)
{
	if (n > 0 && c->put && c->put->copied)
		c->put->copied(c->put->arg, n);
}

static size_t at_most(off_t n, size_t max) { return n < (off_t)max ? (size_t)n : max; }

static int copy_blocks(struct copy *c, int from, int to, off_t at, off_t end)
{
	char block[65536];
	int r = 0;

	while (r >= 0 && at < end) {
		ssize_t n = pread(from, block, at_most(end - at, sizeof block), at);

		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		r = n < 0 || file_write_at(to, block, (size_t)n, at) < 0 ? fail(c) : check_time(c);
		at += n;
		note_copied(c, n);
	}
	return r;
}

/* The kernel copies, or shares the blocks, where it can: not between some file systems, and some say 0 for want of a better
 * answer. */
static int copy_range(struct copy *c, int from, int to, off_t at, off_t end)
{
	off_t out = at;
	ssize_t n = 1;

	while (at < end && n > 0) {
		int r = check_time(c);

		if (r < 0)
			return r;
		n = copy_file_range(from, &at, to, &out, at_most(end - at, CHUNK), 0);
		note_copied(c, n);
	}
	return copy_blocks(c, from, to, at, end);
}

/* What has holes keeps them: an image of a few bytes does not fill the disk. */
static int copy_bytes(struct copy *c, int from, int to, const struct stat *st)
{
	off_t data = 0, hole = 0;
	int r = 0;

	while (r >= 0 && hole < st->st_size && (data = lseek(from, hole, SEEK_DATA)) >= 0 && data < st->st_size) {
		note_copied(c, data - hole);
		hole = lseek(from, data, SEEK_HOLE);
		hole = hole < 0 || hole > st->st_size ? st->st_size : hole;
		r = copy_range(c, from, to, data, hole);
	}
	if (r < 0)
		return r;
	if ((data < 0 && errno != ENXIO) || ftruncate(to, st->st_size) < 0)
		return fail(c);
	note_copied(c, st->st_size - hole);
	return 0;
}

/* In place the first name may lead to another file by now, but to none outside the volume. */
static int copy_link(struct copy *c, const char *first, int to_dir, const char *name)
{
	_cleanup_close_ int fd = beneath_open(c->top, first, O_PATH | O_NOFOLLOW);

	return fd < 0 ? -1 : beneath_link(fd, to_dir, name);
}

/* A file that is there is no longer written to: whoever has it open, or another name of it, keeps what it is. */
static int copy_make(struct copy *c, int to_dir, const char *name, mode_t mode)
{
	int fd = -1;

	for (int i = 0; i < REMAKE_MAX; i++) {
		fd = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
		if (fd >= 0 || errno != EEXIST || !c->put || unlinkat(to_dir, name, 0) < 0)
			break;
	}
	return fd;
}

static int copy_file(struct copy *c, int file, int to_dir, const char *name, const struct stat *st)
{
	const char *first = st->st_nlink > 1 ? seen_before(c, st) : NULL;
	_cleanup_close_ int from = -1, to = -1;
	int r;

	if (first && copy_link(c, first, to_dir, name) == 0)
		return 0;
	if (first && !c->put)
		return fail(c);
	from = beneath_reopen(file, O_RDONLY | O_NONBLOCK);
	to = from < 0 ? -1 : copy_make(c, to_dir, name, 0600);
	if (to < 0)
		return fail(c);
	r = copy_bytes(c, from, to, st);
	if (r >= 0)
		r = copy_meta(c, from, to, st);
	if (r < 0) /* no half of a file */
		(void)unlinkat(to_dir, name, 0);
	return r;
}

/* Of what cannot be opened: the file itself is held, and must still be what was made. */
static int name_meta(struct copy *c, int to_dir, const char *name, const struct stat *of)
{
	const struct stat of_copy = stat_of_copy(c, of), *st = &of_copy;
	const struct timespec times[] = { st->st_atim, st->st_mtim };
	_cleanup_close_ int fd = beneath_open(to_dir, name, O_PATH | O_NOFOLLOW);
	struct stat got;

	if (fd < 0 || fstat(fd, &got) < 0)
		return fail(c);
	if ((got.st_mode & S_IFMT) != (st->st_mode & S_IFMT)) {
		errno = EEXIST;
		return fail(c);
	}
	if (fchownat(fd, "", st->st_uid, st->st_gid, AT_EMPTY_PATH) < 0 ||
	    (!S_ISLNK(st->st_mode) && beneath_chmod(fd, st->st_mode & 07777) < 0) ||
	    utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(c);
	return 0;
}

static int copy_symlink(struct copy *c, int file, int to_dir, const char *name, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(file, "", target, sizeof target - 1);

	if (n < 0)
		return fail(c);
	target[n] = '\0';
	return symlinkat(target, to_dir, name) < 0 ? fail(c) : name_meta(c, to_dir, name, st);
}

/* FIFOs, sockets, devices. Made without any right, so that nobody opens them before they have their owner. */
static int copy_node(struct copy *c, int to_dir, const char *name, const struct stat *st)
{
	return mknodat(to_dir, name, st->st_mode & S_IFMT, st->st_rdev) < 0 ? fail(c) : name_meta(c, to_dir, name, st);
}

static bool is_same(const struct stat *a, const struct stat *b) { return a->st_dev == b->st_dev && a->st_ino == b->st_ino; }

/* The first that is. */
static void note_filled(struct copy *c, int folder)
{
	if (c->put && !c->is_filled)
		c->is_filled = fstat(folder, &c->filled) == 0;
}

/* Into one that is there, too: its own owner and mode it keeps then, unless the copy is to be like its source. */
static int open_copied_folder(struct copy *c, int to_dir, const char *name, bool *ret_made)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
	int fd;

	*ret_made = mkdirat(to_dir, name, 0700) == 0;
	if (!*ret_made && !(c->again && errno == EEXIST))
		return fail(c);
	fd = c->put ? beneath_open_straight(to_dir, name, flags) : beneath_open(to_dir, name, flags);
	if (fd >= 0 && c->put && beneath_is_kernels(fd)) {
		(void)close(fd);
		return err_set(c->err, ERR_PRECONDITION, "copy /%s: it is the kernel's, and no place for files", buf_str(&c->path));
	}
	if (fd < 0 && c->put && (errno == ELOOP || errno == ENOTDIR))
		return err_set(c->err, ERR_PRECONDITION, "copy /%s: a folder, and there is a file of that name", buf_str(&c->path));
	if (fd < 0)
		return fail(c);
	note_filled(c, fd);
	return fd;
}

static int copy_subfolder(struct copy *c, int from, int to_dir, const char *name, const struct stat *st, unsigned depth)
{
	bool made;
	_cleanup_close_ int to = open_copied_folder(c, to_dir, name, &made);
	int r = to < 0 ? to : copy_folder(c, from, to, depth + 1);

	return r < 0 || (!made && c->put && !c->put->archive) ? r : copy_meta(c, from, to, st);
}

/* What no copy of a job's files has: it would be the host's device, or somebody's address. */
static bool is_left_out(const struct copy *c, int file, const struct stat *st)
{
	if (!c->put)
		return false;
	return S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode) || S_ISSOCK(st->st_mode) ||
	       (S_ISDIR(st->st_mode) && beneath_is_kernels(file));
}

/* In the way of what is no folder. */
static int copy_over(struct copy *c, int to_dir, const char *name, const struct stat *st)
{
	struct stat there;

	if (c->put && fstatat(to_dir, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && is_same(st, &there))
		return err_set(c->err, ERR_PRECONDITION, "copy /%s: it is the same file", buf_str(&c->path));
	if (!c->again || unlinkat(to_dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (c->put && (errno == EISDIR || errno == EPERM))
		return err_set(c->err, ERR_PRECONDITION, "copy /%s: a file, and there is a folder of that name", buf_str(&c->path));
	return fail(c);
}

/* The file that is open. */
static int copy_held(struct copy *c, int file, int to_dir, const char *name, unsigned depth)
{
	struct stat st;
	int r = 0;

	if (fstat(file, &st) < 0)
		return fail(c);
	if (is_left_out(c, file, &st)) {
		++*c->put->left_out;
		return 0;
	}
	if (S_ISDIR(st.st_mode) && c->is_filled && is_same(&st, &c->filled))
		return err_set(c->err, ERR_PRECONDITION, "copy /%s: a folder cannot be copied into itself", buf_str(&c->path));
	if (!S_ISDIR(st.st_mode))
		r = copy_over(c, to_dir, name, &st);
	if (r < 0)
		return r;
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR: return copy_subfolder(c, file, to_dir, name, &st, depth);
	case S_IFREG: return copy_file(c, file, to_dir, name, &st);
	case S_IFLNK: return copy_symlink(c, file, to_dir, name, &st);
	default: return copy_node(c, to_dir, name, &st);
	}
}

static int copy_entry(struct copy *c, int from, int to, const char *name, unsigned depth)
{
	_cleanup_close_ int file = -1;
	int r = check_time(c);

	if (r < 0)
		return r;
	file = openat(from, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (file < 0 && c->put && errno == ENOENT)
		return 0;
	return file < 0 ? fail(c) : copy_held(c, file, to, name, depth);
}

/* NULL and errno, which is 0 at the end. */
static struct dirent *next_entry(DIR *d)
{
	errno = 0;
	return readdir(d);
}

static int copy_folder(struct copy *c, int from, int to, unsigned depth)
{
	_cleanup_(closedirp) DIR *d = beneath_list(from);
	const size_t here = c->path.len;
	int r = 0;

	if (!d)
		return fail(c);
	if (depth > DEPTH_MAX)
		return err_set(c->err, ERR_EXHAUSTED, "copy /%s: folders deeper than %d", buf_str(&c->path), DEPTH_MAX);
	for (struct dirent *e; r >= 0 && (e = next_entry(d));) {
		if (beneath_is_dots(e->d_name))
			continue;
		buf_addf(&c->path, "%s%s", here ? "/" : "", e->d_name);
		r = copy_entry(c, from, to, e->d_name, depth);
		if (r >= 0)
			buf_cut(&c->path, here);
	}
	if (r >= 0 && errno && !(c->put && errno == ENOENT)) /* not: it has gone meanwhile */
		return fail(c);
	return r;
}

int tree_copy(int from, int to, bool again, const struct ctx *ctx, struct err *err)
{
	struct copy c = { .top = to, .again = again, .ctx = ctx, .err = err };
	struct stat st;
	int r = fstat(from, &st) < 0 ? fail(&c) : copy_folder(&c, from, to, 0);

	if (r >= 0)
		r = copy_meta(&c, from, to, &st);
	tdestroy(c.links, hardlink_free);
	buf_done(&c.path);
	return r;
}

int tree_copy_meta(int from, int to, const struct stat *st, struct err *err)
{
	struct copy c = { .err = err };

	return copy_meta(&c, from, to, st);
}

int tree_put(int from, int to, const char *name, const struct tree_put *put, const struct ctx *ctx, struct err *err)
{
	struct copy c = { .top = to, .again = true, .put = put, .ctx = ctx, .err = err };
	int r;

	buf_adds(&c.path, name ? name : "");
	if (!name)
		note_filled(&c, to);
	if (put->to.n) {
		r = idmap_make_as(&put->to, err);
		if (r < 0)
			return r;
	}
	if (beneath_is_kernels(to))
		r = err_set(err, ERR_PRECONDITION, "it is the kernel's, and no place for files");
	else if (beneath_is_kernels(from))
		r = err_set(err, ERR_PRECONDITION, "it is the kernel's, and no file");
	else if (name)
		r = copy_held(&c, from, to, name, 0);
	else
		r = copy_folder(&c, from, to, 0);
	if (put->to.n)
		(void)idmap_make_as(NULL, NULL);
	tdestroy(c.links, hardlink_free);
	buf_done(&c.path);
	return r;
}
