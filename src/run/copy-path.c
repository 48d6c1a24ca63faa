#include "copy-path.h"
#include "beneath.h"
#include "mem.h"
#include "path.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MAX = 40 };

void copy_word_done(struct copy_word *w)
{
	free(w->job);
	free(w->path);
	*w = (struct copy_word){ 0 };
}

int copy_word_parse(const char *word, struct copy_word *ret, struct err *err)
{
	const char *colon = strchr(word, ':');

	if (!*word)
		return err_set(err, ERR_INVALID, "an empty path");
	if (!colon || *word == '/' || *word == '.') {
		*ret = (struct copy_word){ .path = mem_strdup(word), .stream = strcmp(word, "-") == 0 };
		return 0;
	}
	if (colon == word || !colon[1])
		return err_hint(
			err, err_set(err, ERR_INVALID, "%s: no %s", word, colon == word ? "job before \":\"" : "path behind \":\""),
			"JOB:PATH, or ./FILE:NAME for a file here");
	*ret = (struct copy_word){ .job = mem_strndup(word, (size_t)(colon - word)), .path = mem_strdup(colon + 1) };
	return 0;
}

void copy_path_done(struct copy_path *p)
{
	free(p->text);
	free(p->base);
	*p = (struct copy_path){ 0 };
}

void copy_path_read(const char *path, bool is_jobs, struct copy_path *ret)
{
	_cleanup_free_ char *clean = path_clean(path, NULL);
	size_t n = strlen(path);
	const char *last;
	bool dot, dots;

	while (n > 1 && path[n - 1] == '/')
		n--;
	last = path + n;
	while (last > path && last[-1] != '/')
		last--;
	n -= (size_t)(last - path);
	dot = n == 1 && (*last == '.' || *last == '/');
	dots = n == 2 && strncmp(last, "..", 2) == 0;
	*ret = (struct copy_path){ .folder = dot || dots || path[strlen(path) - 1] == '/' };
	ret->text = mem_strdup(is_jobs ? clean : path);
	if (is_jobs ? strcmp(clean, "/") != 0 && !dot : n && !dot && !dots)
		ret->base = is_jobs ? mem_strdup(strrchr(clean, '/') + 1) : mem_strndup(last, n);
	ret->content = !ret->base;
}

static int copy_open(int root, const char *path, int flags)
{
	if (root == COPY_HERE)
		return open(path, flags | O_CLOEXEC);
	return beneath_open_as_root(root, path, flags);
}

int copy_open_source(int root, const struct copy_path *p, bool follow, bool *ret_folder, int *ret_fd, struct err *err)
{
	const int flags = O_PATH | (p->folder ? O_DIRECTORY : 0) | (p->folder || follow ? 0 : O_NOFOLLOW);
	_cleanup_close_ int fd = copy_open(root, p->text, flags);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "%s", p->text);
	*ret_folder = S_ISDIR(st.st_mode);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* Folder and last name of @path; where it has none, "." in itself. */
static void split(const char *path, char **ret_dir, char **ret_name)
{
	size_t n = strlen(path), at;

	while (n > 1 && path[n - 1] == '/')
		n--;
	for (at = n; at > 0 && path[at - 1] != '/'; at--)
		;
	*ret_name = at < n ? mem_strndup(path + at, n - at) : mem_strdup(".");
	*ret_dir = at == 0 ? mem_strdup(".") : mem_strndup(path, at);
}

/* The folder that the last name stands in, once every link at the end has been followed, as far as there is something. */
static int open_parent(int root, const char *path, int *ret_dir, char **ret_name, struct err *err)
{
	_cleanup_free_ char *at = mem_strdup(path);

	for (int links = 0; links < LINKS_MAX; links++) {
		_cleanup_free_ char *dir = NULL, *name = NULL;
		_cleanup_close_ int fd = -1;
		char target[PATH_MAX];
		ssize_t n;

		split(at, &dir, &name);
		fd = copy_open(root, dir, O_PATH | O_DIRECTORY);
		if (fd < 0)
			return err_sys(err, errno, "%s", dir);
		n = readlinkat(fd, name, target, sizeof target - 1);
		if (n < 0) {
			*ret_dir = TAKE_FD(fd);
			*ret_name = TAKE_PTR(name);
			return 0;
		}
		target[n] = '\0';
		free(at);
		at = *target == '/' ? mem_strdup(target) : mem_printf("%s/%s", dir, target);
	}
	return err_sys(err, ELOOP, "%s", path);
}

/* No folder is there. */
static int open_name(int root, const struct copy_path *p, bool source_is_folder, int *ret_dir, char **ret_name, struct err *err)
{
	_cleanup_free_ char *name = NULL;
	_cleanup_close_ int dir = -1;
	struct stat st;
	int r = open_parent(root, p->text, &dir, &name, err);
	bool is_there;

	if (r < 0)
		return r;
	is_there = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (!is_there && errno != ENOENT)
		return err_sys(err, errno, "%s", p->text);
	if (is_there && p->folder)
		return err_sys(err, ENOTDIR, "%s", p->text);
	if (is_there && source_is_folder)
		return err_set(err, ERR_PRECONDITION, "%s is a file, and a folder cannot be copied over it", p->text);
	if (!is_there && p->folder && !source_is_folder)
		return err_hint(err, err_sys(err, ENOENT, "folder %s", p->text), "make it first, or leave the / away");
	*ret_dir = TAKE_FD(dir);
	*ret_name = TAKE_PTR(name);
	return 0;
}

int copy_open_target(int root, const struct copy_path *p, const struct copy_path *source, bool source_is_folder, int *ret_dir,
		     char **ret_name, struct err *err)
{
	int fd = copy_open(root, p->text, O_PATH | O_DIRECTORY);

	if (fd >= 0) {
		*ret_dir = fd;
		*ret_name = source->base ? mem_strdup(source->base) : NULL;
		return 0;
	}
	if (errno != ENOENT && errno != ENOTDIR)
		return err_sys(err, errno, "%s", p->text);
	return open_name(root, p, source_is_folder, ret_dir, ret_name, err);
}
