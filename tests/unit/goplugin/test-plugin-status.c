#include "test.h"
#include "plugin-status.h"

static void codes(void **state)
{
	static const struct {
		enum errc code;
		unsigned status;
	} rows[] = {
		{ ERR_INVALID, 3 },  { ERR_NOT_FOUND, 5 },   { ERR_EXHAUSTED, 8 }, { ERR_UNIMPLEMENTED, 12 }, { ERR_INTERNAL, 13 },
		{ ERR_DEADLINE, 4 }, { ERR_UNAVAILABLE, 2 }, { ERR_CANCELLED, 2 }, { ERR_NONE, 2 },           { ERR_UNKNOWN, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(plugin_status(&(struct err){ .code = rows[i].code }), rows[i].status);
}

static void texts(void **state)
{
	struct err err = ERR_INIT;
	char text[PLUGIN_STATUS_TEXT];

	(void)state;
	(void)err_set(&err, ERR_INVALID, "option x: no");
	assert_string_equal(plugin_status_text(&err, NULL, text), "option x: no");
	(void)err_hint(&err, -ERR_INVALID, "say y");
	assert_string_equal(plugin_status_text(&err, NULL, text), "option x: no; say y");
	memset(err.msg, 'm', sizeof err.msg - 1);
	memset(err.hint, 'h', sizeof err.hint - 1);
	assert_int_equal(strlen(plugin_status_text(&err, NULL, text)), sizeof err.msg + sizeof err.hint);
}

/* As Go's client unpacks it: the flag stands in a google.protobuf.Any of a google.rpc.Status. */
static void details(void **state)
{
	static const char head[] =
		"\x08\x09\x12\x02no\x1a\x51\x0a\x4btype.googleapis.com/hashicorp.nomad.plugins.shared.structs.RecoverableError";
	struct buf yes = { 0 }, no = { 0 };

	(void)state;
	assert_int_equal(plugin_status_recoverable("no", true, &yes), 9);
	assert_int_equal(yes.len, sizeof head - 1 + 4);
	assert_memory_equal(yes.data, head, sizeof head - 1);
	assert_memory_equal(yes.data + sizeof head - 1, "\x12\x02\x08\x01", 4);
	assert_int_equal(plugin_status_recoverable("no", false, &no), 9);
	assert_true(no.len < yes.len);
	buf_done(&yes);
	buf_done(&no);
}

RUN_TESTS("plugin-status", cmocka_unit_test(codes), cmocka_unit_test(texts), cmocka_unit_test(details))
