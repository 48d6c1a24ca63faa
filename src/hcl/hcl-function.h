/* The functions that Nomad's job files have, by the tables of hcl-fn-*.c. All of its list are here; bcrypt and
 * rsadecrypt say why they are refused. Beside them there are tostring, tonumber, tobool, tolist, toset, tomap. */
#pragma once
#include "hcl-eval.h"

/* A call under way. */
struct hcl_args {
	struct hcl *h;
	const char *name;
	struct node_place at; /* of the call */
	uint32_t n;
	const struct hcl_value **v;
	struct node_place *places; /* of the arguments */
};

struct hcl_function {
	const char *name;
	/* a letter an argument, the last for all further ones: t text, n number, i whole number, b bool, l list, set or tuple, s
	 * the same, made texts, m object or map, * anything, ? anything or null */
	const char *takes;
	unsigned least, most; /* how many; 0: no upper bound */
	const struct hcl_value *(*call)(struct hcl_args *);
};
extern const struct hcl_function hcl_text_functions[], hcl_format_functions[], hcl_list_functions[], hcl_map_functions[],
	hcl_number_functions[], hcl_encoding_functions[], hcl_hash_functions[], hcl_file_functions[], hcl_net_functions[],
	hcl_time_functions[]; /* ended by a NULL name */

/* @e is a call. NULL: the error is set. */
const struct hcl_value *hcl_call(struct hcl *, const struct hcl_expr *e, const struct hcl_scope *);

/* For the functions: the error at argument @i ("NAME: CAUSE"); NULL. */
const struct hcl_value *hcl_lost(struct hcl_args *, uint32_t i, const char *fmt, ...) _printf_(3, 4);
const struct hcl_value *hcl_gives(struct hcl_args *, const struct buf *); /* a text */
static inline const char *hcl_arg_text(const struct hcl_args *a, uint32_t i) { return a->v[i]->text; }
/* A whole number that fits; beyond that its bound. */
int hcl_arg_int(const struct hcl_args *, uint32_t i);
