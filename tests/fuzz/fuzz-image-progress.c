/* Any bytes as what davit-image tells of a pull, in two pieces: within the bounds, and a text that fits and is one line. The first
 * byte says where the pieces part. */
#include "image-progress.h"
#include "mem.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(struct image_progress *p, struct buf *lines, const uint8_t *data, size_t size)
{
	char text[IMAGE_PROGRESS_TEXT];

	buf_add(lines, data, size);
	assert(image_progress_read(p, lines) || !size);
	assert(!lines->len || !memchr(lines->data, '\n', lines->len));
	assert(p->left == lines->len && p->n <= IMAGE_PROGRESS_LAYERS);
	if (image_progress_text(p, text)) {
		assert(strlen(text) < sizeof text && !strchr(text, '\n'));
		assert(text[strlen(text) - 1] == ')'); /* none of it is cut off */
		assert(!strchr(text, '-'));
	}
	assert(!image_progress_text(p, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct buf lines = { 0 };
	struct image_progress p = { 0 };
	size_t cut;

	if (!size)
		return 0;
	cut = 1 + (size_t)data[0] * (size - 1) / 255;
	take(&p, &lines, data + 1, cut - 1);
	take(&p, &lines, data + cut, size - cut);
	image_progress_done(&p);
	return 0;
}
