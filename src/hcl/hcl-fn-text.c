/* Functions of texts. A character is a code point, where Nomad takes what is one letter to the eye. */
#include "hcl-function.h"
#include "hcl-lexer.h"
#include "hcl-regex.h"
#include "hcl-type.h"
#include "utf8.h"
#include <math.h>
#include <string.h>

static unsigned hcl_char_at(const char *s, size_t n)
{
	unsigned c = (unsigned char)*s;

	if (n == 1)
		return c;
	c &= 0xffU >> (n + 1);
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

/* Letters of the scripts that have two cases and a rule for them; others stay as they are. */
static const struct {
	unsigned low, high; /* of the small letters */
	int to_upper;       /* 0: they take turns, the large one first */
} cases[] = {
	{ 'a', 'z', -32 },     { 0xe0, 0xf6, -32 },   { 0xf8, 0xfe, -32 },   { 0x100, 0x137, 0 },
	{ 0x14a, 0x177, 0 },   { 0x3b1, 0x3c1, -32 }, { 0x3c3, 0x3c9, -32 }, { 0x430, 0x44f, -32 },
	{ 0x450, 0x45f, -80 }, { 0x460, 0x481, 0 },   { 0x561, 0x586, -48 },
};

static unsigned hcl_char_case(unsigned c, bool upper)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const unsigned large = (unsigned)((int)c - cases[i].to_upper);

		if (cases[i].to_upper && upper && c >= cases[i].low && c <= cases[i].high)
			return (unsigned)((int)c + cases[i].to_upper);
		if (cases[i].to_upper && !upper && large >= cases[i].low && large <= cases[i].high)
			return large;
		if (!cases[i].to_upper && c >= cases[i].low && c <= cases[i].high)
			return upper ? c & ~1U : c | 1;
	}
	return c;
}

static bool hcl_char_is_letter(unsigned c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80; }

static const struct hcl_value *hcl_change_case(struct hcl_args *a, bool upper, bool titles)
{
	const char *s = hcl_arg_text(a, 0), *end = s + a->v[0]->n;
	_cleanup_buf_ struct buf b = { 0 };
	bool inside = false;

	if (hcl_spend(a->h, a->v[0]->n / 4) < 0)
		return NULL;
	while (s < end) {
		const size_t n = utf8_len(s, (size_t)(end - s));
		const unsigned c = hcl_char_at(s, n);

		if (!titles || !inside)
			utf8_put(&b, hcl_char_case(c, upper));
		else
			buf_add(&b, s, n);
		inside = hcl_char_is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '\'';
		s += n;
	}
	return hcl_gives(a, &b);
}

static const struct hcl_value *fn_upper(struct hcl_args *a) { return hcl_change_case(a, true, false); }
static const struct hcl_value *fn_lower(struct hcl_args *a) { return hcl_change_case(a, false, false); }
static const struct hcl_value *fn_title(struct hcl_args *a) { return hcl_change_case(a, true, true); }

static const struct hcl_value *fn_part(struct hcl_args *a, const char *begin, const char *end)
{
	return hcl_text(a->h, begin, (size_t)(end - begin));
}

static const struct hcl_value *fn_trimspace(struct hcl_args *a)
{
	const char *s = hcl_arg_text(a, 0);
	const size_t n = a->v[0]->n, before = hcl_spaces_before(s, n);

	return fn_part(a, s + before, s + n - hcl_spaces_behind(s + before, n - before));
}

static bool hcl_in_set(const char *set, const char *c, size_t n)
{
	for (; *set; set += utf8_len(set, strlen(set)))
		if (!strncmp(set, c, n))
			return true;
	return false;
}

static const struct hcl_value *fn_trim(struct hcl_args *a)
{
	const char *s = hcl_arg_text(a, 0), *end = s + a->v[0]->n, *set = hcl_arg_text(a, 1);

	if (hcl_spend(a->h, (size_t)a->v[1]->n * a->v[1]->n / 64 + a->v[0]->n) < 0)
		return NULL;
	while (s < end) {
		const size_t n = utf8_len(s, (size_t)(end - s));

		if (hcl_spend(a->h, a->v[1]->n / 4) < 0)
			return NULL;
		if (!hcl_in_set(set, s, n))
			break;
		s += n;
	}
	while (s < end) {
		const char *last = end - 1;

		if (hcl_spend(a->h, a->v[1]->n / 4) < 0)
			return NULL;
		while ((*last & 0xc0) == 0x80)
			last--;
		if (!hcl_in_set(set, last, (size_t)(end - last)))
			break;
		end = last;
	}
	return fn_part(a, s, end);
}

static const struct hcl_value *fn_trimprefix(struct hcl_args *a)
{
	const size_t n = a->v[1]->n;

	return n <= a->v[0]->n && !memcmp(hcl_arg_text(a, 0), hcl_arg_text(a, 1), n)
		       ? hcl_text(a->h, hcl_arg_text(a, 0) + n, a->v[0]->n - n)
		       : a->v[0];
}

static const struct hcl_value *fn_trimsuffix(struct hcl_args *a)
{
	const size_t n = a->v[1]->n, all = a->v[0]->n;

	return n <= all && !memcmp(hcl_arg_text(a, 0) + all - n, hcl_arg_text(a, 1), n)
		       ? hcl_text(a->h, hcl_arg_text(a, 0), all - n)
		       : a->v[0];
}

static const struct hcl_value *fn_chomp(struct hcl_args *a)
{
	size_t n = a->v[0]->n;

	while (n && (hcl_arg_text(a, 0)[n - 1] == '\n' || hcl_arg_text(a, 0)[n - 1] == '\r'))
		n--;
	return hcl_text(a->h, hcl_arg_text(a, 0), n);
}

static const struct hcl_value *fn_indent(struct hcl_args *a)
{
	const int n = hcl_arg_int(a, 0);
	_cleanup_buf_ struct buf b = { 0 };

	if (n < 0 || n > 1000)
		return hcl_lost(a, 0, "0 to 1000 blanks");
	for (const char *s = hcl_arg_text(a, 1); *s; s++) {
		buf_addc(&b, *s);
		if (*s == '\n')
			buf_addf(&b, "%*s", n, "");
		if (b.len > HCL_TEXT_MAX)
			break;
	}
	return hcl_gives(a, &b);
}

/* All of @from become @to. An empty one stands between all characters. */
static const struct hcl_value *fn_replace(struct hcl_args *a)
{
	const char *s = hcl_arg_text(a, 0), *end = s + a->v[0]->n, *from = hcl_arg_text(a, 1);
	_cleanup_buf_ struct buf b = { 0 };

	while (b.len <= HCL_TEXT_MAX) {
		const char *hit = *from ? strstr(s, from) : s;
		const size_t one = *from || s == end ? 0 : utf8_len(s, (size_t)(end - s));

		if (!hit)
			hit = end;
		buf_add(&b, s, (size_t)(hit - s));
		if (hit == end && *from)
			break;
		buf_add(&b, hcl_arg_text(a, 2), a->v[2]->n);
		if (hit == end)
			break;
		buf_add(&b, hit, one);
		s = hit + a->v[1]->n + one;
	}
	return hcl_gives(a, &b);
}

static const struct hcl_value *fn_split(struct hcl_args *a)
{
	const char *between = hcl_arg_text(a, 0), *s = hcl_arg_text(a, 1), *end = s + a->v[1]->n;
	const size_t n = a->v[0]->n;
	struct hcl_value *v;
	uint32_t count = 1;

	for (const char *p = s; n && (p = strstr(p, between)); p += n)
		count++;
	for (const char *p = s; !n && p < end; p += utf8_len(p, (size_t)(end - p)))
		count++;
	count -= !n;
	v = hcl_items(a->h, HCL_LIST, count);
	for (uint32_t i = 0; v && i < count; i++) {
		const char *to = n ? strstr(s, between) : s + utf8_len(s, (size_t)(end - s));

		v->items[i] = fn_part(a, s, to ? to : end);
		if (!v->items[i])
			return NULL;
		s = to ? to + n : end;
	}
	return v;
}

static const struct hcl_value *fn_join(struct hcl_args *a)
{
	_cleanup_buf_ struct buf b = { 0 };
	bool first = true;

	for (uint32_t i = 1; i < a->n; i++)
		for (uint32_t k = 0; k < a->v[i]->n; k++) {
			const struct hcl_value *one = a->v[i]->items[k];

			if (one->kind == HCL_NULL)
				return hcl_lost(a, i, "element %u is null", k);
			if (!first)
				buf_add(&b, hcl_arg_text(a, 0), a->v[0]->n);
			first = false;
			buf_add(&b, one->text, one->n);
			if (b.len > HCL_TEXT_MAX)
				return hcl_gives(a, &b);
		}
	return hcl_gives(a, &b);
}

static size_t hcl_text_characters(const struct hcl_value *v)
{
	size_t count = 0;

	for (uint32_t i = 0; i < v->n; i++)
		count += (v->text[i] & 0xc0) != 0x80;
	return count;
}

static const struct hcl_value *fn_strlen(struct hcl_args *a)
{
	return hcl_spend(a->h, a->v[0]->n / 32) < 0 ? NULL : hcl_number(a->h, hcl_text_characters(a->v[0]));
}

static const struct hcl_value *fn_reverse(struct hcl_args *a)
{
	const char *s = hcl_arg_text(a, 0);
	size_t left = a->v[0]->n;
	_cleanup_buf_ struct buf b = { 0 };

	while (left) {
		size_t one = left - 1;

		while (one && (s[one] & 0xc0) == 0x80)
			one--;
		buf_add(&b, s + one, left - one);
		left = one;
	}
	return hcl_gives(a, &b);
}

/* Behind @n characters, or the end. */
static const char *hcl_skip_characters(const char *s, const char *end, int n)
{
	while (n-- > 0 && s < end)
		s += utf8_len(s, (size_t)(end - s));
	return s;
}

static const struct hcl_value *fn_substr(struct hcl_args *a)
{
	const char *s = hcl_arg_text(a, 0), *end = s + a->v[0]->n;
	int at = hcl_arg_int(a, 1), n = hcl_arg_int(a, 2);

	if (hcl_spend(a->h, a->v[0]->n / 16) < 0)
		return NULL;
	if (at < 0) {
		at += (int)hcl_text_characters(a->v[0]);
		n = n ? n : -1;
	}
	s = hcl_skip_characters(s, end, at);
	return fn_part(a, s, n < 0 ? end : hcl_skip_characters(s, end, n));
}

/* $1, ${1}, ${name}, $$ of what takes the place of a match. */
static void hcl_expand_match(struct buf *out, const char *to, const struct hcl_regex *re, const char *text,
			     const struct hcl_match *m)
{
	while (*to) {
		const size_t plain = strcspn(to, "$"), brace = to[plain] && to[plain + 1] == '{';
		const char *name = to + plain + 1 + brace;
		size_t n;
		int group;

		buf_add(out, to, plain);
		if (!to[plain])
			return;
		n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
		if (!n || (brace && name[n] != '}')) {
			buf_addc(out, '$');
			to += plain + 1 + (to[plain + 1] == '$');
			continue;
		}
		group = hcl_regex_group(re, name, n);
		if (group >= 0 && m->begin[group] >= 0)
			buf_add(out, text + m->begin[group], (size_t)(m->end[group] - m->begin[group]));
		to = name + n + brace;
	}
}

/* As Go's ReplaceAllString: an empty match right behind a match does not count. */
static const struct hcl_value *fn_regex_replace(struct hcl_args *a)
{
	const char *text = hcl_arg_text(a, 0);
	const int n = (int)a->v[0]->n;
	struct hcl_regex *re = hcl_regex_compile(a->h, a->places[1], hcl_arg_text(a, 1));
	_cleanup_buf_ struct buf b = { 0 };
	int at = 0, copied = 0, last = -1;

	while (re && at <= n && b.len <= HCL_TEXT_MAX) {
		struct hcl_match m;
		const int r = hcl_regex_match(a->h, re, text, n, at, &m);

		if (r < 0)
			return NULL;
		if (!r)
			break;
		if (m.end[0] > m.begin[0] || m.begin[0] != last) {
			buf_add(&b, text + copied, (size_t)(m.begin[0] - copied));
			hcl_expand_match(&b, hcl_arg_text(a, 2), re, text, &m);
			copied = m.end[0];
		}
		last = m.end[0];
		at = m.end[0] > at ? m.end[0] : at + (at < n ? (int)utf8_len(text + at, (size_t)(n - at)) : 1);
	}
	if (!re)
		return NULL;
	buf_add(&b, text + copied, (size_t)(n - copied));
	return hcl_gives(a, &b);
}

static const struct hcl_value *hcl_to_plain(struct hcl_args *a, enum hcl_kind kind)
{
	const struct hcl_type type = { .kind = kind };

	return hcl_convert(a->h, a->places[0], a->v[0], &type);
}

static const struct hcl_value *fn_tostring(struct hcl_args *a) { return hcl_to_plain(a, HCL_TEXT); }
static const struct hcl_value *fn_tonumber(struct hcl_args *a) { return hcl_to_plain(a, HCL_NUMBER); }
static const struct hcl_value *fn_tobool(struct hcl_args *a) { return hcl_to_plain(a, HCL_BOOL); }

const struct hcl_function hcl_text_functions[] = {
	{ "chomp", "t", 1, 1, fn_chomp },
	{ "indent", "it", 2, 2, fn_indent },
	{ "join", "ts", 2, 0, fn_join },
	{ "lower", "t", 1, 1, fn_lower },
	{ "regex_replace", "ttt", 3, 3, fn_regex_replace },
	{ "replace", "ttt", 3, 3, fn_replace },
	{ "reverse", "t", 1, 1, fn_reverse },
	{ "split", "tt", 2, 2, fn_split },
	{ "strlen", "t", 1, 1, fn_strlen },
	{ "strrev", "t", 1, 1, fn_reverse },
	{ "substr", "tii", 3, 3, fn_substr },
	{ "title", "t", 1, 1, fn_title },
	{ "tobool", "?", 1, 1, fn_tobool },
	{ "tonumber", "?", 1, 1, fn_tonumber },
	{ "tostring", "?", 1, 1, fn_tostring },
	{ "trim", "tt", 2, 2, fn_trim },
	{ "trimprefix", "tt", 2, 2, fn_trimprefix },
	{ "trimspace", "t", 1, 1, fn_trimspace },
	{ "trimsuffix", "tt", 2, 2, fn_trimsuffix },
	{ "upper", "t", 1, 1, fn_upper },
	{ NULL, NULL, 0, 0, NULL },
};
