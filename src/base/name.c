#include "name.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>
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

static bool same_letter(char a, char b) { return tolower((unsigned char)a) == tolower((unsigned char)b); }

/* How many letters must be added, left out, replaced, or swapped with their neighbour; a row for each letter of @a, of
 * which the last three are kept. Neither is longer than NEAREST_MAX. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][NEAREST_MAX + 1], n = strlen(b), i = 0;

	for (size_t j = 0; j <= n; j++)
		rows[0][j] = j;
	for (; a[i]; i++) {
		const size_t *before = rows[(i + 2) % 3], *above = rows[i % 3];
		size_t *row = rows[(i + 1) % 3];

		row[0] = i + 1;
		for (size_t j = 0; j < n; j++) {
			row[j + 1] = min3(above[j + 1] + 1, row[j] + 1, above[j] + !same_letter(a[i], b[j]));
			if (i && j && same_letter(a[i], b[j - 1]) && same_letter(a[i - 1], b[j]) && before[j - 1] + 1 < row[j + 1])
				row[j + 1] = before[j - 1] + 1;
		}
	}
	return rows[i % 3][n];
}

/* The candidate that @s begins; with @only NULL when there are several. */
static const char *find_longer(const char *s, const char *const *candidates, size_t n, bool only)
{
	const char *found = NULL;

	if (strlen(s) < PREFIX_MIN)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (strncasecmp(candidates[i], s, strlen(s)) != 0)
			continue;
		if (found)
			return only ? NULL : found;
		found = candidates[i];
	}
	return found;
}

const char *name_nearest(const char *s, const char *const *candidates, size_t n)
{
	size_t len = strlen(s), best = len / 3 + 1;
	const char *found;

	if (!len || len > NEAREST_MAX)
		return NULL;
	found = find_longer(s, candidates, n, true);
	if (found)
		return found;
	for (size_t i = 0; i < n; i++) {
		size_t d = strlen(candidates[i]) > NEAREST_MAX ? best : distance(s, candidates[i]);

		if (d < best) {
			best = d;
			found = candidates[i];
		}
	}
	return found ? found : find_longer(s, candidates, n, false);
}
