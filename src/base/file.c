#include "file.h"
#include "beneath.h"
#include "mem.h"
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>

enum { READ_CHUNK = 16384, DEPTH_MAX = 100, WRITER_MS = 2000, LOCK_PAUSE_MS = 20, LOCK_SOON_MS = 2 };

const char *file_kind(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR: return "a folder";
	case S_IFIFO: return "a FIFO";
	case S_IFSOCK: return "a socket";
	default: return "a device";
	}
}

static int no_file(const char *path, mode_t mode, struct err *err)
{
	return err_set(err, ERR_INVALID, "%s: %s, not a file", path, file_kind(mode));
}

/* Does not wait for a pipe's writer, nor for a device. */
static int open_unwaiting(int dirfd, const char *path, mode_t *ret_mode, struct err *err)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 && errno == ENXIO) /* open(2): a socket */
		return no_file(path, S_IFSOCK, err);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "%s", path);
	*ret_mode = st.st_mode;
	return TAKE_FD(fd);
}

int file_await(int fd, const struct ctx *ctx, struct err *err)
{
	const struct cancel *cancel = ctx ? ctx->cancel : NULL;
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = cancel ? cancel->fd : -1, .events = POLLIN } };
	const struct ctx soon = ctx_within(ctx, WRITER_MS);

	for (;;) {
		int r = ctx_check(ctx, err);

		if (r < 0)
			return r;
		if (poll(p, 2, ctx_poll_ms(&soon)) > 0 && p[0].revents)
			return 1;
		if (ctx_check(&soon, NULL) == -ERR_DEADLINE && ctx_check(ctx, NULL) >= 0)
			return 0;
	}
}

int file_no_writer(const char *name, struct err *err)
{
	return err_hint(err, err_set(err, ERR_INVALID, "%s: a pipe that nobody writes to", name),
			"name a file, or start its writer first");
}

/* To the end of what is open, @ctx NULL: it never waits. */
static int read_all(int fd, const char *path, size_t max, const struct ctx *ctx, struct buf *out, struct err *err)
{
	const size_t start = out->len;
	ssize_t n;
	int r;

	do {
		r = ctx ? file_await(fd, ctx, err) : 1;
		if (r < 0) {
			buf_cut(out, start);
			return err_wrap(err, r, "%s", path);
		}
		n = read(fd, buf_room(out, READ_CHUNK), READ_CHUNK);
		if (n == 0 && r == 0)
			return file_no_writer(path, err);
		if (n > 0)
			buf_grew(out, (size_t)n);
	} while ((n > 0 && out->len - start <= max) || (n < 0 && (errno == EINTR || (ctx && errno == EAGAIN))));
	if (n == 0)
		return 0;
	buf_cut(out, start);
	return n < 0 ? err_sys(err, errno, "%s", path) : err_set(err, ERR_EXHAUSTED, "%s: longer than %zu bytes", path, max);
}

int file_read_at(int dirfd, const char *path, size_t max, struct buf *out, struct err *err)
{
	mode_t mode = 0;
	_cleanup_close_ int fd = open_unwaiting(dirfd, path, &mode, err);

	if (fd < 0)
		return fd;
	if (!S_ISREG(mode))
		return no_file(path, mode, err);
	return read_all(fd, path, max, NULL, out, err);
}

int file_read(const char *path, size_t max, struct buf *out, struct err *err)
{
	return file_read_at(AT_FDCWD, path, max, out, err);
}

int file_read_given(const char *path, size_t max, const struct ctx *ctx, struct buf *out, struct err *err)
{
	const struct ctx none = ctx_none();
	mode_t mode = 0;
	_cleanup_close_ int fd = open_unwaiting(AT_FDCWD, path, &mode, err);

	if (fd < 0)
		return fd;
	if (S_ISDIR(mode))
		return no_file(path, mode, err);
	return read_all(fd, path, max, ctx ? ctx : &none, out, err);
}

static int file_write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int file_write_at(int fd, const char *p, size_t n, off_t at)
{
	while (n) {
		ssize_t w = pwrite(fd, p, n, at);

		if (w < 0 && errno != EINTR)
			return -1;
		p += w > 0 ? w : 0;
		at += w > 0 ? w : 0;
		n -= w > 0 ? (size_t)w : 0;
	}
	return 0;
}

int file_write(const char *path, const void *data, size_t len, mode_t mode, struct err *err)
{
	_cleanup_free_ char *tmp = mem_printf("%s.XXXXXX", path);
	_cleanup_close_ int fd = mkostemp(tmp, O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_sys(err, errno, "%s", path);
	r = file_write_all(fd, data, len);
	if (r == 0 && (fchmod(fd, mode) < 0 || rename(tmp, path) < 0))
		r = -errno;
	if (r < 0) {
		(void)unlink(tmp);
		return err_sys(err, -r, "%s", path);
	}
	return 0;
}

/* 1: made, with @mode whatever the umask. */
static int make_folder(const char *path, mode_t mode)
{
	if (mkdir(path, mode) < 0)
		return errno == EEXIST ? 0 : -errno;
	return chmod(path, mode) < 0 ? -errno : 1;
}

/* From the end: as a rule all but the last one or two are there. */
static int make_missing_folders(char *path, mode_t mode, mode_t parents)
{
	int r = make_folder(path, mode);
	char *slash = strrchr(path, '/');

	if (r != -ENOENT || !slash || slash == path)
		return r;
	*slash = '\0';
	r = make_missing_folders(path, parents, parents);
	*slash = '/';
	return r < 0 ? r : make_folder(path, mode);
}

static int mkdirs(const char *path, mode_t mode, mode_t parents, struct err *err)
{
	_cleanup_free_ char *clean = mem_strdup(path);
	struct stat st;
	size_t n = strlen(clean);
	int r;

	while (n > 1 && clean[n - 1] == '/')
		clean[--n] = '\0';
	r = make_missing_folders(clean, mode, parents);
	if (r < 0)
		return err_sys(err, -r, "folder %s", path);
	if (r == 0 && stat(path, &st) < 0)
		return err_sys(err, errno, "folder %s", path);
	return r > 0 || S_ISDIR(st.st_mode) ? 0 : err_sys(err, ENOTDIR, "folder %s", path);
}

int file_mkdirs(const char *path, mode_t mode, struct err *err) { return mkdirs(path, mode, 0755, err); }

int file_mkdirs_private(const char *path, struct err *err) { return mkdirs(path, 0700, 0700, err); }

int file_own_folder(const char *path, mode_t mode, struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == ENOENT ? file_mkdirs(path, mode, err) : err_sys(err, errno, "folder %s", path);
	if (S_ISDIR(st.st_mode) && !(st.st_mode & 07777 & ~mode) && st.st_uid == geteuid())
		return 0;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || fchown(fd, geteuid(), (gid_t)-1) < 0 || fchmod(fd, st.st_mode & mode) < 0)
		return err_sys(err, errno, "folder %s", path);
	return 0;
}

/* What is being removed. A container can make a tree deeper than our stack and descriptors: what stands below DEPTH_MAX is
 * hoisted to the top first. */
struct removal {
	int top; /* the tree's own folder, where hoisted ones go */
	unsigned hoisted;
};

static int tree_remove_entry(struct removal *rm, int at, const char *name, unsigned depth);

/* The tree's owner may have taken any name before us. */
static int hoist(struct removal *rm, int at, const char *name)
{
	char to[64];
	int r;

	do {
		(void)snprintf(to, sizeof to, ".davit-removed-%d-%u", getpid(), rm->hoisted++);
		r = beneath_move(at, name, rm->top, to) < 0 ? -errno : 0;
	} while (r == -EEXIST);
	return r;
}

static int remove_entries(struct removal *rm, DIR *d, unsigned depth)
{
	for (struct dirent *e; (e = readdir(d));) {
		int r = beneath_is_dots(e->d_name) ? 0 : tree_remove_entry(rm, dirfd(d), e->d_name, depth);

		if (r < 0)
			return r;
	}
	return 0;
}

static int tree_remove_folder(struct removal *rm, int at, const char *name, unsigned depth)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	_cleanup_close_ int fd = depth ? beneath_open(at, name, flags) : openat(at, name, flags);
	_cleanup_(closedirp) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	unsigned before;
	int r;

	if (!d)
		return errno == EXDEV ? -EBUSY : -errno; /* something is mounted there */
	(void)TAKE_FD(fd);
	if (depth == 0)
		rm->top = dirfd(d);
	do { /* again for what was hoisted meanwhile */
		before = rm->hoisted;
		rewinddir(d);
		r = remove_entries(rm, d, depth + 1);
	} while (r == 0 && depth == 0 && rm->hoisted > before);
	if (r < 0)
		return r;
	return unlinkat(at, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

static int tree_remove_entry(struct removal *rm, int at, const char *name, unsigned depth)
{
	struct stat st;

	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISDIR(st.st_mode))
		return unlinkat(at, name, 0) < 0 && errno != ENOENT ? -errno : 0;
	return depth < DEPTH_MAX ? tree_remove_folder(rm, at, name, depth) : hoist(rm, at, name);
}

int file_remove_tree(const char *path, struct err *err)
{
	struct removal rm = { .top = -1 };
	int r = tree_remove_entry(&rm, AT_FDCWD, path, 0);

	return r < 0 ? err_sys(err, -r, "remove %s", path) : 0;
}

bool file_exists(const char *path) { return access(path, F_OK) == 0; }

int file_check(const char *path, struct err *err)
{
	struct stat st;

	return stat(path, &st) < 0 || S_ISREG(st.st_mode) ? 0 : no_file(path, st.st_mode, err);
}

bool file_executable(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *file_find(const char *path_list, const char *name)
{
	while (path_list && *path_list) {
		size_t n = strcspn(path_list, ":");
		char *full = mem_printf("%.*s/%s", (int)n, path_list, name);

		if (n && file_executable(full))
			return full;
		free(full);
		path_list += n + (path_list[n] == ':');
	}
	return NULL;
}

/* The holder before us may have removed the file: then our lock is on a file that nobody else finds. */
static bool still_there(int fd, const char *path)
{
	struct stat ours, theirs;

	return fstat(fd, &ours) == 0 && stat(path, &theirs) == 0 && ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

/* Whoever lets go of it closes the file, which inotify tells right before the lock is free; hence the short pause behind an event.
 */
static void await_unlock(const char *path, int *notify, const struct ctx *ctx)
{
	const struct cancel *cancel = ctx ? ctx->cancel : NULL;
	struct pollfd p[2] = { { .events = POLLIN }, { .fd = cancel ? cancel->fd : -1, .events = POLLIN } };
	struct ctx pause;
	char events[4096];
	bool told = false;

	if (*notify < 0) {
		*notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
		if (*notify >= 0 && inotify_add_watch(*notify, path, IN_CLOSE_WRITE | IN_DELETE_SELF | IN_ATTRIB) >= 0)
			return; /* it may have been let go of before somebody told us */
	}
	while (*notify >= 0 && read(*notify, events, sizeof events) > 0)
		told = true;
	pause = ctx_within(ctx, *notify < 0 || told ? LOCK_SOON_MS : LOCK_PAUSE_MS);
	p[0].fd = *notify;
	(void)poll(p, 2, ctx_poll_ms(&pause));
}

/* 1: ours. 0: the file has been removed meanwhile. */
static int lock_opened(int fd, const char *path, bool wait, const struct ctx *ctx, struct err *err)
{
	_cleanup_close_ int notify = -1;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int r = errno;

		if (r != EWOULDBLOCK && r != EINTR)
			return err_sys(err, r, "lock %s", path);
		if (!still_there(fd, path))
			return 0;
		if (r == EWOULDBLOCK && !wait)
			return err_set(err, ERR_PRECONDITION, "lock %s: held by another process", path);
		r = ctx_check(ctx, err);
		if (r < 0)
			return err_wrap(err, r, "lock %s", path);
		await_unlock(path, &notify, ctx);
	}
	return still_there(fd, path);
}

int file_lock(const char *path, bool wait, const struct ctx *ctx, struct err *err)
{
	for (;;) {
		_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		int r = fd < 0 ? err_sys(err, errno, "lock %s", path) : lock_opened(fd, path, wait, ctx, err);

		if (r != 0)
			return r < 0 ? r : TAKE_FD(fd);
	}
}
