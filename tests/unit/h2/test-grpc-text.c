#include "test.h"
#include "clock.h"
#include "grpc-text.h"

static void percent(void **state)
{
	static const struct {
		const char *plain, *coded;
	} both[] = {
		{ "", "" },
		{ "plain text ~!", "plain text ~!" },
		{ "100%", "100%25" },
		{ "a\nb\x7f", "a%0Ab%7F" },
		{ "\xc3\xbc\xff", "%C3%BC%FF" },
	};
	static const struct {
		const char *coded, *plain;
	} decoded[] = {
		{ "%c3%bC", "\xc3\xbc" }, { "%", "%" },   { "%4", "%4" },     { "%zz%4g%G4", "%zz%4g%G4" },
		{ "%%41", "%A" },         { "%00", "?" }, { "%41%4", "A%4" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof both / sizeof *both; i++) {
		_cleanup_buf_ struct buf coded = { 0 }, plain = { 0 };

		grpc_percent_encode(&coded, both[i].plain);
		assert_string_equal(buf_str(&coded), both[i].coded);
		grpc_percent_decode(&plain, buf_str(&coded), coded.len);
		assert_string_equal(buf_str(&plain), both[i].plain);
	}
	for (size_t i = 0; i < sizeof decoded / sizeof *decoded; i++) {
		_cleanup_buf_ struct buf plain = { 0 };

		grpc_percent_decode(&plain, decoded[i].coded, strlen(decoded[i].coded));
		assert_string_equal(buf_str(&plain), decoded[i].plain);
	}
}

/* At most eight digits; never shorter than what was asked for, nor longer by more than a millionth and a bit. */
static void timeouts_are_written(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
		{ 1, "1n" },
		{ 99999998, "99999998n" },
		{ 99999999, "100000u" },
		{ 100000001, "100001u" },
		{ 5 * NSEC_PER_SEC, "5000000u" },
		{ 99999 * NSEC_PER_SEC, "99999000m" },
		{ 100000 * NSEC_PER_SEC, "100000S" },
		{ INT64_MAX, "2562048H" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[GRPC_TIMEOUT_TEXT];
		int64_t back;

		assert_string_equal(grpc_timeout_format(cases[i].ns, text), cases[i].text);
		assert_int_equal(grpc_timeout_parse(text, strlen(text), &back, NULL), 0);
		assert_true(back >= cases[i].ns);
	}
	for (int64_t ns = 1; ns < INT64_MAX / 3; ns = ns * 3 + 1) {
		char text[GRPC_TIMEOUT_TEXT];
		int64_t back;

		grpc_timeout_format(ns, text);
		assert_true(strlen(text) <= 9);
		assert_int_equal(grpc_timeout_parse(text, strlen(text), &back, NULL), 0);
		assert_true(back >= ns);
		assert_true(back - ns <= ns / 20000);
	}
}

static void timeouts_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
		{ "0n", 0 },
		{ "1u", 1000 },
		{ "00000007m", 7 * NSEC_PER_MSEC },
		{ "2S", 2 * NSEC_PER_SEC },
		{ "3M", 180 * NSEC_PER_SEC },
		{ "1H", 3600 * NSEC_PER_SEC },
		{ "99999999H", INT64_MAX },
	};
	static const char *const bad[] = { "", "5", "S", "-1S", "1.5S", "5s", "123456789S", "1SS", " 1S", "1 S", "5\xff" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		int64_t ns = -1;

		assert_int_equal(grpc_timeout_parse(good[i].text, strlen(good[i].text), &ns, NULL), 0);
		assert_true(ns == good[i].ns);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int64_t ns;

		assert_int_equal(grpc_timeout_parse(bad[i], strlen(bad[i]), &ns, NULL), -ERR_INVALID);
	}
}

static void numbers_and_codes(void **state)
{
	static const struct {
		const char *text;
		int v;
	} cases[] = {
		{ "0", 0 },   { "16", 16 }, { "005", 5 },  { "999999999", 999999999 }, { "", -1 },
		{ "-1", -1 }, { "1 ", -1 }, { "0x1", -1 }, { "1000000000", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(grpc_number_parse(cases[i].text, strlen(cases[i].text)), cases[i].v);
	assert_int_equal(grpc_code_of_http(404), ERR_UNIMPLEMENTED);
	assert_int_equal(grpc_code_of_http(503), ERR_UNAVAILABLE);
	assert_int_equal(grpc_code_of_http(-1), ERR_UNKNOWN);
	assert_int_equal(grpc_code_of_h2(7), ERR_UNAVAILABLE);
	assert_int_equal(grpc_code_of_h2(8), ERR_CANCELLED);
	assert_int_equal(grpc_code_of_h2(12345), ERR_INTERNAL);
}

#define T(f) cmocka_unit_test(f)
RUN_TESTS("grpc-text", T(percent), T(timeouts_are_written), T(timeouts_are_read), T(numbers_and_codes))
