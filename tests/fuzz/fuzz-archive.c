/* The outer tar of an image archive: opened, decompressed and walked as davit-image load does. */
#include <stddef.h>
#include <stdint.h>
#include <archive.h>
#include <archive_entry.h>
#include <sys/mman.h>
#include "image-archive.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void walk(struct input *in)
{
	_cleanup_(archive_freep) struct archive *a = NULL;
	struct archive_entry *e;
	struct err err = ERR_INIT;
	size_t total = 0;
	int r = input_tar(in, &a, &err);

	while (r == 0 && total < 16 << 20 && archive_read_next_header(a, &e) >= ARCHIVE_WARN) {
		const char *name = archive_entry_pathname(e);
		_cleanup_free_ char *path = name ? archive_path("", name) : NULL;
		const void *p;
		size_t n;
		la_int64_t at;

		while (total < 16 << 20 && archive_read_data_block(a, &p, &n, &at) >= ARCHIVE_WARN)
			total += n + 1;
	}
}
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .name = "fuzz", .fd = memfd_create("fuzz", MFD_CLOEXEC) };

	if (in.fd < 0)
		return 0;
	if (write(in.fd, data, size) == (ssize_t)size && lseek(in.fd, 0, SEEK_SET) == 0) {
		in.chunk = malloc(256 << 10);
		walk(&in);
	}
	input_done(&in);
	return 0;
}
