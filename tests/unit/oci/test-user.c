#include "test.h"
#include "buf.h"
#include "mem.h"
#include "user.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/test-user.XXXXXX";
static int rootfd = -1;

static void put(const char *path, const char *text, size_t len)
{
	_cleanup_close_ int fd = openat(rootfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
}

static void passwd(const char *text) { put("etc/passwd", text, strlen(text)); }
static void group(const char *text) { put("etc/group", text, strlen(text)); }

static const char usual_passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
				   "# comment\n\n"
				   "broken\n"
				   "nouid:x::5::/x:\n"
				   "web:x:1000:1001:Web, Server:/www:/bin/sh\n"
				   "1000:x:1500:1501::/odd:\n"
				   "relative:x:1200:1200::home:\n"
				   "big:x:4294967295:1::/x:\n"
				   "last:x:1300:1300::/last:/bin/sh";
static const char usual_group[] = "root:x:0:\nwebs:x:1001:\naudio:x:29:web,other\nvideo:x:44:other, web\nwheel:x:10:root,web\n"
				  "audio2:x:29:web\ndbs:x:1400:w,eb,webb\nlast:x:9:web";

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(root))
		return -1;
	rootfd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return mkdirat(rootfd, "etc", 0755);
}

static int teardown(void **state)
{
	(void)state;
	(void)unlinkat(rootfd, "etc/passwd", 0);
	(void)unlinkat(rootfd, "etc/group", 0);
	(void)unlinkat(rootfd, "etc", AT_REMOVEDIR);
	(void)close(rootfd);
	return rmdir(root);
}

static char *described(const struct user *u)
{
	struct buf b = { 0 };

	buf_addf(&b, "%u:%u", u->uid, u->gid);
	for (size_t i = 0; i < u->n_groups; i++)
		buf_addf(&b, ",%u", u->groups[i]);
	buf_addf(&b, " %s", u->home);
	return buf_take(&b);
}

static const struct { const char *spec, *extra[3]; const char *found, *msg; } rows[] = {
	{ "", { NULL }, "0:0,10 /root", NULL },
	{ "root", { NULL }, "0:0,10 /root", NULL },
	{ "0", { NULL }, "0:0,10 /root", NULL },
	{ "web", { NULL }, "1000:1001,29,10,9 /www", NULL },
	{ "web:audio", { NULL }, "1000:29 /www", NULL },
	{ "web:", { NULL }, "1000:1001,29,10,9 /www", NULL },
	{ "web:777", { NULL }, "1000:777 /www", NULL },
	{ "1000:webs", { NULL }, "1000:1001 /www", NULL }, /* a number is a number, though a user is called so */
	{ "1000", { NULL }, "1000:1001,29,10,9 /www", NULL },
	{ "4000", { NULL }, "4000:0 /", NULL },
	{ "4000:4000", { NULL }, "4000:4000 /", NULL },
	{ "last", { NULL }, "1300:1300 /last", NULL },
	{ "relative", { NULL }, "1200:1200 /", NULL },
	{ "4000", { "audio", "77", NULL }, "4000:0,29,77 /", NULL },
	{ "web:audio", { "29", "29", NULL }, "1000:29,29 /www", NULL },
	{ "4294967294", { NULL }, "4294967294:0 /", NULL },
	{ ":audio", { NULL }, "0:29 /root", NULL },
	{ "bob", { NULL }, NULL, "user bob: not in the image's /etc/passwd" },
	{ "big", { NULL }, NULL, "user big: not in the image's /etc/passwd" },
	{ "nouid", { NULL }, NULL, "user nouid: not in the image's /etc/passwd" },
	{ "4294967295", { NULL }, NULL, "user 4294967295: not in the image's /etc/passwd" },
	{ "99999999999", { NULL }, NULL, "user 99999999999: not in the image's /etc/passwd" },
	{ "-1", { NULL }, NULL, "user -1: not in the image's /etc/passwd" },
	{ "web:staff", { NULL }, NULL, "group staff: not in the image's /etc/group" },
	{ "web", { "staff", NULL }, NULL, "group staff: not in the image's /etc/group" },
};

static void looks_up(void **state)
{
	(void)state;
	passwd(usual_passwd);
	group(usual_group);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_(user_done) struct user u = { 0 };
		_cleanup_free_ char *found = NULL;
		struct err err = ERR_INIT;
		int r = user_lookup(rootfd, rows[i].spec, (char *const *)(uintptr_t)rows[i].extra, &u, &err);

		if (rows[i].msg) {
			assert_int_equal(r, -ERR_NOT_FOUND);
			assert_string_equal(err.msg, rows[i].msg);
			continue;
		}
		if (r < 0)
			fail_msg("%s: %s", rows[i].spec, err.msg);
		found = described(&u);
		if (strcmp(found, rows[i].found) != 0)
			fail_msg("\"%s\": %s, not %s", rows[i].spec, found, rows[i].found);
	}
}

static void without_files(void **state)
{
	_cleanup_(user_done) struct user u = { 0 }, v = { 0 };
	_cleanup_free_ char *found = NULL;

	(void)state;
	(void)unlinkat(rootfd, "etc/passwd", 0);
	(void)unlinkat(rootfd, "etc/group", 0);
	assert_int_equal(user_lookup(rootfd, "root", NULL, &u, NULL), 0);
	found = described(&u);
	assert_string_equal(found, "0:0 /root");
	assert_int_equal(user_lookup(-1, "7:8", NULL, &v, NULL), 0);
	assert_int_equal(v.gid, 8);
	assert_int_equal(user_lookup(-1, "web", NULL, &v, NULL), -ERR_NOT_FOUND);
}

static void hostile_files(void **state)
{
	char *huge = mem_zalloc((5 << 20) + 1);
	struct user u = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	memset(huge, 'a', 5 << 20);
	put("etc/passwd", huge, 5 << 20);
	assert_int_equal(user_lookup(rootfd, "web", NULL, &u, &err), -ERR_EXHAUSTED);
	assert_string_equal(err.msg, "image's /etc/passwd: longer than 4 MiB");
	memcpy(huge + 70000, "\nweb:x:5:6::/w:\n", 16); /* a long line is passed over, not the next */
	put("etc/passwd", huge, 80000);
	assert_int_equal(user_lookup(rootfd, "web", NULL, &u, NULL), 0);
	assert_int_equal(u.uid, 5);
	user_done(&u);
	free(huge);

	(void)unlinkat(rootfd, "etc/passwd", 0);
	assert_int_equal(mkfifoat(rootfd, "etc/passwd", 0644), 0); /* would hang a plain open */
	err = (struct err)ERR_INIT;
	assert_int_equal(user_lookup(rootfd, "web", NULL, &u, &err), -ERR_INVALID);
	assert_string_equal(err.msg, "image's /etc/passwd: not a regular file");
}

/* A device or a pipe is not even opened: that alone can set a watchdog going. */
static void opens_no_device(void **state)
{
	_cleanup_close_ int notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	_cleanup_free_ char *path = mem_printf("%s/etc/passwd", root);
	struct inotify_event seen[8];
	struct user u = { 0 };

	(void)state;
	(void)unlinkat(rootfd, "etc/passwd", 0);
	assert_int_equal(mkfifoat(rootfd, "etc/passwd", 0644), 0);
	assert_true(inotify_add_watch(notify, path, IN_OPEN) >= 0);
	assert_int_equal(user_lookup(rootfd, "web", NULL, &u, NULL), -ERR_INVALID);
	assert_int_equal(read(notify, seen, sizeof seen), -1);
	(void)unlinkat(rootfd, "etc/passwd", 0);
	passwd(usual_passwd);
	assert_int_equal(user_lookup(rootfd, "web", NULL, &u, NULL), 0);
	user_done(&u);
}

static void never_leaves_the_root(void **state)
{
	struct user u = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	(void)unlinkat(rootfd, "etc/passwd", 0);
	assert_int_equal(symlinkat("/etc/passwd", rootfd, "etc/passwd"), 0); /* itself, inside: a loop */
	assert_int_equal(user_lookup(rootfd, "daemon", NULL, &u, &err), -ERR_NOT_FOUND);
	(void)unlinkat(rootfd, "etc/passwd", 0);
	assert_int_equal(symlinkat("../../../../../../etc/users", rootfd, "etc/passwd"), 0);
	put("etc/users", "web:x:5:6::/w:\n", 15);
	assert_int_equal(user_lookup(rootfd, "web", NULL, &u, NULL), 0); /* ".." stops at the image's root */
	assert_int_equal(u.uid, 5);
	user_done(&u);
	(void)unlinkat(rootfd, "etc/users", 0);
	(void)unlinkat(rootfd, "etc/passwd", 0);
}

static void many_groups_are_bounded(void **state)
{
	_cleanup_(user_done) struct user u = { 0 };
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	for (int i = 0; i < 10000; i++)
		buf_addf(&b, "g:x:%d:web\n", i + 1);
	group(b.data);
	passwd("web:x:5:6::/w:\n");
	assert_int_equal(user_lookup(rootfd, "web", NULL, &u, NULL), 0);
	assert_int_equal(u.n_groups, 4096);
}

static void knows_what_needs_no_look(void **state)
{
	static const char *const yes[] = { "", "root", "0", "0:0", "1000", "1000:1000", "root:5" };
	static const char *const no[] = { "web", "1000:webs", "0x5", "4294967295", "1000:", "rooty", "1 " };

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		assert_true(user_is_numeric(yes[i]));
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_false(user_is_numeric(no[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looks_up), cmocka_unit_test(without_files), cmocka_unit_test(hostile_files), cmocka_unit_test(opens_no_device),
		cmocka_unit_test(never_leaves_the_root), cmocka_unit_test(many_groups_are_bounded), cmocka_unit_test(knows_what_needs_no_look),
	};

	return cmocka_run_group_tests_name("user", tests, setup, teardown);
}
