/* Values as YAML and back, for yamlencode() and yamldecode(), by libyaml. */
#pragma once
#include "hcl-value.h"

/* Appended: blocks, texts in quotes or, with lines in them, as literals. -code: the error is set. */
int hcl_yaml_write(struct hcl *, struct node_place at, const struct hcl_value *, struct buf *out);
/* As tree-yaml.h reads it. NULL: the error is set. */
const struct hcl_value *hcl_yaml_read(struct hcl *, struct node_place at, const char *s, size_t n);
