/* Bodies: attributes and blocks, each on a line of its own. */
#include "hcl-parser.h"
#include "strv.h"
#include <string.h>

int parser_down(struct hcl_parser *p, struct node_place at)
{
	if (p->depth == HCL_DEPTH_MAX)
		return hcl_bad(p->h, at, "more than %d levels deep", HCL_DEPTH_MAX);
	p->depth++;
	return 0;
}

int parser_missing(struct hcl_parser *p, const char *what)
{
	const struct hcl_token *t = hcl_peek(&p->l);
	char room[32];

	return t->kind == TOKEN_BAD ? -ERR_INVALID : hcl_bad(p->h, t->at, "%s is missing before %s", what, hcl_token_name(t, room));
}

int parser_want(struct hcl_parser *p, int kind, const char *wanted)
{
	if (hcl_peek(&p->l)->kind != kind)
		return parser_missing(p, wanted);
	(void)hcl_read_token(&p->l);
	return 0;
}

static int parse_labels(struct hcl_parser *p, struct hcl_item *item)
{
	struct hcl_label **to = &item->labels;

	for (;; to = &(*to)->next) {
		const int kind = hcl_peek(&p->l)->kind;
		struct hcl_token t;

		if (kind != TOKEN_QUOTE && kind != TOKEN_NAME)
			return 0;
		t = hcl_read_token(&p->l);
		if (item->n_labels == 16)
			return hcl_bad(p->h, t.at, "a block with more than 16 labels");
		*to = hcl_new(p->h, struct hcl_label);
		if (!*to)
			return -ERR_EXHAUSTED;
		item->n_labels++;
		(*to)->at = t.at;
		(*to)->text = kind == TOKEN_QUOTE ? parse_quoted(p, &t) : hcl_copy(p->h, t.begin, (size_t)(t.end - t.begin));
		if (!(*to)->text)
			return -ERR_INVALID;
	}
}

static int parse_items(struct hcl_parser *p, struct hcl_body *body, int close);

/* { NAME = VALUE } on one line: one attribute, no block. */
static int parse_one_line(struct hcl_parser *p, struct hcl_body *body);

static int parse_hcl_block(struct hcl_parser *p, struct hcl_item *item)
{
	struct node_place at;
	int r = parse_labels(p, item);

	if (r < 0)
		return r;
	at = hcl_peek(&p->l)->at;
	r = parser_want(p, '{', "\"{\" on the same line");
	if (r >= 0)
		r = parser_down(p, at);
	if (r < 0)
		return r;
	item->body = hcl_new(p->h, struct hcl_body);
	if (!item->body)
		return -ERR_EXHAUSTED;
	item->body->at = at;
	r = hcl_peek(&p->l)->kind == TOKEN_NAME ? parse_one_line(p, item->body) : parse_items(p, item->body, '}');
	parser_up(p);
	return r;
}

static struct hcl_item *item_new(struct hcl_parser *p, struct hcl_body *body)
{
	const struct hcl_token t = hcl_read_token(&p->l);
	struct hcl_item *item = hcl_new(p->h, struct hcl_item);

	if (!item)
		return NULL;
	item->at = t.at;
	item->name = hcl_copy(p->h, t.begin, (size_t)(t.end - t.begin));
	if (!item->name)
		return NULL;
	if (body->last)
		body->last->next = item;
	else
		body->first = item;
	body->last = item;
	body->n++;
	return item;
}

static int parse_attribute(struct hcl_parser *p, struct hcl_item *item)
{
	(void)hcl_read_token(&p->l);
	item->expr = parse_expr(p);
	return item->expr ? 0 : -ERR_INVALID;
}

static int parse_one_line(struct hcl_parser *p, struct hcl_body *body)
{
	struct hcl_item *item = item_new(p, body);
	int r;

	if (!item)
		return -ERR_EXHAUSTED;
	if (hcl_peek(&p->l)->kind != '=')
		return parser_missing(p, "\"=\" (a block on one line has one attribute and no block)");
	r = parse_attribute(p, item);
	return r < 0 ? r : parser_want(p, '}', "\"}\" (a block on one line has one attribute)");
}

static int parse_item(struct hcl_parser *p, struct hcl_body *body)
{
	struct hcl_item *item = item_new(p, body);
	int kind, r;

	if (!item)
		return -ERR_EXHAUSTED;
	kind = hcl_peek(&p->l)->kind;
	if (kind == '=')
		r = parse_attribute(p, item);
	else if (kind == '{' || kind == TOKEN_QUOTE || kind == TOKEN_NAME)
		r = parse_hcl_block(p, item);
	else
		r = parser_missing(p, "\"=\" or \"{\"");
	if (r < 0)
		return r;
	kind = hcl_peek(&p->l)->kind;
	return kind == TOKEN_END ? 0 : parser_want(p, '\n', "the end of the line");
}

/* Of a body: no attribute stands twice, and none has a block's name. */
static int hcl_body_check(struct hcl_parser *p, const struct hcl_body *body)
{
	const char **names = hcl_array(p->h, const char *, body->n + 1);
	const struct hcl_item **items = hcl_array(p->h, const struct hcl_item *, body->n + 1);
	size_t n = 0, twice;

	if (!names || !items)
		return -ERR_EXHAUSTED;
	for (const struct hcl_item *i = body->first; i; i = i->next) {
		if (!i->expr)
			continue;
		items[n] = i;
		names[n++] = i->name;
	}
	twice = texts_twice(names, n);
	return twice == n ? 0 : hcl_bad(p->h, items[twice]->at, "%s is set twice", names[twice]);
}

static int parse_items(struct hcl_parser *p, struct hcl_body *body, int close)
{
	for (;;) {
		const struct hcl_token *t = hcl_peek(&p->l);
		int r = 0;

		if (t->kind == close) {
			(void)hcl_read_token(&p->l);
			return hcl_body_check(p, body);
		}
		if (t->kind == '\n')
			(void)hcl_read_token(&p->l);
		else if (t->kind == TOKEN_NAME)
			r = parse_item(p, body);
		else if (t->kind == TOKEN_END)
			r = hcl_bad(p->h, body->at, "a block without an end");
		else if (t->kind == TOKEN_QUOTE)
			r = hcl_bad(p->h, t->at, "the name of an attribute or a block stands without quotes");
		else
			r = parser_missing(p, "the name of an attribute or a block");
		if (r < 0)
			return r;
	}
}

int hcl_parse_body(struct hcl *h, const char *data, size_t len, struct hcl_body **ret)
{
	struct hcl_parser p = { .h = h };
	int r = hcl_lexer_init(&p.l, h, data, len);

	if (r < 0)
		return r;
	*ret = hcl_new(h, struct hcl_body);
	if (!*ret)
		return -ERR_EXHAUSTED;
	(*ret)->at = (struct node_place){ 1, 1 };
	return parse_items(&p, *ret, TOKEN_END);
}

static int parse_alone(struct hcl *h, const char *data, size_t len, struct hcl_expr *(*parse)(struct hcl_parser *),
		       struct hcl_expr **ret)
{
	struct hcl_parser p = { .h = h };
	int r = hcl_lexer_init(&p.l, h, data, len);

	if (r < 0)
		return r;
	(void)hcl_skip_lines(&p.l, true);
	*ret = parse(&p);
	if (!*ret)
		return -ERR_INVALID;
	return hcl_peek(&p.l)->kind == TOKEN_END ? 0 : parser_missing(&p, "the end");
}

int hcl_parse_expr(struct hcl *h, const char *data, size_t len, struct hcl_expr **ret)
{
	return parse_alone(h, data, len, parse_expr, ret);
}

int hcl_parse_template(struct hcl *h, const char *data, size_t len, struct hcl_expr **ret)
{
	return parse_alone(h, data, len, parse_bare_template, ret);
}
