/* Bodies become nodes of a tree: attributes by their values, blocks by their bodies, dynamic blocks by what they repeat. */
#pragma once
#include "hcl-eval.h"

int hcl_tree(struct hcl *, const struct hcl_body *root, struct tree *);
