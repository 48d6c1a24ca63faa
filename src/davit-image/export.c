#include "export.h"
#include "beneath.h"
#include "buf.h"
#include "mem.h"
#include <archive_entry.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/limits.h>
#include <locale.h>
#include <search.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/* A path that is longer could not be named; so a tree has at most half as many folders inside each other. */
enum { EXPORT_PATH_MAX = PATH_MAX, EXPORT_FILES_MAX = PATH_MAX / 2 + 64, CHUNK = 64 << 10 };

/* A file of several names: the first one is the file, the others lead to it. */
struct first_name {
	dev_t dev;
	ino_t ino;
	char *path;
};

struct export
{
	const struct ctx *ctx;
	struct output *out;
	struct idmap ids;
	struct archive *tar;
	struct buf path;
	void *names; /* tsearch(3) of struct first_name */
	char *chunk;
	char *names_of, *value; /* extended attributes: of a file, of one. Here, as the walk goes down by itself */
};

static int compare_names(const void *a, const void *b)
{
	const struct first_name *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino == y->ino ? 0 : x->ino < y->ino ? -1 : 1;
}

static void free_name(void *p)
{
	struct first_name *n = p;

	free(n->path);
	free(n);
}

static void export_done(struct export *x)
{
	if (x->tar)
		(void)archive_write_free(x->tar);
	buf_done(&x->path);
	tdestroy(x->names, free_name);
	free(x->chunk);
	free(x->names_of);
	free(x->value);
}

/* The name that the file has already; NULL: it has it now. */
static const char *earlier_name(struct export *x, const struct stat *st)
{
	struct first_name *n = mem_new(struct first_name), **found;

	*n = (struct first_name){ .dev = st->st_dev, .ino = st->st_ino };
	found = tsearch(n, &x->names, compare_names);
	if (!found)
		abort(); /* memory */
	if (*found != n) {
		free_name(n);
		return (*found)->path;
	}
	n->path = mem_strdup(buf_str(&x->path));
	return NULL;
}

/* What a program in it would miss: capabilities of programs, and what users have noted. */
static void add_xattrs(const struct export *x, int fd, struct archive_entry *e)
{
	char self[BENEATH_PATH];
	ssize_t n;

	n = listxattr(beneath_path(fd, self), x->names_of, XATTR_LIST_MAX);
	for (const char *name = x->names_of; n > 0 && name < x->names_of + n; name += strlen(name) + 1) {
		ssize_t len;

		if (strcmp(name, "security.capability") != 0 && strncmp(name, "user.", 5) != 0)
			continue;
		if (strncmp(name, "user.overlay.", 13) == 0)
			continue;
		len = getxattr(self, name, x->value, XATTR_SIZE_MAX);
		if (len >= 0)
			archive_entry_xattr_add_entry(e, name, x->value, (size_t)len);
	}
}

static int write_header(struct export *x, struct archive_entry *e, struct err *err)
{
	return output_check(x->out, x->tar, archive_write_header(x->tar, e), err);
}

/* As many bytes as the header says: of a file that shrinks, zeros stand for the rest (libarchive adds them). */
static int write_data(struct export *x, int path_fd, int64_t size, struct err *err)
{
	_cleanup_close_ int fd = -1;
	char self[BENEATH_PATH];

	fd = open(beneath_path(path_fd, self), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return err_sys(err, errno, "%s", buf_str(&x->path));
	while (size > 0) {
		ssize_t n = read(fd, x->chunk, size < CHUNK ? (size_t)size : CHUNK);
		int r = ctx_check(x->ctx, err);

		if (r < 0)
			return r;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "%s", buf_str(&x->path));
		if (n == 0)
			break;
		r = archive_write_data(x->tar, x->chunk, (size_t)n) == n ? ARCHIVE_OK : ARCHIVE_FATAL;
		r = output_check(x->out, x->tar, r, err);
		if (r < 0)
			return r;
		size -= n;
	}
	return 0;
}

static int set_link_target(int fd, struct archive_entry *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof target - 1);

	if (n < 0)
		return -1;
	target[n] = '\0';
	archive_entry_set_symlink(e, target);
	return 0;
}

static bool no_tar_holds(const struct stat *st)
{
	return S_ISSOCK(st->st_mode) || (S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0));
}

static uint32_t id_inside(uint32_t id, uint32_t first, uint32_t n) { return id >= first && id - first < n ? id - first : id; }

static int write_entry(struct export *x, int fd, const struct stat *st, struct archive_entry *e, struct err *err)
{
	const char *first = st->st_nlink > 1 && !S_ISDIR(st->st_mode) ? earlier_name(x, st) : NULL;
	int r;

	archive_entry_copy_stat(e, st);
	archive_entry_set_uid(e, id_inside(st->st_uid, x->ids.uid, x->ids.n));
	archive_entry_set_gid(e, id_inside(st->st_gid, x->ids.gid, x->ids.n));
	archive_entry_set_pathname(e, buf_str(&x->path));
	if (first) {
		archive_entry_set_hardlink(e, first);
		archive_entry_set_size(e, 0);
		return write_header(x, e, err);
	}
	if (S_ISLNK(st->st_mode)) {
		if (set_link_target(fd, e) < 0)
			return err_sys(err, errno, "%s", buf_str(&x->path));
	} else {
		add_xattrs(x, fd, e);
	}
	if (!S_ISREG(st->st_mode))
		archive_entry_set_size(e, 0);
	r = write_header(x, e, err);
	return r == 0 && S_ISREG(st->st_mode) ? write_data(x, fd, st->st_size, err) : r;
}

static int export_folder(struct export *x, int fd, struct err *err);

/* Takes @path_fd over. */
static int export_held(struct export *x, int path_fd, struct err *err)
{
	_cleanup_close_ int fd = path_fd;
	struct archive_entry *e;
	struct stat st;
	int r, below;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "%s", buf_str(&x->path));
	if (no_tar_holds(&st) || (S_ISDIR(st.st_mode) && beneath_is_kernels(fd)))
		return 0;
	e = archive_entry_new();
	if (!e)
		abort(); /* memory */
	r = write_entry(x, fd, &st, e, err);
	archive_entry_free(e);
	if (r < 0 || !S_ISDIR(st.st_mode))
		return r;
	below = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (below < 0)
		return err_sys(err, errno, "%s", buf_str(&x->path));
	(void)close(TAKE_FD(fd)); /* on the way down one is enough */
	return export_folder(x, below, err);
}

/* One name in the folder @dirfd. What is gone by now is no error. */
static int export_name(struct export *x, int dirfd, const char *name, struct err *err)
{
	int fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	return fd < 0 ? err_sys(err, errno, "%s", buf_str(&x->path)) : export_held(x, fd, err);
}

static int export_one(struct export *x, int dirfd, const char *name, struct err *err)
{
	size_t before = x->path.len;
	int r = ctx_check(x->ctx, err);

	if (r < 0)
		return r;
	if (before + strlen(name) + 2 > EXPORT_PATH_MAX)
		return err_set(err, ERR_EXHAUSTED, "%.80s...: a path of more than %d bytes", buf_str(&x->path), EXPORT_PATH_MAX);
	buf_addf(&x->path, "%s%s", before ? "/" : "", name);
	r = export_name(x, dirfd, name, err);
	buf_cut(&x->path, before);
	return r;
}

/* Takes @fd over. */
static int export_folder(struct export *x, int fd, struct err *err)
{
	_cleanup_(closedirp) DIR *d = fdopendir(fd);
	const struct dirent *entry;
	int r = 0;

	if (!d) {
		r = err_sys(err, errno, "%s", buf_str(&x->path));
		(void)close(fd);
		return r;
	}
	while (r == 0 && (errno = 0, entry = readdir(d)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = export_one(x, dirfd(d), entry->d_name, err);
	return r == 0 && errno ? err_sys(err, errno, "%s", buf_str(&x->path)) : r;
}

/* One descriptor for each folder on the way. */
static void allow_depth(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= EXPORT_FILES_MAX)
		return;
	l.rlim_cur = l.rlim_max < EXPORT_FILES_MAX ? l.rlim_max : EXPORT_FILES_MAX;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

/* All below the folder @fd, or under @base the file itself. Takes @fd over. */
static int export_all(struct export *x, int fd, const char *base, struct err *err)
{
	int below;

	if (base) {
		buf_adds(&x->path, base);
		return export_held(x, fd, err);
	}
	below = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* it may be O_PATH */
	if (below < 0)
		(void)err_sys(err, errno, "the folder");
	(void)close(fd);
	return below < 0 ? -(int)err->code : export_folder(x, below, err);
}

int export_tree(int rootfd, const char *base, const struct idmap *ids, const struct ctx *ctx, struct output *out, struct err *err)
{
	_cleanup_(export_done) struct export x = { .ctx = ctx, .out = out, .ids = *ids, .chunk = mem_resize(NULL, CHUNK) };
	int r;

	x.names_of = mem_resize(NULL, XATTR_LIST_MAX);
	x.value = mem_resize(NULL, XATTR_SIZE_MAX);

	allow_depth();
	(void)setlocale(LC_CTYPE, "C.UTF-8"); /* names are what they are: libarchive marks those that are no UTF-8 */
	r = output_tar(out, &x.tar, err);
	if (r < 0) {
		(void)close(rootfd);
		return r;
	}
	r = export_all(&x, rootfd, base, err);
	if (r == 0)
		r = output_check(out, x.tar, archive_write_close(x.tar), err);
	return r;
}
