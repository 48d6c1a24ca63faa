/* Content digests as the OCI image specification writes them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { DIGEST_TEXT = 7 + 64 + 1 }; /* "sha256:" and 64 digits, with the NUL */

/* "sha256:" and 64 lower-case hexadecimal digits: the only kind that containerd's store keeps. */
bool digest_valid(const char *s);
/* @n digits of @s, and nothing else: a digest's beginning as people type it. */
bool digest_hex(const char *s, size_t n);
/* What stands behind "sha256:", or all of @s. */
const char *digest_digits(const char *s);
