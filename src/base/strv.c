#include "strv.h"
#include "buf.h"
#include "mem.h"
#include <stdarg.h>
#include <string.h>

void strv_done(struct strv *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct strv){ 0 };
}

void strv_own(struct strv *s, char *str)
{
	s->v = mem_grow(s->v, &s->cap, s->n + 2, sizeof *s->v);
	s->v[s->n++] = str;
	s->v[s->n] = NULL;
}

void strv_push(struct strv *s, const char *str) { strv_own(s, mem_strdup(str)); }

void strv_pushf(struct strv *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strv_own(s, mem_vprintf(fmt, ap));
	va_end(ap);
}

void strv_add(struct strv *s, const struct strv *from)
{
	const size_t n = from->n; /* @from may be @s */

	for (size_t i = 0; i < n; i++)
		strv_push(s, from->v[i]);
}

void strv_split(struct strv *s, const char *str, const char *any_of)
{
	while (*(str += strspn(str, any_of))) {
		size_t n = strcspn(str, any_of);

		strv_own(s, mem_strndup(str, n));
		str += n;
	}
}

bool strv_has(const struct strv *s, const char *str)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i], str))
			return true;
	return false;
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

void strv_sort(struct strv *s, size_t from)
{
	if (s->n > from)
		qsort(s->v + from, s->n - from, sizeof *s->v, by_bytes);
}

/* Equal texts in their order. */
static int texts_order(const void *a, const void *b)
{
	const char *const *x = *(const char *const *const *)a, *const *y = *(const char *const *const *)b;
	int r = strcmp(*x, *y);

	return r ? r : (x > y) - (x < y);
}

size_t texts_twice(const char *const *texts, size_t n)
{
	const char *const **sorted = NULL;
	size_t first = n;

	if (n < 2)
		return n;
	sorted = mem_array(const char *const *, n);
	for (size_t i = 0; i < n; i++)
		sorted[i] = &texts[i];
	qsort(sorted, n, sizeof *sorted, texts_order);
	for (size_t i = 1; i < n; i++)
		if (sorted[i] < &texts[first] && !strcmp(*sorted[i - 1], *sorted[i]))
			first = (size_t)(sorted[i] - texts);
	free(sorted);
	return first;
}

char *strv_join(const struct strv *s, const char *between)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < s->n; i++) {
		if (i)
			buf_adds(&b, between);
		buf_adds(&b, s->v[i]);
	}
	return buf_take(&b);
}

char *const *strv_argv(const struct strv *s)
{
	static char *const none[] = { NULL };

	return s->v ? s->v : none;
}

static char **find_key(const struct strv *s, const char *key, size_t n)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strncmp(s->v[i], key, n) && s->v[i][n] == '=')
			return &s->v[i];
	return NULL;
}

const char *strv_env(const struct strv *s, const char *key)
{
	size_t n = strlen(key);
	char **e = find_key(s, key, n);

	return e ? *e + n + 1 : NULL;
}

void strv_setenv(struct strv *s, const char *kv)
{
	char **e = find_key(s, kv, strcspn(kv, "="));
	char *own = mem_strdup(kv); /* before the free: @kv may be the entry itself */

	if (!e) {
		strv_own(s, own);
		return;
	}
	free(*e);
	*e = own;
}

/* Where the entries of a strv stand, by key: a hash table of indexes + 1, 0 is free. */
struct env_index {
	size_t *slot, mask;
};

static size_t *index_slot(const struct env_index *x, const struct strv *s, const char *kv)
{
	size_t n = strcspn(kv, "="), h = 5381;

	for (size_t i = 0; i < n; i++)
		h = h * 33 + (unsigned char)kv[i];
	for (h &= x->mask; x->slot[h]; h = (h + 1) & x->mask) {
		const char *e = s->v[x->slot[h] - 1];

		if (!strncmp(e, kv, n) && e[n] == '=')
			break;
	}
	return &x->slot[h];
}

void strv_setenvs(struct strv *s, const struct strv *from)
{
	struct env_index x = { .mask = 16 };

	while (x.mask < 2 * (s->n + from->n))
		x.mask *= 2;
	x.slot = mem_array(size_t, x.mask--);
	for (size_t i = s->n; i-- > 0;) /* the first of a key is the one that strv_setenv() finds */
		*index_slot(&x, s, s->v[i]) = i + 1;
	for (size_t i = 0; i < from->n; i++) {
		size_t *at = index_slot(&x, s, from->v[i]);

		if (*at) {
			free(s->v[*at - 1]);
			s->v[*at - 1] = mem_strdup(from->v[i]);
		} else {
			strv_push(s, from->v[i]);
			*at = s->n;
		}
	}
	free(x.slot);
}
