/* What davit-image tells of a pull, in lines of JSON, and how it reads in an event of a task. */
#pragma once
#include "buf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IMAGE_PROGRESS_TEXT = 120, IMAGE_PROGRESS_LAYERS = 1024 };

struct image_layer {
	char *digest;
	int64_t at, size;
	bool done;
};
/* A zeroed one knows nothing. */
struct image_progress {
	struct image_layer *v;
	size_t n, cap;
	size_t left; /* of a line that is not whole yet */
	bool news;   /* since the last text */
};
void image_progress_done(struct image_progress *);
/* Take the whole lines out of @lines; what is no line of progress is dropped. True when anything has come, a part of a line too. */
bool image_progress_read(struct image_progress *, struct buf *lines);
/* "Pulled 2 of 5 layers (12.0 of 30.5 MB)"; false: there is nothing new. */
bool image_progress_text(struct image_progress *, char out[IMAGE_PROGRESS_TEXT]);
