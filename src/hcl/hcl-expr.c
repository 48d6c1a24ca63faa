/* Expressions, by the grammar: a conditional, operators by their precedence, a term, steps behind it. */
#include "hcl-parser.h"
#include <stdlib.h>
#include <string.h>

enum { NUMBER_TEXT_MAX = 400 };

static const struct {
	int token;
	enum hcl_op op;
	int level; /* what binds tighter has the higher one */
} binary_ops[] = {
	{ TOKEN_OR, OP_OR, 1 }, { TOKEN_AND, OP_AND, 2 }, { TOKEN_EQ, OP_EQ, 3 }, { TOKEN_NE, OP_NE, 3 }, { '>', OP_GT, 4 },
	{ TOKEN_GE, OP_GE, 4 }, { '<', OP_LT, 4 },        { TOKEN_LE, OP_LE, 4 }, { '+', OP_ADD, 5 },     { '-', OP_SUB, 5 },
	{ '*', OP_MUL, 6 },     { '/', OP_DIV, 6 },       { '%', OP_MOD, 6 },
};

struct hcl_expr *expr_new(struct hcl *h, enum hcl_expr_kind kind, struct node_place at)
{
	struct hcl_expr *e = hcl_new(h, struct hcl_expr);

	if (e) {
		e->kind = kind;
		e->at = at;
	}
	return e;
}

bool expr_add(struct hcl *h, struct hcl_expr *e, struct hcl_expr *child)
{
	if (!child)
		return false;
	if (child->depth >= HCL_DEPTH_MAX) {
		(void)hcl_bad(h, e->at, "an expression that is more than %d levels deep", HCL_DEPTH_MAX);
		return false;
	}
	if (e->depth <= child->depth)
		e->depth = child->depth + 1;
	if (e->last)
		e->last->next = child;
	else
		e->first = child;
	e->last = child;
	e->n++;
	return true;
}

struct hcl_expr *expr_value(struct hcl *h, const struct hcl_value *v, struct node_place at)
{
	struct hcl_expr *e = v ? expr_new(h, EXPR_VALUE, at) : NULL;

	if (e)
		e->value = v;
	return e;
}

/* @e with @first and, unless it is NULL, @second. */
static struct hcl_expr *expr_of(struct hcl *h, struct hcl_expr *e, struct hcl_expr *first, struct hcl_expr *second)
{
	return e && expr_add(h, e, first) && (!second || expr_add(h, e, second)) ? e : NULL;
}

static struct hcl_expr *expr_lost(struct hcl_parser *p, const char *what)
{
	(void)parser_missing(p, what);
	return NULL;
}

static struct hcl_expr *parse_number(struct hcl_parser *p)
{
	const struct hcl_token t = hcl_read_token(&p->l);
	const size_t n = (size_t)(t.end - t.begin);
	char text[NUMBER_TEXT_MAX];
	long double number;
	char *end;

	if (n >= sizeof text) {
		(void)hcl_bad(p->h, t.at, "a number of more than %d characters", NUMBER_TEXT_MAX);
		return NULL;
	}
	memcpy(text, t.begin, n);
	text[n] = '\0';
	number = strtold(text, &end);
	if (*end || number > 1e300L) {
		(void)hcl_bad(p->h, t.at, *end ? "not a number" : "a number that is too large");
		return NULL;
	}
	return expr_value(p->h, hcl_number(p->h, number), t.at);
}

/* In (), [] and ${} ends of lines are white space. */
static struct hcl_expr *parse_parens(struct hcl_parser *p)
{
	const struct hcl_token open = hcl_read_token(&p->l);
	const bool was = hcl_skip_lines(&p->l, true);
	struct hcl_expr *e = expr_new(p->h, EXPR_WRAP, open.at);

	if (!expr_of(p->h, e, parse_expr(p), NULL) || parser_want(p, ')', "\")\"") < 0)
		return NULL;
	e->parens = true;
	(void)hcl_skip_lines(&p->l, was);
	return e;
}

static const char *parse_name(struct hcl_parser *p, const char *what)
{
	struct hcl_token t;

	if (hcl_peek(&p->l)->kind != TOKEN_NAME) {
		(void)parser_missing(p, what);
		return NULL;
	}
	t = hcl_read_token(&p->l);
	return hcl_copy(p->h, t.begin, (size_t)(t.end - t.begin));
}

/* Behind "(": arguments, the last of which "..." may follow, and ")". */
static struct hcl_expr *parse_arguments(struct hcl_parser *p, struct hcl_expr *call)
{
	while (hcl_peek(&p->l)->kind != ')') {
		int kind;

		if (!expr_add(p->h, call, parse_expr(p)))
			return NULL;
		kind = hcl_peek(&p->l)->kind;
		if (kind == TOKEN_SPREAD) {
			(void)hcl_read_token(&p->l);
			call->group = true;
			if (hcl_peek(&p->l)->kind != ')')
				return expr_lost(p, "\")\" (\"...\" stands behind the last argument)");
		} else if (kind == ',') {
			(void)hcl_read_token(&p->l);
		} else if (kind != ')') {
			return expr_lost(p, "\",\" or \")\"");
		}
	}
	(void)hcl_read_token(&p->l);
	return call;
}

static struct hcl_expr *parse_arguments_of(struct hcl_parser *p, const struct hcl_token *name)
{
	struct hcl_expr *e = expr_new(p->h, EXPR_CALL, name->at);
	bool was;

	if (!e)
		return NULL;
	(void)hcl_read_token(&p->l);
	was = hcl_skip_lines(&p->l, true);
	e->text = hcl_copy(p->h, name->begin, (size_t)(name->end - name->begin));
	if (!e->text || !parse_arguments(p, e))
		return NULL;
	(void)hcl_skip_lines(&p->l, was);
	return e;
}

static struct hcl_expr *parse_expr_word(struct hcl_parser *p)
{
	static const struct {
		const char *word;
		const struct hcl_value *value;
	} words[] = { { "true", &hcl_true }, { "false", &hcl_false }, { "null", &hcl_null } };
	const struct hcl_token t = hcl_read_token(&p->l);
	struct hcl_expr *e;

	if (hcl_peek(&p->l)->kind == '(')
		return parse_arguments_of(p, &t);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (hcl_is_name(&t, words[i].word))
			return expr_value(p->h, words[i].value, t.at);
	e = expr_new(p->h, EXPR_NAME, t.at);
	if (!e)
		return NULL;
	e->begin = t.begin;
	e->end = t.end;
	e->text = hcl_copy(p->h, t.begin, (size_t)(t.end - t.begin));
	return e->text ? e : NULL;
}

/* Behind the bracket: "for" K, V "in" WHAT ":" ... */
static struct hcl_expr *parse_for(struct hcl_parser *p, struct hcl_expr *e, int close)
{
	struct hcl_expr *value;

	(void)hcl_read_token(&p->l);
	e->text = parse_name(p, "a name behind \"for\"");
	if (e->text && hcl_peek(&p->l)->kind == ',') {
		(void)hcl_read_token(&p->l);
		e->for_key = e->text;
		e->text = parse_name(p, "a second name behind \"for\"");
	}
	if (!e->text)
		return NULL;
	if (!hcl_is_name(hcl_peek(&p->l), "in"))
		return expr_lost(p, "\"in\"");
	(void)hcl_read_token(&p->l);
	if (!expr_add(p->h, e, parse_expr(p)) || parser_want(p, ':', "\":\"") < 0)
		return NULL;
	value = parse_expr(p);
	if (value && hcl_peek(&p->l)->kind == TOKEN_ARROW) {
		struct hcl_expr *key = value;

		(void)hcl_read_token(&p->l);
		e->has_key = true;
		if (!expr_add(p->h, e, parse_expr(p)) || !expr_add(p->h, e, key))
			return NULL;
	} else if (!expr_add(p->h, e, value)) {
		return NULL;
	}
	if (e->has_key != e->object) {
		(void)hcl_bad(p->h, e->at,
			      e->object ? "a for in braces wants KEY => VALUE"
					: "a for in brackets gives values, not KEY => VALUE");
		return NULL;
	}
	if (hcl_peek(&p->l)->kind == TOKEN_SPREAD && e->object) {
		(void)hcl_read_token(&p->l);
		e->group = true;
	}
	if (hcl_is_name(hcl_peek(&p->l), "if")) {
		(void)hcl_read_token(&p->l);
		e->has_if = true;
		if (!expr_add(p->h, e, parse_expr(p)))
			return NULL;
	}
	return parser_want(p, close, close == ']' ? "\"]\"" : "\"}\"") < 0 ? NULL : e;
}

static struct hcl_expr *parse_elements(struct hcl_parser *p, struct hcl_expr *e)
{
	while (hcl_peek(&p->l)->kind != ']') {
		int kind;

		if (!expr_add(p->h, e, parse_expr(p)))
			return NULL;
		kind = hcl_peek(&p->l)->kind;
		if (kind == ',')
			(void)hcl_read_token(&p->l);
		else if (kind != ']')
			return expr_lost(p, "\",\" or \"]\"");
	}
	(void)hcl_read_token(&p->l);
	return e;
}

static struct hcl_expr *parse_tuple(struct hcl_parser *p)
{
	const struct hcl_token open = hcl_read_token(&p->l);
	const bool was = hcl_skip_lines(&p->l, true);
	struct hcl_expr *e = expr_new(p->h, EXPR_TUPLE, open.at);

	if (!e)
		return NULL;
	if (hcl_is_name(hcl_peek(&p->l), "for")) {
		e->kind = EXPR_FOR;
		e = parse_for(p, e, ']');
	} else {
		e = parse_elements(p, e);
	}
	if (e)
		(void)hcl_skip_lines(&p->l, was);
	return e;
}

/* A name alone is itself, not what has that name: so are "true" and the like. */
static struct hcl_expr *parse_object_key(struct hcl_parser *p)
{
	const struct hcl_token t = *hcl_peek(&p->l);
	struct hcl_expr *e = parse_expr(p);

	if (!e || t.kind != TOKEN_NAME || e->kind == EXPR_CALL)
		return e;
	if (e->kind == EXPR_NAME && e->first) {
		(void)hcl_bad(p->h, t.at,
			      "a key that is a name with something behind it: put it in quotes, or in parentheses for its value");
		return NULL;
	}
	if (e->kind != EXPR_NAME && e->kind != EXPR_VALUE)
		return e;
	e = expr_value(p->h, hcl_text(p->h, t.begin, (size_t)(t.end - t.begin)), t.at);
	return e;
}

static struct hcl_expr *parse_members(struct hcl_parser *p, struct hcl_expr *e)
{
	for (;;) {
		int kind = hcl_peek(&p->l)->kind;

		if (kind == '\n') {
			(void)hcl_read_token(&p->l);
			continue;
		}
		if (kind == '}')
			break;
		if (kind == TOKEN_END) {
			(void)hcl_bad(p->h, e->at, "an object without an end");
			return NULL;
		}
		if (!expr_add(p->h, e, parse_object_key(p)))
			return NULL;
		kind = hcl_peek(&p->l)->kind;
		if (kind != '=' && kind != ':')
			return expr_lost(p, "\"=\" or \":\" behind a key");
		(void)hcl_read_token(&p->l);
		if (!expr_add(p->h, e, parse_expr(p)))
			return NULL;
		kind = hcl_peek(&p->l)->kind;
		if (kind == ',')
			(void)hcl_read_token(&p->l);
		else if (kind != '\n' && kind != '}')
			return expr_lost(p, "\",\", \"}\" or the end of the line");
	}
	(void)hcl_read_token(&p->l);
	return e;
}

static struct hcl_expr *parse_object(struct hcl_parser *p)
{
	const struct hcl_token open = hcl_read_token(&p->l);
	const bool was = hcl_skip_lines(&p->l, true);
	struct hcl_expr *e = expr_new(p->h, EXPR_OBJECT, open.at);

	if (!e)
		return NULL;
	if (hcl_is_name(hcl_peek(&p->l), "for")) {
		e->kind = EXPR_FOR;
		e->object = true;
		e = parse_for(p, e, '}');
	} else {
		(void)hcl_skip_lines(&p->l, false);
		e = parse_members(p, e);
	}
	if (e)
		(void)hcl_skip_lines(&p->l, was);
	return e;
}

static struct hcl_expr *parse_expr_operand(struct hcl_parser *p);

static struct hcl_expr *parse_unary(struct hcl_parser *p)
{
	const struct hcl_token t = hcl_read_token(&p->l);

	return expr_of(p->h, expr_new(p->h, t.kind == '-' ? EXPR_MINUS : EXPR_NOT, t.at), parse_expr_operand(p), NULL);
}

static struct hcl_expr *parse_term(struct hcl_parser *p)
{
	struct hcl_token t = *hcl_peek(&p->l);

	switch (t.kind) {
	case '(': return parse_parens(p);
	case TOKEN_NUMBER: return parse_number(p);
	case TOKEN_NAME: return parse_expr_word(p);
	case TOKEN_QUOTE:
	case TOKEN_HEREDOC: t = hcl_read_token(&p->l); return parse_template(p, &t);
	case '-':
	case '!': return parse_unary(p);
	case '[': return parse_tuple(p);
	case '{': return parse_object(p);
	default: return expr_lost(p, "a value");
	}
}

/* Behind @from, which a name or other steps stand in: one step more. */
static struct hcl_expr *hcl_step_add(struct hcl_parser *p, struct hcl_expr *from, struct hcl_expr *step)
{
	if (!step)
		return NULL;
	if (from->kind == EXPR_NAME) {
		from->end = p->l.p;
		return expr_add(p->h, from, step) ? from : NULL;
	}
	if (from->kind == EXPR_STEPS)
		return expr_add(p->h, from, step) ? from : NULL;
	return expr_of(p->h, expr_new(p->h, EXPR_STEPS, from->at), from, step);
}

/* Behind a dot: a name, or a number, which is an index. */
static struct hcl_expr *parse_dot_step(struct hcl_parser *p)
{
	const struct hcl_token t = *hcl_peek(&p->l);
	struct hcl_expr *e;

	if (t.kind == TOKEN_NUMBER) {
		if (memchr(t.begin, '.', (size_t)(t.end - t.begin))) {
			(void)hcl_bad(p->h, t.at, "two indexes behind dots: write [0][0]");
			return NULL;
		}
		e = parse_number(p);
		if (e)
			e->kind = EXPR_KEY;
		return e;
	}
	if (t.kind != TOKEN_NAME)
		return expr_lost(p, "a name behind \".\"");
	e = expr_new(p->h, EXPR_ATTR, t.at);
	if (e)
		e->text = parse_name(p, "a name");
	return e && e->text ? e : NULL;
}

static struct hcl_expr *parse_steps(struct hcl_parser *p, struct hcl_expr *e);

/* .* takes the names behind it, [*] all steps behind it. */
static struct hcl_expr *parse_splat(struct hcl_parser *p, struct hcl_expr *from, const struct hcl_token *t, bool dots)
{
	struct hcl_expr *each = expr_new(p->h, EXPR_EACH, t->at);

	if (!dots)
		each = each && parser_down(p, t->at) >= 0 ? parse_steps(p, each) : NULL;
	while (dots && each && hcl_peek(&p->l)->kind == '.') {
		(void)hcl_read_token(&p->l);
		each = hcl_step_add(p, each, parse_dot_step(p));
	}
	if (!dots && each)
		parser_up(p);
	return each ? expr_of(p->h, expr_new(p->h, EXPR_SPLAT, t->at), from, each) : NULL;
}

static struct hcl_expr *parse_dot(struct hcl_parser *p, struct hcl_expr *from)
{
	struct hcl_token t;

	(void)hcl_read_token(&p->l);
	if (hcl_peek(&p->l)->kind != '*')
		return hcl_step_add(p, from, parse_dot_step(p));
	t = hcl_read_token(&p->l);
	return parse_splat(p, from, &t, true);
}

static struct hcl_expr *parse_bracket(struct hcl_parser *p, struct hcl_expr *from)
{
	const struct hcl_token open = hcl_read_token(&p->l);
	struct hcl_expr *key;
	bool was;

	if (hcl_peek(&p->l)->kind == '*') {
		(void)hcl_read_token(&p->l);
		return parser_want(p, ']', "\"]\"") < 0 ? NULL : parse_splat(p, from, &open, false);
	}
	was = hcl_skip_lines(&p->l, true);
	key = parse_expr(p);
	if (!key || parser_want(p, ']', "\"]\"") < 0)
		return NULL;
	(void)hcl_skip_lines(&p->l, was);
	if (key->kind != EXPR_VALUE)
		return expr_of(p->h, expr_new(p->h, EXPR_INDEX, open.at), from, key);
	key->kind = EXPR_KEY;
	return hcl_step_add(p, from, key);
}

static struct hcl_expr *parse_steps(struct hcl_parser *p, struct hcl_expr *e)
{
	while (e) {
		const int kind = hcl_peek(&p->l)->kind;

		if (kind == '.')
			e = parse_dot(p, e);
		else if (kind == '[')
			e = parse_bracket(p, e);
		else
			break;
	}
	return e;
}

static struct hcl_expr *parse_expr_operand(struct hcl_parser *p)
{
	struct hcl_expr *e;

	if (parser_down(p, hcl_peek(&p->l)->at) < 0)
		return NULL;
	e = parse_steps(p, parse_term(p));
	if (e)
		parser_up(p);
	return e;
}

static size_t hcl_binary_op(int token)
{
	size_t i = 0;

	while (i < sizeof binary_ops / sizeof *binary_ops && binary_ops[i].token != token)
		i++;
	return i;
}

/* Operands with operators between them that bind at least as tightly as @level; what binds equally goes from left to right. */
static struct hcl_expr *parse_binary(struct hcl_parser *p, int level)
{
	struct hcl_expr *left = parse_expr_operand(p);

	while (left) {
		const size_t i = hcl_binary_op(hcl_peek(&p->l)->kind);
		struct hcl_expr *right, *both;

		if (i == sizeof binary_ops / sizeof *binary_ops || binary_ops[i].level < level)
			return left;
		(void)hcl_read_token(&p->l);
		right = parse_binary(p, binary_ops[i].level + 1);
		both = right ? expr_of(p->h, expr_new(p->h, EXPR_BINARY, left->at), left, right) : NULL;
		if (both)
			both->op = binary_ops[i].op;
		left = both;
	}
	return NULL;
}

static struct hcl_expr *parse_condition(struct hcl_parser *p, struct hcl_expr *condition)
{
	struct hcl_expr *e = expr_new(p->h, EXPR_CONDITION, condition->at);

	(void)hcl_read_token(&p->l);
	if (!e || !expr_add(p->h, e, condition) || !expr_add(p->h, e, parse_expr(p)) ||
	    parser_want(p, ':', "\":\" of the conditional") < 0)
		return NULL;
	return expr_add(p->h, e, parse_expr(p)) ? e : NULL;
}

struct hcl_expr *parse_expr(struct hcl_parser *p)
{
	struct hcl_expr *e;

	if (parser_down(p, hcl_peek(&p->l)->at) < 0)
		return NULL;
	e = parse_binary(p, 1);
	if (e && hcl_peek(&p->l)->kind == '?')
		e = parse_condition(p, e);
	if (e)
		parser_up(p);
	return e;
}
