#include "name.h"
#include <ctype.h>
#include <string.h>
#include <sys/random.h>

bool name_valid(const char *s, size_t max)
{
	size_t n = strlen(s);

	if (!n || n > max || !isalnum((unsigned char)s[0]) || !isalnum((unsigned char)s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)s[i] < 0x80 && isalnum((unsigned char)s[i]))
			continue;
		if (!strchr("._-", s[i]) || !isalnum((unsigned char)s[i + 1]))
			return false;
	}
	return true;
}

int name_check(const char *noun, const char *s, size_t max, struct err *err)
{
	if (name_valid(s, max))
		return 0;
	return err_hint(err, err_set(err, ERR_INVALID, "%s \"%.80s\": not a valid name", noun, s),
			"use letters and digits, with single . _ or - between them, at most %zu characters", max);
}

void name_random(char *out, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char r[64];

	for (size_t i = 0; i < n; i++) {
		if (i % sizeof r == 0 && getrandom(r, sizeof r, 0) != (ssize_t)sizeof r)
			abort(); /* cannot fail below 256 bytes once the pool is there */
		out[i] = hex[r[i % sizeof r] & 15];
	}
	out[n] = '\0';
}

enum { NEAREST_MAX = 40, PREFIX_MIN = 3 };

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Levenshtein, one row at a time. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NEAREST_MAX + 1], n = strlen(b);

	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < n; j++) {
			size_t up = row[j + 1];

			row[j + 1] = min3(up + 1, row[j] + 1, diagonal + (a[i] != b[j]));
			diagonal = up;
		}
	}
	return row[n];
}

const char *name_nearest(const char *s, const char *const *candidates, size_t n)
{
	size_t len = strlen(s), best = len / 3 + 1;
	const char *found = NULL;

	if (len > NEAREST_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t d = strlen(candidates[i]) > NEAREST_MAX ? best + 1 : distance(s, candidates[i]);

		if (d < best || (d == best && !found)) {
			best = d;
			found = candidates[i];
		}
	}
	for (size_t i = 0; !found && len >= PREFIX_MIN && i < n; i++)
		if (strncmp(candidates[i], s, len) == 0)
			found = candidates[i];
	return found;
}
