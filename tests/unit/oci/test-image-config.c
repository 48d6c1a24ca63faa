#include "test.h"
#include "buf.h"
#include "image-config.h"

static int parse(const char *text, struct image_config *c, struct err *err)
{
	return image_config_parse(text, strlen(text), c, err);
}

static void takes_what_there_is(void **state)
{
	_cleanup_(image_config_done) struct image_config c = { 0 };
	_cleanup_free_ char *entrypoint = NULL, *cmd = NULL;

	(void)state;
	assert_int_equal(
		parse("{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\",\"created\":\"2024-01-01T00:00:00Z\","
		      "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:a\",\"sha256:b\"]},\"config\":{\"User\":\"web\","
		      "\"Env\":[\"A=1\",\"B=2\"],\"Entrypoint\":[\"/e\",\"\"],\"Cmd\":[\"c\"],\"WorkingDir\":\"/w\","
		      "\"StopSignal\":\"SIGQUIT\",\"ExposedPorts\":{\"80/tcp\":{}},\"Volumes\":{\"/data\":{},\"/x\":{}},"
		      "\"Labels\":{\"l\":\"v\"}},\"history\":[{\"unknown\":1}]}",
		      &c, NULL),
		0);
	entrypoint = strv_join(&c.entrypoint, "|");
	cmd = strv_join(&c.cmd, "|");
	assert_string_equal(c.os, "linux");
	assert_string_equal(c.architecture, "arm64");
	assert_string_equal(c.variant, "v8");
	assert_string_equal(c.user, "web");
	assert_string_equal(c.cwd, "/w");
	assert_string_equal(c.stop_signal, "SIGQUIT");
	assert_string_equal(c.created, "2024-01-01T00:00:00Z");
	assert_string_equal(entrypoint, "/e|");
	assert_string_equal(cmd, "c");
	assert_int_equal(c.env.n, 2);
	assert_int_equal(c.volumes.n, 2);
	assert_string_equal(c.exposed_ports.v[0], "80/tcp");
	assert_string_equal(c.diff_ids.v[1], "sha256:b");
	assert_string_equal(dict_get(&c.labels, "l"), "v");
}

/* Builders leave out, write null, or write the wrong thing: none of it is fatal. */
static void forgives(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"config\":null,\"rootfs\":null}",
		"{\"config\":{\"Env\":null,\"Cmd\":null,\"User\":\"\",\"WorkingDir\":\"\"}}",
		"{\"config\":[]}",
		"{\"config\":{\"Env\":\"A\",\"Cmd\":{},\"Labels\":[],\"User\":7}}",
		"{\"os\":null}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		_cleanup_(image_config_done) struct image_config c = { 0 };

		assert_int_equal(parse(texts[i], &c, NULL), 0);
		assert_null(c.user);
		assert_null(c.cwd);
		assert_int_equal(c.env.n + c.cmd.n + c.labels.n, 0);
	}
}

static void refuses(void **state)
{
	_cleanup_buf_ struct buf many = { 0 };
	struct image_config c = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(parse("", &c, &err), -ERR_INVALID);
	assert_string_equal(err.msg, "image config: JSON line 1 column 1: empty");
	err = (struct err)ERR_INIT;
	assert_int_equal(parse("[]", &c, &err), -ERR_INVALID);
	assert_string_equal(err.msg, "image config: not a JSON object");
	buf_adds(&many, "{\"config\":{\"Env\":[\"A=1\"");
	for (int i = 0; i < 65536; i++)
		buf_adds(&many, ",\"A=1\"");
	buf_adds(&many, "]}}");
	err = (struct err)ERR_INIT;
	assert_int_equal(parse(many.data, &c, &err), -ERR_EXHAUSTED);
	assert_string_equal(err.msg, "image config: Env has more than 65536 entries");
	assert_int_equal(image_config_parse(many.data, (8 << 20) + 1, &c, NULL), -ERR_EXHAUSTED);
}

/* What C would cut short at a NUL is refused wherever it stands: else davit checks one word and the engine gets another. */
static void refuses_nul(void **state)
{
	static const char *const rows[] = {
		"{\"config\":{\"User\":\"web\\u0000\"}}",
		"{\"config\":{\"Env\":[\"A=1\\u00002\"]}}",
		"{\"config\":{\"Cmd\":[\"\\u0000\"]}}",
		"{\"config\":{\"Entrypoint\":[\"sh\\u0000\"]}}",
		"{\"config\":{\"WorkingDir\":\"/a\\u0000b\"}}",
		"{\"config\":{\"Volumes\":{\"/a\\u0000b\":{}}}}",
		"{\"config\":{\"Labels\":{\"a\":\"b\\u0000\"}}}",
		"{\"config\":{\"Labels\":{\"a\\u0000\":\"b\"}}}",
		"{\"config\":{\"StopSignal\":\"TERM\\u0000\"}}",
		"{\"config\":{\"ExposedPorts\":{\"80\\u0000/tcp\":{}}}}",
		"{\"os\":\"linux\\u0000\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct image_config c = { 0 };
		struct err err = ERR_INIT;

		if (parse(rows[i], &c, &err) != -ERR_INVALID || !strstr(err.msg, "a NUL in a text"))
			fail_msg("%s: %s", rows[i], err.msg);
	}
}

RUN_TESTS("image-config", cmocka_unit_test(takes_what_there_is), cmocka_unit_test(forgives), cmocka_unit_test(refuses),
	  cmocka_unit_test(refuses_nul))
