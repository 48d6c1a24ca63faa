#include "buf.h"
#include "mem.h"
#include <assert.h>
#include <string.h>

void buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = '\0';
}

char *buf_room(struct buf *b, size_t n)
{
	size_t want;

	if (__builtin_add_overflow(b->len, n, &want) || __builtin_add_overflow(want, 1, &want))
		want = (size_t)-1; /* which mem_grow() aborts at */
	b->data = mem_grow(b->data, &b->cap, want < 32 ? 32 : want, 1);
	b->data[b->len] = '\0'; /* whether or not bytes follow */
	return b->data + b->len;
}

void buf_grew(struct buf *b, size_t n)
{
	assert(b->data && b->len + n < b->cap);
	b->len += n;
	b->data[b->len] = '\0';
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	char *to = buf_room(b, n);

	if (n)
		memcpy(to, p, n);
	buf_grew(b, n);
}

void buf_adds(struct buf *b, const char *s) { buf_add(b, s, strlen(s)); }

void buf_addc(struct buf *b, char c) { buf_add(b, &c, 1); }

void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n > 0) {
		(void)vsnprintf(buf_room(b, (size_t)n), (size_t)n + 1, fmt, ap);
		buf_grew(b, (size_t)n);
	}
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(b, fmt, ap);
	va_end(ap);
}

void buf_drop(struct buf *b, size_t n)
{
	assert(n <= b->len);
	if (!n)
		return;
	memmove(b->data, b->data + n, b->len - n + 1);
	b->len -= n;
}

void buf_cut(struct buf *b, size_t len)
{
	assert(len <= b->len);
	b->len = len;
	if (b->data)
		b->data[len] = '\0';
}

char *buf_take(struct buf *b)
{
	char *s = b->data ? b->data : mem_strdup("");

	*b = (struct buf){ 0 };
	return s;
}

const char *buf_str(const struct buf *b) { return b->data ? b->data : ""; }
