/* HCL as Nomad's job files use it, evaluated into a tree (tree.h).
 *
 * The tree of
 *	job "web" {
 *	  datacenters = ["dc1"]
 *	  group "a" { count = 2 }
 *	  group "b" {}
 *	  meta { k = "v" }
 *	}
 * is, keys at the left of a colon, MAP in braces, LIST in brackets:
 *	{ job: { web: { datacenters: ["dc1"], group: { a: { count: 2 } }, group: { b: {} }, meta: { k: "v" } } } }
 *
 * - A body (the root, too) is a NODE_MAP of its attributes and blocks in the order of the file; those that `dynamic` blocks make
 *   stand where the dynamic block stood.
 * - An attribute is a member whose @key is its name and whose value is any kind of node. It stands at most once in a body, and no
 *   block has its name.
 * - A block is a member whose @key is its type, with @block set and in @labels how many it has. Without labels its value is its
 *   body, else a NODE_MAP of one member with @block set, whose @key is the label and whose @labels is one less: type -> label ->
 *   (label ->) body, as in Nomad's JSON form. So `group "a" {}` (1, then 0) is told from `group { a {} }` (0, then 0).
 * - Blocks of one type that stand again are members of one key that stand again, one for each block, never a list: node_get() would
 *   find the last; hcl_next() goes through them.
 * - Objects, maps: NODE_MAP without @block, each key once. Tuples, lists, sets: NODE_LIST. null: NODE_NULL (for an attribute, Nomad
 *   takes it as not there). Numbers: NODE_NUMBER, whole ones as digits ("64"), others as "0.5", never with an exponent.
 * - @at of an attribute is where its value begins, of what stands in a literal list or object where that value begins; what a
 *   function, a variable or a condition gave has, with all below it, the place of the expression. Of a block's body it is its `{`.
 *   @key_at is where an attribute's name, a block's type, a label or an object's key stands.
 *
 * `variable`, `variables` and `locals` at the top are used up. Any other top-level block, and Nomad's rules of what may stand where
 * how often, are left to who reads the tree.
 *
 * In a block `config` a dynamic block is none, as in Nomad: only a driver knows what is a block there.
 *
 * What only the machine that runs the job knows stays a text: a name that is neither `var` nor `local` nor of an enclosing `for`,
 * `dynamic` stays as "${...}", as it was written: "${NOMAD_PORT_http}", "${env["HOME"]}", "${attr.cpu.arch}", "${meta.rack}";
 * so does one outside of quotes: `image = NOMAD_META_image`. "$${" and "%%{" are "${" and "%{".
 */
#pragma once
#include "strv.h"
#include "tree.h"

enum {
	HCL_SIZE_MAX = 1 << 20,    /* of a file, of a file that file() reads */
	HCL_DEPTH_MAX = 100,       /* of blocks and expressions in one another; the tree is never deeper than TREE_DEPTH_MAX */
	HCL_MEMORY_MAX = 24 << 20, /* bytes of expressions and their values */
	HCL_TREE_MAX = 24 << 20,   /* bytes of the tree */
	HCL_TEXT_MAX = 1 << 20,    /* bytes of a text that evaluation makes */
	HCL_WORK_MAX = 4000000,    /* steps of evaluation */
};

struct hcl_options {
	const struct strv *vars;      /* "NAME=VALUE" of -var; the last of a name counts. NULL: none */
	const struct strv *var_files; /* paths of -var-file, HCL or JSON. NULL: none */
	char *const *env;             /* "K=V" with NULL behind the last; of NOMAD_VAR_NAME=VALUE. NULL: none */
	const char *folder;           /* beneath which file() and its like read; NULL: they are refused */
};

/* Reads and evaluates @data. @tree is empty but for its file's name; what it holds after an error is only good for tree_done().
 * A variable's value comes from its default, the environment, var files, -var: what is further behind counts.
 * Blocks: on reading var files and what file() names.
 * -ERR_INVALID: "FILE:LINE:COLUMN: cause"; also of -ERR_NOT_FOUND and the like of a file that could not be read.
 * -ERR_EXHAUSTED: one of the bounds above. */
int hcl_read(const char *data, size_t len, const struct hcl_options *, struct tree *tree, struct err *err);

/* The next block of @type in @body: the first for NULL, else the one behind @before, which it gave. NULL: no further one. */
const struct node *hcl_next(const struct node *body, const char *type, const struct node *before);

/* The body of @block, which hcl_next() gave: behind its labels. */
const struct node *hcl_body(const struct node *block);

/* The member whose @key and @key_at are label number @i, from 0. NULL: it has not that many. */
const struct node *hcl_label(const struct node *block, unsigned i);
