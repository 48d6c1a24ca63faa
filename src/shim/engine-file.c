#include "engine-file.h"
#include "attr.h"
#include "engine-kind.h"
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

/* A script would be read by its interpreter when the descriptor has been closed. */
static bool is_binary(int fd)
{
	char magic[4];

	return pread(fd, magic, sizeof magic, 0) == (ssize_t)sizeof magic && !memcmp(magic, "\177ELF", sizeof magic);
}

static bool is_read_only(int fd)
{
	struct statvfs st;

	return fstatvfs(fd, &st) == 0 && st.f_flag & ST_RDONLY;
}

int engine_file_open(const char *program)
{
	struct mount_attr read_only = { .attr_set = MOUNT_ATTR_RDONLY };
	_cleanup_close_ int source = -1, copy = -1;

	if (engine_kind(program) != ENGINE_CRUN)
		return 0;
	source = open(program, O_RDONLY | O_CLOEXEC);
	if (source < 0 || !is_binary(source))
		return 0;
	copy = open_tree(source, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (copy <= STDERR_FILENO || mount_setattr(copy, "", AT_EMPTY_PATH, &read_only, sizeof read_only) < 0 ||
	    !is_read_only(copy))
		return 0;
	return TAKE_FD(copy);
}
