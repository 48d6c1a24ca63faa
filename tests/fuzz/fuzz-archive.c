/* The outer tar of an image archive: decompressed, listed and read as davit-image load does. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "image-archive.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Listed, then each file is read by where its header stands. */
static void walk(struct input *in)
{
	_cleanup_(archive_files_done) struct archive_files f = { .spool.fd = -1 };
	_cleanup_buf_ struct buf data = { 0 };
	struct err err = ERR_INIT;

	if (archive_list(in, &f, &err) < 0)
		return;
	for (size_t i = 0; i < f.n && i < 16; i++) {
		const struct archive_file *file = archive_find(&f, f.v[i].path);

		err_clear(&err);
		buf_reset(&data);
		if (file && archive_get(&f, file, 1 << 20, &data, &err) == 0 && (int64_t)data.len > file->size)
			abort();
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
