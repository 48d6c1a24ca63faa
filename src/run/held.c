#include "held.h"
#include "beneath.h"
#include "file.h"
#include "err-rename.h"
#include "mem.h"
#include "mount-option.h"
#include "places.h"
#include "propagation.h"
#include "remains.h"
#include "shim.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

/* Private before anything is in it: in another mount namespace it would keep what was mounted in it. */
int held_place(const char *dir, struct err *err)
{
	int r;

	remains_unmount(dir);
	r = file_mkdirs_private(dir, err);
	if (r < 0)
		return r;
	if (mount("davit", dir, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=700,size=1m") < 0)
		return err_sys(err, errno, "mount a tmpfs on %s", dir);
	if (mount(NULL, dir, NULL, MS_PRIVATE, NULL) < 0) {
		r = err_sys(err, errno, "mount on %s: private", dir);
		remains_unmount(dir);
		return r;
	}
	return 0;
}

static int held_point(const char *to, bool folder, struct err *err)
{
	_cleanup_close_ int fd = -1;

	if (folder)
		return mkdir(to, 0755) < 0 ? err_sys(err, errno, "%s", to) : 0;
	fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	return fd < 0 ? err_sys(err, errno, "%s", to) : 0;
}

int held_put(int fd, bool folder, const char *to, struct err *err)
{
	int r = held_point(to, folder, err);

	if (r >= 0 && move_mount(fd, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		r = err_sys(err, errno, "mount at %s", to);
	return r;
}

static int held_open(struct run_task *t, struct err *err)
{
	_cleanup_free_ char *dir = places_held(t->core, t->run->id, t->index);
	int r = t->held ? 0 : held_place(dir, err);

	t->held = t->held || r >= 0;
	return r;
}

void held_drop(struct run_task *t)
{
	_cleanup_free_ char *dir = places_held(t->core, t->run->id, t->index);

	if (!t->held)
		return;
	remains_unmount(dir);
	(void)rmdir(dir);
	t->held = t->held_binds = false;
}

/* What is open as @fd, at @name in the task's place. */
static int held_clone(struct run_task *t, int fd, const char *name, char **ret, struct err *err)
{
	_cleanup_free_ char *dir = places_held(t->core, t->run->id, t->index), *to = mem_printf("%s/%s", dir, name);
	_cleanup_close_ int tree = -1;
	struct stat st;
	int r = held_open(t, err);

	if (r < 0)
		return r;
	tree = open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	if (tree < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "mount at %s", to);
	r = held_put(tree, S_ISDIR(st.st_mode), to, err);
	if (r >= 0)
		r = shims_see(t->core, to, err);
	if (r >= 0)
		*ret = TAKE_PTR(to);
	return r;
}

void held_rename(const struct run_task *t, struct err *err)
{
	_cleanup_free_ char *dir = places_held(t->core, t->run->id, t->index);

	for (size_t i = 0; i < t->task->n_mounts; i++) {
		_cleanup_free_ char *to = mem_printf("%s/%zu", dir, i);

		if (t->task->mounts[i].source)
			err_rename(err, to, t->task->mounts[i].source);
	}
}

static int held_propagation(const char *path, const struct strv *options, struct err *err)
{
	const char *word = propagation_of(options);
	const unsigned long mode = !word ? MS_PRIVATE : strstr(word, "shared") ? 0 : strstr(word, "slave") ? MS_SLAVE : MS_PRIVATE;

	if (mode && mount(NULL, path, NULL, mode | (word && *word != 'r' ? 0 : MS_REC), NULL) < 0)
		return err_sys(err, errno, "mount at %s: propagation", path);
	return 0;
}

static int held_source(const char *source, struct err *err)
{
	int fd = beneath_open_straight(AT_FDCWD, source, O_PATH);

	if (fd >= 0)
		return fd;
	if (errno == ELOOP)
		return err_hint(err, err_set(err, ERR_PERMISSION, "mount %s: a symbolic link is in it", source),
				"mount what it leads to, or leave out " MOUNT_NO_LINKS);
	if (errno != ENOENT)
		return err_sys(err, errno, "mount %s", source);
	return err_hint(err, err_sys(err, ENOENT, "mount %s", source), "make it on the host first, or use a named volume");
}

int held_bind(struct run_task *t, size_t i, char **ret, struct err *err)
{
	const struct mount *m = &t->task->mounts[i];
	_cleanup_free_ char *name = mem_printf("%zu", i), *path = NULL;
	_cleanup_close_ int fd = held_source(m->source, err);
	int r = fd < 0 ? fd : held_clone(t, fd, name, &path, err);

	if (fd < 0)
		return r;
	if (r >= 0)
		r = held_propagation(path, &m->options, err);
	if (r < 0) {
		held_rename(t, err);
		return err_wrap(err, r, "mount %s", m->source);
	}
	*ret = TAKE_PTR(path);
	return 0;
}

int held_fifo(struct run_task *t, int which, int fd, char **ret, struct err *err)
{
	return held_clone(t, fd, which ? "err" : "out", ret, err);
}

int held_again(struct run_task *t, struct err *err)
{
	int r = 0;

	if (t->held_binds)
		return 0;
	for (size_t i = 0; r >= 0 && i < t->task->n_mounts; i++) {
		const struct mount *m = &t->task->mounts[i];
		_cleanup_free_ char *path = NULL;

		if (m->kind == MOUNT_BIND && strv_has(&m->options, MOUNT_NO_LINKS))
			r = held_bind(t, i, &path, err);
	}
	t->held_binds = r >= 0;
	return r;
}
