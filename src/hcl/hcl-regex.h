/* Regular expressions in RE2's syntax, as Go has them: literals, ., classes, \d \w \s \b, groups, (?i) (?m) (?s), lazy repetitions.
 * A match takes time in proportion to text times expression, whatever both are, and spends it. Not here: \p, \Q.
 * Ours, since no library fits: RE2 is C++, PCRE2 goes back and so is bounded by steps where Go gives an answer, and either is a
 * library more for each start to load. */
#pragma once
#include "hcl-run.h"

enum { HCL_GROUPS_MAX = 20 };

struct hcl_regex;
struct hcl_match {
	int begin[HCL_GROUPS_MAX], end[HCL_GROUPS_MAX]; /* of all of it, then of each group; -1: it took no part */
};

struct hcl_regex *hcl_regex_compile(struct hcl *, struct node_place at, const char *pattern); /* NULL: the error is set */
/* The leftmost from offset @from on. 1: there is one. 0: none. -ERR_EXHAUSTED: too much work. */
int hcl_regex_match(struct hcl *, struct hcl_regex *, const char *text, int n, int from, struct hcl_match *ret);
int hcl_regex_group(const struct hcl_regex *, const char *name, size_t n); /* by number or name; -1: there is none */
