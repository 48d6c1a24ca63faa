#include "test.h"
#include "buf.h"
#include "image-config.h"
#include "job-table.h"
#include "mem.h"

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

static struct healthcheck *checked_by(const char *image, struct healthcheck *own, struct task *t)
{
	_cleanup_(image_config_done) struct image_config c = { 0 };
	_cleanup_free_ char *text = mem_printf("{\"config\":{%s}}", image);

	*t = (struct task){ .healthcheck = own };
	assert_int_equal(parse(text, &c, NULL), 0);
	image_config_check(&c, t);
	return t->healthcheck;
}

static void says_how_its_health_is_asked(void **state)
{
	static const char all[] = "\"Healthcheck\":{\"Test\":[\"CMD\",\"a\",\"b\"],\"Interval\":1500000000,\"Timeout\":2000000000,"
				  "\"StartPeriod\":3000000000,\"StartInterval\":4000000000,\"Retries\":7}";
	struct healthcheck own;
	struct task t;
	const struct healthcheck *h = checked_by(all, NULL, &t);

	(void)state;
	assert_non_null(h);
	assert_true(task_is_checked(&t));
	assert_string_equal(h->exec.v[1], "b");
	assert_int_equal(h->interval, 2); /* whole seconds */
	assert_int_equal(h->timeout * 1000 + h->start_period * 100 + h->start_interval * 10 + h->retries, 2347);
	shape_done(&healthcheck_shape, t.healthcheck);
	free(t.healthcheck);

	h = checked_by("\"Shell\":[\"/s\",\"-x\"],\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"a b\"]}", NULL, &t);
	assert_int_equal(h->exec.n, 3);
	assert_string_equal(h->exec.v[0], "/s");
	assert_int_equal(h->interval, 30);
	shape_done(&healthcheck_shape, t.healthcheck);
	free(t.healthcheck);

	assert_null(checked_by("\"Healthcheck\":{\"Test\":[\"NONE\"]}", NULL, &t));
	assert_null(checked_by("\"Healthcheck\":{\"Test\":[]}", NULL, &t));
	assert_null(checked_by("\"Healthcheck\":7", NULL, &t));

	/* the job's own goes before */
	own = (struct healthcheck){ 0 };
	shape_init(&healthcheck_shape, &own);
	own.interval = 9;
	strv_push(&own.exec, "mine");
	h = checked_by(all, &own, &t);
	assert_int_equal(h->exec.n, 1);
	assert_int_equal(h->interval * 10 + h->timeout, 92);
	shape_done(&healthcheck_shape, &own);
	shape_init(&healthcheck_shape, &own);
	own.kind = HEALTH_NONE;
	h = checked_by(all, &own, &t);
	assert_int_equal(h->exec.n, 0);
	assert_false(task_is_checked(&t));
	shape_done(&healthcheck_shape, &own);
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

RUN_TESTS("image-config", cmocka_unit_test(takes_what_there_is), cmocka_unit_test(says_how_its_health_is_asked),
	  cmocka_unit_test(forgives), cmocka_unit_test(refuses), cmocka_unit_test(refuses_nul))
