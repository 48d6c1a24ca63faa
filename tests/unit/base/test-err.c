#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <fcntl.h>
#include "err.h"
#include "err-rename.h"
#include "undo.h"
#include "utf8.h"

static void sets_once_and_wraps(void **state)
{
	struct err err = ERR_INIT;
	(void)state;
	assert_int_equal(err_sys(&err, ENOENT, "open %s", "/x"), -ERR_NOT_FOUND);
	assert_int_equal(err_wrap(&err, -ERR_NOT_FOUND, "read config"), -ERR_NOT_FOUND);
	assert_string_equal(err.msg, "read config: open /x: No such file or directory");
	assert_int_equal(err.sys, ENOENT);
	assert_int_equal(err_set(NULL, ERR_INVALID, "x"), -ERR_INVALID);
}
static void truncates(void **state)
{
	struct err err = ERR_INIT;
	(void)state;
	(void)err_set(&err, ERR_INTERNAL, "%0*d", 3000, 7);
	assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
	assert_string_equal(err.msg + sizeof err.msg - 4, "...");
	(void)err_wrap(&err, -ERR_INTERNAL, "ctx");
	assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
	assert_memory_equal(err.msg, "...", 3);
	assert_string_equal(err.msg + sizeof err.msg - 6, "00..."); /* the end is kept */
}
static void keeps_the_first_hint(void **state)
{
	struct err err = ERR_INIT;
	(void)state;
	int r = err_hint(&err, err_set(&err, ERR_NOT_FOUND, "image %s", "a\nb"), "davit pull %s", "a");
	assert_int_equal(err_hint(&err, r, "other"), -ERR_NOT_FOUND);
	assert_string_equal(err.msg, "image a?b");
	assert_string_equal(err.hint, "davit pull a");
}
static void renames(void **state)
{
	struct err err = ERR_INIT;
	char name[600];

	(void)state;
	err_rename(&err, "a", "b"); /* of none */
	err_rename(NULL, "a", "b");
	int r = err_set(&err, ERR_INVALID, "mount /m.1 at /m.12, then /m.1: /m.1/x");
	(void)err_hint(&err, r, "look at /m.1");
	err_rename(&err, "/m.1", "/data\n/m.1");
	assert_string_equal(err.msg, "mount /data?/m.1 at /m.12, then /data?/m.1: /data?/m.1/x");
	assert_string_equal(err.hint, "look at /data?/m.1");
	err_rename(&err, "/data?/m.1", "/d");
	assert_string_equal(err.msg, "mount /d at /m.12, then /d: /d/x");
	memset(name, 'n', sizeof name);
	name[sizeof name - 1] = '\0';
	err_rename(&err, "/d", name);
	assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
	assert_memory_equal(err.msg + 6 + 599, " at /m.12, then nnn", 19);
	assert_true(strlen(err.hint) < sizeof err.hint);
}
static void disarms(void **state)
{
	struct err err = ERR_INIT;
	char long_name[1200];
	(void)state;
	int r = err_set(&err, ERR_NOT_FOUND, "image %s",
			"a\xc2\x9b"
			"b\x9b"
			"c\xe2\x80\xae"
			"d\xc3\xa4");
	assert_string_equal(err.msg, "image a?b?c?d\xc3\xa4");
	(void)err_wrap(&err, r, "pull %s", "\xe2\x81\xa6\x1b[2J");
	(void)err_hint(&err, r, "try %s", "\xef\xbb\xbfx");
	assert_string_equal(err.msg, "pull ??[2J: image a?b?c?d\xc3\xa4");
	assert_string_equal(err.hint, "try ?x");
	for (size_t shift = 0; shift < 6; shift++) { /* a cut through a character leaves no half of it */
		struct err cut = ERR_INIT;
		memset(long_name, 'x', sizeof long_name);
		for (size_t i = shift; i + 3 < sizeof long_name; i += 3)
			memcpy(long_name + i, "\xe2\x82\xac", 3);
		long_name[sizeof long_name - 1] = '\0';
		(void)err_set(&cut, ERR_INTERNAL, "%s", long_name);
		assert_true(utf8_valid(cut.msg, strlen(cut.msg)));
		(void)err_wrap(&cut, -ERR_INTERNAL, "%.*s", (int)shift + 1, "abcdef");
		assert_true(utf8_valid(cut.msg, strlen(cut.msg)));
	}
}
static void crosses_the_wire(void **state)
{
	(void)state;
	assert_int_equal(err_to_grpc(-ERR_NOT_FOUND), 5);
	assert_int_equal(err_from_grpc(5), ERR_NOT_FOUND);
	assert_int_equal(err_from_grpc(99), ERR_UNKNOWN);
	assert_int_equal(err_to_grpc(-EIO), 2); /* a stray errno is "unknown", not "not found" */
	assert_string_equal(err_name(ERR_UNAUTHENTICATED), "unauthenticated");
}
static char trail[8];
static void note(void *arg) { trail[strlen(trail)] = *(char *)arg; }
static int proc(int fail)
{
	_cleanup_(undo_run) struct undo undo = { 0 };
	_cleanup_close_ int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	(void)fd;
	undo_push(&undo, "a", note, (char[]){ "a" });
	undo_push(&undo, "b", note, (char[]){ "b" });
	if (fail)
		return -1;
	undo_commit(&undo);
	return 0;
}
static void rolls_back(void **state)
{
	(void)state;
	trail[0] = 0;
	assert_int_equal(proc(0), 0);
	assert_string_equal(trail, "");
	trail[0] = 0;
	assert_int_equal(proc(1), -1);
	assert_string_equal(trail, "ba");
}
static void knows_remedies(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	(void)err_sys(&err, ENOSPC, "write /x");
	assert_non_null(strstr(err_remedy(&err), "prune"));
	err_clear(&err);
	(void)err_sys(&err, EINTR, "write /x: no space left on device?");
	assert_null(err_remedy(&err)); /* the cause itself is known */
	err_clear(&err);
	(void)err_set(&err, ERR_UNKNOWN, "snapshot x: write: no space left on device: unknown");
	assert_non_null(strstr(err_remedy(&err), "prune"));
	err_clear(&err);
	(void)err_set(&err, ERR_UNKNOWN, "dial tcp: Connection Refused");
	assert_non_null(strstr(err_remedy(&err), "listens"));
	err_clear(&err);
	(void)err_set(&err, ERR_UNKNOWN, "anything else");
	assert_null(err_remedy(&err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_once_and_wraps),
		cmocka_unit_test(truncates),
		cmocka_unit_test(keeps_the_first_hint),
		cmocka_unit_test(renames),
		cmocka_unit_test(disarms),
		cmocka_unit_test(crosses_the_wire),
		cmocka_unit_test(rolls_back),
		cmocka_unit_test(knows_remedies),
	};
	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
