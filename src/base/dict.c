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

static void entry_set(struct dict_entry *e, char *value)
{
	free(e->value);
	e->value = value;
}

static void entry_new(struct dict *d, const char *key, char *value)
{
	d->v = mem_grow(d->v, &d->cap, d->n + 1, sizeof *d->v);
	d->v[d->n++] = (struct dict_entry){ mem_strdup(key), value };
}

static void own(struct dict *d, const char *key, char *value)
{
	size_t i = dict_find(d, key);

	if (i < d->n)
		entry_set(&d->v[i], value);
	else
		entry_new(d, key, value);
}

void dict_append(struct dict *d, const char *key, const char *value) { entry_new(d, key, mem_strdup(value)); }

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

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct dict_entry *)a)->key, ((const struct dict_entry *)b)->key);
}

void dict_sort(struct dict *d)
{
	if (d->n)
		qsort(d->v, d->n, sizeof *d->v, by_key);
}

static int by_key_of(const void *a, const void *b)
{
	return by_key(*(struct dict_entry *const *)a, *(struct dict_entry *const *)b);
}

/* What is new stands in @from once, so it is only the old ones that are looked through. */
static void add_many(struct dict *d, const struct dict *from)
{
	struct dict_entry **old = mem_array(struct dict_entry *, d->n + 1);
	const size_t n = d->n;

	d->v = mem_grow(d->v, &d->cap, n + from->n, sizeof *d->v);
	for (size_t i = 0; i < n; i++)
		old[i] = &d->v[i];
	qsort(old, n, sizeof *old, by_key_of);
	for (size_t i = 0; i < from->n; i++) {
		const struct dict_entry *e = &from->v[i];
		struct dict_entry **at = bsearch(&e, old, n, sizeof *old, by_key_of);

		if (at)
			entry_set(*at, mem_strdup(e->value));
		else
			dict_append(d, e->key, e->value);
	}
	free(old);
}

void dict_add(struct dict *d, const struct dict *from)
{
	if (from->n > 16) {
		add_many(d, from);
		return;
	}
	for (size_t i = 0; i < from->n; i++)
		dict_set(d, from->v[i].key, from->v[i].value);
}
