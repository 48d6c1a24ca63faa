#include "hcl-run.h"
#include "mem.h"
#include <stdio.h>
#include <string.h>

enum { HCL_CHUNK_FIRST = 16 << 10, HCL_CHUNK_MOST = 512 << 10 };

struct hcl_chunk {
	struct hcl_chunk *before;
	size_t used, size;
	max_align_t data[];
};

void hcl_done(struct hcl *h)
{
	while (h->chunks) {
		struct hcl_chunk *c = h->chunks;

		h->chunks = c->before;
		free(c);
	}
	*h = (struct hcl){ 0 };
}

int hcl_exhausted(struct hcl *h, const char *what)
{
	h->spent = true;
	err_clear(h->err);
	return err_set(h->err, ERR_EXHAUSTED, "%s: %s", h->file, what);
}

static struct hcl_chunk *hcl_chunk_new(struct hcl *h, size_t n)
{
	size_t size = h->chunks ? 2 * h->chunks->size : HCL_CHUNK_FIRST;
	struct hcl_chunk *c;

	size = size > HCL_CHUNK_MOST ? HCL_CHUNK_MOST : size;
	size = size < n ? n : size;
	if (n > HCL_MEMORY_MAX || h->memory + size > HCL_MEMORY_MAX) {
		(void)hcl_exhausted(h, "too much in it: expressions and their values would take more than 24 MiB");
		return NULL;
	}
	c = mem_zalloc(sizeof *c + size);
	*c = (struct hcl_chunk){ .before = h->chunks, .size = size };
	h->chunks = c;
	h->memory += size;
	return c;
}

static void *hcl_take_aligned(struct hcl *h, size_t n, size_t align)
{
	struct hcl_chunk *c = h->chunks;
	size_t at = c ? (c->used + align - 1) / align * align : 0;

	if (!c || at > c->size || c->size - at < n) {
		c = hcl_chunk_new(h, n);
		at = 0;
	}
	if (!c)
		return NULL;
	c->used = at + n;
	return (char *)c->data + at;
}

void *hcl_take(struct hcl *h, size_t n) { return hcl_take_aligned(h, n, _Alignof(max_align_t)); }

char *hcl_copy(struct hcl *h, const char *s, size_t n)
{
	char *copy = n < HCL_MEMORY_MAX ? hcl_take_aligned(h, n + 1, 1) : hcl_take(h, HCL_MEMORY_MAX);

	if (copy && n)
		memcpy(copy, s, n);
	return copy;
}

int hcl_spend(struct hcl *h, size_t steps)
{
	if (steps > HCL_WORK_MAX - h->work)
		return hcl_exhausted(h, "too much to evaluate: loops, ranges and functions would take more than 4,000,000 steps");
	h->work += steps;
	return 0;
}

int hcl_at(struct hcl *h, struct node_place at, int r)
{
	return h->spent ? r : err_wrap(h->err, r, "%s:%u:%u", h->file, at.line, at.column);
}

int hcl_bad(struct hcl *h, struct node_place at, const char *fmt, ...)
{
	char why[700];
	va_list ap;

	if (h->err->code)
		return -(int)h->err->code;
	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	return hcl_at(h, at, err_set(h->err, ERR_INVALID, "%s%s%s", h->who ? h->who : "", h->who ? ": " : "", why));
}
