/* What stands in quotes or in a heredoc is first a row of parts: literals (of a heredoc one for each line, since ~ trims no further
 * than its line), interpolations, directives. A heredoc's indentation is taken off the literals, and then the row becomes an
 * expression by its directives. */
#include "hcl-parser.h"
#include "mem.h"
#include "utf8.h"
#include <string.h>

enum part_kind { PART_LITERAL, PART_VALUE, PART_IF, PART_ELSE, PART_ENDIF, PART_FOR, PART_ENDFOR, PART_END };

struct template_part {
	enum part_kind kind;
	struct node_place at;
	const char *text; /* of a literal */
	size_t n;
	struct hcl_expr *expr; /* a value; of an if its condition; of a for the for, without what it repeats */
	struct template_part *next;
};

struct hcl_template {
	struct hcl_parser *p;
	const char *marker; /* of a heredoc; NULL: quotes, or all that is left */
	size_t marker_len;
	bool bare, flush;
	bool line_begins; /* in a heredoc: its end may stand here */
	bool trim_next;   /* ~} was read */
	struct node_place open;
	struct template_part *first, *last;
	struct template_part *at; /* the row is read a second time */
	struct buf text;
};

/* Go's unicode.IsSpace: how many bytes of it stand at @s. */
static size_t hcl_space_len(const char *s, size_t n)
{
	static const char *const spaces[] = {
		" ",        "\t",           "\n",           "\v",           "\f",           "\r",           "\xc2\x85",
		"\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"
	};

	if (n && *s > ' ')
		return 0;
	for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++)
		if (n >= strlen(spaces[i]) && !memcmp(s, spaces[i], strlen(spaces[i])))
			return strlen(spaces[i]);
	return n >= 3 && !memcmp(s, "\xe2\x80", 2) && (unsigned char)s[2] >= 0x80 && (unsigned char)s[2] <= 0x8a ? 3 : 0;
}

size_t hcl_spaces_before(const char *s, size_t n)
{
	size_t at = 0, one;

	while ((one = hcl_space_len(s + at, n - at)))
		at += one;
	return at;
}

size_t hcl_spaces_behind(const char *s, size_t n)
{
	size_t left = n;

	while (left) {
		size_t one = left - 1;

		while (one && (s[one] & 0xc0) == 0x80)
			one--;
		if (hcl_space_len(s + one, left - one) != left - one)
			break;
		left = one;
	}
	return n - left;
}

static struct template_part *part_add(struct hcl_template *t, enum part_kind kind, struct node_place at)
{
	struct template_part *part = hcl_new(t->p->h, struct template_part);

	if (!part)
		return NULL;
	part->kind = kind;
	part->at = at;
	if (t->last)
		t->last->next = part;
	else
		t->first = part;
	t->last = part;
	return part;
}

/* What was gathered becomes a literal. */
static int part_literal(struct hcl_template *t, struct node_place at)
{
	struct template_part *part;
	size_t skip;

	if (!t->text.len)
		return 0;
	part = part_add(t, PART_LITERAL, at);
	skip = t->trim_next ? hcl_spaces_before(t->text.data, t->text.len) : 0;
	t->trim_next = false;
	if (!part)
		return -ERR_EXHAUSTED;
	part->n = t->text.len - skip;
	part->text = hcl_copy(t->p->h, t->text.data + skip, part->n);
	buf_reset(&t->text);
	return part->text ? 0 : -ERR_EXHAUSTED;
}

static bool hcl_hex_digits(const char *p, size_t n, unsigned *ret)
{
	*ret = 0;
	for (size_t i = 0; i < n; i++) {
		static const char digits[] = "0123456789abcdef0123456789ABCDEF";
		const char *at = p[i] ? strchr(digits, p[i]) : NULL;

		if (!at)
			return false;
		*ret = *ret << 4 | (unsigned)(at - digits) % 16;
	}
	return true;
}

/* At \u or \U. */
static int hcl_escape_code_point(struct hcl_template *t)
{
	struct hcl_lexer *l = &t->p->l;
	const size_t n = l->p[1] == 'u' ? 4 : 8;
	unsigned c = 0;

	if ((size_t)(l->end - l->p) < n + 2 || !hcl_hex_digits(l->p + 2, n, &c))
		return hcl_bad(t->p->h, hcl_place(l, l->p), "\\%c wants %zu hexadecimal digits", l->p[1], n);
	if (!c || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return hcl_bad(t->p->h, hcl_place(l, l->p), c ? "\\%c%.*s is no character" : "a NUL in a text", l->p[1], (int)n,
			       l->p + 2);
	utf8_put(&t->text, c);
	l->p += n + 2;
	return 0;
}

/* At a backslash in quotes. */
static int template_escape(struct hcl_template *t)
{
	static const char from[] = "nrt\"\\", to[] = "\n\r\t\"\\";
	struct hcl_lexer *l = &t->p->l;
	const char *at;

	if (l->end - l->p < 2)
		return hcl_bad(t->p->h, t->open, "a text without an end");
	if (l->p[1] == 'u' || l->p[1] == 'U')
		return hcl_escape_code_point(t);
	at = l->p[1] ? strchr(from, l->p[1]) : NULL;
	if (!at)
		return hcl_bad(t->p->h, hcl_place(l, l->p),
			       "unknown escape in a text: there are \\n \\r \\t \\\" \\\\ \\uXXXX \\UXXXXXXXX");
	buf_addc(&t->text, to[at - from]);
	l->p += 2;
	return 0;
}

/* Of a literal before "${~", the blanks at its end. */
static void hcl_trim_before(struct hcl_template *t)
{
	if (t->last && t->last->kind == PART_LITERAL)
		t->last->n -= hcl_spaces_behind(t->last->text, t->last->n);
}

static int template_close(struct hcl_template *t, bool was)
{
	struct hcl_parser *p = t->p;
	const int kind = hcl_peek(&p->l)->kind;

	if (kind != '}' && kind != TOKEN_TRIM)
		return parser_missing(p,
				      "\"}\" (where no template is meant, \"${\" is written \"$${\", \"%{\" is written \"%%{\")");
	t->trim_next = kind == TOKEN_TRIM;
	(void)hcl_read_token(&p->l);
	(void)hcl_skip_lines(&p->l, was);
	return 0;
}

static int directive_for(struct hcl_template *t, struct template_part *part)
{
	struct hcl_parser *p = t->p;
	struct hcl_expr *e = part->expr = expr_new(p->h, EXPR_FOR, part->at);
	struct hcl_token name;

	if (!e)
		return -ERR_EXHAUSTED;
	for (int i = 0; i < 2; i++) {
		if (hcl_peek(&p->l)->kind != TOKEN_NAME)
			return parser_missing(p, "a name behind \"for\"");
		name = hcl_read_token(&p->l);
		e->for_key = e->text;
		e->text = hcl_copy(p->h, name.begin, (size_t)(name.end - name.begin));
		if (!e->text)
			return -ERR_EXHAUSTED;
		if (i || hcl_peek(&p->l)->kind != ',')
			break;
		(void)hcl_read_token(&p->l);
	}
	if (!hcl_is_name(hcl_peek(&p->l), "in"))
		return parser_missing(p, "\"in\"");
	(void)hcl_read_token(&p->l);
	return expr_add(p->h, e, parse_expr(p)) ? 0 : -ERR_INVALID;
}

/* Behind %{. */
static int template_directive(struct hcl_template *t, struct node_place at)
{
	static const struct {
		const char *word;
		enum part_kind kind;
	} words[] = {
		{ "if", PART_IF }, { "else", PART_ELSE }, { "endif", PART_ENDIF }, { "for", PART_FOR }, { "endfor", PART_ENDFOR }
	};
	struct hcl_parser *p = t->p;
	struct template_part *part;
	size_t i = 0;

	while (i < sizeof words / sizeof *words && !hcl_is_name(hcl_peek(&p->l), words[i].word))
		i++;
	if (i == sizeof words / sizeof *words)
		return parser_missing(p, "if, else, endif, for or endfor behind \"%{\" (a literal one is \"%%{\")");
	(void)hcl_read_token(&p->l);
	part = part_add(t, words[i].kind, at);
	if (!part)
		return -ERR_EXHAUSTED;
	if (part->kind == PART_FOR)
		return directive_for(t, part);
	if (part->kind == PART_IF)
		part->expr = parse_expr(p);
	return part->kind == PART_IF && !part->expr ? -ERR_INVALID : 0;
}

/* A name that alone fills "${ }" is written with it, blanks and all, should it mean nothing here. The lexer stands before what
 * closes. */
static void name_as_written(const char *begin, const struct hcl_lexer *l, struct hcl_expr *e)
{
	const char *end = e->kind == EXPR_NAME ? e->end : NULL;

	if (!end || begin + 2 + strspn(begin + 2, " ") != e->begin)
		return;
	while (end < l->end && *end == ' ')
		end++;
	if (end == l->end || *end != '}')
		return;
	e->begin = begin;
	e->end = end + 1;
	e->quoted = true;
}

/* At ${ or %{. */
static int template_sequence(struct hcl_template *t)
{
	struct hcl_parser *p = t->p;
	struct hcl_lexer *l = &p->l;
	const struct node_place at = hcl_place(l, l->p);
	const bool value = *l->p == '$', was = hcl_skip_lines(l, true);
	const char *begin = l->p;
	int r = parser_down(p, at);

	l->p += 2;
	if (r >= 0 && l->p < l->end && *l->p == '~' && !(l->p + 1 < l->end && l->p[1] == '}')) {
		hcl_trim_before(t);
		l->p++;
	}
	if (r < 0)
		return r;
	t->line_begins = t->trim_next = false;
	l->has_next = false;
	if (value) {
		struct template_part *part = part_add(t, PART_VALUE, at);

		if (!part)
			return -ERR_EXHAUSTED;
		part->expr = parse_expr(p);
		r = part->expr ? 0 : -ERR_INVALID;
		if (r >= 0)
			name_as_written(begin, l, part->expr);
	} else {
		r = template_directive(t, at);
	}
	if (r < 0)
		return r;
	parser_up(p);
	return template_close(t, was);
}

/* Does the heredoc end with this line? Then p stands at the line's end after it. */
static bool heredoc_ends(struct hcl_template *t)
{
	struct hcl_lexer *l = &t->p->l;
	const char *end = memchr(l->p, '\n', (size_t)(l->end - l->p));
	size_t n, before;

	if (!end)
		return false;
	n = (size_t)(end - l->p);
	before = hcl_spaces_before(l->p, n);
	n -= before;
	n -= hcl_spaces_behind(l->p + before, n);
	if (n != t->marker_len || memcmp(l->p + before, t->marker, n) != 0)
		return false;
	l->p = end - (end > l->p && end[-1] == '\r');
	return true;
}

/* What a literal has at p that is not taken as it stands. */
static int template_special(struct hcl_template *t)
{
	struct hcl_lexer *l = &t->p->l;
	const size_t left = (size_t)(l->end - l->p);
	const char c = *l->p;

	if ((c == '$' || c == '%') && left > 2 && l->p[1] == c && l->p[2] == '{') {
		buf_addc(&t->text, c);
		buf_addc(&t->text, '{');
		l->p += 3;
		return 0;
	}
	if (c == '\\' && !t->marker && !t->bare)
		return template_escape(t);
	if (c == '\n' && !t->marker && !t->bare)
		return hcl_bad(t->p->h, t->open, "a text without an end on its line (of several lines: <<EOF)");
	if (!c)
		return hcl_bad(t->p->h, hcl_place(l, l->p), "a NUL in a text");
	buf_addc(&t->text, c);
	l->p++;
	if (c == '\n')
		hcl_new_line(l, l->p);
	return 0;
}

static bool hcl_at_sequence(const struct hcl_lexer *l)
{
	return l->end - l->p > 1 && (*l->p == '$' || *l->p == '%') && l->p[1] == '{';
}

/* A literal: to a sequence, the end, or the end of a heredoc's line. */
static int template_literal(struct hcl_template *t)
{
	struct hcl_lexer *l = &t->p->l;
	const struct node_place at = hcl_place(l, l->p);
	int r = 0;

	while (r >= 0 && l->p < l->end && !hcl_at_sequence(l) && (t->marker || t->bare || *l->p != '"')) {
		const char *plain = l->p;

		while (plain < l->end && *plain && !strchr("$%\\\n\"", *plain))
			plain++;
		buf_add(&t->text, l->p, (size_t)(plain - l->p));
		if (plain > l->p) {
			l->p = plain;
			continue;
		}
		r = template_special(t);
		t->line_begins = t->marker && l->p[-1] == '\n';
		if (t->line_begins)
			break;
	}
	return r < 0 ? r : part_literal(t, at);
}

static int template_unended(struct hcl_template *t)
{
	return hcl_bad(t->p->h, t->open, t->marker ? "a heredoc without an end: no line has %.*s alone" : "a text without an end",
		       (int)t->marker_len, t->marker);
}

/* The whole row; p stands behind the end after it. */
static int template_parts(struct hcl_template *t)
{
	struct hcl_lexer *l = &t->p->l;

	for (;;) {
		int r;

		if (t->line_begins && heredoc_ends(t))
			break;
		if (l->p == l->end && t->bare)
			break;
		if (l->p == l->end)
			return template_unended(t);
		if (!t->marker && !t->bare && *l->p == '"') {
			l->p++;
			break;
		}
		r = hcl_at_sequence(l) ? template_sequence(t) : template_literal(t);
		if (r < 0)
			return r;
	}
	l->has_next = false;
	return part_add(t, PART_END, hcl_place(l, l->p)) ? 0 : -ERR_EXHAUSTED;
}

static size_t hcl_line_characters(const char *s, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += (s[i] & 0xc0) != 0x80;
	return count;
}

static bool hcl_ends_line(const struct template_part *part)
{
	return part->kind == PART_LITERAL && part->n && part->text[part->n - 1] == '\n';
}

/* How many blanks stand at the beginning of each line, of those that have anything else. */
static size_t flush_least(const struct hcl_template *t)
{
	size_t least = SIZE_MAX;
	bool begins = true;

	for (const struct template_part *part = t->first; part->kind != PART_END; part = part->next) {
		size_t blanks = part->kind == PART_LITERAL ? hcl_spaces_before(part->text, part->n) : 0;
		const bool blank_line = hcl_ends_line(part) && blanks == part->n;

		if (begins && !blank_line && hcl_line_characters(part->text, blanks) < least)
			least = hcl_line_characters(part->text, blanks);
		begins = hcl_ends_line(part);
	}
	return least;
}

/* <<-: takes that many off each. */
static void flush_lines(struct hcl_template *t)
{
	const size_t least = flush_least(t);
	bool begins = true;

	for (struct template_part *part = t->first; part->kind != PART_END; part = part->next) {
		const bool ends = hcl_ends_line(part), blank_line = ends && hcl_spaces_before(part->text, part->n) == part->n;

		for (size_t i = 0; begins && !blank_line && part->kind == PART_LITERAL && i < least && part->n; i++) {
			size_t one = hcl_space_len(part->text, part->n);

			part->text += one;
			part->n -= one;
		}
		begins = ends;
	}
}

static struct hcl_expr *template_row(struct hcl_template *t, struct node_place at);

/* At a literal; those behind it become one with it. */
static struct hcl_expr *template_melded(struct hcl_template *t)
{
	const struct template_part *first = t->at;

	buf_reset(&t->text);
	for (; t->at->kind == PART_LITERAL; t->at = t->at->next)
		buf_add(&t->text, t->at->text, t->at->n);
	return expr_value(t->p->h, hcl_text(t->p->h, buf_str(&t->text), t->text.len), first->at);
}

static const char *const directive_names[] = { [PART_IF] = "if",   [PART_ELSE] = "else",     [PART_ENDIF] = "endif",
					       [PART_FOR] = "for", [PART_ENDFOR] = "endfor", [PART_END] = "the end" };

static struct hcl_expr *directive_lost(struct hcl_template *t, const struct template_part *open, const char *wanted)
{
	if (open)
		(void)hcl_bad(t->p->h, open->at, "%%{ %s } without %%{ %s }", directive_names[open->kind], wanted);
	else
		(void)hcl_bad(t->p->h, t->at->at, "%%{ %s } without %s before it", directive_names[t->at->kind],
			      t->at->kind == PART_ENDFOR ? "a for" : "an if");
	return NULL;
}

static struct hcl_expr *template_if(struct hcl_template *t)
{
	const struct template_part *open = t->at;
	struct hcl *h = t->p->h;
	struct hcl_expr *e = expr_new(h, EXPR_CONDITION, open->at), *otherwise;

	t->at = t->at->next;
	if (!e || !expr_add(h, e, open->expr) || !expr_add(h, e, template_row(t, open->at)))
		return NULL;
	if (t->at->kind == PART_ELSE) {
		const struct node_place at = t->at->at;

		t->at = t->at->next;
		otherwise = template_row(t, at);
	} else {
		otherwise = expr_value(h, hcl_text(h, "", 0), open->at);
	}
	if (!expr_add(h, e, otherwise))
		return NULL;
	if (t->at->kind != PART_ENDIF)
		return directive_lost(t, open, "endif");
	t->at = t->at->next;
	return e;
}

static struct hcl_expr *template_for(struct hcl_template *t)
{
	const struct template_part *open = t->at;
	struct hcl *h = t->p->h;
	struct hcl_expr *join = expr_new(h, EXPR_JOIN, open->at);

	t->at = t->at->next;
	if (!join || !expr_add(h, open->expr, template_row(t, open->at)) || !expr_add(h, join, open->expr))
		return NULL;
	if (t->at->kind != PART_ENDFOR)
		return directive_lost(t, open, "endfor");
	t->at = t->at->next;
	return join;
}

/* To the end of the row, or a directive that ends what is open. */
static struct hcl_expr *template_row(struct hcl_template *t, struct node_place at)
{
	struct hcl *h = t->p->h;
	struct hcl_expr *e = expr_new(h, EXPR_TEMPLATE, at);

	if (!e || parser_down(t->p, at) < 0)
		return NULL;
	for (;;) {
		struct hcl_expr *child = NULL;

		switch (t->at->kind) {
		case PART_LITERAL: child = template_melded(t); break;
		case PART_VALUE:
			child = t->at->expr;
			t->at = t->at->next;
			break;
		case PART_IF: child = template_if(t); break;
		case PART_FOR: child = template_for(t); break;
		case PART_ELSE:
		case PART_ENDIF:
		case PART_ENDFOR:
		case PART_END: parser_up(t->p); return e;
		}
		if (!expr_add(h, e, child))
			return NULL;
	}
}

/* A text without any template is a value, an interpolation alone is what it interpolates. */
static struct hcl_expr *template_expr(struct hcl_template *t)
{
	struct hcl_expr *e;

	if (template_parts(t) < 0)
		return NULL;
	if (t->flush)
		flush_lines(t);
	t->at = t->first;
	if (t->first->kind == PART_VALUE && t->first->next->kind == PART_END) {
		e = expr_new(t->p->h, EXPR_WRAP, t->open);
		return e && expr_add(t->p->h, e, t->first->expr) ? e : NULL;
	}
	e = template_row(t, t->open);
	if (e && t->at->kind != PART_END)
		return directive_lost(t, NULL, NULL);
	if (e && !e->first)
		return expr_value(t->p->h, hcl_text(t->p->h, "", 0), t->open);
	if (!e || e->n > 1 || e->first->kind != EXPR_VALUE)
		return e;
	e->first->at = t->open;
	return e->first;
}

/* Quotes with nothing in them that is not taken as it stands: nearly all. NULL, and no error: there is something. */
static struct hcl_expr *hcl_plain_text(struct hcl_parser *p, const struct hcl_token *open)
{
	const char *s = p->l.p, *end = s;
	struct hcl_expr *e;

	while (end < p->l.end && *end && !strchr("\"\\$%\n", *end))
		end++;
	if (end == p->l.end || *end != '"')
		return NULL;
	e = expr_value(p->h, hcl_text(p->h, s, (size_t)(end - s)), open->at);
	if (e)
		p->l.p = end + 1;
	return e;
}

static void heredoc_open(struct hcl_template *t, const struct hcl_token *open)
{
	t->marker = open->begin + 2;
	t->flush = *t->marker == '-';
	t->marker += t->flush;
	t->marker_len = (size_t)(open->end - t->marker);
	t->marker_len -= hcl_spaces_behind(t->marker, t->marker_len);
	t->line_begins = true;
}

struct hcl_expr *parse_template(struct hcl_parser *p, const struct hcl_token *open)
{
	struct hcl_template t = { .p = p, .open = open->at };
	struct hcl_expr *e = open->kind == TOKEN_QUOTE ? hcl_plain_text(p, open) : NULL;

	if (e || p->h->spent)
		return e;
	if (open->kind == TOKEN_HEREDOC)
		heredoc_open(&t, open);
	e = template_expr(&t);
	buf_done(&t.text);
	return e;
}

struct hcl_expr *parse_bare_template(struct hcl_parser *p)
{
	struct hcl_template t = { .p = p, .open = hcl_place(&p->l, p->l.p), .bare = true };
	struct hcl_expr *e;

	p->l.has_next = false;
	e = template_expr(&t);
	buf_done(&t.text);
	return e;
}

const char *parse_quoted(struct hcl_parser *p, const struct hcl_token *open)
{
	const struct hcl_expr *e = parse_template(p, open);

	if (e && e->kind != EXPR_VALUE)
		(void)hcl_bad(p->h, open->at, "a label with a template: a literal \"${\" is written \"$${\"");
	return e && e->kind == EXPR_VALUE ? e->value->text : NULL;
}
