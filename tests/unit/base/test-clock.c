#include "test.h"
#include "clock.h"

#define S NSEC_PER_SEC

static void parses_rfc3339(void **state)
{
	static const struct {
		const char *s;
		int64_t want;
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-01T00:00:00.000000001Z", 1 },
		{ "1969-12-31T23:59:59.5Z", -S / 2 },
		{ "2006-01-02T15:04:05Z", 1136214245 * S },
		{ "2006-01-02T16:04:05+01:00", 1136214245 * S },
		{ "2006-01-02T07:34:05-07:30", 1136214245 * S },
		{ "2006-01-02t15:04:05z", 1136214245 * S },
		{ "2006-01-02 15:04:05Z", 1136214245 * S },
		{ "2006-01-02T15:04:05.123456789999Z", 1136214245 * S + 123456789 },
		{ "2024-02-29T00:00:00Z", 1709164800 * S },
		{ "2000-02-29T00:00:00Z", 951782400 * S },
		{ "2016-12-31T23:59:60Z", 1483228800 * S }, /* a leap second */
		{ "2262-04-11T23:47:16.854775807Z", INT64_MAX },
		{ "1677-09-21T00:12:44Z", -INT64_C(9223372036) * S },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err err = ERR_INIT;
		int64_t got = 42;

		assert_int_equal(clock_parse(rows[i].s, &got, &err), 0);
		assert_int_equal(got, rows[i].want);
	}
}

static void refuses_what_is_no_time(void **state)
{
	static const char *const rows[] = {
		"",
		"Z",
		"2006",
		"2006-01-02",
		"2006-01-02T15:04:05",
		"2006-01-02T15:04:05.Z",
		"2006-1-2T15:04:05Z",
		" 2006-01-02T15:04:05Z",
		"2006-01-02T15:04:05Z ",
		"2006-01-02T15:04:05+1:00",
		"2006-01-02T15:04:05+ 1: 0",
		"2006-01-02T15:04:05+01",
		"2006-01-02T15:04:05+24:00",
		"2006-01-02T15:04:05+01:60",
		"2006-01-02T24:00:00Z",
		"2006-01-02T15:60:05Z",
		"2006-01-02T15:04:61Z",
		"2006-13-02T15:04:05Z",
		"2006-00-02T15:04:05Z",
		"2006-01-00T15:04:05Z",
		"2006-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"2006-04-31T00:00:00Z",
		"0001-01-01T00:00:00Z",
		"1600-01-01T00:00:00Z",
		"2262-04-11T23:47:16.854775808Z",
		"9999-12-31T23:59:59Z",
		"+006-01-02T15:04:05Z",
		"2006-01-02T15:04:-5Z",
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err err = ERR_INIT;
		int64_t got = 42;

		if (clock_parse(rows[i], &got, &err) != -ERR_INVALID)
			fail_msg("\"%s\" was taken", rows[i]);
		assert_int_equal(got, 42);
		assert_non_null(strstr(err.msg, rows[i]));
	}
}

static void writes_what_it_reads(void **state)
{
	static const struct {
		int64_t ns;
		const char *want;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000000000Z" },
		{ -1, "1969-12-31T23:59:59.999999999Z" },
		{ 1136214245 * S + 5, "2006-01-02T15:04:05.000000005Z" },
		{ INT64_MAX, "2262-04-11T23:47:16.854775807Z" },
		{ INT64_MIN, "1677-09-21T00:12:43.145224192Z" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[CLOCK_TEXT];

		assert_string_equal(clock_rfc3339(rows[i].ns, text), rows[i].want);
	}
}

static void parses_spans(void **state)
{
	static const struct {
		const char *s;
		int64_t want;
	} rows[] = {
		{ "0", 0 },           { "10", 10 * S },
		{ "10s", 10 * S },    { "1.5s", S * 3 / 2 },
		{ "500ms", S / 2 },   { "1h30m", 5400 * S },
		{ "2d", 172800 * S }, { "1m1s1ms1us1ns", 61 * S + 1001001 },
		{ "0.5", S / 2 },     { "36500d", INT64_C(3153600000) * S },
		{ "1h1h", 7200 * S },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err err = ERR_INIT;
		int64_t got = 42;

		assert_int_equal(clock_parse_span(rows[i].s, &got, &err), 0);
		assert_int_equal(got, rows[i].want);
	}
}

static void refuses_what_is_no_span(void **state)
{
	static const char *const rows[] = {
		"",
		"s",
		"-1s",
		"+1s",
		" 1s",
		"1 s",
		"1s ",
		"1x",
		"1sm",
		"1e3",
		"0x10",
		"0x1p3s",
		"nan",
		"inf",
		"1..5s",
		"1.5.5s",
		".5s",
		"36501d",
		"99999999999999999999999999s",
		"1h30",
		"30 1h",
		"1h-30m",
		"1mm",
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err err = ERR_INIT;
		int64_t got = 42;

		if (clock_parse_span(rows[i], &got, &err) != -ERR_INVALID)
			fail_msg("\"%s\" was taken", rows[i]);
		assert_int_equal(got, 42);
	}
}

static void parses_epochs(void **state)
{
	static const struct {
		const char *s;
		int64_t want;
	} rows[] = {
		{ "0", 0 },
		{ "1", S },
		{ "1700000000", 1700000000 * S },
		{ "1700000000.5", 1700000000 * S + S / 2 },
		{ "1700000000.123456789", 1700000000 * S + 123456789 },
		{ "7.0000000019", 7 * S + 1 },
		{ "9223372036", 9223372036 * S },
	};
	static const char *const bad[] = { "",   ".",  ".5",  "1.",   "1.x",   "-1",         "+1",          " 1",
					   "1 ", "1s", "1e3", "0x10", "1.5.5", "9223372037", "99999999999", "1,5" };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t got = 42;

		assert_int_equal(clock_parse_epoch(rows[i].s, &got, NULL), 0);
		assert_int_equal(got, rows[i].want);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int64_t got = 42;

		if (clock_parse_epoch(bad[i], &got, NULL) != -ERR_INVALID)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_int_equal(got, 42);
	}
}

static void runs_forward(void **state)
{
	int64_t a = clock_mono(), b = clock_mono();

	(void)state;
	assert_true(a > 0 && b >= a);
	assert_true(clock_wall() > 1700000000 * S);
}

RUN_TESTS("clock", cmocka_unit_test(parses_rfc3339), cmocka_unit_test(refuses_what_is_no_time),
	  cmocka_unit_test(writes_what_it_reads), cmocka_unit_test(parses_spans), cmocka_unit_test(refuses_what_is_no_span),
	  cmocka_unit_test(parses_epochs), cmocka_unit_test(runs_forward))
