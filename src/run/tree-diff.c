#include "tree-diff.h"
#include "beneath.h"
#include "buf.h"
#include "mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { DIFF_DEPTH_MAX = 256 };

struct diff_entry {
	char *name;
	char kind; /* 0: nothing, but perhaps in it */
	bool folder;
};
struct diff_entries {
	struct diff_entry *v;
	size_t n, cap;
};

struct diff {
	const struct strv *made;
	const struct ctx *ctx;
	tree_diff_fn *fn;
	void *arg;
	struct buf path;
	struct err *err;
};

/* One folder of the walk. */
struct diff_folder {
	int upper, lower; /* lower -1: there is none */
	bool hides;       /* nothing of the lower one shows through */
	unsigned depth;
};

static void diff_entries_done(struct diff_entries *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->v[i].name);
	free(e->v);
}

static void diff_entry_add(struct diff_entries *e, const char *name, char kind, bool folder)
{
	if (e->n == e->cap) {
		e->cap = e->cap ? 2 * e->cap : 16;
		e->v = mem_resize(e->v, e->cap * sizeof *e->v);
	}
	e->v[e->n++] = (struct diff_entry){ mem_strdup(name), kind, folder };
}

static int diff_by_name(const void *a, const void *b)
{
	return strcmp(((const struct diff_entry *)a)->name, ((const struct diff_entry *)b)->name);
}

static int diff_fail(struct diff *d, int why) { return err_sys(d->err, why, "%s", d->path.len ? buf_str(&d->path) : "/"); }

static bool was_made(struct diff *d, const char *name)
{
	const size_t before = d->path.len;
	bool is;

	buf_addf(&d->path, "/%s", name);
	is = strv_has(d->made, buf_str(&d->path));
	buf_cut(&d->path, before);
	return is;
}

static char folder_kind(const struct stat *upper, const struct stat *lower)
{
	return !S_ISDIR(lower->st_mode) || upper->st_mode != lower->st_mode || upper->st_uid != lower->st_uid ||
			       upper->st_gid != lower->st_gid
		       ? 'C'
		       : 0;
}

static void diff_classify(struct diff *d, const struct diff_folder *f, const char *name, struct diff_entries *to)
{
	struct stat upper, lower;
	bool is_below;
	char kind;

	if (fstatat(f->upper, name, &upper, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	is_below = f->lower >= 0 && fstatat(f->lower, name, &lower, AT_SYMLINK_NOFOLLOW) == 0;
	if (S_ISCHR(upper.st_mode) && upper.st_rdev == makedev(0, 0)) {
		if (is_below)
			diff_entry_add(to, name, 'D', false);
		return;
	}
	if (!is_below)
		kind = was_made(d, name) ? 0 : 'A';
	else
		kind = S_ISDIR(upper.st_mode) ? folder_kind(&upper, &lower) : 'C';
	diff_entry_add(to, name, kind, S_ISDIR(upper.st_mode));
}

/* What the upper folder hides whole has gone where it has no file of that name. */
static int diff_add_hidden(struct diff *d, int lower, struct diff_entries *to)
{
	_cleanup_(closedirp) DIR *dir = beneath_list(lower);
	const size_t n = to->n;

	if (!dir)
		return diff_fail(d, errno);
	for (struct dirent *e; (e = readdir(dir));) {
		const struct diff_entry key = { .name = e->d_name };

		if (!beneath_is_dots(e->d_name) && (!n || !bsearch(&key, to->v, n, sizeof *to->v, diff_by_name)))
			diff_entry_add(to, e->d_name, 'D', false);
	}
	qsort(to->v, to->n, sizeof *to->v, diff_by_name);
	return 0;
}

static int diff_list(struct diff *d, const struct diff_folder *f, struct diff_entries *to)
{
	_cleanup_(closedirp) DIR *dir = beneath_list(f->upper);

	if (!dir)
		return diff_fail(d, errno);
	for (struct dirent *e; (e = readdir(dir));) {
		int r = ctx_check(d->ctx, d->err);

		if (r < 0)
			return r;
		if (!beneath_is_dots(e->d_name))
			diff_classify(d, f, e->d_name, to);
	}
	if (to->n)
		qsort(to->v, to->n, sizeof *to->v, diff_by_name);
	return f->hides && f->lower >= 0 ? diff_add_hidden(d, f->lower, to) : 0;
}

static bool folder_is_opaque(int fd)
{
	char value[2];

	return fgetxattr(fd, "trusted.overlay.opaque", value, sizeof value) == 1 && *value == 'y';
}

static int diff_folder_walk(struct diff *d, const struct diff_folder *f, char kind);

static int diff_entry_walk(struct diff *d, const struct diff_folder *above, const struct diff_entry *e)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
	_cleanup_close_ int upper = -1, lower = -1;
	struct diff_folder f;

	if (!e->folder)
		return e->kind ? d->fn(d->arg, e->kind, buf_str(&d->path), d->err) : 0;
	if (above->depth == DIFF_DEPTH_MAX)
		return err_set(d->err, ERR_EXHAUSTED, "%s: folders deeper than %d", buf_str(&d->path), DIFF_DEPTH_MAX);
	upper = beneath_open(above->upper, e->name, flags);
	if (upper < 0) /* it has gone, or is something else by now */
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : diff_fail(d, errno);
	lower = above->lower < 0 ? -1 : beneath_open(above->lower, e->name, flags);
	f = (struct diff_folder){ upper, lower, above->hides || folder_is_opaque(upper), above->depth + 1 };
	return diff_folder_walk(d, &f, e->kind);
}

/* @kind: what is known of the folder itself. */
static int diff_folder_walk(struct diff *d, const struct diff_folder *f, char kind)
{
	_cleanup_(diff_entries_done) struct diff_entries all = { 0 };
	const size_t here = d->path.len;
	int r = diff_list(d, f, &all);

	for (size_t i = 0; r >= 0 && !kind && i < all.n; i++)
		kind = all.v[i].kind == 'A' || all.v[i].kind == 'D' ? 'C' : 0;
	if (r >= 0 && kind && here)
		r = d->fn(d->arg, kind, buf_str(&d->path), d->err);
	for (size_t i = 0; r >= 0 && i < all.n; i++) {
		buf_addf(&d->path, "/%s", all.v[i].name);
		r = diff_entry_walk(d, f, &all.v[i]);
		if (r >= 0)
			buf_cut(&d->path, here);
	}
	return r;
}

int tree_diff(int upper, int lower, const struct strv *made, const struct ctx *ctx, tree_diff_fn *fn, void *arg, struct err *err)
{
	struct diff d = { .made = made, .ctx = ctx, .fn = fn, .arg = arg, .err = err };
	const struct diff_folder top = { upper, lower, folder_is_opaque(upper), 0 };
	int r = diff_folder_walk(&d, &top, 0);

	buf_done(&d.path);
	return r < 0 ? r : 0;
}
