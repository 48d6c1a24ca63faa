/* A small map of owned strings in order of insertion: labels, annotations, options. Look-up is linear: it is for tens
 * of entries; what may be thousands is added by dict_add() and dict_append(). A zeroed struct is an empty one. */
#pragma once
#include "attr.h"
#include <stddef.h>

struct dict_entry {
	char *key, *value;
};
struct dict {
	struct dict_entry *v;
	size_t n, cap;
};

void dict_done(struct dict *);
void dict_set(struct dict *, const char *key, const char *value);    /* copies; replaces; a NULL value removes the key */
void dict_append(struct dict *, const char *key, const char *value); /* of a key that is not in it: it does not look */
void dict_setf(struct dict *, const char *key, const char *fmt, ...) _printf_(3, 4);
const char *dict_get(const struct dict *, const char *key); /* NULL when absent */
void dict_sort(struct dict *);                              /* by key */
void dict_add(struct dict *, const struct dict *from);      /* sets all of @from */

#define _cleanup_dict_ _cleanup_(dict_done)
