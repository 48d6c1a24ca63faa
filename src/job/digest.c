#include "digest.h"
#include <string.h>

bool digest_hex(const char *s, size_t n) { return strspn(s, "0123456789abcdef") >= n && s[n] == '\0'; }

bool digest_valid(const char *s) { return s && strncmp(s, "sha256:", 7) == 0 && digest_hex(s + 7, 64); }

const char *digest_digits(const char *s) { return strncmp(s, "sha256:", 7) == 0 ? s + 7 : s; }
