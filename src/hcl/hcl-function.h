/* The functions that Nomad's job files have. */
#pragma once
#include "hcl-eval.h"

/* @e is a call. NULL: the error is set. */
const struct hcl_value *hcl_call(struct hcl *, const struct hcl_expr *e, const struct hcl_scope *);
