#include "test.h"
#include "buf.h"
#include "json.h"
#include "log.h"
#include <fcntl.h>

/* What one line writes on standard error. */
static char *logged(enum log_level max, enum log_form form, enum log_level level, const char *text)
{
	_cleanup_buf_ struct buf got = { 0 };
	int ends[2], old = dup(STDERR_FILENO);
	ssize_t n;

	assert_true(old >= 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	log_init(max, form);
	log_line(level, "%s", text);
	assert_true(dup2(old, STDERR_FILENO) >= 0);
	(void)close(old);
	(void)close(ends[1]);
	while ((n = read(ends[0], buf_room(&got, 1000), 1000)) > 0)
		buf_grew(&got, (size_t)n);
	(void)close(ends[0]);
	log_init(LOG_WARN, LOG_TEXT);
	return buf_take(&got);
}

static void writes_for_people(void **state)
{
	static const struct {
		enum log_level max, level;
		const char *text, *want;
	} rows[] = {
		{ LOG_WARN, LOG_ERROR, "no", "davit: no\n" },
		{ LOG_WARN, LOG_WARN, "hm", "davit: warning: hm\n" },
		{ LOG_WARN, LOG_INFO, "hm", "" },
		{ LOG_DEBUG, LOG_DEBUG, "x", "davit: debug: x\n" },
		{ LOG_ERROR, LOG_WARN, "hm", "" },
		{ LOG_WARN, LOG_ERROR, "a\nb\x1b[2Jc\x7f", "davit: a?b?[2Jc?\n" },
		{ LOG_INFO, LOG_INFO, "\xc3\xa4", "davit: info: \xc3\xa4\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_free_ char *got = logged(rows[i].max, LOG_TEXT, rows[i].level, rows[i].text);

		assert_string_equal(got, rows[i].want);
	}
}

/* As containerd's own, so that its log has lines of one kind. */
static void writes_as_containerd_does(void **state)
{
	_cleanup_free_ char *got = logged(LOG_WARN, LOG_LOGRUS, LOG_WARN, "say \"no\"\n");

	(void)state;
	assert_int_equal(strncmp(got, "time=\"2", 7), 0);
	assert_non_null(strstr(got, "Z\" level=warning msg=\"say \\\"no\\\"\\u000a\"\n"));
	assert_null(strchr(got, '\n')[1] ? got : NULL);
}

static void writes_json(void **state)
{
	_cleanup_free_ char *got = logged(LOG_DEBUG, LOG_JSON, LOG_ERROR, "say \"no\"\\ \xff");
	_cleanup_json_ json *j = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(json_parse(got, strlen(got), &j, &err), 0);
	assert_string_equal(json_get_str(j, "level"), "error");
	assert_string_equal(json_get_str(j, "msg"), "say \"no\"\\ \xef\xbf\xbd");
	assert_int_equal(strlen(json_get_str(j, "time")), 30);
	assert_int_equal(got[strlen(got) - 1], '\n');
}

/* As hclog's reader wants it: the three keys are strings, six decimals, no line of 64 KiB. */
static void writes_as_hclog_does(void **state)
{
	static const struct {
		enum log_level level;
		const char *name;
	} rows[] = { { LOG_ERROR, "error" }, { LOG_WARN, "warn" }, { LOG_INFO, "info" }, { LOG_DEBUG, "debug" } };
	_cleanup_buf_ struct buf big = { 0 };

	(void)state;
	log_module("a-plugin");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_free_ char *got = logged(LOG_DEBUG, LOG_HCLOG, rows[i].level, "say \"no\"\n\xff");
		_cleanup_json_ json *j = NULL;
		const char *at;

		assert_int_equal(json_parse(got, strlen(got), &j, NULL), 0);
		assert_string_equal(json_get_str(j, "@level"), rows[i].name);
		assert_string_equal(json_get_str(j, "@message"), "say \"no\"\n\xef\xbf\xbd");
		assert_string_equal(json_get_str(j, "@module"), "a-plugin");
		at = json_get_str(j, "@timestamp");
		assert_int_equal(strlen(at), strlen("2006-01-02T15:04:05.000000Z"));
		assert_int_equal(at[19], '.');
		assert_int_equal(at[26], 'Z');
		assert_int_equal(strchr(got, '\n')[1], '\0');
	}
	for (int i = 0; i < 100000; i++)
		buf_addc(&big, 1);
	_cleanup_free_ char *got = logged(LOG_INFO, LOG_HCLOG, LOG_INFO, big.data);
	assert_in_range(strlen(got), 8 << 10, (64 << 10) - 1);
}

static void knows_what_is_wanted(void **state)
{
	(void)state;
	log_init(LOG_INFO, LOG_TEXT);
	assert_true(log_wants(LOG_ERROR) && log_wants(LOG_INFO));
	assert_false(log_wants(LOG_DEBUG));
	log_init(LOG_WARN, LOG_TEXT);
}

RUN_TESTS("log", cmocka_unit_test(writes_for_people), cmocka_unit_test(writes_json), cmocka_unit_test(writes_as_hclog_does),
	  cmocka_unit_test(writes_as_containerd_does), cmocka_unit_test(knows_what_is_wanted))
