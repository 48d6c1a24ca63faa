/* Values of a template, for what it can call. Internal to template-*.c. */
#pragma once
#include "template-tree.h"

enum { TEMPLATE_WIDTH_MAX = 1000 }; /* of what is padded */

static inline bool value_is_text(json *j) { return json_object_is_type(j, json_type_string); }
static inline bool value_is_int(json *j) { return json_object_is_type(j, json_type_int); }
static inline bool value_is_number(json *j) { return value_is_int(j) || json_object_is_type(j, json_type_double); }

bool value_true(json *);
/* As print shows it. Bounded by @room: false when it is longer. */
bool value_print(json *, size_t room, struct buf *out);
/* The members of an object in order; the caller frees the array, not what it points to. */
const char **value_keys(json *object, size_t *ret_n);

/* An argument that is something else is an error that calls it @what. */
int value_want_text(json *, const char *what, struct err *err);
int value_want_int(json *, int64_t min, int64_t max, const char *what, int64_t *ret, struct err *err);
/* A text that was made, as a value; or that it is longer than @room. */
int value_give_text(struct buf *, size_t room, json **ret, struct err *err);
int value_too_long(struct err *err);
void value_cut(struct buf *, size_t characters); /* to that many */
/* Numbers with numbers, text with text; value_same() also true with false. Else an error. */
int value_compare(json *a, json *b, int *ret, struct err *err);
int value_same(json *a, json *b, bool *ret, struct err *err);

/* template-printf.c, as func_call() has it. */
int func_printf(const struct args *, size_t room, json **ret, struct err *err);
