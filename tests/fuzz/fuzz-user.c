#include "user.h"
#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same bytes are passwd and group. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const specs[] = { "", "web", "1000", "web:audio", "1000:0", ":", "1000:", ":audio" };
	static char audio[] = "audio", *const extra[] = { audio, NULL };
	struct user_files files = { 0 };

	buf_add(&files.passwd, data, size);
	buf_add(&files.group, data, size);
	for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
		struct user u = { 0 };

		if (user_lookup(&files, specs[i], i % 2 ? extra : NULL, &u, NULL) >= 0) {
			assert(u.home[0] && u.uid != UINT32_MAX && u.gid != UINT32_MAX);
			assert(u.n_groups > 0 && u.groups[0] == u.gid);
		}
		user_done(&u);
	}
	user_files_done(&files);
	return 0;
}
