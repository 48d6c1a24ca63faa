#include "when.h"
#include "clock.h"
#include <stdbool.h>
#include <time.h>

/* Without a zone it is the time of this machine; a day begins at midnight. A day that no month has is no time. */
static bool parse_local(const char *s, int64_t *ret)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d" };

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(s, forms[i], &tm);
		int day = tm.tm_mday;
		time_t t = end && !*end ? mktime(&tm) : -1;

		if (t >= 0 && t < INT64_MAX / NSEC_PER_SEC && tm.tm_mday == day) {
			*ret = t * NSEC_PER_SEC;
			return true;
		}
	}
	return false;
}

int when_parse(const char *noun, const char *s, int64_t *ret, struct err *err)
{
	int64_t span;

	if (clock_parse_epoch(s, ret, NULL) >= 0 || parse_local(s, ret) || clock_parse(s, ret, NULL) >= 0)
		return 0;
	if (clock_parse_span(s, &span, NULL) < 0)
		return err_set(err, ERR_INVALID, "%s is a time (2006-01-02T15:04:05Z) or how long ago (10m), not \"%s\"", noun, s);
	*ret = clock_wall() - span;
	return 0;
}
