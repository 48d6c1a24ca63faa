/* Types: of variables, and the one that the sides of a conditional or the elements of a list are made of. */
#pragma once
#include "hcl-syntax.h"

struct hcl_type {
	enum hcl_kind kind; /* HCL_NULL: any */
	uint32_t n;
	const char **keys;             /* of an object */
	const struct hcl_type **items; /* of a tuple or object; else one, of the elements */
	bool *optional;                /* of an object's attributes; NULL: none is */
};

/* string, number, bool, any, list(T), set(T), map(T), tuple([T, ...]), object({ KEY = T, ... }), there optional(T). */
int hcl_type_parse(struct hcl *, const struct hcl_expr *, const struct hcl_type **ret);
const struct hcl_type *hcl_type_of(struct hcl *, const struct hcl_value *); /* NULL: a bound is met */
/* What both can be made. NULL: there is none; or a bound is met, see h->spent. */
const struct hcl_type *hcl_type_common(struct hcl *, const struct hcl_type *, const struct hcl_type *);
/* @v as that. NULL: it cannot be; the error is at @at. */
const struct hcl_value *hcl_convert(struct hcl *, struct node_place at, const struct hcl_value *v, const struct hcl_type *);
/* A list of the values that are in @v, made of one type; @kind HCL_LIST or HCL_SET. */
const struct hcl_value *hcl_to_list(struct hcl *, struct node_place at, const struct hcl_value *v, enum hcl_kind kind);
