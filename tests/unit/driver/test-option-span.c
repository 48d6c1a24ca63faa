#include "option.h"
#include "test.h"

static void test_spans(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
		{ "0", 0 },
		{ "5s", 5000000000 },
		{ "30s", 30000000000 },
		{ "1478s", 1478000000000 },
		{ "-5s", -5000000000 },
		{ "+5s", 5000000000 },
		{ "-0", 0 },
		{ "5.0s", 5000000000 },
		{ "5.6s", 5600000000 },
		{ "5.s", 5000000000 },
		{ ".5s", 500000000 },
		{ "1.004s", 1004000000 },
		{ "100.00100s", 100001000000 },
		{ "10ns", 10 },
		{ "11us", 11000 },
		{ "12\xc2\xb5s", 12000 },
		{ "12\xce\xbcs", 12000 },
		{ "13ms", 13000000 },
		{ "15m", 900000000000 },
		{ "16h", 57600000000000 },
		{ "3h30m", 12600000000000 },
		{ "10.5s4m", 250500000000 },
		{ "-2m3.4s", -123400000000 },
		{ "1h2m3s4ms5us6ns", 3723004005006 },
		{ "0.100000000000000000000h", 360000000000 },
		{ "9223372036854775807ns", INT64_MAX },
	};
	static const char *const bad[] = { "",
					   "3",
					   "-",
					   "s",
					   ".",
					   "-.",
					   ".s",
					   "+.s",
					   "5 s",
					   "5d",
					   "1h 2m",
					   "1e3s",
					   "-5",
					   "5s5",
					   "9223372036854775808ns",
					   "99999999999999999999h",
					   "3000000h",
					   "0x5s",
					   "\xb5s" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		int64_t ns = -1;
		struct err err = ERR_INIT;

		if (option_span(good[i].text, &ns, &err) < 0)
			fail_msg("%s: %s", good[i].text, err.msg);
		if (ns != good[i].ns)
			fail_msg("%s: %lld", good[i].text, (long long)ns);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int64_t ns = -1;
		struct err err = ERR_INIT;

		if (option_span(bad[i], &ns, &err) != -ERR_INVALID || ns != -1)
			fail_msg("%s was taken", bad[i]);
		assert_non_null(strstr(err.msg, "is no duration"));
	}
}

RUN_TESTS("option-span", cmocka_unit_test(test_spans))
