/* Expressions become values. */
#pragma once
#include "hcl-syntax.h"

/* Names that a for or a dynamic block made, the innermost first. */
struct hcl_scope {
	const char *name;
	const struct hcl_value *value;
	const struct hcl_scope *outer;
};

/* NULL: the error is set. */
const struct hcl_value *hcl_eval(struct hcl *, const struct hcl_expr *, const struct hcl_scope *);
/* The same, and it is a text, else the error says that @what is none. */
const char *hcl_eval_text(struct hcl *, const struct hcl_expr *, const struct hcl_scope *, const char *what);
/* After a NULL: is the error one that try() goes on from? Then it is forgotten. */
bool hcl_forget(struct hcl *);
