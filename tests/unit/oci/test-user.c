/* What Docker makes of a user (moby's daemon over moby/sys/user), case by case. */
#include "test.h"
#include "mem.h"
#include "user.h"

static const char usual_passwd[] = "root:x:0:0:root:/srv/root:/bin/sh\n"
				   "# comment\n\n"
				   "broken\n"
				   "nouid:x::5::/x:\n"
				   "web:x:1000:1001:Web, Server:/www:/bin/sh\n"
				   "1000:x:1500:1501::/odd:\n"
				   "second:x:1000:7::/second:\n"
				   "relative:x:1200:1200::home:\n"
				   "homeless:x:1201:1201:::\n"
				   "nogid:x:1202:::/n:\n"
				   "big:x:4294967295:1::/x:\n"
				   "  spaced:x:1203:1203::/s:/bin/sh \r\n"
				   "last:x:1300:1300::/last:/bin/sh";
static const char usual_group[] = "root:x:0:\nwebs:x:1001:web\naudio:x:29:web,other\nvideo:x:44:other, web\nwheel:x:10:root,web\n"
				  "audio2:x:29:web\ndbs:x:1400:w,eb,webb\n50:x:51:\nfifty:x:50:\nlast:x:9:web";

static void put(struct user_files *f, const char *passwd, const char *group)
{
	buf_reset(&f->passwd);
	buf_reset(&f->group);
	buf_adds(&f->passwd, passwd);
	buf_adds(&f->group, group);
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

static const struct {
	const char *spec, *extra[3];
	const char *found, *msg;
} rows[] = {
	{ "", { NULL }, "0:0,0,10 /srv/root", NULL },
	{ ":", { NULL }, "0:0,0,10 /srv/root", NULL },
	{ "root", { NULL }, "0:0,0,10 /srv/root", NULL },
	{ "0", { NULL }, "0:0,0,10 /srv/root", NULL },
	{ "000", { NULL }, "0:0,0,10 /srv/root", NULL },
	{ "0:0", { NULL }, "0:0,0 /srv/root", NULL }, /* a group that is named: no further ones */
	{ "web", { NULL }, "1000:1001,1001,29,10,9 /www", NULL },
	{ "web:", { NULL }, "1000:1001,1001,29,10,9 /www", NULL },
	{ "1000", { NULL }, "1000:1001,1001,29,10,9 /www", NULL }, /* a number is a number, though a user is called so */
	{ "1000:", { NULL }, "1000:1001,1001,29,10,9 /www", NULL },
	{ "00000000001000", { NULL }, "1000:1001,1001,29,10,9 /www", NULL },
	{ "web:audio", { NULL }, "1000:29,29 /www", NULL },
	{ "web:777", { NULL }, "1000:777,777 /www", NULL },
	{ "1000:webs", { NULL }, "1000:1001,1001 /www", NULL },
	{ "web:50", { NULL }, "1000:50,50 /www", NULL }, /* not the group that is called 50 */
	{ "4000", { NULL }, "4000:0,0 /", NULL },
	{ "4000:4000", { NULL }, "4000:4000,4000 /", NULL },
	{ "4000:audio", { NULL }, "4000:29,29 /", NULL },
	{ ":audio", { NULL }, "0:29,29 /srv/root", NULL },
	{ ":1000", { NULL }, "0:1000,1000 /srv/root", NULL },
	{ "second", { NULL }, "1000:7,7 /second", NULL },
	{ "last", { NULL }, "1300:1300,1300 /last", NULL },
	{ "spaced", { NULL }, "1203:1203,1203 /s", NULL },
	{ "nogid", { NULL }, "1202:0,0 /n", NULL },
	{ "relative", { NULL }, "1200:1200,1200 home", NULL },
	{ "homeless", { NULL }, "1201:1201,1201 /", NULL },
	{ "4000", { "audio", "77", NULL }, "4000:0,0,29,77 /", NULL },
	{ "4000", { "50", NULL }, "4000:0,0,51 /", NULL }, /* --group-add takes what comes first, by name or by number */
	{ "web:audio", { "29", "29", NULL }, "1000:29,29 /www", NULL },
	{ "web:audio", { "wheel", NULL }, "1000:29,29,10 /www", NULL },
	{ "4294967294", { NULL }, "4294967294:0,0 /", NULL },
	{ "bob", { NULL }, NULL, "user bob: not in the image's /etc/passwd" },
	{ "big", { NULL }, NULL, "user big: not in the image's /etc/passwd" },
	{ "nouid", { NULL }, NULL, "user nouid: not in the image's /etc/passwd" },
	{ "4294967295", { NULL }, NULL, "user 4294967295: not in the image's /etc/passwd" },
	{ "99999999999", { NULL }, NULL, "user 99999999999: not in the image's /etc/passwd" },
	{ "-1", { NULL }, NULL, "user -1: not in the image's /etc/passwd" },
	{ "web:staff", { NULL }, NULL, "group staff: not in the image's /etc/group" },
	{ "web:a:b", { NULL }, NULL, "group a:b: not in the image's /etc/group" },
	{ "web", { "staff", NULL }, NULL, "group staff: not in the image's /etc/group" },
};

static void looks_up(void **state)
{
	_cleanup_(user_files_done) struct user_files files = { 0 };

	(void)state;
	put(&files, usual_passwd, usual_group);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_(user_done) struct user u = { 0 };
		_cleanup_free_ char *found = NULL;
		struct err err = ERR_INIT;
		int r = user_lookup(&files, rows[i].spec, (char *const *)(uintptr_t)rows[i].extra, &u, &err);

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
	static const char *const specs[][2] = {
		{ "", "0:0,0 /" }, { "root", "0:0,0 /" }, { "7:8", "7:8,8 /" }, { "7", "7:0,0 /" }
	};
	const struct user_files none = { .whose = "job" };
	struct user u = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
		_cleanup_free_ char *found = NULL;

		assert_int_equal(user_lookup(&none, specs[i][0], NULL, &u, NULL), 0);
		found = described(&u);
		assert_string_equal(found, specs[i][1]);
		user_done(&u);
	}
	assert_int_equal(user_lookup(&none, "web", NULL, &u, &err), -ERR_NOT_FOUND);
	assert_string_equal(err.msg, "user web: not in the job's /etc/passwd");
}

static void hostile_lines(void **state)
{
	_cleanup_(user_files_done) struct user_files files = { 0 };
	struct user u = { 0 };

	(void)state;
	for (int i = 0; i < 70000; i++)
		buf_addc(&files.passwd, 'a');
	buf_add(&files.passwd, "\nweb\0:x:7:7::/w:\nweb:x:8:8::/\0:\nweb:x:5:6::/w:\n",
		48); /* nothing of a long line, nor of one with NUL */
	assert_int_equal(user_lookup(&files, "web", NULL, &u, NULL), 0);
	assert_int_equal(u.uid, 5);
	user_done(&u);
}

static void many_groups_are_bounded(void **state)
{
	_cleanup_(user_files_done) struct user_files files = { 0 };
	struct user u = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	put(&files, "web:x:5:6::/w:\n", "");
	for (int i = 0; i < 150000; i++)
		buf_addf(&files.group, "g:x:%d:%s\n", i + 1, i < 4096 ? "web" : "other");
	assert_int_equal(user_lookup(&files, "web", NULL, &u, &err), 0); /* its own group is one of them */
	assert_int_equal(u.n_groups, 4096);
	user_done(&u);
	buf_adds(&files.group, "one:x:150001:web\n");
	assert_int_equal(user_lookup(&files, "web", NULL, &u, &err), -ERR_EXHAUSTED);
	assert_string_equal(err.msg, "image's /etc/group: its user is in more than 4096 groups");
	assert_int_equal(user_lookup(&files, "web:6", NULL, &u, NULL), 0);
	user_done(&u);
}

RUN_TESTS("user", cmocka_unit_test(looks_up), cmocka_unit_test(without_files), cmocka_unit_test(hostile_lines),
	  cmocka_unit_test(many_groups_are_bounded))
