#include "user.h"
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int make_root(void)
{
	char path[] = "/tmp/fuzz-user.XXXXXX";
	int fd = mkdtemp(path) ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd < 0 || mkdirat(fd, "etc", 0755) < 0)
		abort();
	return fd;
}

static void put(int root, const char *path, const uint8_t *data, size_t size)
{
	int fd = openat(root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || close(fd) < 0)
		abort();
}

/* The same bytes are passwd and group. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const specs[] = { "", "web", "1000", "web:audio", "1000:0" };
	static char audio[] = "audio", *const extra[] = { audio, NULL };
	int root = make_root();
	char path[64], link[64] = { 0 };

	put(root, "etc/passwd", data, size);
	put(root, "etc/group", data, size);
	for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
		struct user u = { 0 };

		if (user_lookup(root, specs[i], i % 2 ? extra : NULL, &u, NULL) >= 0)
			assert(u.home[0] == '/' && u.uid != UINT32_MAX && u.gid != UINT32_MAX);
		user_done(&u);
	}
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", root);
	if (readlink(path, link, sizeof link - 1) < 0 || unlinkat(root, "etc/passwd", 0) < 0 || unlinkat(root, "etc/group", 0) < 0 ||
	    unlinkat(root, "etc", AT_REMOVEDIR) < 0 || close(root) < 0 || rmdir(link) < 0)
		abort();
	return 0;
}
