/* A parsed template. Internal to template-*.c. */
#pragma once
#include "json.h"
#include "template.h"
#include "template-lex.h"

/* A function's number in template-func.c. */
typedef size_t func_id;

enum operand_kind { OPERAND_DOT, OPERAND_VARIABLE, OPERAND_VALUE, OPERAND_FUNC, OPERAND_PIPE };

struct operand {
	enum operand_kind kind;
	size_t at;
	char *name;  /* of a variable; "" is $ */
	json *value; /* of a literal; NULL: nil */
	func_id func;
	struct pipe *pipe;  /* in parentheses */
	struct strv fields; /* ".A.B" behind it */
};

struct call {
	struct operand *v;
	size_t n;
}; /* the first is called, or is the value */
struct pipe {
	struct call *v;
	size_t n;
	size_t at;
	struct strv names;
	bool assigns;
};
/* names: variables that are declared, or assigned; two in a range */

enum node_kind { NODE_TEXT, NODE_ACTION, NODE_IF, NODE_WITH, NODE_RANGE, NODE_BREAK, NODE_CONTINUE };
struct node {
	enum node_kind kind;
	size_t at;
	char *text;
	struct pipe *pipe;
	struct node *body, *otherwise, *next;
};

struct template
{
	char *text;
	struct node *root;
	struct template_style *style; /* borrowed */
};

enum { TEMPLATE_DEPTH = 32 };

/* template-func.c */
bool func_find(const struct template_style *, const char *name, func_id *ret);
bool func_is_lazy(func_id, bool *ret_until); /* and, or: what they need not know is not asked; until which truth */
/* "and, or, ..." */
void func_names(const struct template_style *, struct strv *out);

struct args {
	json **v;
	size_t n;
}; /* borrowed */
/* *ret is the caller's (may be NULL: nil). The error says what is wrong, without a position. @room: how many bytes a text that
 * is made may have. */
int func_call(const struct template_style *, func_id, const struct args *, size_t room, json **ret, struct err *err);
