#include "layers.h"
#include "beneath.h"
#include "mem.h"
#include "path.h"
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

/* The kernel's limits: 40 links in a walk, 500 layers. What is longer than WALK_MAX after its links were put in is left to it. */
enum { LINKS_MAX = 40, LAYERS_MAX = 500, WALK_MAX = 65536 };

/* A folder of the tree: where it stands in the layers, top first. */
struct spot {
	int *fd;
	size_t n;
	bool overlay;
};

struct walk {
	const struct layers *l;
	struct spot *spots; /* from the root to where we are */
	size_t n, cap;
	struct buf at, rest; /* the path of the last spot, "" is the root; what is still to be walked */
	unsigned links;
	int file; /* found, and no folder */
	struct stat st;
};

static void spot_done(struct spot *s)
{
	for (size_t i = 0; i < s->n; i++)
		(void)close(s->fd[i]);
	free(s->fd);
	*s = (struct spot){ 0 };
}

static void spot_add(struct spot *s, int fd)
{
	s->fd = mem_resize(s->fd, (s->n + 1) * sizeof *s->fd);
	s->fd[s->n++] = fd;
}

static void walk_done(struct walk *w)
{
	while (w->n)
		spot_done(&w->spots[--w->n]);
	free(w->spots);
	buf_done(&w->at);
	buf_done(&w->rest);
	if (w->file >= 0)
		(void)close(w->file);
}

static struct spot *walk_push(struct walk *w)
{
	w->spots = mem_grow(w->spots, &w->cap, w->n + 1, sizeof *w->spots);
	w->spots[w->n] = (struct spot){ 0 };
	return &w->spots[w->n++];
}

void layers_done(struct layers *l)
{
	for (size_t i = 0; i < l->n; i++)
		(void)close(l->fd[i]);
	for (size_t i = 0; i < l->n_covers; i++) {
		free(l->covers[i].at);
		if (l->covers[i].fd >= 0)
			(void)close(l->covers[i].fd);
	}
	free(l->fd);
	free(l->covers);
	*l = (struct layers){ 0 };
}

/* overlay's marks: xattrs and a device of its own (kernel, filesystems/overlayfs.rst) */

static bool is_whiteout(const struct stat *st) { return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0); }

static int unusual(const char *what, struct err *err)
{
	return err_set(err, ERR_UNIMPLEMENTED, "layers: %s takes a mount to look at", what);
}

/* The xattr's only byte, 0 when it has none, -1 when it has more. */
static int mark(int fd, const char *name)
{
	char self[BENEATH_PATH], value[2];
	ssize_t n;

	n = getxattr(beneath_path(fd, self), name, value, sizeof value);
	if (n < 0)
		return errno == ENODATA || errno == EOPNOTSUPP ? 0 : -1;
	return n == 1 ? value[0] : -1;
}

/* 1: nothing of the layers below is seen in it. */
static int is_opaque(int fd, struct err *err)
{
	int opaque = mark(fd, "trusted.overlay.opaque");

	if ((opaque != 0 && opaque != 'y') || mark(fd, "trusted.overlay.redirect") != 0)
		return unusual("a folder that was moved", err);
	return opaque == 'y';
}

static int walk_found(struct walk *w, int fd, const struct stat *st, bool overlay, struct err *err)
{
	w->file = fd;
	w->st = *st;
	if (overlay && S_ISREG(st->st_mode) && mark(fd, "trusted.overlay.metacopy") != 0)
		return unusual("a file whose content stands elsewhere", err);
	return 0;
}

/* Where the walk is, with @name behind it. */
static void walk_name(struct walk *w, const char *name) { buf_addf(&w->at, "/%s", name); }

static const struct layers_cover *cover_at(const struct walk *w)
{
	for (size_t i = w->l->n_covers; i-- > 0;)
		if (!strcmp(w->l->covers[i].at, buf_str(&w->at)))
			return &w->l->covers[i];
	return NULL;
}

/* The engine makes the folders that a mount needs to stand in. */
static bool is_made_for_cover(const struct walk *w)
{
	for (size_t i = 0; i < w->l->n_covers; i++)
		if (!strncmp(w->l->covers[i].at, buf_str(&w->at), w->at.len) && w->l->covers[i].at[w->at.len] == '/')
			return true;
	return false;
}

static int enter_cover(struct walk *w, const struct layers_cover *c, struct err *err)
{
	int fd = c->fd < 0 ? -1 : fcntl(c->fd, F_DUPFD_CLOEXEC, 3);
	struct stat st;

	if (c->fd >= 0 && (fd < 0 || fstat(fd, &st) < 0))
		return err_sys(err, errno, "%s", c->at);
	if (fd >= 0 && !S_ISDIR(st.st_mode))
		return walk_found(w, fd, &st, false, err);
	if (fd >= 0)
		spot_add(walk_push(w), fd);
	else
		(void)walk_push(w);
	return 0;
}

/* The folder @name of all layers that have it, or what the topmost has there. */
static int enter_layers(struct walk *w, const char *name, struct err *err)
{
	const struct spot at = w->spots[w->n - 1];
	_cleanup_(spot_done) struct spot next = { .overlay = at.overlay };

	for (size_t i = 0; i < at.n; i++) {
		_cleanup_close_ int fd = openat(at.fd[i], name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		struct stat st;
		int opaque;

		if (fd < 0 && (errno == ENOENT || errno == ENAMETOOLONG))
			continue;
		if (fd < 0 || fstat(fd, &st) < 0)
			return err_sys(err, errno, "%s", buf_str(&w->at));
		if (at.overlay && is_whiteout(&st))
			break;
		if (!S_ISDIR(st.st_mode)) {
			if (!next.n)
				return walk_found(w, TAKE_FD(fd), &st, at.overlay, err);
			break;
		}
		opaque = at.overlay ? is_opaque(fd, err) : 0;
		if (opaque < 0)
			return opaque;
		spot_add(&next, TAKE_FD(fd));
		if (opaque)
			break;
	}
	if (!next.n && !is_made_for_cover(w))
		return err_set(err, ERR_NOT_FOUND, "%s: not there", buf_str(&w->at));
	*walk_push(w) = next;
	next = (struct spot){ 0 };
	return 0;
}

static bool is_mounted_later(const struct walk *w)
{
	static const char *const made[] = { "/proc", "/dev", "/sys" };

	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		if (!w->l->live && !strcmp(buf_str(&w->at), made[i]))
			return true;
	return false;
}

static int layers_enter(struct walk *w, const char *name, struct err *err)
{
	const struct layers_cover *c;

	walk_name(w, name);
	c = cover_at(w);
	if (c)
		return enter_cover(w, c, err);
	if (is_mounted_later(w))
		return err_set(err, ERR_INVALID, "leads into %s", buf_str(&w->at));
	return enter_layers(w, name, err);
}

static void leave(struct walk *w)
{
	if (w->n <= 1)
		return;
	spot_done(&w->spots[--w->n]);
	buf_cut(&w->at, (size_t)(strrchr(buf_str(&w->at), '/') - buf_str(&w->at)));
}

static int follow(struct walk *w, struct err *err)
{
	_cleanup_close_ int fd = TAKE_FD(w->file);
	char target[4096];
	struct statfs fs;
	ssize_t n;

	if (w->l->live && fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC) /* another for each who reads it */
		return err_set(err, ERR_INVALID, "leads through a link of /proc");
	n = readlinkat(fd, "", target, sizeof target - 1);
	if (n < 0)
		return err_sys(err, errno, "link %s", buf_str(&w->at));
	if (n == 0 || ++w->links > LINKS_MAX)
		return err_set(err, ERR_NOT_FOUND, "%s: too many links", buf_str(&w->at));
	if ((size_t)n + w->rest.len > WALK_MAX)
		return unusual("a path so long", err);
	buf_cut(&w->at, (size_t)(strrchr(buf_str(&w->at), '/') - buf_str(&w->at)));
	target[n] = '\0';
	if (*target == '/')
		while (w->n > 1)
			leave(w);
	{
		_cleanup_buf_ struct buf rest = { 0 };

		buf_addf(&rest, "%s%s", target, buf_str(&w->rest));
		buf_done(&w->rest);
		w->rest = TAKE_STRUCT(rest);
	}
	return 0;
}

/* The next component of what is left; *@ret_last: nothing stands behind it, not even a slash. 0 at the end. */
static int next_name(struct walk *w, char name[4096], bool *ret_last)
{
	const char *rest = buf_str(&w->rest);
	size_t blank = strspn(rest, "/"), n = strcspn(rest + blank, "/");

	if (!n)
		return 0;
	(void)snprintf(name, 4096, "%.*s", (int)(n < 4095 ? n : 4095), rest + blank);
	buf_drop(&w->rest, blank + n);
	*ret_last = w->rest.len == 0;
	return 1;
}

static int walk_step(struct walk *w, const char *name, bool last, struct err *err)
{
	int r;

	if (!strcmp(name, "."))
		return 0;
	if (!strcmp(name, "..")) {
		leave(w);
		return 0;
	}
	r = layers_enter(w, name, err);
	if (r < 0 || w->file < 0)
		return r;
	if (S_ISLNK(w->st.st_mode))
		return follow(w, err);
	return last ? 1 : err_set(err, ERR_NOT_FOUND, "%s: not a folder", buf_str(&w->at));
}

/* 1: a file in w->file; 0: a folder, the last of the spots. */
static int walk_to(struct walk *w, const char *path, struct err *err)
{
	char name[4096];
	struct spot *root = walk_push(w);
	bool last;
	int r = 0;

	root->overlay = w->l->overlay;
	for (size_t i = 0; i < w->l->n; i++) {
		int fd = fcntl(w->l->fd[i], F_DUPFD_CLOEXEC, 3);

		if (fd < 0)
			return err_sys(err, errno, "layers");
		spot_add(root, fd);
	}
	buf_adds(&w->rest, path);
	while (r == 0 && next_name(w, name, &last))
		r = walk_step(w, name, last, err);
	return r;
}

int layers_open(const struct layers *l, const char *path, int *ret_fd, struct err *err)
{
	_cleanup_(walk_done) struct walk w = { .l = l, .file = -1 };
	struct spot *last;
	int r = walk_to(&w, path, err);

	if (r < 0)
		return r;
	last = &w.spots[w.n - 1];
	if (r == 0 && !last->n)
		return err_set(err, ERR_NOT_FOUND, "/%s: an empty folder", path);
	*ret_fd = r == 1 ? TAKE_FD(w.file) : fcntl(last->fd[0], F_DUPFD_CLOEXEC, 3);
	return *ret_fd < 0 ? err_sys(err, errno, "layers") : 0;
}

/* Where the walk is or would have gone on. */
static char *walk_path(const struct walk *w, bool ended)
{
	_cleanup_buf_ struct buf at = { 0 };

	buf_addf(&at, "%s%s", buf_str(&w->at), ended ? "" : buf_str(&w->rest));
	return path_clean(buf_str(&at), NULL);
}

char *layers_absent(const struct layers *l, const char *path)
{
	_cleanup_(walk_done) struct walk w = { .l = l, .file = -1 };
	int r = walk_to(&w, path, NULL);

	return r == -ERR_NOT_FOUND && w.links <= LINKS_MAX ? walk_path(&w, false) : NULL;
}

/* The engine follows the target's links when it mounts, and makes what is not there. */
int layers_cover(struct layers *l, const char *target, int fd, struct err *err)
{
	_cleanup_(walk_done) struct walk w = { .l = l, .file = -1 };
	_cleanup_close_ int own = fd;
	int r = walk_to(&w, target, err);

	if (r < 0 && r != -ERR_NOT_FOUND && r != -ERR_INVALID)
		return r;
	err_clear(err);
	l->covers = mem_resize(l->covers, (l->n_covers + 1) * sizeof *l->covers);
	l->covers[l->n_covers++] = (struct layers_cover){ .at = walk_path(&w, r >= 0), .fd = TAKE_FD(own) };
	return 0;
}

void layers_of_root(int fd, bool live, struct layers *ret)
{
	*ret = (struct layers){ .fd = mem_array(int, 1), .n = 1, .live = live };
	ret->fd[0] = fd;
}

/* from mounts */

/* Says nothing about what is seen where. */
static bool is_harmless(const char *option)
{
	static const char *const words[] = { "ro",       "rw",      "bind",      "rbind",    "index=off",    "index=on",
					     "xino=off", "xino=on", "xino=auto", "volatile", "metacopy=off", "redirect_dir=off",
					     "nosuid",   "nodev",   "noatime" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(words[i], option))
			return true;
	return !strncmp(option, "workdir=", 8);
}

static int layers_add(struct layers *l, const char *dir, struct err *err)
{
	int fd = *dir == '/' ? open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (*dir != '/')
		return unusual("a relative layer", err);
	if (fd < 0)
		return err_sys(err, errno, "layer %s", dir);
	l->fd[l->n++] = fd;
	return 0;
}

static int of_overlay(const char *lower, const char *upper, struct layers *l, struct err *err)
{
	_cleanup_strv_ struct strv dirs = { 0 };
	int r = 0;

	if (strchr(lower, '\\') || strstr(lower, "::")) /* escaped, or data-only */
		return unusual("such a list of layers", err);
	if (upper)
		strv_push(&dirs, upper);
	strv_split(&dirs, lower, ":");
	if (!dirs.n || dirs.n > LAYERS_MAX)
		return unusual("such a list of layers", err);
	l->overlay = true;
	l->fd = mem_array(int, dirs.n);
	for (size_t i = 0; i < dirs.n && r >= 0; i++)
		r = layers_add(l, dirs.v[i], err);
	return r;
}

int layers_of_mounts(const struct ctrd_mounts *mounts, bool upper, struct layers *ret, struct err *err)
{
	_cleanup_(layers_done) struct layers l = { 0 };
	const char *lowerdir = NULL, *upperdir = NULL;
	const struct ctrd_mount *m = mounts->v;
	int r;

	if (mounts->n != 1)
		return unusual("a snapshot of many mounts", err);
	for (size_t i = 0; i < m->options.n; i++) {
		const char *o = m->options.v[i];

		if (!strncmp(o, "lowerdir=", 9))
			lowerdir = o + 9;
		else if (!strncmp(o, "upperdir=", 9))
			upperdir = o + 9;
		else if (!is_harmless(o))
			return unusual("a snapshot with further options", err);
	}
	if (!strcmp(m->type, "overlay") && lowerdir) {
		r = of_overlay(lowerdir, upper ? upperdir : NULL, &l, err);
	} else if (!strcmp(m->type, "bind")) {
		l.fd = mem_array(int, 1);
		r = layers_add(&l, m->source, err);
	} else {
		r = unusual("a snapshot of that type", err);
	}
	if (r >= 0)
		*ret = TAKE_STRUCT(l);
	return r;
}
