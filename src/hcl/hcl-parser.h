/* Between the files of the parser: hcl-parser.c (bodies), hcl-expr.c (expressions), hcl-template.c (what stands in quotes). */
#pragma once
#include "hcl-lexer.h"
#include "hcl-syntax.h"

struct hcl_parser {
	struct hcl_lexer l;
	struct hcl *h;
	unsigned depth; /* what is open around the token */
};

/* One level deeper: -ERR_INVALID: too deep. Then parser_up(). */
int parser_down(struct hcl_parser *, struct node_place);
static inline void parser_up(struct hcl_parser *p) { p->depth--; }

/* NULL: the error is set. */
struct hcl_expr *parse_expr(struct hcl_parser *);
/* At a quote or heredoc token that was just read; behind its end after it. */
struct hcl_expr *parse_template(struct hcl_parser *, const struct hcl_token *open);
/* Everything that is left, nothing escaped but "$${" and "%%{". */
struct hcl_expr *parse_bare_template(struct hcl_parser *);
/* Behind the quote: a text without templates, as labels are. */
const char *parse_quoted(struct hcl_parser *, const struct hcl_token *open);

struct hcl_expr *expr_new(struct hcl *, enum hcl_expr_kind, struct node_place);
/* The last child; false: too deep, the error is set. */
bool expr_add(struct hcl *, struct hcl_expr *, struct hcl_expr *child);
struct hcl_expr *expr_value(struct hcl *, const struct hcl_value *, struct node_place); /* NULL of NULL */

/* The next token of that kind is read. -ERR_INVALID: it is another. */
int parser_want(struct hcl_parser *, int kind, const char *wanted);
/* The error at that token: "WHAT is missing, not TOKEN"; the lexer's own where it has one. */
int parser_missing(struct hcl_parser *, const char *what);
