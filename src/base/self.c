#include "self.h"
#include "file.h"
#include "mem.h"
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static bool _printf_(2, 3) find_at(char **ret_path, const char *fmt, ...)
{
	_cleanup_free_ char *path = NULL;
	va_list ap;

	va_start(ap, fmt);
	path = mem_vprintf(fmt, ap);
	va_end(ap);
	if (!file_executable(path))
		return false;
	*ret_path = TAKE_PTR(path);
	return true;
}

/* @dir ends with a slash. */
static bool find_beside(const char *dir, const char *name, char **ret_path)
{
	return find_at(ret_path, "%s%s", dir, name) || find_at(ret_path, "%s../libexec/davit/%s", dir, name) ||
	       find_at(ret_path, "%s../%s/%s", dir, name, name) || /* the build tree: a folder a program */
	       find_at(ret_path, "%s../shim/%s", dir, name) || find_at(ret_path, "%s../monitor/%s", dir, name) ||
	       find_at(ret_path, "%s../cli/%s", dir, name);
}

/* A plugin stands alone in its host's folder: then the davit that PATH leads to has the others beside it. */
static bool find_by_path(const char *name, char **ret_path)
{
	_cleanup_free_ char *davit = file_find(self_env("PATH", "/usr/local/bin:/usr/bin"), "davit"),
			    *real = davit ? realpath(davit, NULL) : NULL;

	if (!real)
		return false;
	*(strrchr(real, '/') + 1) = '\0';
	return find_beside(real, name, ret_path);
}

int self_find(const char *name, char **ret_path, struct err *err)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

	if (n < 0)
		return err_sys(err, errno, "/proc/self/exe");
	exe[n] = '\0';
	*(strrchr(exe, '/') + 1) = '\0';
	if (find_beside(exe, name, ret_path) || find_by_path(name, ret_path))
		return 0;
	return err_hint(
		err,
		err_set(err, ERR_NOT_FOUND, "program %s: not found beside %s, nor beside the davit that PATH leads to", name, exe),
		"install it with: make install");
}

const char *self_env(const char *name, const char *otherwise)
{
	const char *v = getenv(name);

	return v && *v ? v : otherwise;
}
