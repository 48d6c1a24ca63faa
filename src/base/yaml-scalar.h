/* What a plain scalar of YAML is. Sources: YAML 1.2.2, 10.3.2 (core schema); YAML 1.1's types. */
#pragma once
#include "tree.h"

/* NODE_NULL, NODE_BOOL, NODE_NUMBER or NODE_TEXT; of a bool *@ret_yes. */
enum node_kind yaml_plain(const char *text, size_t len, bool *ret_yes);
