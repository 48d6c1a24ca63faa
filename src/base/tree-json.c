/* A descent by the grammar. Lines end outside of texts only, since a control character in a text is an error; so a place is a
 * line and the offset at which that began. */
#include "tree-json.h"
#include "utf8.h"
#include <string.h>

struct json_in {
	struct tree *tree;
	const char *p, *end, *line_begin;
	uint32_t line;
	struct err *err;
};

static struct node_place place_of(const struct json_in *in, const char *p)
{
	return (struct node_place){ in->line, (uint32_t)(p - in->line_begin) + 1 };
}

static int bad_at(struct json_in *in, const char *p, const char *why)
{
	return tree_err(in->tree, place_of(in, p), err_set(in->err, ERR_INVALID, "%s", why), in->err);
}

static int json_full(struct json_in *in, const char *p) { return tree_err(in->tree, place_of(in, p), tree_full(in->err), in->err); }

static void json_blanks(struct json_in *in)
{
	for (; in->p < in->end; in->p++) {
		if (*in->p == '\n') {
			in->line++;
			in->line_begin = in->p + 1;
		} else if (*in->p != ' ' && *in->p != '\t' && *in->p != '\r') {
			return;
		}
	}
}

static int hex4(const char *p, const char *end, unsigned *ret)
{
	unsigned n = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdef0123456789ABCDEF";
		const char *at = p[i] ? strchr(digits, p[i]) : NULL;

		if (!at)
			return -1;
		n = n << 4 | (unsigned)(at - digits) % 16;
	}
	*ret = n;
	return 0;
}

static char *put_utf8(char *out, unsigned c)
{
	if (c < 0x80) {
		*out++ = (char)c;
	} else if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
		*out++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	} else {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*out++ = (char)(0x80 | (c & 0x3f));
	}
	return out;
}

/* Behind "\u"; a pair of surrogates is one character. */
static int json_unicode(struct json_in *in, const char **p, const char *end, char **out)
{
	const char *begin = *p - 2;
	unsigned c, low;

	if (hex4(*p, end, &c) < 0)
		return bad_at(in, begin, "\\u wants four hexadecimal digits");
	*p += 4;
	if (!c)
		return bad_at(in, begin, "a NUL in a text");
	if (c >= 0xd800 && c < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u' && hex4(*p + 2, end, &low) == 0 &&
	    low >= 0xdc00 && low < 0xe000) {
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		*p += 6;
	}
	if (c >= 0xd800 && c < 0xe000)
		return bad_at(in, begin, "half of a character (a surrogate)");
	*out = put_utf8(*out, c);
	return 0;
}

/* @p behind the backslash. */
static int json_escape(struct json_in *in, const char **p, const char *end, char **out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char c = *(*p)++, *at = c ? strchr(from, c) : NULL;

	if (c == 'u')
		return json_unicode(in, p, end, out);
	if (!at)
		return bad_at(in, *p - 2, "unknown escape in a text");
	*(*out)++ = to[at - from];
	return 0;
}

/* Where the text ends: at its quote. NULL: the error is set. */
static const char *text_end(struct json_in *in)
{
	for (const char *p = in->p + 1; p < in->end; p++) {
		if (*p == '"')
			return p;
		if ((unsigned char)*p < 0x20) {
			(void)bad_at(in, p, *p ? "a control character in a text: write it as an escape" : "a NUL in a text");
			return NULL;
		}
		p += *p == '\\';
	}
	(void)bad_at(in, in->p, "a text without an end");
	return NULL;
}

/* At a quote; behind the text's end after it. */
static int json_text_at(struct json_in *in, const char **ret)
{
	const char *end = text_end(in), *p = in->p + 1;
	char *text, *out;

	if (!end)
		return -ERR_INVALID;
	text = out = tree_room(in->tree, (size_t)(end - p) + 1);
	if (!text)
		return json_full(in, in->p);
	while (p < end) {
		const char *plain = memchr(p, '\\', (size_t)(end - p));
		size_t n = (size_t)((plain ? plain : end) - p);

		if (!utf8_valid(p, n))
			return bad_at(in, in->p, "a text that is not UTF-8");
		memcpy(out, p, n);
		out += n;
		p += n;
		if (!plain)
			break;
		p++;
		if (json_escape(in, &p, end, &out) < 0)
			return -ERR_INVALID;
	}
	*out = '\0';
	*ret = text;
	in->p = end + 1;
	return 0;
}

static const char *json_digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* Behind the number at @p; NULL: it is none. */
static const char *number_end(const char *p, const char *end)
{
	const char *begin;

	p += p < end && *p == '-';
	begin = p;
	p = json_digits(p, end);
	if (p == begin || (*begin == '0' && p > begin + 1))
		return NULL;
	if (p < end && *p == '.') {
		begin = ++p;
		p = json_digits(p, end);
		if (p == begin)
			return NULL;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		p += p < end && (*p == '+' || *p == '-');
		begin = p;
		p = json_digits(p, end);
		if (p == begin)
			return NULL;
	}
	return p;
}

/* What others take for octal. */
static bool zero_before(const char *p, const char *end)
{
	p += *p == '-';
	return end - p > 1 && *p == '0' && p[1] >= '0' && p[1] <= '9';
}

static int json_number(struct json_in *in, struct node *parent, struct node **ret)
{
	const char *end = number_end(in->p, in->end);
	size_t n;
	char *text;

	if (!end)
		return bad_at(in, in->p, zero_before(in->p, in->end) ? "a number with a 0 before it" : "not a number");
	n = (size_t)(end - in->p);
	*ret = tree_add(in->tree, parent, NODE_NUMBER, place_of(in, in->p));
	text = *ret ? tree_room(in->tree, n + 1) : NULL;
	if (!text)
		return json_full(in, in->p);
	memcpy(text, in->p, n);
	text[n] = '\0';
	(*ret)->text = text;
	in->p = end;
	return 0;
}

static int json_word(struct json_in *in, struct node *parent, struct node **ret)
{
	static const struct {
		const char *word;
		enum node_kind kind;
		bool yes;
	} words[] = { { "true", NODE_BOOL, true }, { "false", NODE_BOOL, false }, { "null", NODE_NULL, false } };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		size_t n = strlen(words[i].word);

		if ((size_t)(in->end - in->p) < n || memcmp(in->p, words[i].word, n) != 0)
			continue;
		*ret = tree_add(in->tree, parent, words[i].kind, place_of(in, in->p));
		if (!*ret)
			return json_full(in, in->p);
		(*ret)->yes = words[i].yes;
		in->p += n;
		return 0;
	}
	return bad_at(in, in->p, "unexpected character");
}

static int json_value(struct json_in *in, struct node *parent, unsigned depth, struct node **ret);

static int json_key(struct json_in *in, const char **ret, struct node_place *at)
{
	int r;

	if (in->p == in->end || *in->p != '"')
		return bad_at(in, in->p, in->p == in->end ? "ends too early" : "a key in quotes is missing");
	*at = place_of(in, in->p);
	r = json_text_at(in, ret);
	if (r < 0)
		return r;
	json_blanks(in);
	if (in->p == in->end || *in->p != ':')
		return bad_at(in, in->p, in->p == in->end ? "ends too early" : "\":\" is missing behind a key");
	in->p++;
	json_blanks(in);
	return 0;
}

static int json_member(struct json_in *in, struct node *in_what, unsigned depth)
{
	struct node *member = NULL;
	const char *key = NULL;
	struct node_place at = { 0 };
	int r = in_what->kind == NODE_MAP ? json_key(in, &key, &at) : 0;

	if (r >= 0)
		r = json_value(in, in_what, depth, &member);
	if (r < 0)
		return r;
	member->key = key;
	member->key_at = at;
	json_blanks(in);
	return 0;
}

/* A list or a map. */
static int json_many(struct json_in *in, struct node *parent, unsigned depth, struct node **ret)
{
	const bool map = *in->p == '{';
	const char close = map ? '}' : ']', *begin = in->p;

	if (depth == TREE_DEPTH_MAX)
		return bad_at(in, in->p, "more than 64 levels deep");
	*ret = tree_add(in->tree, parent, map ? NODE_MAP : NODE_LIST, place_of(in, in->p));
	if (!*ret)
		return json_full(in, begin);
	in->p++;
	json_blanks(in);
	if (in->p < in->end && *in->p == close) {
		in->p++;
		return 0;
	}
	for (;;) {
		int r = json_member(in, *ret, depth + 1);

		if (r < 0)
			return r;
		if (in->p == in->end)
			return bad_at(in, in->p, "ends too early");
		if (*in->p == close) {
			in->p++;
			return 0;
		}
		if (*in->p != ',')
			return bad_at(in, in->p, map ? "\",\" or \"}\" is missing" : "\",\" or \"]\" is missing");
		in->p++;
		json_blanks(in);
	}
}

static int json_value(struct json_in *in, struct node *parent, unsigned depth, struct node **ret)
{
	int r;

	if (in->p == in->end)
		return bad_at(in, in->p, "ends too early");
	if (*in->p == '{' || *in->p == '[')
		return json_many(in, parent, depth, ret);
	if (*in->p == '-' || (*in->p >= '0' && *in->p <= '9'))
		return json_number(in, parent, ret);
	if (*in->p != '"')
		return json_word(in, parent, ret);
	*ret = tree_add(in->tree, parent, NODE_TEXT, place_of(in, in->p));
	if (!*ret)
		return json_full(in, in->p);
	r = json_text_at(in, &(*ret)->text);
	return r;
}

int tree_json(const char *data, size_t len, struct tree *tree, struct err *err)
{
	struct json_in in = { .tree = tree, .p = data, .end = data + len, .line_begin = data, .line = 1, .err = err };
	struct node *root = NULL;
	int r;

	if (!data)
		in.p = in.end = in.line_begin = "";
	if (len > TREE_MAX)
		return err_wrap(err, tree_full(err), "%s", tree->file);
	json_blanks(&in);
	if (in.p == in.end)
		return bad_at(&in, in.p, "empty");
	r = json_value(&in, NULL, 0, &root);
	if (r < 0)
		return r;
	json_blanks(&in);
	return in.p < in.end ? bad_at(&in, in.p, "something behind the value") : 0;
}
