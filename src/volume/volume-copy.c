/* Theory of operation: another job may have the volume mounted already and change any name in it between two calls of ours.
 * So the copy is made where no container gets to, in the folder "filling" beside the volume's own; when it is whole it is
 * renamed to "filled", and its entries are moved into the volume one by one, never over what is there. The volume's own
 * folder stays the same one (who has it mounted sees the files come) and gets its mode, owner and times by descriptor.
 * Whichever of the two names a kill left says what the next one has to do.
 *
 * Where the administrator has mounted a file system on the volume itself nothing can be moved into it, and there is no place
 * beside it: the copy is made in place. That is why copying itself (tree-copy.h) trusts no name either. */
#include "volume-copy.h"
#include "beneath.h"
#include "file.h"
#include "mem.h"
#include "tree-copy.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOCK_MS = 600000 };

/* 1, 0, or -1 with errno. */
static int is_empty(int fd)
{
	_cleanup_(closedirp) DIR *d = beneath_list(fd);

	if (!d)
		return -1;
	for (struct dirent *e; (e = readdir(d));)
		if (!beneath_is_dots(e->d_name))
			return 0;
	return 1;
}

/* What is beside the volume's own folder. */
struct place {
	char *filling, *filled, *mark;
};

static void place_done(struct place *p)
{
	free(p->filling);
	free(p->filled);
	free(p->mark);
}

static bool is_owed(const struct place *p) { return file_exists(p->filling) || file_exists(p->filled) || file_exists(p->mark); }

/* The mark is there as long as the copy is not whole. */
static int fill_in_place(int from, int to, const struct place *p, const struct ctx *ctx, struct err *err)
{
	_cleanup_close_ int mark = open(p->mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = mark < 0 ? err_sys(err, errno, "%s", p->mark) : tree_copy(from, to, true, ctx, err);

	return r >= 0 && unlink(p->mark) < 0 ? err_sys(err, errno, "%s", p->mark) : r;
}

static int fill_beside(int from, const struct place *p, const struct ctx *ctx, struct err *err)
{
	_cleanup_close_ int to = -1;
	int r = file_remove_tree(p->filling, err);

	if (r >= 0)
		r = file_mkdirs_private(p->filling, err);
	if (r < 0)
		return r;
	to = open(p->filling, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = to < 0 ? err_sys(err, errno, "%s", p->filling) : tree_copy(from, to, false, ctx, err);
	if (r >= 0 && rename(p->filling, p->filled) < 0)
		r = err_sys(err, errno, "%s", p->filled);
	if (r < 0) /* its room is given back, and the folder says that a copy is owed */
		(void)(file_remove_tree(p->filling, NULL) < 0 || file_mkdirs_private(p->filling, NULL) < 0);
	return r;
}

/* What a job has put there under the same name stays. 1: something was moved. */
static int move_entries(DIR *d, int to, const struct ctx *ctx, struct err *err)
{
	int r = 0, moved = 0;

	rewinddir(d);
	for (struct dirent *e; r >= 0 && (e = readdir(d));) {
		if (beneath_is_dots(e->d_name))
			continue;
		if (beneath_move(dirfd(d), e->d_name, to, e->d_name) == 0)
			moved = 1;
		else if (errno != EEXIST && errno != ENOENT)
			return err_sys(err, errno, "move /%s", e->d_name);
		r = ctx_check(ctx, err);
	}
	return r < 0 ? r : moved;
}

static int move_in(const struct place *p, int to, const struct ctx *ctx, struct err *err)
{
	_cleanup_close_ int from = open(p->filled, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_(closedirp) DIR *d = from < 0 ? NULL : beneath_list(from);
	struct stat st;
	int r;

	if (!d || fstat(from, &st) < 0)
		return err_sys(err, errno, "%s", p->filled);
	do
		r = move_entries(d, to, ctx, err);
	while (r > 0);
	if (r >= 0)
		r = tree_copy_meta(from, to, &st, err);
	return r < 0 ? r : file_remove_tree(p->filled, err);
}

static int is_mount_root(int fd)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &stx) < 0)
		return -1;
	return (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

static int fill(int from, const struct volume *v, const struct place *p, const struct ctx *ctx, struct err *err)
{
	_cleanup_close_ int to = open(v->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = to < 0 ? -1 : is_empty(to), mounted = r < 0 ? -1 : is_mount_root(to);

	if (mounted < 0)
		return err_sys(err, errno, "%s", v->path);
	if (r == 0 && !is_owed(p))
		return 0;
	if (mounted || file_exists(p->mark))
		return fill_in_place(from, to, p, ctx, err);
	r = file_exists(p->filled) ? 0 : fill_beside(from, p, ctx, err);
	return r < 0 ? r : move_in(p, to, ctx, err);
}

int volume_copy_up(int image_rootfd, const char *target, const struct volume *v, const struct ctx *ctx, struct err *err)
{
	const struct ctx limit = ctx_within(ctx, LOCK_MS);
	_cleanup_close_ int from = beneath_open_as_root(image_rootfd, target, O_RDONLY | O_DIRECTORY), lock = -1;
	_cleanup_free_ char *path = mem_printf("%s/../copy.lock", v->path);
	_cleanup_(place_done) struct place p = { NULL, NULL, NULL };
	int r;

	if (from < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (from < 0)
		return err_sys(err, errno, "volume %s: %s in the image", v->name, target);
	p = (struct place){ mem_printf("%s/../filling", v->path), mem_printf("%s/../filled", v->path),
			    mem_printf("%s/../copying", v->path) };
	lock = file_lock(path, true, &limit, err); /* two jobs that use it for the first time at once: one fills it */
	r = lock < 0 ? lock : fill(from, v, &p, ctx, err);
	return r < 0 ? err_wrap(err, r, "volume %s", v->name) : 0;
}
