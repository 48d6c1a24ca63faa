/* A volume disappears whole: it is renamed to ".trash-..." before its files go, under the namespace's lock, which nobody holds for
 * longer than that. What a kill left of it is cleared by the next one. */
#include "volume-folder.h"
#include "clock.h"
#include "file.h"
#include "labels.h"
#include "mem.h"
#include "name.h"
#include "places.h"
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { META_MAX = 1 << 20, LOCK_MS = 10000 };
#define TRASH ".trash-"

void volume_done(struct volume *v)
{
	free(v->name);
	free(v->path);
	dict_done(&v->labels);
	*v = (struct volume){ 0 };
}

void volumes_done(struct volumes *l)
{
	for (size_t i = 0; i < l->n; i++)
		volume_done(&l->v[i]);
	free(l->v);
	*l = (struct volumes){ 0 };
}

int volume_lock_all(const struct core *c, const struct ctx *ctx, struct err *err)
{
	const struct ctx limit = ctx_within(ctx, LOCK_MS); /* never held for long: files are removed and users asked for outside */
	_cleanup_free_ char *dir = places_volume(c, ""), *lock = places_volume(c, ".lock");
	int r = file_mkdirs_private(dir, err);

	return r < 0 ? r : file_lock(lock, true, &limit, err);
}

int volume_check_name(const char *name, struct err *err) { return name_check("volume", name, NAME_ID_MAX, err); }

/* What volume.json says; one that cannot be read says nothing, for the data is what counts. */
static void read_meta(const char *dir, struct volume *v)
{
	_cleanup_free_ char *path = mem_printf("%s/volume.json", dir);
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_json_ json *j = NULL;
	const char *created;

	if (file_read(path, META_MAX, &text, NULL) < 0 || json_parse(buf_str(&text), text.len, &j, NULL) < 0)
		return;
	created = json_get_str(j, "created");
	if (created)
		(void)clock_parse(created, &v->created_at, NULL);
	v->anonymous = json_get_bool(j, "anonymous", false);
	json_get_dict(j, "labels", &v->labels);
}

int volume_get(const struct core *c, const char *name, struct volume *ret, struct err *err)
{
	_cleanup_free_ char *dir = places_volume(c, name), *data = mem_printf("%s/_data", dir);
	struct stat st;
	int r = volume_check_name(name, err);

	if (r < 0)
		return r;
	if (lstat(data, &st) < 0)
		return errno == ENOENT ? err_hint(err, err_set(err, ERR_NOT_FOUND, "volume %s: not found", name),
						  "list all with: davit volume ls")
				       : err_sys(err, errno, "volume %s", name);
	if (!S_ISDIR(st.st_mode))
		return err_sys(err, ENOTDIR, "volume %s: %s", name, data);
	*ret = (struct volume){ .name = mem_strdup(name), .path = TAKE_PTR(data) };
	read_meta(dir, ret);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct volume *)a)->name, ((const struct volume *)b)->name);
}

int volume_list(const struct core *c, struct volumes *ret, struct err *err)
{
	_cleanup_(volumes_done) struct volumes l = { 0 };
	_cleanup_free_ char *dir = places_volume(c, "");
	_cleanup_(closedirp) DIR *d = opendir(dir);
	size_t cap = 0;

	if (!d && errno != ENOENT)
		return err_sys(err, errno, "volumes in %s", dir);
	for (struct dirent *e; d && (e = readdir(d));) {
		l.v = mem_grow(l.v, &cap, l.n + 1, sizeof *l.v);
		l.v[l.n] = (struct volume){ 0 };
		if (name_valid(e->d_name, NAME_ID_MAX) && volume_get(c, e->d_name, &l.v[l.n], NULL) == 0)
			l.n++;
	}
	if (l.n)
		qsort(l.v, l.n, sizeof *l.v, by_name);
	*ret = l;
	l = (struct volumes){ 0 };
	return 0;
}

/* What others were killed with, or could not remove; that is not this one's failure. */
static void empty_trash(const struct core *c)
{
	_cleanup_free_ char *dir = places_volume(c, "");
	_cleanup_(closedirp) DIR *d = opendir(dir);

	for (struct dirent *e; d && (e = readdir(d));) {
		_cleanup_free_ char *path = places_volume(c, e->d_name);

		if (!strncmp(e->d_name, TRASH, sizeof TRASH - 1))
			(void)file_remove_tree(path, NULL);
	}
}

/* Under the namespace's lock. *@ret_trash: where it is now. */
static int discard(const struct core *c, const char *name, char **ret_trash, struct err *err)
{
	char random[17];
	_cleanup_free_ char *dir = places_volume(c, name), *trash = NULL, *to = NULL;

	name_random(random, sizeof random - 1);
	trash = mem_printf(TRASH "%s", random);
	to = places_volume(c, trash);
	if (rename(dir, to) < 0 && errno != ENOENT)
		return err_sys(err, errno, "volume %s", name);
	*ret_trash = TAKE_PTR(to);
	return 0;
}

static int move_away(const struct core *c, const char *name, const struct ctx *ctx, char **ret_trash, struct err *err)
{
	_cleanup_close_ int lock = volume_lock_all(c, ctx, err);

	return lock < 0 ? err_wrap(err, lock, "volume %s", name) : discard(c, name, ret_trash, err);
}

/* Nobody waits under the lock for the files to go. */
static int volume_throw_away(const struct core *c, const char *name, const struct ctx *ctx, struct err *err)
{
	_cleanup_free_ char *trash = NULL;
	int r = move_away(c, name, ctx, &trash, err);

	if (r < 0)
		return r;
	r = file_remove_tree(trash, err);
	empty_trash(c);
	return r;
}

bool volume_is_of(const struct volume *v, const struct task_over *over)
{
	const char *of = dict_get(&v->labels, CLAIM_ID);

	return v->anonymous && of && !strcmp(of, task_over_id(over));
}

int volume_drop_own(const struct core *c, const char *name, const struct task_over *over, const struct ctx *ctx, struct err *err)
{
	_cleanup_(volume_done) struct volume v = { 0 };
	int r = volume_get(c, name, &v, err);

	if (r == -ERR_NOT_FOUND)
		return err_clear(err), 0;
	if (r >= 0 && !volume_is_of(&v, over))
		r = err_set(err, ERR_PRECONDITION, "volume %s: was not made for job %s alone", name, task_over_id(over));
	return r < 0 ? r : volume_throw_away(c, name, ctx, err);
}

/* Is @fd the volume's own folder? */
static int volume_is_folder(const struct core *c, const char *name, int fd, enum errc otherwise, struct err *err)
{
	_cleanup_free_ char *dir = places_volume(c, name);
	struct stat ours, there;

	if (fstat(fd, &ours) < 0 || lstat(dir, &there) < 0)
		return err_sys(err, errno, "volume %s", name);
	if (ours.st_ino != there.st_ino || ours.st_dev != there.st_dev)
		return err_set(err, otherwise, "volume %s: is another one by now", name);
	return 0;
}

int volume_lock(const struct core *c, const char *name, int how, int *ret_fd, struct err *err)
{
	_cleanup_free_ char *dir = places_volume(c, name);
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_sys(err, errno, "volume %s", name);
	if (flock(fd, how | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 0 : err_sys(err, errno, "volume %s: lock", name);
	r = volume_is_folder(c, name, fd, ERR_NOT_FOUND, err); /* thrown away since it was opened, and made anew */
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 1;
}

int volume_drop(const struct core *c, const char *name, int lock, const struct ctx *ctx, struct err *err)
{
	int r = volume_check_name(name, err);

	if (r >= 0)
		r = volume_is_folder(c, name, lock, ERR_PRECONDITION, err);
	return r < 0 ? r : volume_throw_away(c, name, ctx, err);
}
