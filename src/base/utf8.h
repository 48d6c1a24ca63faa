/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#pragma once
#include "buf.h"
#include <stdbool.h>

/* The length of the character at @s (@len > 0), 0 when it is none. */
size_t utf8_len(const char *s, size_t len);
bool utf8_valid(const char *s, size_t len);
void utf8_put(struct buf *, unsigned code_point);
/* Append @s; each byte that belongs to no character becomes U+FFFD. */
void utf8_mend(struct buf *out, const char *s, size_t len);
