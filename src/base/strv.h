/* A vector of owned strings, always ended by NULL when not empty. A zeroed struct is an empty one. */
#pragma once
#include "attr.h"
#include <stdbool.h>
#include <stddef.h>

struct strv {
	char **v; /* NULL while empty: strv_argv() never is */
	size_t n, cap;
};

void strv_done(struct strv *);
void strv_push(struct strv *, const char *s); /* copies */
void strv_pushf(struct strv *, const char *fmt, ...) _printf_(2, 3);
void strv_own(struct strv *, char *s);                             /* takes @s over */
void strv_add(struct strv *, const struct strv *from);             /* copies all of @from */
void strv_split(struct strv *, const char *s, const char *any_of); /* pushes the non-empty parts of @s */
bool strv_has(const struct strv *, const char *s);
void strv_sort(struct strv *, size_t from);                /* by their bytes, from that one on */
char *strv_join(const struct strv *, const char *between); /* the caller frees; "" when empty */
char *const *strv_argv(const struct strv *);               /* NULL-terminated, never NULL */

/* The first of the @n texts that stood before; @n: none did. It goes by sorting: thousands with a long beginning in common are
 * no work to speak of. */
size_t texts_twice(const char *const *texts, size_t n);

/* "K=V" vectors, as environments are. */
const char *strv_env(const struct strv *, const char *key); /* the value or NULL */
void strv_setenv(struct strv *, const char *kv);            /* replaces an entry of the same key */
void strv_setenvs(struct strv *, const struct strv *from);  /* the same for each of @from; thousands cost no more each */

#define _cleanup_strv_ _cleanup_(strv_done)
