/* A recursive descent over the tokens, one ahead. Depth counts blocks and parentheses alike. */
#include "template-tree.h"
#include "mem.h"
#include "name.h"
#include <stdlib.h>
#include <string.h>

enum { NODES_MAX = 20000 };

struct parser {
	struct lex lex;
	struct token token; /* the next one */
	struct strv names;  /* variables that are known here */
	const struct template_style *style;
	size_t depth, nodes, ranges;
};

static int parser_wrong(const struct parser *p, struct err *err, const char *what)
{
	return lex_error(p->lex.text, p->token.at, err, "%s", what);
}

static int advance(struct parser *p, struct err *err) { return lex_next(&p->lex, &p->token, err); }

static bool at_word(const struct parser *p, const char *word)
{
	return p->token.kind == TOKEN_WORD && !strcmp(buf_str(&p->token.text), word);
}

static int parser_enter(struct parser *p, struct err *err)
{
	if (++p->depth > TEMPLATE_DEPTH)
		return parser_wrong(p, err, "nested too deep");
	return 0;
}

static int count(struct parser *p, struct err *err)
{
	if (++p->nodes > NODES_MAX)
		return parser_wrong(p, err, "the template has too many parts");
	return 0;
}

static void pipe_free(struct pipe *p);

static void operand_done(struct operand *o)
{
	free(o->name);
	json_freep(&o->value);
	pipe_free(o->pipe);
	strv_done(&o->fields);
}

static void pipe_free(struct pipe *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++) {
		for (size_t k = 0; k < p->v[i].n; k++)
			operand_done(&p->v[i].v[k]);
		free(p->v[i].v);
	}
	free(p->v);
	strv_done(&p->names);
	free(p);
}

static void nodes_free(struct node *n)
{
	while (n) {
		struct node *next = n->next;

		free(n->text);
		pipe_free(n->pipe);
		nodes_free(n->body);
		nodes_free(n->otherwise);
		free(n);
		n = next;
	}
}

static int parse_pipe(struct parser *p, struct pipe **ret, struct err *err);

static int number(struct parser *p, struct operand *o, struct err *err)
{
	const char *s = buf_str(&p->token.text);
	char *end;
	long long n;
	double d;

	errno = 0;
	n = strtoll(s, &end, 0);
	if (!*end && !errno) {
		o->value = json_object_new_int64(n);
		return 0;
	}
	d = strtod(s, &end);
	if (*end || !(d > -1e300 && d < 1e300) || strpbrk(s, "xX"))
		return parser_wrong(p, err, "not a number");
	o->value = json_object_new_double(d);
	return 0;
}

static int word(struct parser *p, struct operand *o, struct err *err)
{
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_free_ char *list = NULL;
	const char *s = buf_str(&p->token.text), *near;
	int r;

	if (!strcmp(s, "true") || !strcmp(s, "false")) {
		o->value = json_object_new_boolean(s[0] == 't');
		return 0;
	}
	if (!strcmp(s, "nil"))
		return 0;
	o->kind = OPERAND_FUNC;
	if (func_find(p->style, s, &o->func))
		return 0;
	func_names(p->style, &names);
	list = strv_join(&names, " ");
	near = name_nearest(s, (const char *const *)strv_argv(&names), names.n);
	r = lex_error(p->lex.text, p->token.at, err, "no function %.80s: there are %s", s, list);
	return near ? err_hint(err, r, "did you mean %s?", near) : r;
}

static int variable(struct parser *p, struct operand *o, struct err *err)
{
	const char *s = buf_str(&p->token.text);

	if (*s && !strv_has(&p->names, s))
		return lex_error(p->lex.text, p->token.at, err, "no variable $%.80s was declared", s);
	o->name = mem_strdup(s);
	return 0;
}

static int parentheses(struct parser *p, struct operand *o, struct err *err)
{
	int r = parser_enter(p, err);

	if (r >= 0)
		r = advance(p, err);
	if (r >= 0)
		r = parse_pipe(p, &o->pipe, err);
	if (r >= 0 && p->token.kind != TOKEN_RIGHT)
		return parser_wrong(p, err, ") is missing");
	p->depth--;
	return r;
}

/* The operand itself, at its token. */
static int operand_head(struct parser *p, struct operand *o, struct err *err)
{
	static const enum operand_kind kinds[] = {
		[TOKEN_DOT] = OPERAND_DOT,      [TOKEN_FIELD] = OPERAND_DOT,    [TOKEN_VARIABLE] = OPERAND_VARIABLE,
		[TOKEN_STRING] = OPERAND_VALUE, [TOKEN_NUMBER] = OPERAND_VALUE, [TOKEN_WORD] = OPERAND_VALUE,
		[TOKEN_LEFT] = OPERAND_PIPE,
	};
	const enum token_kind kind = p->token.kind;

	o->at = p->token.at;
	o->kind = kind <= TOKEN_LEFT ? kinds[kind] : OPERAND_DOT;
	if (kind == TOKEN_FIELD)
		strv_push(&o->fields, buf_str(&p->token.text));
	else if (kind == TOKEN_STRING)
		o->value = json_new_str(buf_str(&p->token.text));
	else if (kind == TOKEN_NUMBER)
		return number(p, o, err);
	else if (kind == TOKEN_WORD)
		return word(p, o, err);
	else if (kind == TOKEN_VARIABLE)
		return variable(p, o, err);
	else if (kind == TOKEN_LEFT)
		return parentheses(p, o, err);
	else if (kind != TOKEN_DOT)
		return parser_wrong(p, err, "a value is missing");
	return 0;
}

static int parse_operand(struct parser *p, struct operand *o, struct err *err)
{
	int r = count(p, err);

	if (r >= 0)
		r = operand_head(p, o, err);
	if (r >= 0)
		r = advance(p, err);
	while (r >= 0 && p->token.kind == TOKEN_FIELD && !p->token.spaced) {
		if (o->kind == OPERAND_VALUE || o->kind == OPERAND_FUNC)
			return parser_wrong(p, err, "what stands before has no fields");
		if (o->fields.n == TEMPLATE_DEPTH * 2)
			return parser_wrong(p, err, "nested too deep");
		strv_push(&o->fields, buf_str(&p->token.text));
		r = advance(p, err);
	}
	return r;
}

static bool ends_call(enum token_kind k) { return k == TOKEN_PIPE || k == TOKEN_CLOSE || k == TOKEN_RIGHT; }

static int parse_call(struct parser *p, struct call *c, struct err *err)
{
	int r = 0;

	do {
		c->v = mem_resize(c->v, (c->n + 1) * sizeof *c->v);
		c->v[c->n] = (struct operand){ .kind = OPERAND_VALUE };
		r = parse_operand(p, &c->v[c->n++], err);
	} while (r >= 0 && !ends_call(p->token.kind));
	return r;
}

static int parse_pipe(struct parser *p, struct pipe **ret, struct err *err)
{
	struct pipe *pipe = mem_new(struct pipe);
	int r;

	*ret = pipe; /* freed with what it belongs to, also after an error */
	pipe->at = p->token.at;
	for (;;) {
		pipe->v = mem_resize(pipe->v, (pipe->n + 1) * sizeof *pipe->v);
		pipe->v[pipe->n] = (struct call){ 0 };
		r = parse_call(p, &pipe->v[pipe->n++], err);
		if (r < 0 || p->token.kind != TOKEN_PIPE)
			return r;
		r = advance(p, err);
		if (r < 0)
			return r;
		if (p->token.kind != TOKEN_WORD)
			return parser_wrong(p, err, "a function is missing behind |");
	}
}

/* What stands before := or =, if that is what it is: the names are then behind us. */
static int parse_names(struct parser *p, bool range, struct strv *names, bool *ret_assigns, struct err *err)
{
	const struct lex before = p->lex;
	const struct token first = { .kind = p->token.kind, .at = p->token.at, .spaced = p->token.spaced };
	_cleanup_free_ char *text = mem_strdup(buf_str(&p->token.text));
	int r = 0;

	*ret_assigns = false;
	while (p->token.kind == TOKEN_VARIABLE && p->token.text.len && names->n < (range ? 2u : 1u)) {
		strv_push(names, buf_str(&p->token.text));
		r = advance(p, err);
		if (r < 0 || p->token.kind != TOKEN_COMMA)
			break;
		r = advance(p, err);
		if (r < 0)
			break;
	}
	if (r < 0)
		return r;
	if (names->n && (p->token.kind == TOKEN_DECLARE || p->token.kind == TOKEN_ASSIGN)) {
		*ret_assigns = p->token.kind == TOKEN_ASSIGN;
		return advance(p, err);
	}
	strv_done(names); /* it was a value */
	p->lex = before;
	p->token.kind = first.kind;
	p->token.at = first.at;
	p->token.spaced = first.spaced;
	buf_reset(&p->token.text);
	buf_adds(&p->token.text, text);
	return 0;
}

/* A pipe with the names that it is given, up to and with the action's end. */
static int parse_action(struct parser *p, bool range, struct pipe **ret, struct err *err)
{
	_cleanup_strv_ struct strv names = { 0 };
	size_t at = p->token.at;
	bool assigns;
	int r = parse_names(p, range, &names, &assigns, err);

	if (r >= 0)
		r = parse_pipe(p, ret, err);
	if (r < 0)
		return r;
	if (p->token.kind != TOKEN_CLOSE)
		return parser_wrong(p, err, "}} is missing");
	for (size_t i = 0; i < names.n; i++) {
		if (assigns && !strv_has(&p->names, names.v[i]))
			return lex_error(p->lex.text, at, err, "no variable $%.80s was declared", names.v[i]);
		if (!assigns)
			strv_push(&p->names, names.v[i]);
	}
	(*ret)->names = TAKE_STRUCT(names);
	(*ret)->assigns = assigns;
	return advance(p, err);
}

static void forget_names(struct parser *p, size_t n)
{
	while (p->names.n > n) {
		free(p->names.v[--p->names.n]);
		p->names.v[p->names.n] = NULL;
	}
}

static int parse_nodes(struct parser *p, bool nested, struct node **ret, struct err *err);

/* "{{end}}": the word is next. */
static int close_word(struct parser *p, struct err *err)
{
	int r = advance(p, err);

	if (r >= 0 && p->token.kind != TOKEN_CLOSE)
		return parser_wrong(p, err, "}} is missing");
	return r < 0 ? r : advance(p, err);
}

static int parse_block(struct parser *p, struct node *n, struct err *err);

/* Behind {{else: }} or another if or with. */
static int parse_else(struct parser *p, struct node *n, struct err *err)
{
	int r = advance(p, err);

	if (r < 0)
		return r;
	if (n->kind != NODE_RANGE && at_word(p, n->kind == NODE_IF ? "if" : "with")) {
		n->otherwise = mem_new(struct node);
		n->otherwise->kind = n->kind;
		return parse_block(p, n->otherwise, err); /* its end is ours, too */
	}
	if (p->token.kind != TOKEN_CLOSE)
		return parser_wrong(p, err, "}} is missing behind else");
	r = advance(p, err);
	if (r >= 0)
		r = parse_nodes(p, true, &n->otherwise, err);
	if (r >= 0 && !at_word(p, "end"))
		return parser_wrong(p, err, "{{end}} is missing");
	return r < 0 ? r : close_word(p, err);
}

/* if, with, range: from the word on, to behind its end. */
static int parse_block(struct parser *p, struct node *n, struct err *err)
{
	size_t names = p->names.n;
	int r = parser_enter(p, err);

	n->at = p->token.at;
	if (r >= 0)
		r = advance(p, err);
	if (r >= 0)
		r = parse_action(p, n->kind == NODE_RANGE, &n->pipe, err);
	p->ranges += n->kind == NODE_RANGE;
	if (r >= 0)
		r = parse_nodes(p, true, &n->body, err);
	p->ranges -= n->kind == NODE_RANGE;
	if (r < 0)
		return r;
	if (at_word(p, "else"))
		r = parse_else(p, n, err);
	else if (at_word(p, "end"))
		r = close_word(p, err);
	else
		r = parser_wrong(p, err, "{{end}} is missing");
	forget_names(p, names);
	p->depth--;
	return r;
}

/* The inside of an action, from its first token on, to behind }}. */
static int parse_inside(struct parser *p, struct node *n, struct err *err)
{
	static const struct {
		const char *word;
		enum node_kind kind;
	} blocks[] = {
		{ "if", NODE_IF },       { "with", NODE_WITH },         { "range", NODE_RANGE },
		{ "break", NODE_BREAK }, { "continue", NODE_CONTINUE },
	};
	static const char *const foreign[] = { "define", "template", "block" };

	n->at = p->token.at;
	n->kind = NODE_ACTION;
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
		if (at_word(p, foreign[i]))
			return parser_wrong(p, err, "templates within templates are none of davit's");
	for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
		if (at_word(p, blocks[i].word))
			n->kind = blocks[i].kind;
	if (n->kind == NODE_ACTION)
		return parse_action(p, false, &n->pipe, err);
	if (n->kind != NODE_BREAK && n->kind != NODE_CONTINUE)
		return parse_block(p, n, err);
	return p->ranges ? close_word(p, err) : parser_wrong(p, err, "outside of a range");
}

/* Up to the end of the text, or (@nested) to the word of an {{end}} or {{else}}. */
static int parse_nodes(struct parser *p, bool nested, struct node **ret, struct err *err)
{
	struct node **last = ret;
	int r = 0;

	while (r >= 0 && p->token.kind != TOKEN_END) {
		bool text = p->token.kind == TOKEN_TEXT;

		r = count(p, err);
		if (r >= 0 && !text)
			r = advance(p, err);
		if (r < 0)
			return r;
		if (!text && (at_word(p, "end") || at_word(p, "else")))
			return nested ? 0 : parser_wrong(p, err, "there is no if, with or range that it belongs to");
		*last = mem_new(struct node);
		if (text)
			(*last)->text = mem_strdup(buf_str(&p->token.text)); /* a zeroed node is one of text */
		r = text ? advance(p, err) : parse_inside(p, *last, err);
		last = &(*last)->next;
	}
	return r;
}

/* What a shell handed on unchanged between single quotes. Inside of actions strings do it by themselves. */
static char *unescape(const char *text)
{
	struct buf out = { 0 };
	bool inside = false;

	for (; *text; text++) {
		if (!strncmp(text, "{{", 2))
			inside = true;
		else if (!strncmp(text, "}}", 2))
			inside = false;
		if (!inside && text[0] == '\\' && (text[1] == 't' || text[1] == 'n'))
			buf_addc(&out, *++text == 't' ? '\t' : '\n');
		else
			buf_addc(&out, *text);
	}
	return buf_take(&out);
}

int template_parse(const char *text, struct template **ret, struct err *err) { return template_parse_style(text, NULL, ret, err); }

int template_parse_style(const char *text, struct template_style *style, struct template **ret, struct err *err)
{
	static const struct template_style dockers = { .open = "{{", .close = "}}" };
	_cleanup_(template_freep) struct template *t = mem_new(struct template);
	struct parser p = { .style = style ? style : &dockers };
	int r;

	if (strlen(text) > TEMPLATE_MAX)
		return err_set(err, ERR_INVALID, "template: longer than %d bytes", TEMPLATE_MAX);
	t->style = style;
	t->text = p.style->plain ? mem_strdup(text) : unescape(text);
	p.lex = (struct lex){ .text = t->text, .len = strlen(t->text), .open = p.style->open, .close = p.style->close };
	r = advance(&p, err);
	if (r >= 0)
		r = parse_nodes(&p, false, &t->root, err);
	buf_done(&p.token.text);
	strv_done(&p.names);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(t);
	return 0;
}

void template_free(struct template *t)
{
	if (!t)
		return;
	nodes_free(t->root);
	free(t->text);
	free(t);
}
