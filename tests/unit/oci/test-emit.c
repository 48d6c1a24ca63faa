#include "test.h"
#include "emit.h"

static void commas_come_by_themselves(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_strv_ struct strv s = { 0 };

	(void)state;
	strv_push(&s, "x\"\\\n");
	strv_push(&s, "[{,:");
	emit_open(&b, NULL, '{');
	emit_str(&b, "absent", NULL);
	emit_str(&b, "ends {", "with :");
	emit_int(&b, "i", INT64_MIN);
	emit_uint(&b, "u", UINT64_MAX);
	emit_open(&b, "o", '{');
	emit_close(&b, '}');
	emit_open(&b, "a", '[');
	emit_str(&b, NULL, "a,");
	emit_open(&b, NULL, '[');
	emit_close(&b, ']');
	emit_bool(&b, NULL, false);
	emit_close(&b, ']');
	emit_strv(&b, "s", &s);
	emit_words(&b, "w", " a  b ");
	emit_words(&b, "one", "a");
	emit_words(&b, "none", "");
	emit_close(&b, '}');
	assert_string_equal(b.data,
			    "{\"ends {\":\"with :\",\"i\":-9223372036854775808,\"u\":18446744073709551615,\"o\":{},"
			    "\"a\":[\"a,\",[],false],\"s\":[\"x\\\"\\\\\\u000a\",\"[{,:\"],\"w\":[\"a\",\"b\"],\"one\":[\"a\"],"
			    "\"none\":[]}");
}

RUN_TESTS("emit", cmocka_unit_test(commas_come_by_themselves))
