#include "test.h"
#include "clock.h"
#include "when.h"
#include <stdlib.h>
#include <time.h>

static void times(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* since 1970; -1: refused */
	} rows[] = {
		{ "2026-03-01T10:00:00Z", 1772359200 },
		{ "2026-03-01T10:00:00+01:00", 1772355600 },
		{ "2026-03-01T10:00:00", 1772352000 }, /* of this machine, two hours east */
		{ "2026-03-01T10:00", 1772352000 },
		{ "2026-03-01", 1772316000 },
		{ "1772352000", 1772352000 },
		{ "2024-02-29", 1709157600 },
		{ "2026-02-29", -1 },
		{ "2026-02-31T10:00:00", -1 },
		{ "2026-13-01", -1 },
		{ "yesterday", -1 },
		{ "", -1 },
	};

	(void)state;
	(void)setenv("TZ", "EET-2", 1);
	tzset();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err err = ERR_INIT;
		int64_t at = -1;
		int r = when_parse("flag --since", rows[i].text, &at, &err);

		if (r != (rows[i].seconds < 0 ? -ERR_INVALID : 0) || (r == 0 && at != rows[i].seconds * NSEC_PER_SEC))
			fail_msg("\"%s\": %d, %lld %s", rows[i].text, r, (long long)at, err.msg);
	}
}

static void how_long_ago(void **state)
{
	int64_t at, before = clock_wall();

	(void)state;
	assert_int_equal(when_parse("flag --since", "10m", &at, NULL), 0);
	assert_in_range(at, before - 600 * NSEC_PER_SEC, clock_wall() - 600 * NSEC_PER_SEC);
}

#define T(f) cmocka_unit_test(f)
RUN_TESTS("when", T(times), T(how_long_ago))
