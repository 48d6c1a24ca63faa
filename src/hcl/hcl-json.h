/* Values as JSON, as Go's encoder writes it: no blanks, keys sorted, <, > and & as escapes. And back. */
#pragma once
#include "hcl-value.h"

int hcl_json_write(struct hcl *, struct node_place at, const struct hcl_value *,
		   struct buf *out); /* -ERR_INVALID: longer than a text may be */
void hcl_json_quote(struct buf *out, const char *s, size_t n);
const struct hcl_value *hcl_json_read(struct hcl *, struct node_place at, const char *s, size_t n); /* NULL: the error is set */

struct node;
/* A tree's node; @text gives the value of a text in it, NULL: the text itself. */
const struct hcl_value *hcl_from_node(struct hcl *, const struct node *,
				      const struct hcl_value *(*text)(struct hcl *, const struct node *));
