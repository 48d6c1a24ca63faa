#include "test.h"
#include "log-uri.h"
#include "mem.h"
#include <string.h>

static void is_made_and_read(void **state)
{
	_cleanup_(log_uri_done) struct log_uri u = { .path = mem_strdup("/var/log/a b%25&c?d#e+f"),
						     .size = 100,
						     .files = 3,
						     .unread = true,
						     .kept = true,
						     .out = mem_strdup("/run/o"),
						     .attach = mem_strdup("/run/\xc3\xa4="),
						     .results = mem_strdup("/srv/a b"),
						     .lost = mem_strdup("/run/l") },
					       got = { 0 };
	_cleanup_free_ char *text = NULL;

	(void)state;
	strv_push(&u.after, "/bin/davit");
	strv_push(&u.after, "");
	strv_push(&u.after, "a=b&c");
	text = log_uri_make(&u);
	assert_true(log_uri_is(text));
	assert_int_equal(log_uri_parse(text, &got, NULL), 0);
	assert_string_equal(got.path, u.path);
	assert_true(got.size == 100 && got.files == 3 && got.unread && got.kept);
	assert_string_equal(got.out, u.out);
	assert_null(got.err);
	assert_string_equal(got.attach, u.attach);
	assert_string_equal(got.results, u.results);
	assert_string_equal(got.lost, u.lost);
	assert_int_equal(got.after.n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(got.after.v[i], u.after.v[i]);
}

static void absent_and_unknown_keys(void **state)
{
	static const char *const texts[] = { "davit-log://", "davit-log://?", "davit-log://?later=1", "davit-log://?size=0&out=&" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		_cleanup_(log_uri_done) struct log_uri u = { 0 };

		assert_int_equal(log_uri_parse(texts[i], &u, NULL), 0);
		assert_true(!u.path && !u.size && !u.files && !u.unread && !u.kept && !u.out && !u.err && !u.attach && !u.results &&
			    !u.lost && !u.after.n);
	}
}

static void refused(void **state)
{
	static const char *const texts[] = {
		"binary:///bin/x",       "davit-log://relative",        "davit-log:///a%",
		"davit-log:///a%4",      "davit-log:///a%4g",           "davit-log:///a%00b",
		"davit-log:///a?size=x", "davit-log:///a?size=-1",      "davit-log:///a?size=99999999999999999999",
		"davit-log:///a?size=",  "davit-log:///a?out=relative", "davit-log:///a?after=relative",
		"davit-log:///a?loose",  "davit-log:///a?size=%zz",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct log_uri u = { .size = 7 };
		struct err err = ERR_INIT;

		assert_int_equal(log_uri_parse(texts[i], &u, &err), -ERR_INVALID);
		assert_true(u.size == 7 && *err.msg);
	}
}

static void has_bounds(void **state)
{
	struct log_uri u = { 0 }, got = { 0 };
	_cleanup_free_ char *text = NULL, *longest = NULL;

	(void)state;
	for (int i = 0; i < 65; i++)
		strv_push(&u.after, "/x");
	text = log_uri_make(&u);
	assert_int_equal(log_uri_parse(text, &got, NULL), -ERR_INVALID);
	longest = mem_printf("davit-log:///%032768d", 0);
	assert_int_equal(log_uri_parse(longest, &got, NULL), -ERR_INVALID);
	log_uri_done(&u);
}

RUN_TESTS("log-uri", cmocka_unit_test(is_made_and_read), cmocka_unit_test(absent_and_unknown_keys), cmocka_unit_test(refused),
	  cmocka_unit_test(has_bounds))
