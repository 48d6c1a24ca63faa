/* A token is found by its first character; a name, number or comment runs on. A place is a line and the offset at which that
 * began, so what reads on by itself (templates) says where a new line begins. */
#include "hcl-lexer.h"
#include "utf8.h"
#include <stdio.h>
#include <string.h>

static const struct {
	char text[4];
	int kind;
} long_tokens[] = {
	/* of those that begin alike, the longest first */
	{ "...", TOKEN_SPREAD }, { "==", TOKEN_EQ },  { "=>", TOKEN_ARROW }, { "!=", TOKEN_NE },     { ">=", TOKEN_GE },
	{ "<=", TOKEN_LE },      { "&&", TOKEN_AND }, { "||", TOKEN_OR },    { "::", TOKEN_COLONS }, { "~}", TOKEN_TRIM },
};
static const char short_tokens[] = "[](){}.,*/%+-=<>!?:";

struct node_place hcl_place(const struct hcl_lexer *l, const char *p)
{
	return (struct node_place){ l->line, (uint32_t)(p - l->line_begin) + 1 };
}

void hcl_new_line(struct hcl_lexer *l, const char *begin)
{
	l->line++;
	l->line_begin = begin;
}

/* The line and column of what is no character; what stands before it has been looked at. */
static int lexer_not_utf8(struct hcl_lexer *l)
{
	const char *p = l->p;

	while (p < l->end) {
		size_t n = utf8_len(p, (size_t)(l->end - p));

		if (!n)
			break;
		p += n;
		if (p[-1] == '\n')
			hcl_new_line(l, p);
	}
	return hcl_bad(l->h, hcl_place(l, p), "a byte that is not UTF-8");
}

int hcl_lexer_init(struct hcl_lexer *l, struct hcl *h, const char *data, size_t len)
{
	*l = (struct hcl_lexer){ .h = h, .p = data, .end = data + len, .line = 1, .line_begin = data };
	if (!len)
		l->p = l->end = l->line_begin = "";
	if (len >= 3 && !memcmp(data, "\xef\xbb\xbf", 3)) {
		l->p += 3;
		l->line_begin += 3;
	}
	return utf8_valid(l->p, (size_t)(l->end - l->p)) ? 0 : lexer_not_utf8(l);
}

static bool name_begins(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80; }

static bool hcl_is_digit(char c) { return c >= '0' && c <= '9'; }

/* Behind a comment at @p, at the end of its line; NULL: none begins there. One without an end: the error is set and *@bad is true.
 */
static const char *hcl_comment_end(struct hcl_lexer *l, const char *p, bool *bad)
{
	const size_t left = (size_t)(l->end - p);
	const struct node_place at = hcl_place(l, p);

	if (*p == '#' || (left > 1 && *p == '/' && p[1] == '/')) {
		const char *end = memchr(p, '\n', left);

		return end ? end - (end[-1] == '\r') : l->end;
	}
	if (left < 2 || *p != '/' || p[1] != '*')
		return NULL;
	for (p += 2; p < l->end; p++) {
		if (*p == '*' && p + 1 < l->end && p[1] == '/')
			return p + 2;
		if (*p == '\n')
			hcl_new_line(l, p + 1);
	}
	(void)hcl_bad(l->h, at, "a comment without an end");
	*bad = true;
	return NULL;
}

/* To the next token. False: the error is set. */
static bool lexer_blanks(struct hcl_lexer *l)
{
	while (l->p < l->end) {
		const char c = *l->p, *end;
		const bool line = c == '\n' || (c == '\r' && l->p + 1 < l->end && l->p[1] == '\n');
		bool bad = false;

		if (line && l->skip_lines) {
			l->p += c == '\r' ? 2 : 1;
			hcl_new_line(l, l->p);
			continue;
		}
		if (c == ' ' || c == '\t') {
			l->p++;
			continue;
		}
		end = c == '#' || c == '/' ? hcl_comment_end(l, l->p, &bad) : NULL;
		if (!end)
			return !bad;
		l->p = end;
	}
	return true;
}

static const char *lexer_name_end(const struct hcl_lexer *l, const char *p)
{
	while (p < l->end && (name_begins(*p) || hcl_is_digit(*p) || *p == '-'))
		p++;
	return p;
}

/* Digits, dots between them, exponents; whether that is a number is asked later. */
static const char *lexer_number_end(const struct hcl_lexer *l, const char *p)
{
	while (p < l->end && (hcl_is_digit(*p) || *p == '.')) {
		const char *e = ++p;

		if (e >= l->end || (*e != 'e' && *e != 'E'))
			continue;
		e++;
		e += e < l->end && (*e == '+' || *e == '-');
		if (e < l->end && hcl_is_digit(*e))
			p = e + 1;
	}
	while (p[-1] == '.')
		p--;
	return p;
}

/* <<NAME, <<-NAME: behind the end of the line. NULL: it is none. */
static const char *heredoc_begin(const struct hcl_lexer *l, const char *p)
{
	if (l->end - p < 3 || p[0] != '<' || p[1] != '<')
		return NULL;
	p += 2;
	p += *p == '-';
	if (p >= l->end || !name_begins(*p))
		return NULL;
	p = lexer_name_end(l, p);
	p += p < l->end && *p == '\r';
	return p < l->end && *p == '\n' ? p + 1 : NULL;
}

static int lexer_bad(struct hcl_lexer *l, struct hcl_token *t)
{
	const char *why = "unexpected character";
	struct node_place at = t->at;

	if (*t->begin == '\'')
		why = "unexpected character: texts stand in \"double quotes\"";
	else if (*t->begin == '<' && t->begin + 1 < l->end && t->begin[1] == '<')
		why = "<< wants a name and the end of the line, as <<EOF";
	else if (*t->begin == '&' || *t->begin == '|')
		why = "unexpected character: operators are && and ||";
	else if (!*t->begin)
		why = "a NUL";
	(void)hcl_bad(l->h, at, "%s", why);
	return TOKEN_BAD;
}

static int lexer_symbol(struct hcl_lexer *l, struct hcl_token *t)
{
	const size_t left = (size_t)(l->end - l->p);
	const char *heredoc = heredoc_begin(l, l->p);

	if (heredoc) {
		t->end = heredoc;
		return TOKEN_HEREDOC;
	}
	for (size_t i = 0; i < sizeof long_tokens / sizeof *long_tokens; i++) {
		size_t n = strlen(long_tokens[i].text);

		if (left < n || memcmp(l->p, long_tokens[i].text, n) != 0)
			continue;
		t->end = l->p + n;
		return long_tokens[i].kind;
	}
	t->end = l->p + 1;
	if (*l->p == '"')
		return TOKEN_QUOTE;
	if (*l->p == '\n')
		return '\n';
	if (*l->p == '\r' && left > 1 && l->p[1] == '\n') {
		t->end++;
		return '\n';
	}
	if (!*l->p || !strchr(short_tokens, *l->p) || (left > 1 && *l->p == '<' && l->p[1] == '<'))
		return lexer_bad(l, t);
	return *l->p;
}

static void lexer_next(struct hcl_lexer *l)
{
	struct hcl_token *t = &l->next;

	l->has_next = true;
	if (!lexer_blanks(l)) {
		t->kind = TOKEN_BAD;
		return;
	}
	*t = (struct hcl_token){ .kind = TOKEN_END, .begin = l->p, .end = l->p, .at = hcl_place(l, l->p) };
	if (l->p == l->end)
		return;
	if (name_begins(*l->p)) {
		t->kind = TOKEN_NAME;
		t->end = lexer_name_end(l, l->p);
	} else if (hcl_is_digit(*l->p)) {
		t->kind = TOKEN_NUMBER;
		t->end = lexer_number_end(l, l->p);
	} else {
		t->kind = lexer_symbol(l, t);
	}
}

const struct hcl_token *hcl_peek(struct hcl_lexer *l)
{
	if (!l->has_next)
		lexer_next(l);
	return &l->next;
}

struct hcl_token hcl_read_token(struct hcl_lexer *l)
{
	const struct hcl_token t = *hcl_peek(l);

	if (t.kind == TOKEN_BAD || t.kind == TOKEN_END)
		return t;
	l->has_next = false;
	l->p = t.end;
	if (t.kind == '\n' || t.kind == TOKEN_HEREDOC)
		hcl_new_line(l, l->p);
	return t;
}

/* A token that was looked at and not read is looked at again: p is still before it. */
bool hcl_skip_lines(struct hcl_lexer *l, bool skip)
{
	const bool was = l->skip_lines;

	if (l->next.kind != TOKEN_BAD)
		l->has_next = false;
	l->skip_lines = skip;
	return was;
}

bool hcl_is_name(const struct hcl_token *t, const char *name)
{
	return t->kind == TOKEN_NAME && (size_t)(t->end - t->begin) == strlen(name) && !memcmp(t->begin, name, strlen(name));
}

const char *hcl_token_name(const struct hcl_token *t, char room[32])
{
	switch (t->kind) {
	case TOKEN_END: return "the end of the file";
	case '\n':
	case TOKEN_HEREDOC: return t->kind == '\n' ? "the end of the line" : "a heredoc";
	case TOKEN_QUOTE: return "a quote";
	default:
		(void)snprintf(room, 32, "\"%.*s\"", (int)(t->end - t->begin > 24 ? 24 : t->end - t->begin), t->begin);
		return room;
	}
}
