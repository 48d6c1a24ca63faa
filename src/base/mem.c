#include "mem.h"
#include <string.h>

static _Noreturn void oom(void)
{
	static const char msg[] = "davit: out of memory\n";

	(void)!write(STDERR_FILENO, msg, sizeof msg - 1);
	abort();
}

void *mem_calloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		oom();
	return p;
}

void *mem_zalloc(size_t n) { return mem_calloc(1, n); }

void *mem_resize(void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	if (!p)
		oom();
	return p;
}

void *mem_grow(void *v, size_t *cap, size_t n, size_t size)
{
	size_t want = *cap ? *cap : 4, bytes;

	if (n <= *cap)
		return v;
	while (want < n)
		if (__builtin_mul_overflow(want, 2, &want))
			oom();
	if (__builtin_mul_overflow(want, size, &bytes))
		oom();
	*cap = want;
	return mem_resize(v, bytes);
}

void *mem_dup(const void *p, size_t n)
{
	char *d = mem_resize(NULL, n + 1);

	if (n)
		memcpy(d, p, n);
	d[n] = '\0';
	return d;
}

char *mem_strdup(const char *s) { return s ? mem_dup(s, strlen(s)) : NULL; }

char *mem_strndup(const char *s, size_t n) { return mem_dup(s, strnlen(s, n)); }

char *mem_vprintf(const char *fmt, va_list ap)
{
	char *s = NULL;

	if (vasprintf(&s, fmt, ap) < 0)
		oom();
	return s;
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = mem_vprintf(fmt, ap);
	va_end(ap);
	return s;
}
