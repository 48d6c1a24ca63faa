#include "boot-id.h"
#include "file.h"
#include "mem.h"
#include <string.h>

char *boot_id(void)
{
	_cleanup_buf_ struct buf id = { 0 };

	if (file_read("/proc/sys/kernel/random/boot_id", 256, &id, NULL) < 0)
		return NULL;
	return mem_strndup(buf_str(&id), strcspn(buf_str(&id), "\n"));
}
