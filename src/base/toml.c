#include "toml.h"
#include "mem.h"
#include "utf8.h"
#include <string.h>

enum { DEPTH_MAX = 32 };

struct toml {
	const char *begin, *at, *end;
	unsigned line, depth;
	struct toml_sections *sections; /* to be noted; NULL: nobody asks */
	struct strv *path;              /* of the header at hand; NULL: none is, or nobody asks */
	struct err *err;
};

static int toml_wrong(const struct toml *t, const char *what) { return err_set(t->err, ERR_INVALID, "line %u: %s", t->line, what); }

static int peek(const struct toml *t) { return t->at < t->end ? (unsigned char)*t->at : -1; }

static bool eat(struct toml *t, char c)
{
	if (peek(t) != (unsigned char)c)
		return false;
	t->at++;
	return true;
}

static void toml_skip_blanks(struct toml *t)
{
	while (peek(t) == ' ' || peek(t) == '\t')
		t->at++;
}

static void toml_skip_comment(struct toml *t)
{
	if (peek(t) == '#')
		while (t->at < t->end && *t->at != '\n')
			t->at++;
}

/* Blanks, comments and line ends. */
static void skip_lines(struct toml *t)
{
	for (;;) {
		toml_skip_blanks(t);
		toml_skip_comment(t);
		(void)eat(t, '\r');
		if (!eat(t, '\n'))
			return;
		t->line++;
	}
}

static bool bare(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static int parse_unicode(struct toml *t, int digits, struct buf *b)
{
	unsigned c = 0;

	while (digits--) {
		const char *hex = "0123456789abcdef", *d;
		int ch = peek(t);

		if (ch >= 'A' && ch <= 'F')
			ch += 'a' - 'A';
		d = ch > 0 ? strchr(hex, ch) : NULL;
		if (!d)
			return toml_wrong(t, "a \\u escape has 4 hexadecimal digits, \\U has 8");
		c = c << 4 | (unsigned)(d - hex);
		t->at++;
	}
	if (!c || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return toml_wrong(t, "no such character");
	utf8_put(b, c);
	return 0;
}

static int parse_escape(struct toml *t, bool multi, struct buf *b)
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	int c = peek(t);
	const char *p = c > 0 ? strchr(from, c) : NULL;

	if (p) {
		t->at++;
		buf_addc(b, to[p - from]);
		return 0;
	}
	if (eat(t, 'u'))
		return parse_unicode(t, 4, b);
	if (eat(t, 'U'))
		return parse_unicode(t, 8, b);
	if (multi && (c == '\n' || c == '\r' || c == ' ' || c == '\t')) {
		skip_lines(t); /* a line that goes on; a comment cannot stand there, which is not worth telling apart */
		return 0;
	}
	return toml_wrong(t, "unknown escape in a string");
}

static bool at_end(struct toml *t, char quote, bool multi)
{
	if (!multi)
		return eat(t, quote);
	if (t->end - t->at < 3 || t->at[0] != quote || t->at[1] != quote || t->at[2] != quote)
		return false;
	t->at += 3;
	return true;
}

static int parse_string(struct toml *t, struct buf *b)
{
	char quote = *t->at;
	bool multi = t->end - t->at >= 3 && t->at[1] == quote && t->at[2] == quote;

	t->at += multi ? 3 : 1;
	if (multi) {
		(void)eat(t, '\r');
		if (eat(t, '\n'))
			t->line++;
	}
	while (!at_end(t, quote, multi)) {
		int c = peek(t), r;

		if (c < 0 || (c == '\n' && !multi))
			return toml_wrong(t, "a string does not end");
		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
			return toml_wrong(t, "control character in a string");
		t->at++;
		if (c == '\n')
			t->line++;
		if (c != '\\' || quote == '\'') {
			buf_addc(b, (char)c);
			continue;
		}
		r = parse_escape(t, multi, b);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_key_part(struct toml *t, struct buf *b)
{
	int c = peek(t);

	buf_reset(b);
	if (c == '"' || c == '\'')
		return parse_string(t, b);
	while (bare(peek(t)))
		buf_addc(b, *t->at++);
	return b->len ? 0 : toml_wrong(t, "a key is missing");
}

/* The table @key of @in, made when it is not there. */
static int toml_enter(struct toml *t, json *in, const char *key, json **ret)
{
	json *next = json_get(in, key);

	if (!next) {
		next = json_new_object();
		json_put(in, key, next);
	}
	if (json_object_is_type(next, json_type_array) && json_len(next)) /* the latest of an array of tables */
		next = json_at(next, json_len(next) - 1);
	if (!json_object_is_type(next, json_type_object))
		return toml_wrong(t, "a key is a value and a table at once");
	*ret = next;
	return 0;
}

/* "a.b.c": enters a and a.b below @in and leaves "c" in @last. */
static int toml_parse_key(struct toml *t, json *in, json **ret_table, struct buf *last)
{
	for (unsigned depth = 0;; depth++) {
		int r = parse_key_part(t, last);

		if (r < 0)
			return r;
		if (t->path)
			strv_push(t->path, buf_str(last));
		toml_skip_blanks(t);
		if (!eat(t, '.')) {
			*ret_table = in;
			return 0;
		}
		toml_skip_blanks(t);
		r = depth < DEPTH_MAX ? toml_enter(t, in, buf_str(last), &in) : toml_wrong(t, "too many dots in a key");
		if (r < 0)
			return r;
	}
}

static int toml_parse_value(struct toml *t, json **ret);

static int parse_pair(struct toml *t, json *table)
{
	_cleanup_buf_ struct buf key = { 0 };
	json *value = NULL;
	int r = toml_parse_key(t, table, &table, &key);

	if (r < 0)
		return r;
	if (!eat(t, '='))
		return toml_wrong(t, "= is missing behind a key");
	toml_skip_blanks(t);
	if (json_get(table, buf_str(&key)))
		return toml_wrong(t, "a key is given twice");
	r = toml_parse_value(t, &value);
	if (r == 0)
		json_put(table, buf_str(&key), value);
	return r;
}

static int parse_array(struct toml *t, json *list)
{
	for (skip_lines(t); !eat(t, ']'); skip_lines(t)) {
		json *value = NULL;
		int r = toml_parse_value(t, &value);

		if (r < 0)
			return r;
		json_append(list, value);
		skip_lines(t);
		if (!eat(t, ',') && peek(t) != ']')
			return toml_wrong(t, ", or ] is missing in an array");
	}
	return 0;
}

static int parse_inline_table(struct toml *t, json *table)
{
	toml_skip_blanks(t);
	if (eat(t, '}'))
		return 0;
	for (;;) {
		int r = parse_pair(t, table);

		if (r < 0)
			return r;
		toml_skip_blanks(t);
		if (eat(t, '}'))
			return 0;
		if (!eat(t, ','))
			return toml_wrong(t, ", or } is missing in a table");
		toml_skip_blanks(t);
	}
}

/* "0x1f", "0o17", "0b1": without a sign. */
static int number_base(const char **digits)
{
	static const struct {
		char letter;
		int base;
	} bases[] = { { 'x', 16 }, { 'o', 8 }, { 'b', 2 } };

	for (size_t i = 0; i < sizeof bases / sizeof *bases; i++)
		if ((*digits)[0] == '0' && (*digits)[1] == bases[i].letter) {
			*digits += 2;
			return bases[i].base;
		}
	return 10;
}

static json *toml_number(const char *word)
{
	const char *digits = word;
	const int base = number_base(&digits);
	const bool fraction = base == 10 && strpbrk(word, ".eE") && !strpbrk(word, "xXnNpP");
	char *end;
	long long v;
	double d;

	errno = 0;
	if (fraction) {
		d = strtod(digits, &end);
		return *end || errno ? NULL : json_object_new_double_s(d, word);
	}
	v = strtoll(digits, &end, base);
	return !*digits || *end || errno ? NULL : json_object_new_int64(v);
}

static int parse_word(struct toml *t, json **ret)
{
	size_t n = 0, len = 0;
	char word[64];

	for (; len < sizeof word - 1 && t->at + n < t->end; n++) {
		const char c = t->at[n];

		if (!bare((unsigned char)c) && c != '+' && c != '.')
			break;
		if (c != '_')
			word[len++] = c;
	}
	word[len] = '\0';
	if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
		*ret = json_object_new_boolean(word[0] == 't');
	else
		*ret = len ? toml_number(word) : NULL;
	if (!*ret)
		return toml_wrong(t, "neither a string, a number, true, false, an array nor a table");
	t->at += n;
	return 0;
}

static int toml_parse_value(struct toml *t, json **ret)
{
	_cleanup_json_ json *v = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	int c = peek(t), r;

	if (c == '"' || c == '\'') {
		r = parse_string(t, &text);
		v = r == 0 ? json_new_str(buf_str(&text)) : NULL;
	} else if (c == '[' || c == '{') {
		if (++t->depth > DEPTH_MAX)
			return toml_wrong(t, "nested too deeply");
		t->at++;
		v = c == '[' ? json_new_array() : json_new_object();
		r = c == '[' ? parse_array(t, v) : parse_inline_table(t, v);
		t->depth--;
	} else {
		r = parse_word(t, &v);
	}
	if (r == 0)
		*ret = TAKE_PTR(v);
	return r;
}

static size_t toml_offset(const struct toml *t) { return (size_t)(t->at - t->begin); }

/* A header begins on this line. Where its path goes, or NULL. */
static struct strv *begin_section(struct toml *t)
{
	struct toml_sections *s = t->sections;
	size_t begin = toml_offset(t);

	if (!s)
		return NULL;
	while (begin > 0 && t->begin[begin - 1] != '\n')
		begin--;
	s->v = mem_grow(s->v, &s->cap, s->n + 1, sizeof *s->v);
	s->v[s->n] = (struct toml_section){ .begin = begin };
	return &s->v[s->n++].path;
}

/* We are at the end of a line that was read. */
static void extend_section(struct toml *t)
{
	if (t->sections && t->sections->n)
		t->sections->v[t->sections->n - 1].end = toml_offset(t) + (peek(t) == '\n');
}

/* "[a.b]" or "[[a.b]]": the table that the following pairs belong to. */
static int parse_header(struct toml *t, json *root, json **ret)
{
	_cleanup_buf_ struct buf key = { 0 };
	bool many = eat(t, '[');
	json *in, *list, *table;
	int r;

	toml_skip_blanks(t);
	t->path = begin_section(t);
	r = toml_parse_key(t, root, &in, &key);
	t->path = NULL;
	if (r < 0)
		return r;
	if (!eat(t, ']') || (many && !eat(t, ']')))
		return toml_wrong(t, "] is missing behind a table's name");
	if (!many)
		return toml_enter(t, in, buf_str(&key), ret);
	list = json_get(in, buf_str(&key));
	if (!list) {
		list = json_new_array();
		json_put(in, buf_str(&key), list);
	}
	if (!json_object_is_type(list, json_type_array))
		return toml_wrong(t, "a key is a value and a table at once");
	table = json_new_object();
	json_append(list, table);
	*ret = table;
	return 0;
}

static int parse_lines(struct toml *t, json *root)
{
	json *table = root;

	for (skip_lines(t); peek(t) >= 0; skip_lines(t)) {
		int r = eat(t, '[') ? parse_header(t, root, &table) : parse_pair(t, table);

		if (r < 0)
			return r;
		toml_skip_blanks(t);
		toml_skip_comment(t);
		(void)eat(t, '\r');
		if (peek(t) >= 0 && peek(t) != '\n')
			return toml_wrong(t, "more than one thing on a line");
		extend_section(t);
	}
	return 0;
}

/* Strings refuse it by themselves, comments would let it through to who takes the text for one that ends there. */
static int refuse_nul(struct toml *t)
{
	const char *nul = t->at < t->end ? memchr(t->at, '\0', (size_t)(t->end - t->at)) : NULL;

	if (!nul)
		return 0;
	for (const char *p = t->at; p < nul; p++)
		t->line += *p == '\n';
	return toml_wrong(t, "NUL");
}

void toml_sections_done(struct toml_sections *s)
{
	for (size_t i = 0; i < s->n; i++)
		strv_done(&s->v[i].path);
	free(s->v);
	*s = (struct toml_sections){ 0 };
}

int toml_parse_sections(const char *text, size_t len, struct toml_sections *sections, json **ret, struct err *err)
{
	_cleanup_json_ json *root = json_new_object();
	struct err why = ERR_INIT;
	struct toml t = { .begin = text, .at = text, .end = text + len, .line = 1, .sections = sections, .err = &why };
	int r = refuse_nul(&t);

	if (r >= 0)
		r = parse_lines(&t, root);

	if (r == 0)
		*ret = TAKE_PTR(root);
	else if (err)
		*err = why;
	return r;
}

int toml_parse(const char *text, size_t len, json **ret, struct err *err) { return toml_parse_sections(text, len, NULL, ret, err); }
