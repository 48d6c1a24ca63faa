#include "test.h"
#include "cap.h"
#include <linux/capability.h>

static void parses(void **state)
{
	static const struct {
		const char *text;
		uint64_t bits;
	} rows[] = {
		{ "CHOWN", CAP_BIT(CAP_CHOWN) }, { "cap_net_admin", CAP_BIT(CAP_NET_ADMIN) },
		{ "Cap_Bpf", CAP_BIT(39) },      { "checkpoint_restore", CAP_BIT(40) },
		{ "all", CAP_BIT(41) - 1 },      { "CAP_ALL", CAP_BIT(41) - 1 },
	};
	uint64_t bits = 0;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(cap_parse(rows[i].text, &bits, NULL), 0);
		assert_true(bits == rows[i].bits);
	}
}

static void refuses(void **state)
{
	static const char *const bad[] = { "", "CAP_", "21", "NET-ADMIN", "SYS_ADMIN ", "ALL,CHOWN", "CAP_CAP_CHOWN" };
	struct err err = ERR_INIT;
	uint64_t bits = 7;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(cap_parse(bad[i], &bits, NULL), -ERR_INVALID);
	assert_int_equal(cap_parse("NET_ADMN", &bits, &err), -ERR_INVALID);
	assert_true(bits == 7);
	assert_string_equal(err.msg, "invalid capability \"NET_ADMN\": there is no such capability");
	assert_string_equal(err.hint, "did you mean \"NET_ADMIN\"?");
}

static void names_and_numbers_agree(void **state)
{
	uint64_t bits;
	unsigned n = 0;

	(void)state;
	for (; cap_name(n); n++) {
		assert_int_equal(cap_parse(cap_name(n), &bits, NULL), 0);
		assert_true(bits == CAP_BIT(n));
	}
	assert_int_equal(n, 41);
	assert_int_equal(__builtin_popcountll(cap_default), 14);
	assert_true(cap_default == 0xa80425fb); /* what Docker's users see in CapBnd */
}

/* Against the kernel's own words. */
static void bounding_is_the_kernels(void **state)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long long want = 0;
	char line[256];

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof line, f) && sscanf(line, "CapBnd: %llx", &want) != 1)
		;
	(void)fclose(f);
	assert_true(cap_bounding() == (want & (CAP_BIT(41) - 1)));
}

RUN_TESTS("cap", cmocka_unit_test(parses), cmocka_unit_test(refuses), cmocka_unit_test(names_and_numbers_agree),
	  cmocka_unit_test(bounding_is_the_kernels))
