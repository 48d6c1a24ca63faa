/* Allocation that cannot fail: out of memory aborts with one line on stderr. Free with free(). */
#pragma once
#include "attr.h"
#include <stdarg.h>
#include <stddef.h>

void *mem_zalloc(size_t n) __attribute__((malloc));
void *mem_resize(void *p, size_t n);    /* realloc; @n may be 0 */
void *mem_dup(const void *p, size_t n); /* n bytes and a NUL behind them */
char *mem_strdup(const char *s);        /* NULL gives NULL */
char *mem_strndup(const char *s, size_t n);
char *mem_printf(const char *fmt, ...) _printf_(1, 2);
char *mem_vprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/* One zeroed object, or @n of them (overflow aborts). */
#define mem_new(T) ((T *)mem_zalloc(sizeof(T)))
#define mem_array(T, n) ((T *)mem_calloc((n), sizeof(T)))
void *mem_calloc(size_t n, size_t size);

/* Grow array @v of *@cap elements so that it holds @n; amortised doubling. */
void *mem_grow(void *v, size_t *cap, size_t n, size_t size);
