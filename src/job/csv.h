/* A record of comma-separated values (RFC 4180), as --mount is one: a field that begins with a quote goes to the next single
 * quote, commas and all; two quotes in it are one. */
#pragma once
#include "err.h"
#include "strv.h"

/* Appends the fields of @s; "" has none. @noun, for errors: what @s is. */
int csv_split(const char *noun, const char *s, struct strv *out, struct err *err);
