/* Functions of files. A job file may come from anywhere, so what it reads lies in its own folder: by a relative path that neither
 * climbs nor goes through links. */
#include "base64.h"
#include "beneath.h"
#include "file.h"
#include "hcl-fileset.h"
#include "mem.h"
#include "path.h"
#include "utf8.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* An O_PATH descriptor; negative: the error is set, but for *@ret_absent, where the file is not there. */
static int hcl_file_beneath(struct hcl_args *a, bool *ret_absent)
{
	const char *path = hcl_arg_text(a, 0);
	_cleanup_close_ int folder = -1;
	int fd;

	if (!a->h->options->folder) {
		(void)hcl_lost(a, 0, "no files can be read here");
		return -ERR_PERMISSION;
	}
	folder = open(a->h->options->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = folder < 0 || *path == '/' ? -1 : beneath_open(folder, path, O_PATH | O_CLOEXEC);
	*ret_absent = fd < 0 && folder >= 0 && *path != '/' && errno == ENOENT;
	if (fd >= 0 || *ret_absent)
		return fd;
	if (*path == '/' || errno == EXDEV || errno == ELOOP)
		(void)hcl_lost(a, 0, "%s: only files in the job file's folder are read, by a relative path without links", path);
	else
		(void)hcl_lost(a, 0, "%s: %s", path, strerror(errno));
	return -ERR_INVALID;
}

static int hcl_file_bytes(struct hcl_args *a, struct buf *out)
{
	char path[BENEATH_PATH];
	bool absent = false;
	_cleanup_close_ int fd = hcl_file_beneath(a, &absent);

	if (absent)
		(void)hcl_lost(a, 0, "%s: there is no such file in %s", hcl_arg_text(a, 0), a->h->options->folder);
	if (fd < 0)
		return -ERR_INVALID;
	if (file_read(beneath_path(fd, path), HCL_TEXT_MAX, out, NULL) < 0) {
		(void)hcl_lost(a, 0, "%s: not a file that can be read, or of more than 1 MiB", hcl_arg_text(a, 0));
		return -ERR_INVALID;
	}
	return hcl_spend(a->h, out->len / 16 + 1000);
}

static const struct hcl_value *fn_file(struct hcl_args *a)
{
	_cleanup_buf_ struct buf b = { 0 };

	if (hcl_file_bytes(a, &b) < 0)
		return NULL;
	if (!utf8_valid(buf_str(&b), b.len) || (b.len && memchr(b.data, '\0', b.len)))
		return hcl_lost(a, 0, "%s is no text (not UTF-8, or with a NUL); filebase64 reads such", hcl_arg_text(a, 0));
	return hcl_gives(a, &b);
}

static const struct hcl_value *fn_filebase64(struct hcl_args *a)
{
	_cleanup_buf_ struct buf b = { 0 }, out = { 0 };

	if (hcl_file_bytes(a, &b) < 0)
		return NULL;
	base64_encode(&out, buf_str(&b), b.len);
	return hcl_gives(a, &out);
}

static const struct hcl_value *fn_fileexists(struct hcl_args *a)
{
	bool absent = false;
	_cleanup_close_ int fd = hcl_file_beneath(a, &absent);

	if (fd < 0 && !absent)
		return NULL;
	return hcl_spend(a->h, 1000) < 0 ? NULL : fd >= 0 ? &hcl_true : &hcl_false;
}

/* As Go's filepath.Base. */
static const struct hcl_value *fn_basename(struct hcl_args *a)
{
	const char *s = hcl_arg_text(a, 0);
	size_t end = a->v[0]->n, begin;

	while (end > 1 && s[end - 1] == '/')
		end--;
	for (begin = end; begin && s[begin - 1] != '/';)
		begin--;
	if (!end)
		return hcl_text(a->h, ".", 1);
	return end == 1 && *s == '/' ? hcl_text(a->h, "/", 1) : hcl_text(a->h, s + begin, end - begin);
}

/* As Go's filepath.Dir, but for what it would shorten in between. */
static const struct hcl_value *fn_dirname(struct hcl_args *a)
{
	const char *s = hcl_arg_text(a, 0), *slash = strrchr(s, '/');
	size_t n = slash ? (size_t)(slash - s) : 0;

	while (n && s[n - 1] == '/')
		n--;
	if (!slash)
		return hcl_text(a->h, ".", 1);
	return n ? hcl_text(a->h, s, n) : hcl_text(a->h, "/", 1);
}

/* As in Nomad: below the folder that davit runs in, not the job file's. */
static const struct hcl_value *fn_abspath(struct hcl_args *a)
{
	_cleanup_free_ char *cwd = getcwd(NULL, 0), *path = NULL;

	if (!cwd && *hcl_arg_text(a, 0) != '/')
		return hcl_lost(a, 0, "the folder that davit runs in: %s", strerror(errno));
	path = path_clean(hcl_arg_text(a, 0), cwd);
	return hcl_spend(a->h, 1000) < 0 ? NULL : hcl_text(a->h, path, strlen(path));
}

static const char *home_of(char *const *env)
{
	for (; env && *env; env++)
		if (!strncmp(*env, "HOME=", 5))
			return *env + 5;
	return NULL;
}

static const struct hcl_value *fn_pathexpand(struct hcl_args *a)
{
	const char *path = hcl_arg_text(a, 0), *home = home_of(a->h->options->env);
	_cleanup_free_ char *joined = NULL, *clean = NULL;

	if (*path != '~')
		return a->v[0];
	if (path[1] && path[1] != '/')
		return hcl_lost(a, 0, "%s: only ~ and ~/, the home of who runs davit", path);
	if (!home || *home != '/')
		return hcl_lost(a, 0, "%s: the environment has no HOME", path);
	joined = mem_printf("%s/%s", home, path + 1);
	clean = path_clean(joined, NULL);
	return hcl_spend(a->h, 1000) < 0 ? NULL : hcl_text(a->h, clean, strlen(clean));
}

static const struct hcl_value *fn_fileset(struct hcl_args *a)
{
	_cleanup_strv_ struct strv found = { 0 };
	bool absent = false;
	_cleanup_close_ int fd = hcl_file_beneath(a, &absent);
	struct hcl_value *v;

	if (fd < 0 && !absent)
		return NULL;
	if (fd >= 0 && hcl_fileset(a, fd, hcl_arg_text(a, 1), &found) < 0)
		return NULL;
	strv_sort(&found, 0);
	v = hcl_items(a->h, HCL_SET, found.n);
	for (size_t i = 0; v && i < found.n; i++) {
		v->items[i] = hcl_text(a->h, found.v[i], strlen(found.v[i]));
		if (!v->items[i])
			return NULL;
	}
	return v;
}

const struct hcl_function hcl_file_functions[] = {
	{ "basename", "t", 1, 1, fn_basename },
	{ "dirname", "t", 1, 1, fn_dirname },
	{ "file", "t", 1, 1, fn_file },
	{ "filebase64", "t", 1, 1, fn_filebase64 },
	{ "fileexists", "t", 1, 1, fn_fileexists },
	{ "abspath", "t", 1, 1, fn_abspath },
	{ "fileset", "tt", 2, 2, fn_fileset },
	{ "pathexpand", "t", 1, 1, fn_pathexpand },
	{ NULL, NULL, 0, 0, NULL },
};
