/* Theory of operation: of each entry only the folder that it stands in is looked up, with links followed as a program in the job
 * would follow them (an image's /lib may be a link to usr/lib), so beneath the job's root whatever there is. In that folder its
 * last name is made anew: what has the name goes, unless it is a folder. A folder's time is set once entries stand elsewhere: what
 * is written into it changes it. */
#include "extract.h"
#include "beneath.h"
#include "buf.h"
#include "input.h"
#include "log.h"
#include "file.h"
#include "mem.h"
#include <archive_entry.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { FOLDERS_MAX = 64 /* inside each other whose times are to be set */, REMAKE_MAX = 16 };

struct folder {
	int fd;
	char *path; /* clean, below the target; "" is that itself */
	struct timespec mtime;
};

struct extract {
	struct input in;
	struct archive *tar;
	int root;
	const char *target;
	struct idmap ids;
	const struct ctx *ctx;
	int parent;        /* of the last entry */
	char *parent_path; /* below the target */
	struct folder folders[FOLDERS_MAX];
	size_t n_folders, left_out;
};

static void folder_leave(struct extract *x)
{
	struct folder *f = &x->folders[--x->n_folders];
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, f->mtime };
	char path[BENEATH_PATH];

	(void)utimensat(AT_FDCWD, beneath_path(f->fd, path), times, 0);
	(void)close(f->fd);
	free(f->path);
}

static void extract_done(struct extract *x)
{
	while (x->n_folders)
		folder_leave(x);
	if (x->tar)
		(void)archive_read_free(x->tar);
	input_done(&x->in);
	if (x->parent >= 0)
		(void)close(x->parent);
	free(x->parent_path);
	(void)close(x->root);
}

static uint32_t id_of(int64_t id, uint32_t first, uint32_t n) { return (uint64_t)id < n ? first + (uint32_t)id : (uint32_t)id; }

/* Its path without what says nothing; "": the target itself. */
static int clean_entry_path(const char *name, char **ret, struct err *err)
{
	_cleanup_buf_ struct buf b = { 0 };

	for (const char *p = name; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && strncmp(p, "..", 2) == 0)
			return err_set(err, ERR_INVALID, "%.200s: leads out of the folder", name);
		if (n && !(n == 1 && *p == '.'))
			buf_addf(&b, "%s%.*s", b.len ? "/" : "", (int)n, p);
		p += n + (p[n] == '/');
	}
	*ret = mem_strdup(buf_str(&b));
	return 0;
}

static int open_below(struct extract *x, const char *path)
{
	_cleanup_free_ char *whole = mem_printf("%s/%s", x->target, path);

	return beneath_open_as_root(x->root, whole, O_PATH | O_DIRECTORY);
}

/* The folder @path, made where it is not there. */
static int open_folder(struct extract *x, const char *path, int *ret, struct err *err)
{
	_cleanup_close_ int fd = open_below(x, path);
	_cleanup_free_ char *above = NULL;
	const char *slash = strrchr(path, '/');
	int r;

	if (fd < 0 && errno == ENOENT && *path) {
		_cleanup_close_ int in = -1;

		above = slash ? mem_strndup(path, (size_t)(slash - path)) : mem_strdup("");
		r = open_folder(x, above, &in, err); /* NOLINT(misc-no-recursion): as deep as a path has names */
		if (r < 0)
			return r;
		if (mkdirat(in, slash ? slash + 1 : path, 0755) == 0 &&
		    fchownat(in, slash ? slash + 1 : path, id_of(0, x->ids.uid, x->ids.n), id_of(0, x->ids.gid, x->ids.n),
			     AT_SYMLINK_NOFOLLOW) < 0)
			return err_sys(err, errno, "%s: owner", path);
		fd = open_below(x, path);
	}
	if (fd < 0)
		return err_sys(err, errno, "%s", path);
	if (beneath_is_kernels(fd))
		return err_set(err, ERR_PRECONDITION, "%s/%s: it is the kernel's, and no place for files", x->target, path);
	*ret = TAKE_FD(fd);
	return 0;
}

/* The folder of @path is x->parent, *ret_name its last name. */
static int open_entry_parent(struct extract *x, const char *path, const char **ret_name, struct err *err)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *above = slash ? mem_strndup(path, (size_t)(slash - path)) : mem_strdup("");
	int fd, r;

	*ret_name = slash ? slash + 1 : path;
	if (x->parent >= 0 && strcmp(above, x->parent_path) == 0)
		return 0;
	r = open_folder(x, above, &fd, err);
	if (r < 0)
		return r;
	if (x->parent >= 0)
		(void)close(x->parent);
	free(x->parent_path);
	x->parent = fd;
	x->parent_path = TAKE_PTR(above);
	return 0;
}

static void set_xattrs(int fd, struct archive_entry *e)
{
	const char *name;
	const void *value;
	char path[BENEATH_PATH];
	size_t n;

	for (int i = archive_entry_xattr_reset(e); i > 0 && archive_entry_xattr_next(e, &name, &value, &n) == ARCHIVE_OK; i--)
		if (name && (strcmp(name, "security.capability") == 0 ||
			     (strncmp(name, "user.", 5) == 0 && strncmp(name, "user.overlay.", 13) != 0)))
			(void)setxattr(beneath_path(fd, path), name, value, n, 0); /* where the file system has them */
}

static struct timespec entry_mtime(struct archive_entry *e)
{
	struct timespec omit = { .tv_nsec = UTIME_OMIT };

	return archive_entry_mtime_is_set(e)
		       ? (struct timespec){ .tv_sec = archive_entry_mtime(e), .tv_nsec = archive_entry_mtime_nsec(e) }
		       : omit;
}

/* Of what is held: owner first (which drops set-id bits and capabilities), then the rest. */
static int set_meta(struct extract *x, int fd, struct archive_entry *e, const char *path, struct err *err)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, entry_mtime(e) };
	const bool link = archive_entry_filetype(e) == AE_IFLNK;
	char self[BENEATH_PATH];

	if (fchownat(fd, "", id_of(archive_entry_uid(e), x->ids.uid, x->ids.n), id_of(archive_entry_gid(e), x->ids.gid, x->ids.n),
		     AT_EMPTY_PATH) < 0)
		return err_sys(err, errno, "%s", path);
	if (link)
		return 0;
	set_xattrs(fd, e);
	if (beneath_chmod(fd, archive_entry_perm(e) & 07777) < 0 || utimensat(AT_FDCWD, beneath_path(fd, self), times, 0) < 0)
		return err_sys(err, errno, "%s", path);
	return 0;
}

/* What has the name gives way, unless it is a folder. */
static int make_room_for_entry(struct extract *x, const char *name, const char *path, struct err *err)
{
	if (unlinkat(x->parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno == EISDIR || errno == EPERM)
		return err_set(err, ERR_PRECONDITION, "%s: a file, and there is a folder of that name", path);
	return err_sys(err, errno, "%s", path);
}

static int write_content(struct extract *x, int fd, struct archive_entry *e, const char *path, struct err *err)
{
	const void *p;
	size_t n;
	la_int64_t at;
	int r;

	while ((r = archive_read_data_block(x->tar, &p, &n, &at)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
		int late = ctx_check(x->ctx, err);

		if (late < 0)
			return late;
		if (file_write_at(fd, p, n, at) < 0)
			return err_sys(err, errno, "%s", path);
	}
	if (r != ARCHIVE_EOF)
		return input_archive_error(&x->in, x->tar, err);
	return ftruncate(fd, archive_entry_size(e)) < 0 ? err_sys(err, errno, "%s", path) : 0;
}

static int extract_file(struct extract *x, struct archive_entry *e, const char *name, const char *path, struct err *err)
{
	_cleanup_close_ int fd = openat(x->parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? err_sys(err, errno, "%s", path) : write_content(x, fd, e, path, err);

	if (r >= 0)
		r = set_meta(x, fd, e, path, err);
	if (r < 0 && fd >= 0) /* no half of a file */
		(void)unlinkat(x->parent, name, 0);
	return r;
}

/* What cannot be opened for writing: held, and looked at whether it is what was made. */
static int set_meta_of_name(struct extract *x, struct archive_entry *e, const char *name, const char *path, struct err *err)
{
	_cleanup_close_ int fd = openat(x->parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "%s", path);
	if ((st.st_mode & S_IFMT) != archive_entry_filetype(e))
		return err_sys(err, EEXIST, "%s", path);
	return set_meta(x, fd, e, path, err);
}

static int extract_hardlink(struct extract *x, struct archive_entry *e, const char *name, const char *path, struct err *err)
{
	_cleanup_free_ char *first = NULL, *above = NULL;
	_cleanup_close_ int dir = -1, fd = -1;
	const char *slash;
	int r = clean_entry_path(archive_entry_hardlink(e), &first, err);

	if (r < 0)
		return r;
	slash = strrchr(first, '/');
	above = slash ? mem_strndup(first, (size_t)(slash - first)) : mem_strdup("");
	dir = open_below(x, above);
	fd = dir < 0 ? -1 : openat(dir, slash ? slash + 1 : first, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 || beneath_link(fd, x->parent, name) < 0 ? err_sys(err, errno, "%s, a link to %s", path, first) : 0;
}

static int extract_folder(struct extract *x, struct archive_entry *e, const char *name, const char *path, struct err *err)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (mkdirat(x->parent, name, 0700) < 0 && errno != EEXIST)
		return err_sys(err, errno, "%s", path);
	fd = beneath_open_straight(x->parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return err_set(err, ERR_PRECONDITION, "%s: a folder, and there is a file of that name", path);
	if (fd < 0)
		return err_sys(err, errno, "%s", path);
	if (beneath_is_kernels(fd))
		return err_set(err, ERR_PRECONDITION, "%s: it is the kernel's, and no place for files", path);
	r = set_meta(x, fd, e, path, err);
	if (r == 0 && x->n_folders < FOLDERS_MAX)
		x->folders[x->n_folders++] = (struct folder){ TAKE_FD(fd), mem_strdup(path), entry_mtime(e) };
	return r;
}

static int extract_entry(struct extract *x, struct archive_entry *e, const char *name, const char *path, struct err *err)
{
	const mode_t type = archive_entry_filetype(e);
	int r = 0;

	if (archive_entry_hardlink(e) || type != AE_IFDIR)
		r = make_room_for_entry(x, name, path, err);
	if (r < 0)
		return r;
	if (archive_entry_hardlink(e))
		return extract_hardlink(x, e, name, path, err);
	switch (type) {
	case AE_IFDIR: return extract_folder(x, e, name, path, err);
	case AE_IFREG: return extract_file(x, e, name, path, err);
	case AE_IFLNK:
		if (symlinkat(archive_entry_symlink(e) ? archive_entry_symlink(e) : "", x->parent, name) < 0)
			return err_sys(err, errno, "%s", path);
		break;
	default:
		if (mknodat(x->parent, name, S_IFIFO, 0) < 0)
			return err_sys(err, errno, "%s", path);
	}
	return set_meta_of_name(x, e, name, path, err);
}

static bool is_entry_left_out(struct archive_entry *e)
{
	const mode_t type = archive_entry_filetype(e);

	return !archive_entry_hardlink(e) && type != AE_IFDIR && type != AE_IFREG && type != AE_IFLNK && type != AE_IFIFO;
}

static bool is_below_folder(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && path[n] == '/';
}

static int extract_next(struct extract *x, struct archive_entry *e, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	const char *name = archive_entry_pathname(e);
	int r = ctx_check(x->ctx, err);

	if (r == 0)
		r = name ? clean_entry_path(name, &path, err) : err_set(err, ERR_INVALID, "an entry without a name");
	if (r < 0 || !*path)
		return r;
	while (x->n_folders && !is_below_folder(path, x->folders[x->n_folders - 1].path))
		folder_leave(x);
	if (is_entry_left_out(e)) {
		x->left_out++;
		return 0;
	}
	r = open_entry_parent(x, path, &name, err);
	return r < 0 ? r : extract_entry(x, e, name, path, err);
}

static int extract_all(struct extract *x, struct err *err)
{
	struct archive_entry *e;
	int r, bad;

	while ((r = archive_read_next_header(x->tar, &e)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
		bad = extract_next(x, e, err);
		if (bad < 0)
			return bad;
	}
	return r == ARCHIVE_EOF ? input_ended(&x->in, err) : input_archive_error(&x->in, x->tar, err);
}

int extract_tar(const char *file, int rootfd, const char *path, const struct idmap *ids, const struct ctx *ctx, struct err *err)
{
	_cleanup_(extract_done) struct extract x = {
		.in.fd = -1, .root = rootfd, .target = path, .ids = *ids, .ctx = ctx, .parent = -1
	};
	int r;

	(void)setlocale(LC_CTYPE, "C.UTF-8"); /* names are what they are */
	r = input_open(&x.in, file, ctx, err);
	if (r == 0)
		r = input_tar(&x.in, &x.tar, err);
	if (r == 0 && ids->n)
		r = idmap_make_as(ids, err);
	if (r == 0)
		r = extract_all(&x, err);
	if (r == 0 && x.left_out)
		log_warn("%zu devices and sockets are left out", x.left_out);
	return r;
}
