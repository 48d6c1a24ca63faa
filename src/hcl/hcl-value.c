#include "hcl-value.h"
#include "utf8.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct hcl_value hcl_null = { .kind = HCL_NULL }, hcl_true = { .kind = HCL_BOOL, .yes = true },
		       hcl_false = { .kind = HCL_BOOL };

static struct hcl_value *hcl_value_new(struct hcl *h, enum hcl_kind kind)
{
	struct hcl_value *v = hcl_new(h, struct hcl_value);

	if (v)
		v->kind = kind;
	return v;
}

const struct hcl_value *hcl_number(struct hcl *h, long double number)
{
	struct hcl_value *v = hcl_value_new(h, HCL_NUMBER);

	if (v)
		v->number = number;
	return v;
}

const struct hcl_value *hcl_text(struct hcl *h, const char *s, size_t n)
{
	struct hcl_value *v = hcl_value_new(h, HCL_TEXT);

	if (!v)
		return NULL;
	v->text = hcl_copy(h, s, n);
	v->n = (uint32_t)n;
	return v->text ? v : NULL;
}

const struct hcl_value *hcl_text_buf(struct hcl *h, struct node_place at, const struct buf *b)
{
	if (b->len > HCL_TEXT_MAX) {
		(void)hcl_bad(h, at, "a text of more than %d MiB", HCL_TEXT_MAX >> 20);
		return NULL;
	}
	if (hcl_spend(h, b->len / 16) < 0)
		return NULL;
	return hcl_text(h, buf_str(b), b->len);
}

struct hcl_value *hcl_items(struct hcl *h, enum hcl_kind kind, size_t n)
{
	struct hcl_value *v = hcl_value_new(h, kind);

	if (!v || hcl_spend(h, n) < 0)
		return NULL;
	v->n = (uint32_t)n;
	v->items = hcl_array(h, const struct hcl_value *, n);
	if (kind >= HCL_OBJECT)
		v->keys = hcl_array(h, const char *, n);
	return v->items && (v->keys || kind < HCL_OBJECT) ? v : NULL;
}

struct member {
	const char *key;
	size_t place;
};

static int member_compare(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	const int by_key = strcmp(x->key, y->key);

	return by_key ? by_key : (x->place > y->place) - (x->place < y->place);
}

int hcl_sort_members(struct hcl *h, const char **keys, const struct hcl_value **items, size_t n)
{
	struct member *order = hcl_array(h, struct member, n);
	const struct hcl_value **was = hcl_array(h, const struct hcl_value *, n);

	if (!order || !was || hcl_spend(h, 4 * n) < 0)
		return -ERR_EXHAUSTED;
	for (size_t i = 0; i < n; i++) {
		order[i] = (struct member){ keys[i], i };
		was[i] = items[i];
	}
	qsort(order, n, sizeof *order, member_compare);
	for (size_t i = 0; i < n; i++) {
		keys[i] = order[i].key;
		items[i] = was[order[i].place];
	}
	return 0;
}

const struct hcl_value *hcl_members(struct hcl *h, enum hcl_kind kind, const char **keys, const struct hcl_value **items, size_t n)
{
	struct hcl_value *v = hcl_items(h, kind, n);
	uint32_t kept = 0;

	if (!v || hcl_sort_members(h, keys, items, n) < 0)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (kept && !strcmp(v->keys[kept - 1], keys[i]))
			kept--;
		v->keys[kept] = keys[i];
		v->items[kept++] = items[i];
	}
	v->n = kept;
	return v;
}

const struct hcl_value *hcl_member(const struct hcl_value *v, const char *key)
{
	uint32_t low = 0, high = v->n;

	while (low < high) {
		const uint32_t mid = low + (high - low) / 2;
		const int c = strcmp(key, v->keys[mid]);

		if (!c)
			return v->items[mid];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

const char *hcl_kind_name(const struct hcl_value *v)
{
	static const char *const names[] = { [HCL_NULL] = "null",   [HCL_BOOL] = "a bool",      [HCL_NUMBER] = "a number",
					     [HCL_TEXT] = "a text", [HCL_TUPLE] = "a list",     [HCL_LIST] = "a list",
					     [HCL_SET] = "a set",   [HCL_OBJECT] = "an object", [HCL_MAP] = "a map" };

	return names[v->kind];
}

/* By 18 digits, which a fraction of 64 bits has for certain, so that 0.1 + 0.2 is 0.3. */
static void digits_text(struct buf *out, long double number)
{
	char text[32], digits[24];
	int exponent, n = 18;

	(void)snprintf(text, sizeof text, "%.17Le", fabsl(number));
	digits[0] = text[0];
	memcpy(digits + 1, text + 2, 17);
	exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
	while (n > 1 && digits[n - 1] == '0')
		n--;
	buf_adds(out, number < 0 ? "-" : "");
	buf_adds(out, exponent < 0 ? "0." : "");
	for (int i = exponent + 1; i < 0; i++)
		buf_addc(out, '0');
	for (int i = 0; i < n || i <= exponent; i++) {
		if (exponent >= 0 && i == exponent + 1)
			buf_addc(out, '.');
		buf_addc(out, i < n ? digits[i] : '0');
	}
}

void hcl_number_text(struct buf *out, long double number)
{
	if (number == floorl(number) && fabsl(number) < 0x1p64L)
		buf_addf(out, "%.0Lf", number);
	else
		digits_text(out, number);
}

static int hcl_compare_items(struct hcl *h, const struct hcl_value *a, const struct hcl_value *b)
{
	for (uint32_t i = 0; i < a->n && i < b->n; i++) {
		int c = a->keys ? strcmp(a->keys[i], b->keys[i]) : 0;

		if (!c)
			c = hcl_compare(h, a->items[i], b->items[i]);
		if (c || h->spent)
			return c;
	}
	return (a->n > b->n) - (a->n < b->n);
}

int hcl_compare(struct hcl *h, const struct hcl_value *a, const struct hcl_value *b)
{
	if (a == b || hcl_spend(h, 1) < 0)
		return 0;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	switch (a->kind) {
	case HCL_NULL: return 0;
	case HCL_BOOL: return a->yes - b->yes;
	case HCL_NUMBER: return (a->number > b->number) - (a->number < b->number);
	case HCL_TEXT: (void)hcl_spend(h, (a->n < b->n ? a->n : b->n) / 64); return strcmp(a->text, b->text);
	case HCL_TUPLE:
	case HCL_LIST:
	case HCL_SET:
	case HCL_OBJECT:
	case HCL_MAP: break;
	}
	return hcl_compare_items(h, a, b);
}

unsigned hcl_depth(const struct hcl_value *v)
{
	unsigned most = 0;

	if (v->depth || v->kind < HCL_TUPLE)
		return v->depth;
	for (uint32_t i = 0; i < v->n; i++) {
		const unsigned depth = hcl_depth(v->items[i]);

		most = depth > most ? depth : most;
	}
	most = most < UINT8_MAX ? most + 1 : most;
	((struct hcl_value *)v)->depth = (uint8_t)most;
	return most;
}

const struct hcl_value *hcl_to_text(struct hcl *h, const struct hcl_value *v)
{
	if (v->kind == HCL_BOOL)
		return hcl_text(h, v->yes ? "true" : "false", v->yes ? 4 : 5);
	if (v->kind == HCL_NUMBER) {
		_cleanup_buf_ struct buf b = { 0 };

		hcl_number_text(&b, v->number);
		return hcl_text(h, b.data, b.len);
	}
	return v->kind == HCL_TEXT ? v : NULL;
}

bool hcl_to_number(const struct hcl_value *v, long double *ret)
{
	const char *s;
	char *end;

	if (v->kind == HCL_NUMBER) {
		*ret = v->number;
		return true;
	}
	if (v->kind != HCL_TEXT || !v->n || v->n > 400)
		return false;
	s = v->text + (*v->text == '-' || *v->text == '+');
	if (!strpbrk(s, "0123456789") || s[strspn(s, "0123456789.eE+-")])
		return false;
	*ret = strtold(v->text, &end);
	return !*end && fabsl(*ret) < 1e300L;
}

bool hcl_to_bool(const struct hcl_value *v, bool *ret)
{
	if (v->kind == HCL_BOOL) {
		*ret = v->yes;
		return true;
	}
	if (v->kind != HCL_TEXT)
		return false;
	*ret = !strcmp(v->text, "true") || !strcmp(v->text, "1");
	return *ret || !strcmp(v->text, "false") || !strcmp(v->text, "0");
}
