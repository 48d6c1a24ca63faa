#include "json.h"
#include "seccomp.h"
#include <assert.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A profile that is taken is made into JSON. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = memfd_create("profile", MFD_CLOEXEC);
	_cleanup_buf_ struct buf out = { 0 };
	_cleanup_json_ json *made = NULL;
	char path[64];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (seccomp_load(path, 0x21, &out, NULL) < 0) {
		assert(out.len == 0);
		return 0;
	}
	assert(json_parse(out.data, out.len, &made, NULL) >= 0);
	return 0;
}
