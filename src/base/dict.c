#include "dict.h"
#include "mem.h"
#include <stdarg.h>
#include <string.h>

void dict_done(struct dict *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].key);
		free(d->v[i].value);
	}
	free(d->v);
	*d = (struct dict){ 0 };
}

static size_t dict_find(const struct dict *d, const char *key)
{
	size_t i = 0;

	while (i < d->n && strcmp(d->v[i].key, key))
		i++;
	return i;
}

static void dict_drop(struct dict *d, size_t i)
{
	if (i == d->n)
		return;
	free(d->v[i].key);
	free(d->v[i].value);
	memmove(&d->v[i], &d->v[i + 1], (d->n - i - 1) * sizeof *d->v);
	d->n--;
}

static void own(struct dict *d, const char *key, char *value)
{
	size_t i = dict_find(d, key);

	if (i < d->n) {
		free(d->v[i].value);
		d->v[i].value = value;
		return;
	}
	d->v = mem_grow(d->v, &d->cap, d->n + 1, sizeof *d->v);
	d->v[d->n++] = (struct dict_entry){ mem_strdup(key), value };
}

void dict_set(struct dict *d, const char *key, const char *value)
{
	if (value)
		own(d, key, mem_strdup(value));
	else
		dict_drop(d, dict_find(d, key));
}

void dict_setf(struct dict *d, const char *key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	own(d, key, mem_vprintf(fmt, ap));
	va_end(ap);
}

const char *dict_get(const struct dict *d, const char *key)
{
	size_t i = dict_find(d, key);

	return i < d->n ? d->v[i].value : NULL;
}

void dict_add(struct dict *d, const struct dict *from)
{
	for (size_t i = 0; i < from->n; i++)
		dict_set(d, from->v[i].key, from->v[i].value);
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct dict_entry *)a)->key, ((const struct dict_entry *)b)->key);
}

void dict_sort(struct dict *d)
{
	if (d->n)
		qsort(d->v, d->n, sizeof *d->v, by_key);
}
