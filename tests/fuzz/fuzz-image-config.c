#include "image-config.h"
#include "spec.h"
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever an image says, its spec is JSON. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(image_config_done) struct image_config image = { 0 };
	_cleanup_(job_freep) struct job *job = job_new();
	_cleanup_json_ json *spec = NULL;
	_cleanup_buf_ struct buf out = { 0 };
	struct user root = { 0 };
	struct spec_in in = {
		.job = job, .task = job->tasks, .image = &image, .user = &root, .id = "i", .ns = "n", .hostname = "h"
	};

	if (image_config_parse((const char *)data, size, &image, NULL) < 0 || spec_build(&in, &out, NULL) < 0)
		return 0;
	assert(json_parse(out.data, out.len, &spec, NULL) >= 0);
	return 0;
}
