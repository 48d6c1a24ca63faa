/* Names and ids. */
#pragma once
#include "err.h"
#include <stdbool.h>
#include <stddef.h>

/* What containerd takes as an id (and we as a job's name): ^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$, at most @max.
 * Source: reference containerd.md 0.12. */
bool name_valid(const char *s, size_t max);
enum { NAME_JOB_MAX = 63, NAME_ID_MAX = 76 };
/* -ERR_INVALID that names @noun, the name and the rule. */
int name_check(const char *noun, const char *s, size_t max, struct err *err);
/* @n lower-case hexadecimal digits from getrandom(2) into @out, with a NUL. */
void name_random(char *out, size_t n);
/* What a mistyped @s was meant to be, whatever its case: the one candidate that an @s of three characters or more begins,
 * else the nearest (a third of its letters may be wrong; two swapped ones count once), else the first that it begins, else
 * NULL. */
const char *name_nearest(const char *s, const char *const *candidates, size_t n);
