/* What the parser makes of a file: bodies of attributes and blocks, expressions. All in the memory of the struct hcl; children are
 * linked by @next in their order. */
#pragma once
#include "hcl-value.h"

enum __attribute__((packed)) hcl_expr_kind {
	EXPR_VALUE,    /* @value */
	EXPR_TEMPLATE, /* a text of its children */
	EXPR_JOIN,     /* %{ for }: the texts of what its child, a for, gives */
	EXPR_WRAP,     /* parentheses, or a quoted "${...}" alone: its child */
	EXPR_NAME,     /* @text, then its children: steps. @begin to @end is how it is written */
	EXPR_STEPS,    /* the first child, then steps */
	EXPR_ATTR,     /* a step: .@text */
	EXPR_KEY,      /* a step: [@value] */
	EXPR_INDEX,    /* children: what, which */
	EXPR_SPLAT,    /* children: of what, each */
	EXPR_EACH,     /* in a splat's second child: the element */
	EXPR_NOT,
	EXPR_MINUS,
	EXPR_BINARY,    /* @op; two children */
	EXPR_CONDITION, /* three children */
	EXPR_FOR, /* @for_key (or NULL), @text; children: of what, value, then by @has_key the key, by @has_if the condition */
	EXPR_TUPLE,
	EXPR_OBJECT, /* key, value, key, value ... */
	EXPR_CALL,   /* @text, the arguments; @group: the last is spread */
};

enum __attribute__((packed)) hcl_op {
	OP_OR,
	OP_AND,
	OP_EQ,
	OP_NE,
	OP_GT,
	OP_GE,
	OP_LT,
	OP_LE,
	OP_ADD,
	OP_SUB,
	OP_MUL,
	OP_DIV,
	OP_MOD
};

struct hcl_expr {
	enum hcl_expr_kind kind;
	enum hcl_op op;
	bool object, has_key, has_if, group; /* of a for: braces, key =>, if, ... */
	bool parens;                         /* of a wrap */
	bool quoted;                         /* of a value: a text in quotes, so that as an index it is a step */
	uint8_t depth;                       /* of what is in it */
	uint32_t n;                          /* children */
	struct node_place at;
	struct hcl_expr *first, *last, *next;
	const char *text;
	union {
		const struct hcl_value *value;
		const char *for_key;
		struct {
			const char *begin, *end;
		};
	};
};

struct hcl_label {
	const char *text;
	struct node_place at;
	struct hcl_label *next;
};

/* An attribute (@expr) or a block (@body). */
struct hcl_item {
	const char *name;
	struct node_place at;
	struct hcl_expr *expr;
	struct hcl_label *labels;
	unsigned n_labels;
	struct hcl_body *body;
	struct hcl_item *next;
};

struct hcl_body {
	struct node_place at; /* of its brace */
	uint32_t n;
	struct hcl_item *first, *last;
};

/* A whole file. @data stays as long as what it gives. */
int hcl_parse_body(struct hcl *, const char *data, size_t len, struct hcl_body **ret);
/* One expression with nothing behind it, as -var gives them. */
int hcl_parse_expr(struct hcl *, const char *data, size_t len, struct hcl_expr **ret);
/* What stands between quotes where nothing is escaped but "$${" and "%%{": texts of JSON. */
int hcl_parse_template(struct hcl *, const char *data, size_t len, struct hcl_expr **ret);
