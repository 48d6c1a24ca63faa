/* What one reading of HCL shares: its memory, its bounds, where errors go. Everything below src/hcl that is not in hcl.h takes it.
 * Nothing in the memory is freed before all is. */
#pragma once
#include "hcl.h"

struct hcl_chunk;
struct hcl_names;

struct hcl {
	const char *file; /* what is read now, for errors: the job file, a var file, "-var NAME" */
	struct err *err;
	const char *who; /* a function that errors are about, or NULL */
	const struct hcl_options *options;
	struct hcl_chunk *chunks;
	size_t memory;
	size_t work;
	unsigned nested; /* evaluations in one another */
	bool spent;      /* a bound was met: neither try() nor can() goes on */
	/* evaluation */
	struct hcl_names *variables, *locals; /* NULL: "var" and "local" mean nothing here */
	bool plain;                           /* neither names nor functions: a default, a value of a var file */
	const struct hcl_value *each;         /* the element that a splat is at */
};
void hcl_done(struct hcl *);

/* Room for @n bytes, zeroed, for any type. NULL: the bound is met and the error set. */
void *hcl_take(struct hcl *, size_t n);
#define hcl_new(h, T) ((T *)hcl_take((h), sizeof(T)))
#define hcl_array(h, T, n) ((T *)hcl_take((h), sizeof(T) * (n)))
char *hcl_copy(struct hcl *, const char *s, size_t n); /* with a NUL behind it */

/* So many steps of work more. -ERR_EXHAUSTED: too many. */
int hcl_spend(struct hcl *, size_t steps);

/* A bound is met: in place of whatever error there is. */
int hcl_exhausted(struct hcl *, const char *what);

/* -ERR_INVALID with "FILE:LINE:COLUMN: " before it. The first error stays. */
int hcl_bad(struct hcl *, struct node_place, const char *fmt, ...) _printf_(3, 4);
/* The place in front of an error that is set. */
int hcl_at(struct hcl *, struct node_place, int r);
