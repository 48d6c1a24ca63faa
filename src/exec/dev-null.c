#include "dev-null.h"
#include "attr.h"
#include "log.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum { NULL_MODE = 0666 };

void dev_null_keep(void)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (stat("/dev/null", &st) < 0 || (!st.st_uid && !st.st_gid && (st.st_mode & 07777) == NULL_MODE))
		return;
	fd = open("/dev/null", O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return;
	if (fchown(fd, 0, 0) < 0 || fchmod(fd, NULL_MODE) < 0)
		log_warn("/dev/null: is user %u's, and stays it", (unsigned)st.st_uid);
}
