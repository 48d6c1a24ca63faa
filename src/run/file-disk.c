#include "file-disk.h"
#include "attr.h"
#include "loop-device.h"
#include <stdlib.h>
#include <unistd.h>

enum { DISK_MS = 5000, DISK_PAUSE_MS = 20 };

const char *file_disk(const struct ctrd_mounts *mounts)
{
	for (size_t i = 0; i < mounts->n; i++)
		if (strv_has(&mounts->v[i].options, "loop"))
			return mounts->v[i].source;
	return NULL;
}

static int disk_is_mounted(const char *file, struct err *err)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *path = NULL;

	return loop_device_find(file, &fd, &path, err);
}

int file_disk_await(struct loop *loop, const char *file, const struct ctx *ctx, struct err *err)
{
	const struct ctx limit = ctx_within(ctx, DISK_MS);
	int r;

	while ((r = disk_is_mounted(file, err)) > 0 && ctx_check(&limit, NULL) >= 0)
		(void)loop_pause(loop, DISK_PAUSE_MS, &limit, NULL); /* the kernel tells nobody of the last unmount */
	if (r > 0)
		r = ctx_check(ctx, err);
	if (r < 0)
		return r;
	return disk_is_mounted(file, NULL) <= 0
		       ? 0
		       : err_hint(err,
				  err_set(err, ERR_PRECONDITION, "its disk %s is still mounted: a diff, cp or export reads it",
					  file),
				  "wait for the end of that, or end it");
}
