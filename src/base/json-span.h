/* A part of a JSON text without making a tree of the rest: of a long text of which little is wanted, many times. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* @s, @n: where an object stands; becomes where the object or array that is its @key stands, as it is written. False: it has none,
 * or the text is no such thing. What is found still has to be parsed, and only then is known to be JSON. */
bool json_span(const char **s, size_t *n, const char *key);
