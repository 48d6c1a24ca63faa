#include "tree-diff.h"
#include "beneath.h"
#include "buf.h"
#include "mem.h"
#include "tree-same.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { DIFF_DEPTH_MAX = 256, DIFF_NAMES_MAX = 64 << 20 /* bytes */ };

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
	const struct tree_diff *how;
	const struct ctx *ctx;
	tree_diff_fn *fn;
	void *arg;
	struct buf path;
	size_t names; /* what those of all folders on the path take */
	struct err *err;
};

/* One folder of the walk. */
struct diff_folder {
	int upper, lower; /* lower -1: there is none */
	bool hides;       /* nothing of the lower one shows through: what the upper one lacks has gone */
	unsigned depth;
};

static size_t diff_entry_size(const char *name) { return sizeof(struct diff_entry) + strlen(name) + 1; }

static void diff_entries_drop(struct diff *d, struct diff_entries *e)
{
	for (size_t i = 0; i < e->n; i++) {
		d->names -= diff_entry_size(e->v[i].name);
		free(e->v[i].name);
	}
	free(e->v);
}

static int diff_entry_add(struct diff *d, struct diff_entries *e, const char *name, char kind, bool folder)
{
	const size_t size = diff_entry_size(name);

	if (d->names + size > DIFF_NAMES_MAX)
		return err_set(d->err, ERR_EXHAUSTED, "%s: more names than fit into %d MiB", d->path.len ? buf_str(&d->path) : "/",
			       DIFF_NAMES_MAX >> 20);
	if (e->n == e->cap) {
		e->cap = e->cap ? 2 * e->cap : 16;
		e->v = mem_resize(e->v, e->cap * sizeof *e->v);
	}
	d->names += size;
	e->v[e->n++] = (struct diff_entry){ mem_strdup(name), kind, folder };
	return 0;
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
	is = strv_has(d->how->made, buf_str(&d->path));
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

/* Of what is in both. */
static int diff_kind(struct diff *d, const struct diff_folder *f, const char *name, const struct stat *upper,
		     const struct stat *lower, char *ret)
{
	int r = 0;

	if (S_ISDIR(upper->st_mode))
		*ret = folder_kind(upper, lower);
	else if (d->how->whole)
		*ret = (r = tree_same(f->upper, f->lower, name, upper, lower, d->ctx, d->err)) > 0 ? 0 : 'C';
	else
		*ret = 'C';
	return r < 0 ? err_wrap(d->err, r, "%s/%s", buf_str(&d->path), name) : 0;
}

static bool diff_is_whiteout(const struct diff *d, const struct stat *st)
{
	return !d->how->whole && S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static int diff_classify(struct diff *d, const struct diff_folder *f, const char *name, struct diff_entries *to)
{
	struct stat upper, lower;
	bool is_below;
	char kind = 0;
	int r = 0;

	if (fstatat(f->upper, name, &upper, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	is_below = f->lower >= 0 && fstatat(f->lower, name, &lower, AT_SYMLINK_NOFOLLOW) == 0;
	if (diff_is_whiteout(d, &upper))
		return is_below ? diff_entry_add(d, to, name, 'D', false) : 0;
	if (is_below)
		r = diff_kind(d, f, name, &upper, &lower, &kind);
	else
		kind = was_made(d, name) ? 0 : 'A';
	if (r < 0 || (!kind && !S_ISDIR(upper.st_mode)))
		return r;
	return diff_entry_add(d, to, name, kind, S_ISDIR(upper.st_mode));
}

/* What the upper folder hides whole has gone where it has no file of that name. */
static int diff_add_hidden(struct diff *d, const struct diff_folder *f, struct diff_entries *to)
{
	_cleanup_(closedirp) DIR *dir = beneath_list(f->lower);
	struct stat st;
	int r = 0;

	if (!dir)
		return diff_fail(d, errno);
	for (struct dirent *e; r >= 0 && (e = readdir(dir));) {
		if (!beneath_is_dots(e->d_name) && fstatat(f->upper, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
			r = diff_entry_add(d, to, e->d_name, 'D', false);
		if (r >= 0)
			r = ctx_check(d->ctx, d->err);
	}
	return r;
}

static int diff_list(struct diff *d, const struct diff_folder *f, struct diff_entries *to)
{
	_cleanup_(closedirp) DIR *dir = beneath_list(f->upper);
	int r = 0;

	if (!dir)
		return diff_fail(d, errno);
	for (struct dirent *e; r >= 0 && (e = readdir(dir));) {
		r = ctx_check(d->ctx, d->err);
		if (r >= 0 && !beneath_is_dots(e->d_name))
			r = diff_classify(d, f, e->d_name, to);
	}
	if (r >= 0 && f->hides && f->lower >= 0)
		r = diff_add_hidden(d, f, to);
	if (to->n)
		qsort(to->v, to->n, sizeof *to->v, diff_by_name);
	return r;
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
	struct diff_entries all = { 0 };
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
	diff_entries_drop(d, &all);
	return r;
}

int tree_diff(int upper, int lower, const struct tree_diff *how, const struct ctx *ctx, tree_diff_fn *fn, void *arg,
	      struct err *err)
{
	struct diff d = { .how = how, .ctx = ctx, .fn = fn, .arg = arg, .err = err };
	const struct diff_folder top = { upper, lower, how->whole || folder_is_opaque(upper), 0 };
	int r = diff_folder_walk(&d, &top, 0);

	buf_done(&d.path);
	return r < 0 ? r : 0;
}
