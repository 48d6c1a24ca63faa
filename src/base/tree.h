/* What a file says, whatever it is written in: JSON (tree-json.h), later other forms. One tree, so that what reads it need not
 * know; each node knows where it stands, so that an error can say FILE:LINE:COLUMN. Nodes and texts live as long as their tree;
 * a tree of more than 64 MiB is refused while it grows. */
#pragma once
#include "err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TREE_DEPTH_MAX = 64, TREE_MAX = 64 << 20 };

/* From 1; columns count bytes. */
struct node_place {
	uint32_t line, column;
};

enum __attribute__((packed)) node_kind { NODE_NULL, NODE_BOOL, NODE_NUMBER, NODE_TEXT, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	bool block;                   /* HCL: a block or one of its labels, not an attribute (hcl.h) */
	uint8_t labels;               /* HCL: of a block, how many labels stand between it and its body */
	bool anchored;                /* YAML: it has an anchor, or what is below it */
	uint32_t n;                   /* members of a list or a map */
	struct node_place at, key_at; /* of the value, and of its key */
	const char *key;              /* of a member of a map, else NULL */
	union {
		bool yes;         /* NODE_BOOL */
		const char *text; /* NODE_TEXT, without a NUL in it; NODE_NUMBER, as it was written */
		struct node *first;
	};
	struct node *last, *next; /* members in order; a key may stand twice */
};

struct tree {
	const char *file; /* borrowed; what errors call it */
	struct node *root;
	struct tree_chunk *chunks;
	size_t used; /* bytes of all chunks */
};
void tree_done(struct tree *);
#define _cleanup_tree_ _cleanup_(tree_done)

/* For readers of a form. A new node, the last member of @parent (NULL: the root). NULL: the tree is full, see tree_full(). */
struct node *tree_add(struct tree *, struct node *parent, enum node_kind, struct node_place);
/* Room for a text of @n bytes with its NUL. NULL as above. */
char *tree_room(struct tree *, size_t n);
int tree_full(struct err *);

/* Wraps the error that @r came with: "FILE:LINE:COLUMN: cause". Returns @r. */
int tree_err(const struct tree *, struct node_place, int r, struct err *);

const struct node *node_get(const struct node *map, const char *key); /* the last of that key; NULL: none, or @map is no map */
const struct node *node_twice(const struct node *map);                /* the first member whose key stood before; NULL: none */
const char *node_text(const struct node *);                           /* of a text, else NULL */
/* Is it a whole number? *@ret_fits: of int64_t, and then *@ret is it. */
bool node_whole(const struct node *, int64_t *ret, bool *ret_fits);
bool node_number(const struct node *, double *ret); /* a number of any size: HUGE_VAL where it is too large */
