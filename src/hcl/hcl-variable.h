/* `variable`, `variables`, `locals`, and what gives variables their values. */
#pragma once
#include "hcl-eval.h"

/* Reads the blocks of @root of those types and the options; then "var" and "local" are known. A local is evaluated when it is
 * first asked for. */
int hcl_variables(struct hcl *, const struct hcl_body *root);
/* Every variable has a value, and one that its validations take; every local can be evaluated. */
int hcl_variables_check(struct hcl *);
/* NULL: the error is set. */
const struct hcl_value *hcl_variable(struct hcl *, const char *name, struct node_place at);
const struct hcl_value *hcl_local(struct hcl *, const char *name, struct node_place at);
/* All of them, as an object: "var" alone. */
const struct hcl_value *hcl_names_object(struct hcl *, const struct hcl_names *, struct node_place at);
