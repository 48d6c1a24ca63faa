#include "image-progress.h"
#include "json.h"
#include "mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PART_MAX = 64 << 10 };

void image_progress_done(struct image_progress *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i].digest);
	free(p->v);
	*p = (struct image_progress){ 0 };
}

static struct image_layer *layer_of(struct image_progress *p, const char *digest)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->v[i].digest, digest))
			return &p->v[i];
	if (p->n == IMAGE_PROGRESS_LAYERS)
		return NULL;
	p->v = mem_grow(p->v, &p->cap, p->n + 1, sizeof *p->v);
	p->v[p->n] = (struct image_layer){ .digest = mem_strdup(digest) };
	return &p->v[p->n++];
}

static int64_t layer_bytes(json *line, const char *key, int64_t known)
{
	const int64_t n = json_get_int(line, key, known);

	return n < 0 ? known : n;
}

static void line_take(struct image_progress *p, const char *text, size_t len)
{
	_cleanup_json_ json *line = NULL;
	const char *digest, *status;
	struct image_layer *l, before;

	if (json_parse(text, len, &line, NULL) < 0)
		return;
	digest = json_get_str(line, "layer");
	l = digest ? layer_of(p, digest) : NULL;
	if (!l)
		return;
	status = json_get_str(line, "status");
	before = *l;
	l->at = layer_bytes(line, "offset", l->at);
	l->size = layer_bytes(line, "size", l->size);
	l->done = status && !strcmp(status, "done");
	p->news |= l->at != before.at || l->size != before.size || l->done != before.done;
}

bool image_progress_read(struct image_progress *p, struct buf *lines)
{
	const bool any = lines->len > p->left;
	const char *end;

	while (lines->len && (end = memchr(lines->data, '\n', lines->len))) {
		const size_t len = (size_t)(end - lines->data);

		line_take(p, lines->data, len);
		buf_drop(lines, len + 1);
	}
	if (lines->len > PART_MAX)
		buf_reset(lines);
	p->left = lines->len;
	return any;
}

bool image_progress_text(struct image_progress *p, char out[IMAGE_PROGRESS_TEXT])
{
	double at = 0, size = 0;
	size_t done = 0;

	if (!p->news)
		return false;
	p->news = false;
	for (size_t i = 0; i < p->n; i++) {
		done += p->v[i].done;
		at += (double)p->v[i].at;
		size += (double)p->v[i].size;
	}
	(void)snprintf(out, IMAGE_PROGRESS_TEXT, "Pulled %zu of %zu layers (%.1f of %.1f MB)", done, p->n, at / 1e6, size / 1e6);
	return true;
}
