/* Any bytes as a log: the reader neither crashes nor loses one, whatever the options (taken from the first byte). */
#include "logfile.h"
#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned o = size ? data[0] : 0;
	_cleanup_close_ int in = memfd_create("log", MFD_CLOEXEC), out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	char path[64];
	struct logread opt = { .path = path,
			       .tail = o & 1 ? (int64_t)(o >> 1 & 7) : -1,
			       .timestamps = o & 16,
			       .out_fd = out,
			       .err_fd = o & 32 ? -1 : out,
			       .wake_fd = -1 };
	struct err err = ERR_INIT;

	if (!size || write(in, data + 1, size - 1) != (ssize_t)(size - 1))
		return 0;
	if (o & 64)
		opt.since = INT64_C(1767225600000000000);
	if (o & 128)
		opt.until = INT64_C(1767225603000000000);
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", in);
	assert(logfile_read(&opt, NULL, &err) == 0);
	return 0;
}
