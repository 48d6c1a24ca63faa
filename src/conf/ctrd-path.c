#include "ctrd-path.h"
#include "file.h"
#include "mem.h"
#include "self.h"
#include "socket.h"
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define PATH_USUAL "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
enum { ENVIRONMENT_MAX = 1 << 20 };

static char *path_of(pid_t pid)
{
	_cleanup_free_ char *path = mem_printf("/proc/%d/environ", (int)pid);
	_cleanup_buf_ struct buf text = { 0 };

	if (file_read(path, ENVIRONMENT_MAX, &text, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < text.len; i += strlen(text.data + i) + 1)
		if (!strncmp(text.data + i, "PATH=", 5) && text.data[i + 5])
			return mem_strdup(text.data + i + 5);
	return NULL;
}

char *ctrd_path(pid_t pid)
{
	_cleanup_free_ char *path = pid > 0 ? path_of(pid) : NULL, *link = mem_printf("/proc/%d/exe", (int)pid);
	char exe[PATH_MAX];
	const ssize_t n = pid > 0 ? readlink(link, exe, sizeof exe - 1) : -1;
	char *slash;

	if (n <= 0)
		return mem_strdup(path ? path : PATH_USUAL);
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	if (slash)
		*slash = '\0';
	return mem_printf("%s:%s", path ? path : PATH_USUAL, exe);
}

char *ctrd_shim(const char *folders, const char *type, const char *program)
{
	_cleanup_free_ char *found = file_find(folders, program);
	char *beside = NULL;

	if (found)
		return mem_strdup(type);
	return self_find(program, &beside, NULL) < 0 ? NULL : beside;
}

char *ctrd_own_shim(const char *address)
{
	_cleanup_free_ char *folders = ctrd_path(address ? socket_listener(address) : 0);

	return ctrd_shim(folders, OWN_SHIM_TYPE, OWN_SHIM);
}
