/* A value while HCL is evaluated: immutable, shared, in the memory of its struct hcl. Kinds are those of HCL's type system, for
 * what tells them apart: a conditional's sides and a list's elements take a common type, and lists do not equal tuples. */
#pragma once
#include "buf.h"
#include "hcl-run.h"

enum __attribute__((packed)) hcl_kind {
	HCL_NULL,
	HCL_BOOL,
	HCL_NUMBER,
	HCL_TEXT,
	HCL_TUPLE, /* a literal list: its elements may be of any types */
	HCL_LIST,
	HCL_SET,    /* in the order of its elements, each once */
	HCL_OBJECT, /* by the order of its keys, each once */
	HCL_MAP,
};

struct hcl_value {
	enum hcl_kind kind;
	uint8_t depth;     /* see hcl_depth() */
	uint32_t n;        /* bytes of a text; elements */
	const char **keys; /* of an object or a map */
	union {
		bool yes;
		long double number;
		const char *text; /* ended by a NUL that does not count, none in it */
		const struct hcl_value **items;
	};
};

extern const struct hcl_value hcl_null, hcl_true, hcl_false;

/* NULL: the error is set. */
const struct hcl_value *hcl_number(struct hcl *, long double);
const struct hcl_value *hcl_text(struct hcl *, const char *s, size_t n);                      /* copies */
const struct hcl_value *hcl_text_buf(struct hcl *, struct node_place at, const struct buf *); /* also checks what a text may be */
struct hcl_value *hcl_items(struct hcl *, enum hcl_kind, size_t n); /* room for them, and for keys where there are */
/* An object or map of @n members whose keys come in any order; of a key that stands again the last counts. Both arrays are used up.
 */
const struct hcl_value *hcl_members(struct hcl *, enum hcl_kind, const char **keys, const struct hcl_value **items, size_t n);

/* Both arrays by key; what has the same key stays in order. */
int hcl_sort_members(struct hcl *, const char **keys, const struct hcl_value **items, size_t n);

static inline bool hcl_is_sequence(const struct hcl_value *v) { return v->kind >= HCL_TUPLE && v->kind <= HCL_SET; }
static inline bool hcl_is_mapping(const struct hcl_value *v) { return v->kind >= HCL_OBJECT; }

const struct hcl_value *hcl_member(const struct hcl_value *mapping, const char *key); /* NULL: it has none */
const char *hcl_kind_name(const struct hcl_value *);                                  /* "a number", "a list" */

/* As HCL writes a number: whole or with a fraction, never with an exponent. */
void hcl_number_text(struct buf *out, long double);

/* How many collections are in one another: 0 for what is none. What an expression gives is never deeper than TREE_DEPTH_MAX, so
 * that what walks through values may call itself. */
unsigned hcl_depth(const struct hcl_value *);

/* Negative, 0, positive: an order for sets; 0: equal. Spends what it takes. */
int hcl_compare(struct hcl *, const struct hcl_value *, const struct hcl_value *);

/* The text of a bool, number or text; NULL: it is none of them. NULL also when memory is up: see h->spent. */
const struct hcl_value *hcl_to_text(struct hcl *, const struct hcl_value *);
bool hcl_to_number(const struct hcl_value *, long double *ret);
bool hcl_to_bool(const struct hcl_value *, bool *ret);
