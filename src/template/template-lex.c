#include "template-lex.h"
#include "mem.h"
#include "utf8.h"
#include <ctype.h>
#include <stdarg.h>
#include <string.h>

int lex_error(const char *text, size_t at, struct err *err, const char *fmt, ...)
{
	_cleanup_free_ char *what = NULL;
	size_t line = 1, column = 1;
	va_list ap;

	for (size_t i = 0; i < at; i++) {
		line += text[i] == '\n';
		column = text[i] == '\n' ? 1 : column + ((text[i] & 0xc0) != 0x80);
	}
	va_start(ap, fmt);
	what = mem_vprintf(fmt, ap);
	va_end(ap);
	if (line > 1)
		return err_set(err, ERR_INVALID, "template: line %zu, column %zu: %s", line, column, what);
	return err_set(err, ERR_INVALID, "template: column %zu: %s", column, what);
}

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static bool begins(const struct lex *l, size_t at, const char *what)
{
	size_t n = strlen(what);

	return at <= l->len && l->len - at >= n && memcmp(l->text + at, what, n) == 0;
}

/* Of "}}" and "-}}" behind white space the length, else 0. */
static size_t closes(const struct lex *l, bool *ret_trim)
{
	const size_t n = strlen(l->close);

	*ret_trim = l->at && blank(l->text[l->at - 1]) && begins(l, l->at, "-") && begins(l, l->at + 1, l->close);
	return *ret_trim ? n + 1 : begins(l, l->at, l->close) ? n : 0;
}

/* Of "{{-" with white space behind it, at @at. */
static bool opens_trimming(const struct lex *l, size_t at)
{
	const size_t dash = at + strlen(l->open);

	return begins(l, dash, "-") && dash + 1 < l->len && blank(l->text[dash + 1]);
}

static void take_text(struct lex *l, struct token *t)
{
	const char *open = memmem(l->text + l->at, l->len - l->at, l->open, strlen(l->open));
	size_t end = open ? (size_t)(open - l->text) : l->len, begin = l->at;

	l->at = end;
	while (l->trim && begin < end && blank(l->text[begin]))
		begin++;
	if (open && opens_trimming(l, end))
		while (begin < end && blank(l->text[end - 1]))
			end--;
	l->trim = false;
	t->kind = TOKEN_TEXT;
	buf_add(&t->text, l->text + begin, end - begin);
}

/* Behind "{{" or "{{-": a comment goes up to its end and has to be all of the action. */
static int lex_skip_comment(struct lex *l, struct err *err)
{
	size_t begin = l->at, n;
	const char *end;

	end = memmem(l->text + l->at + 2, l->len - l->at - 2, "*/", 2);
	if (!end)
		return lex_error(l->text, begin, err, "the comment has no end");
	l->at = (size_t)(end - l->text) + 2;
	while (l->at < l->len && blank(l->text[l->at]))
		l->at++;
	n = closes(l, &l->trim);
	if (!n)
		return lex_error(l->text, l->at, err, "a comment is followed by }}");
	l->at += n;
	return 0;
}

static int escape(struct lex *l, struct buf *out, struct err *err)
{
	static const char from[] = "abfnrtv\\\"'", to[] = "\a\b\f\n\r\t\v\\\"'";
	const char *p = l->at < l->len ? strchr(from, l->text[l->at]) : NULL;
	unsigned code = 0;
	size_t digits;

	if (p && *p) {
		buf_addc(out, to[p - from]);
		l->at++;
		return 0;
	}
	digits = l->at < l->len && l->text[l->at] == 'x' ? 2 : l->at < l->len && l->text[l->at] == 'u' ? 4 : 0;
	if (!digits || l->len - l->at <= digits)
		return lex_error(l->text, l->at, err, "no such escape in a string");
	for (size_t i = 1; i <= digits; i++) {
		char c = l->text[l->at + i];

		if (!isxdigit((unsigned char)c))
			return lex_error(l->text, l->at + i, err, "not a hexadecimal digit");
		code = code * 16 + (unsigned)(isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	if (!code || (code >= 0xd800 && code < 0xe000))
		return lex_error(l->text, l->at, err, "not a character");
	l->at += 1 + digits;
	utf8_put(out, code);
	return 0;
}

static int take_string(struct lex *l, struct token *t, struct err *err)
{
	const char quote = l->text[l->at++];

	t->kind = TOKEN_STRING;
	while (l->at < l->len && l->text[l->at] != quote && (quote == '`' || l->text[l->at] != '\n')) {
		char c = l->text[l->at++];
		int r = 0;

		if (c == '\\' && quote == '"')
			r = escape(l, &t->text, err);
		else
			buf_addc(&t->text, c);
		if (r < 0)
			return r;
	}
	if (l->at == l->len || l->text[l->at] != quote)
		return lex_error(l->text, t->at, err, "the string has no end");
	l->at++;
	return 0;
}

static bool of_a_word(char c) { return c == '_' || (c & 0x80) || isalnum((unsigned char)c); }

static void take_word(struct lex *l, struct token *t)
{
	while (l->at < l->len && of_a_word(l->text[l->at]))
		buf_addc(&t->text, l->text[l->at++]);
}

static void take_number(struct lex *l, struct token *t)
{
	t->kind = TOKEN_NUMBER;
	buf_addc(&t->text, l->text[l->at++]);
	while (l->at < l->len && (of_a_word(l->text[l->at]) || l->text[l->at] == '.'))
		buf_addc(&t->text, l->text[l->at++]);
}

static bool take_mark(struct lex *l, struct token *t)
{
	static const struct {
		const char *mark;
		enum token_kind kind;
	} marks[] = {
		{ ":=", TOKEN_DECLARE }, { "=", TOKEN_ASSIGN }, { "|", TOKEN_PIPE },
		{ "(", TOKEN_LEFT },     { ")", TOKEN_RIGHT },  { ",", TOKEN_COMMA },
	};

	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (begins(l, l->at, marks[i].mark)) {
			t->kind = marks[i].kind;
			l->at += strlen(marks[i].mark);
			return true;
		}
	return false;
}

static bool digit_at(const struct lex *l, size_t at) { return at < l->len && isdigit((unsigned char)l->text[at]); }

static int take_inside(struct lex *l, struct token *t, struct err *err)
{
	char c = l->text[l->at];

	if (c == '.' && !digit_at(l, l->at + 1)) {
		l->at++;
		take_word(l, t);
		t->kind = t->text.len ? TOKEN_FIELD : TOKEN_DOT;
	} else if (c == '$') {
		l->at++;
		t->kind = TOKEN_VARIABLE;
		take_word(l, t);
	} else if (c == '"' || c == '`') {
		return take_string(l, t, err);
	} else if (isdigit((unsigned char)c) || ((c == '-' || c == '+' || c == '.') && digit_at(l, l->at + 1))) {
		take_number(l, t);
	} else if (of_a_word(c)) {
		t->kind = TOKEN_WORD;
		take_word(l, t);
	} else if (!take_mark(l, t)) {
		return lex_error(l->text, l->at, err, "a template has no \"%c\" there", c);
	}
	return 0;
}

static int open_action(struct lex *l, struct token *t, struct err *err)
{
	t->kind = TOKEN_OPEN;
	l->at += strlen(l->open) + opens_trimming(l, l->at);
	while (l->at < l->len && blank(l->text[l->at]) && begins(l, l->at + 1, "/*"))
		l->at++;
	if (begins(l, l->at, "/*")) {
		t->kind = TOKEN_TEXT;
		return lex_skip_comment(l, err);
	}
	l->inside = true;
	return 0;
}

int lex_next(struct lex *l, struct token *t, struct err *err)
{
	size_t begin = l->at, n;

	buf_reset(&t->text);
	while (l->inside && l->at < l->len && blank(l->text[l->at]))
		l->at++;
	t->spaced = l->at != begin;
	t->at = l->at;
	t->kind = TOKEN_END;
	if (l->at == l->len)
		return l->inside ? lex_error(l->text, l->at, err, "}} is missing") : 0;
	if (!l->inside && begins(l, l->at, l->open))
		return open_action(l, t, err);
	if (!l->inside) {
		take_text(l, t);
		return 0;
	}
	n = closes(l, &l->trim);
	if (!n)
		return take_inside(l, t, err);
	l->at += n;
	l->inside = false;
	t->kind = TOKEN_CLOSE;
	return 0;
}
